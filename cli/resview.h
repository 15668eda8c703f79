// SPDX-License-Identifier: LGPL-3.0-only
/* Resources by state and queue, as resource list, info and R show them. */
#ifndef FLUX_CLI_RESVIEW_H
#define FLUX_CLI_RESVIEW_H

#include <jansson.h>

#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/rset.h>

#include "verb.h"

struct resview {
    struct flux_rset *all, *allocated, *down, *free, *up;
    json_t *queues; /* the configuration's table, or NULL */
};

/* The options that select resources, for option tables. */
#define RESVIEW_OPTIONS                                                                            \
    {"states", 's', OPT_STR, "STATE,...",                                                          \
     "Resources in these states: free, allocated, down, up,"                                       \
     "\nall"},                                                                                     \
        {"queue", 'q', OPT_STR, "QUEUE,...", "Resources of these queues"},                         \
    {                                                                                              \
        "include", 'i', OPT_STR, "HOSTS|RANKS", "Resources on these hosts or ranks"                \
    }

/* The scheduler's view, cut down to what -q and -i select. -errno with a text. */
int resview_init(struct resview *v, struct cli *cli, struct flux_error *err);
/* The same for these queues, and hosts or ranks; NULL: all. */
int resview_init_part(struct resview *v, struct cli *cli, const char *queues, const char *include,
                      struct flux_error *err);
void resview_done(struct resview *v);
/* The configuration's queues, or NULL. */
json_t *resview_queues(struct cli *cli);
/* The ranks of queues "a,b"; needs `all` and `queues` only. -EINVAL: there is no such queue. */
int resview_queue_ranks(const struct resview *v, const char *queues, struct flux_idset **ret,
                        struct flux_error *err);
/* The set of a state ("free", "allocated", "down", "up", "all"); NULL: no such state. */
const struct flux_rset *resview_state(const struct resview *v, const char *state);
/* Comma-joined names for a rank; caller frees. `shown` leaves out properties named like a queue. */
char *resview_queue_of(const struct resview *v, unsigned rank);
char *resview_properties_of(const struct resview *v, unsigned rank, bool shown);
/* The ranks of "0-3" or "host[1,2]" in a set; NULL with a text. */
struct flux_idset *resview_targets(const struct flux_rset *r, const char *text,
                                   struct flux_error *err);
/* Union of the sets of states ("free,down"); NULL with a text for an unknown one. */
struct flux_rset *resview_states(const struct resview *v, const char *states,
                                 struct flux_error *err);

#endif
