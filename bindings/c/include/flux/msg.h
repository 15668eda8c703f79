// SPDX-License-Identifier: LGPL-3.0-only
/* A message: the decoded header of an Envelope (proto/flux/v1/envelope.proto) and its body as
 * bytes. A message has one owner at a time; bodies are reference-counted bytes that several may
 * share across threads. */
#ifndef FLUX_MSG_H
#define FLUX_MSG_H

#include <flux/base.h>
#include <flux/buf.h>

#pragma GCC visibility push(default)

/* Immutable once shared; the count is atomic. */
struct flux_bytes {
    _Atomic unsigned refs;
    size_t len;
    void (*release)(void *arg); /* for adopted memory, else NULL: the bytes follow this struct */
    void *arg;
    uint8_t *data;
};

struct flux_bytes *flux_bytes_new(size_t len);
struct flux_bytes *flux_bytes_copy(const void *data, size_t len);
/* Take over memory that `release(arg)` frees with the last reference. */
struct flux_bytes *flux_bytes_adopt(void *data, size_t len, void (*release)(void *), void *arg);
struct flux_bytes *flux_bytes_ref(struct flux_bytes *b);
void flux_bytes_unref(struct flux_bytes *b);

/* The numbers of Kind, Control and Target in envelope.proto; a unit test holds them equal. */
enum flux_msg_kind { FLUX_MSG_REQUEST = 1, FLUX_MSG_RESPONSE = 2, FLUX_MSG_CONTROL = 3 };
enum flux_msg_control {
    FLUX_MSG_CANCEL = 1,
    FLUX_MSG_CREDIT = 2,
    FLUX_MSG_HELLO = 3,
    FLUX_MSG_GOODBYE = 4,
    FLUX_MSG_KEEPALIVE = 5
};
enum flux_msg_target { FLUX_TARGET_ANY = 0, FLUX_TARGET_UPSTREAM = 1, FLUX_TARGET_RANK = 2 };

enum { FLUX_ROLE_OWNER = 1, FLUX_ROLE_GUEST = 2, FLUX_ROLE_LOCAL = 4, FLUX_ROLE_ADMIN = 8 };

#define FLUX_USERID_UNKNOWN ((uint32_t)-1)
#define FLUX_METHOD_MAX 96 /* with the NUL */
#define FLUX_ROUTE_MAX 64  /* hops; a message that has passed more is dropped as looping */
#define FLUX_MESSAGE_MAX (16u << 20) /* default ceiling of an encoded message, bytes */

struct flux_msg {
    uint8_t kind;    /* enum flux_msg_kind */
    uint8_t control; /* enum flux_msg_control, for CONTROL */
    uint8_t target;  /* enum flux_msg_target */
    bool more;
    uint32_t tag;
    uint32_t rank;
    uint32_t userid;
    uint32_t roles;
    uint32_t status; /* 0 or a positive errno */
    uint32_t credit;
    uint32_t nroute;
    uint32_t *route;          /* owned; NULL while empty */
    char *text;               /* owned; NULL = none */
    struct flux_bytes *bytes; /* what `body` points into, or NULL */
    const uint8_t *body;
    size_t body_len;
    struct flux_msg *next; /* for whoever owns it: queues */
    void *port;            /* inside the broker: where it came from */
    char method[FLUX_METHOD_MAX];
};

struct flux_msg *flux_msg_new(enum flux_msg_kind kind);
void flux_msg_free(struct flux_msg *m);
FLUX_DEFINE_AUTO(msg);

/* Body = all of `bytes` (reference taken over). NULL empties it. */
void flux_msg_set_body(struct flux_msg *m, struct flux_bytes *bytes);
void flux_msg_set_text(struct flux_msg *m, const char *text);
/* -ELOOP past FLUX_ROUTE_MAX. */
int flux_msg_push_route(struct flux_msg *m, uint32_t rank);
/* A new header with the same content, sharing the body. */
struct flux_msg *flux_msg_copy(const struct flux_msg *m);

/* Append the encoded Envelope up to and including the length of the body, but not the body: what is
 * written is this, then body_len bytes of body. */
int flux_msg_encode_head(const struct flux_msg *m, struct flux_buf *b);
/* Upper bound on what encode_head appends. */
size_t flux_msg_head_size(const struct flux_msg *m);

/* Decode bytes[offset, offset+len): the body stays in `bytes` (a reference is taken).
 * -EPROTO with what is wrong for anything malformed: hostile input is expected here. */
int flux_msg_decode(struct flux_bytes *bytes, size_t offset, size_t len, struct flux_msg **ret,
                    struct flux_error *err);

/* Length-prefixed frames (uint32 big-endian) from a byte stream. */
struct flux_frame_reader {
    uint8_t prefix[4];
    unsigned have_prefix;
    struct flux_bytes *bytes;
    size_t have;
    size_t skip; /* bytes of an oversized frame still to be thrown away */
    size_t max;  /* ceiling of a frame; 0 = FLUX_MESSAGE_MAX */
};
/* Feed `n` bytes; `on_frame(bytes, arg)` owns a reference to each whole frame, and may return a
 * negative errno to stop. `on_oversize(len, arg)` is told of a frame over the ceiling, which is
 * skipped. */
int flux_frame_feed(struct flux_frame_reader *r, const void *data, size_t n,
                    int (*on_frame)(struct flux_bytes *frame, void *arg),
                    int (*on_oversize)(size_t len, void *arg), void *arg);
void flux_frame_done(struct flux_frame_reader *r);

#pragma GCC visibility pop
#endif
