// SPDX-License-Identifier: LGPL-3.0-only
/* Eventlogs (RFC 18): one JSON object a line, {"timestamp":S,"name":N,"context":{...}}, each line
 * ended by a newline. The encoders do not build JSON trees: a line costs one pass over its bytes.
 */
#ifndef FLUX_EVENTLOG_H
#define FLUX_EVENTLOG_H

#include <jansson.h>

#include <flux/base.h>
#include <flux/buf.h>

#pragma GCC visibility push(default)

/* Longest accepted line, newline included. */
#define FLUX_EVENTLOG_LINE_MAX ((size_t)4 << 20)

/* One decoded entry. `name` and `context` live as long as `json`, which the entry owns. */
struct flux_eventlog_entry {
    double timestamp; /* seconds since the epoch, > 0 */
    const char *name;
    json_t *context; /* object; NULL: none */
    json_t *json;
};

void flux_eventlog_entry_done(struct flux_eventlog_entry *e);
#define FLUX_AUTO_EVENT                                                                            \
    __attribute__((cleanup(flux_eventlog_entry_done))) struct flux_eventlog_entry

/* Append one line to `b`. The timestamp is written with microseconds. -EINVAL: timestamp not > 0,
 * empty name, context not an object; -EMSGSIZE: the ceiling of `b`. On failure `b` is unchanged. */
int flux_eventlog_encode(struct flux_buf *b, double timestamp, const char *name,
                         const json_t *context, struct flux_error *err);

/* The same with the context as JSON text of `len` bytes (NULL: none), trusted to be one object
 * without newlines: for contexts that were checked or made by the caller. */
int flux_eventlog_encode_text(struct flux_buf *b, double timestamp, const char *name,
                              const char *context, size_t len, struct flux_error *err);

/* Append `s` as a JSON string with its quotes: for contexts written by hand. Invalid UTF-8 becomes
 * U+FFFD. */
int flux_eventlog_put_string(struct flux_buf *b, const char *s, size_t len);

/* Decode one line, with or without its newline. -EPROTO: not an event by RFC 18, `err` says why. */
int flux_eventlog_entry_decode(struct flux_eventlog_entry *ret, const char *line, size_t len,
                               struct flux_error *err);

/* Walk a log: { log, log + len }, then flux_eventlog_next() until it returns 0 (end) or negative.
 * 1: *ret holds the next entry (caller calls flux_eventlog_entry_done). A last line without newline
 * is -EPROTO, as is an empty line; `err` names the line. */
struct flux_eventlog_cursor {
    const char *pos;
    const char *end;
    unsigned line; /* of the entry returned last, from 1 */
};
int flux_eventlog_next(struct flux_eventlog_cursor *c, struct flux_eventlog_entry *ret,
                       struct flux_error *err);

/* Decode a whole log into an array of objects. An empty log gives an empty array. */
int flux_eventlog_decode(const char *log, size_t len, json_t **ret, struct flux_error *err);

#pragma GCC visibility pop
#endif
