// SPDX-License-Identifier: LGPL-3.0-only
/* Bounds for users other than the owner: connections, unread answers, unfinished frames, of all
 * connections of a user together. (Requests under way the router counts: port_user.) */
#ifndef BROKER_GUESTS_H
#define BROKER_GUESTS_H

#include "../../bindings/c/wire/stream.h"

struct guest;

/* Those that are connected. Zeroed, then guests_init(). */
struct guests {
    struct guest *table;
    unsigned connections, max; /* of all of them */
};

/* Embedded in a client, whoever it is: `guest` is NULL for one of the owner. */
struct guest_link {
    struct flux_stream *stream;
    struct guest *guest;
    size_t partial; /* bytes of an unfinished frame */
    bool paused;    /* by the router */
    struct guest_link *next, *prev;
};

void guests_init(struct guests *gs);
/* May the user connect once more? 0 or -EAGAIN. */
int guests_check(const struct guests *gs, uint32_t userid, struct flux_error *err);
void guest_enter(struct guests *gs, struct guest_link *link, uint32_t userid);
void guest_leave(struct guests *gs, struct guest_link *link); /* no guest: nothing */

/* So many bytes of a frame have come and not its end; 0: it has ended. */
void guest_partial(struct guest_link *link, size_t have);
/* Stop or go on reading from it, for the router's reasons. */
void guest_pause(struct guest_link *link, bool on);
/* Is it to be cut off? Of the owner, too, though with a bound of its own. */
bool guest_reads_too_slowly(const struct guest_link *link);

#endif
