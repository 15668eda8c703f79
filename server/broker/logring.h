// SPDX-License-Identifier: LGPL-3.0-only
/* The log: a bounded ring of entries, appended to from any thread, read on the broker's thread. */
#ifndef BROKER_LOGRING_H
#define BROKER_LOGRING_H

#include <uv.h>

#include <flux/base.h>

struct logring;

struct log_entry {
    struct log_entry *next;
    unsigned level;
    double timestamp; /* seconds since the epoch */
    uint32_t rank;
    char *appname, *text;
};

struct logring_ops {
    /* An entry has come into the ring, in order, on the broker's thread; borrowed. */
    void (*on_entry)(const struct log_entry *e, void *arg);
    void *arg;
};

struct logring *logring_new(uv_loop_t *loop, size_t size, const struct logring_ops *ops);
/* What was appended last is handed to on_entry before the ring goes. */
void logring_free(struct logring *ring);
/* Any thread. The text is one line: newlines at its end are cut, others become blanks. */
void logring_append(struct logring *ring, unsigned level, double timestamp, uint32_t rank,
                    const char *appname, const char *text);
/* Hand over what waits, now. Broker's thread. */
void logring_flush(struct logring *ring);
void logring_resize(struct logring *ring, size_t size);
void logring_clear(struct logring *ring);
void logring_visit(struct logring *ring, void (*cb)(const struct log_entry *e, void *arg),
                   void *arg);

#endif
