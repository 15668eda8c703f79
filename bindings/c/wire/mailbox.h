// SPDX-License-Identifier: LGPL-3.0-only
/* Messages from any thread to the thread of one loop. The loop is woken only when the box goes from
 * empty to not empty; all that is there is then handed over at once, in order. */
#ifndef FLUX_WIRE_MAILBOX_H
#define FLUX_WIRE_MAILBOX_H

#include <pthread.h>
#include <uv.h>

#include <flux/msg.h>

#pragma GCC visibility push(default)

struct flux_mailbox;

/* `on_msg(m, arg)` owns m; called on the loop's thread. */
struct flux_mailbox *flux_mailbox_new(uv_loop_t *loop,
                                      void (*on_msg)(struct flux_msg *m, void *arg), void *arg);
void flux_mailbox_push(struct flux_mailbox *b, struct flux_msg *m);
/* Messages waiting (a snapshot). */
unsigned flux_mailbox_count(struct flux_mailbox *b);
/* Whether the loop stays alive for its sake (default: yes). Loop thread only. */
void flux_mailbox_keep_alive(struct flux_mailbox *b, bool on);
/* Loop thread only, when nobody will push any more. What is left in it is freed. */
void flux_mailbox_close(struct flux_mailbox *b);

#pragma GCC visibility pop
#endif
