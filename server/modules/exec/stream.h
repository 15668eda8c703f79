// SPDX-License-Identifier: LGPL-3.0-only
/* Our end of a process's standard stream, on the loop. */
#ifndef EXEC_STREAM_H
#define EXEC_STREAM_H

#include <uv.h>

#include <flux/base.h>

struct stream;

/* `data` is malloc'ed and the callee's; NULL: the end, once, after which the stream is closed by
 * the callee. */
typedef void (*stream_data_f)(void *owner, uint8_t *data, size_t len);
typedef void (*stream_done_f)(void *arg);

/* Takes the descriptor over. cb NULL: for writing. */
struct stream *stream_open(uv_loop_t *loop, int fd, stream_data_f cb, void *owner);
/* Read, or pause. */
void stream_read(struct stream *s, bool on);
/* Write a copy of the data. `done` (may be NULL) is called when it is out, or never will be: at
 * once while little is queued. */
void stream_write(struct stream *s, const void *data, size_t len, stream_done_f done, void *arg);
/* Close once all is written. No more callbacks but those of writes. */
void stream_finish(struct stream *s);
/* Close now. NULL is fine. */
void stream_close(struct stream *s);

#endif
