// SPDX-License-Identifier: LGPL-3.0-only
/* The resource eventlog in the KVS, key resource.eventlog: read once, then appended to. What comes
 * while a commit is under way forms the next one. */
#ifndef RESOURCE_JOURNAL_H
#define RESOURCE_JOURNAL_H

#include <flux/buf.h>
#include <flux/handle.h>
#include <flux/service.h>

struct journal;

struct journal_ops {
    /* The stored log, once; empty if there is none (or no KVS). */
    void (*on_read)(void *arg, const char *log, size_t len);
    /* A call given to journal_write() is on disk (r = 0) or is not. */
    void (*on_stored)(struct flux_call *call, int r, const char *text);
};

struct journal *journal_open(struct flux *h, const struct journal_ops *ops, void *arg);
/* Append lines (the buffer is emptied). `call`, if any, is handed back when they are stored. */
void journal_write(struct journal *j, struct flux_buf *lines, struct flux_call *call);
/* The caller of a waiting call has gone. */
void journal_forget(struct journal *j, struct flux_call *call);
/* Replace the whole log by these lines, as part of the next commit. */
void journal_replace(struct journal *j);
/* Set key resource.R in the next commit. */
void journal_put_r(struct journal *j, const char *r);
/* Write what is left, waiting for it, and close. */
void journal_close(struct journal *j);

#endif
