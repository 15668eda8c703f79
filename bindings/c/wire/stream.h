// SPDX-License-Identifier: LGPL-3.0-only
/* Messages over a stream socket on a libuv loop: the client's and the broker's end of the local
 * socket alike. What is sent in one loop turn goes out together at its end. */
#ifndef FLUX_WIRE_STREAM_H
#define FLUX_WIRE_STREAM_H

#include <uv.h>

#include <flux/msg.h>

#pragma GCC visibility push(default)

struct flux_stream;

struct flux_stream_ops {
    /* Owns m. May close the stream (flux_stream_close). */
    void (*on_msg)(struct flux_msg *m, void *arg);
    /* A frame that is no message (err says why); return false to end the connection. */
    bool (*on_bad)(const struct flux_error *err, int r, void *arg);
    /* The peer has closed or failed (r = 0 or negative errno). Called once; then close it. */
    void (*on_eof)(int r, void *arg);
    /* So many bytes of a frame have come, and not its end. May be NULL. */
    void (*on_partial)(size_t have, void *arg);
};

/* Takes over `fd`, a stream socket. */
struct flux_stream *flux_stream_new(uv_loop_t *loop, int fd, const struct flux_stream_ops *ops,
                                    void *arg);
/* Takes m. */
void flux_stream_send(struct flux_stream *s, struct flux_msg *m);
/* Bytes accepted by flux_stream_send() and not yet taken by the socket. */
size_t flux_stream_backlog(const struct flux_stream *s);
/* Wait (blocking) until all is written or `seconds` have passed. */
int flux_stream_drain(struct flux_stream *s, double seconds);
/* Whether the loop stays alive for this stream's sake (default: yes). */
void flux_stream_keep_alive(struct flux_stream *s, bool on);
/* Stop or go on reading (back pressure). */
void flux_stream_pause(struct flux_stream *s, bool on);
/* Closes the fd at once; memory goes when the loop has let go of it. NULL is fine. */
void flux_stream_close(struct flux_stream *s);
int flux_stream_fd(const struct flux_stream *s);

#pragma GCC visibility pop
#endif
