// SPDX-License-Identifier: LGPL-3.0-only
/* Watches, found by key: a commit looks up the keys that it changed and the directories above them,
 * never all watchers. What changed is collected over a group and told once for each key. */
#ifndef MODULES_KVS_WATCH_H
#define MODULES_KVS_WATCH_H

#include <flux/v1/kvs_service.h>

#include "kvs.h"

struct kvs_watches;

struct kvs_watches *kvs_watches_new(struct kvs *k);
void kvs_watches_free(struct kvs_watches *w);
size_t kvs_watches_count(const struct kvs_watches *w);
/* Send what is there now, and go on. Returns what the handler returns. */
int kvs_watch_start(struct kvs_watches *w, struct flux_call *call, const flux_kvs_watch_request *in,
                    const struct kvs_reader_cred *cred);
/* Operations that have become visible; then, once for the group: tell the watchers. */
void kvs_watch_changed(struct kvs_watches *w, const char *ns, const struct kvs_op *ops,
                       size_t nops);
void kvs_watch_tell(struct kvs_watches *w);
/* A namespace is gone: its watches end. */
void kvs_watch_removed(struct kvs_watches *w, const char *ns);

#endif
