// SPDX-License-Identifier: LGPL-3.0-only
/* Jobs by name or range of ids, for pgrep and pkill. */
#ifndef FLUX_CLI_PGREPARGS_H
#define FLUX_CLI_PGREPARGS_H

#include <flux/v1/job_list.h>

#include "verb.h"

#define PGREP_OPTIONS                                                                              \
    {"all", 'a', OPT_FLAG, NULL, "Jobs in all states"},                                            \
        {"all-users", 'A', OPT_FLAG, NULL, "Jobs of all users"},                                   \
        {"user", 'u', OPT_STR, "USER", "Jobs of this user, or of 'all'"},                          \
        {"filter", 'f', OPT_STR, "STATE|RESULT,...", "Jobs in these states"},                      \
        {"queue", 'q', OPT_STR, "QUEUE", "Jobs in this queue"},                                    \
        {"count", 'c', OPT_INT, "N", "At most N matches"},                                         \
    {                                                                                              \
        "max-entries", 0, OPT_INT, "N", "Look at so many jobs (default 1000)"                      \
    }

/* The jobs whose name matches the argument (a regular expression), or whose id is in it (ID1..ID2):
 * they are the first *count of ret's; free with flux_job_list_list_response_free(). Exit codes: 0,
 * or 1 (none), 2 (bad argument) after a message. */
int pgrep_find(struct cli *cli, flux_job_list_list_response **ret, size_t *count);

#endif
