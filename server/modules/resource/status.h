// SPDX-License-Identifier: LGPL-3.0-only
/* What state each node is in: online, torpid, excluded, drained; and what the resource eventlog
 * (RFC 44) says of it. No I/O: events are appended to a buffer for whoever stores them. */
#ifndef RESOURCE_STATUS_H
#define RESOURCE_STATUS_H

#include <uthash.h>

#include <flux/buf.h>
#include <flux/eventlog.h>
#include <flux/rset.h>

#define STATUS_REASON_MAX 1024 /* bytes of a reason that are kept */

struct drain {
    unsigned rank;
    double timestamp;
    char *reason; /* NULL: none given */
    UT_hash_handle hh;
};

struct status {
    struct flux_rset *all;
    struct flux_idset *ranks; /* of all */
    struct flux_idset *online, *torpid, *exclude;
    struct drain *drains;
    struct flux_buf events; /* not stored yet */
};

enum drain_mode { DRAIN_NEW, DRAIN_OVERWRITE, DRAIN_REPLACE, DRAIN_SKIP };

void status_init(struct status *st);
void status_done(struct status *st);
/* Take over both. Drains of ranks that are not there are forgotten. */
void status_set_inventory(struct status *st, struct flux_rset *all, struct flux_idset *exclude);

/* Ranks that may get work: online, not torpid, not excluded, not drained. */
struct flux_idset *status_up(const struct status *st);
struct flux_idset *status_drained(const struct status *st);

/* -EEXIST: drained already (DRAIN_NEW); -EINVAL: excluded, or the reason is too long. Nothing has
 * changed then. */
int status_drain(struct status *st, const struct flux_idset *ranks, const char *reason,
                 enum drain_mode mode, double now, struct flux_error *err);
/* -ENOENT: some are not drained (and not `force`). */
int status_undrain(struct status *st, const struct flux_idset *ranks, const char *reason,
                   bool force, double now, struct flux_error *err);
/* Nodes that the configuration excludes are not drained, too: not even when it stops to do so. */
void status_undrain_excluded(struct status *st, double now);
/* The broker's view has changed; ranks beyond the inventory are left out. True: something did. */
bool status_set_online(struct status *st, const struct flux_idset *online,
                       const struct flux_idset *torpid, double now);

/* Bring drains to what a stored event left them at. Events of other kinds do nothing. Hosts in the
 * event decide where ranks have moved since. */
void status_replay(struct status *st, const struct flux_eventlog_entry *e);

/* Append events: the start of this log, and the inventory. */
void status_log_restart(struct status *st, double now);
void status_log_define(struct status *st, const char *method, double now);
/* The state of drains as one event, for the head of a log whose older part is dropped. */
void status_log_truncate(struct status *st, double now);

#endif
