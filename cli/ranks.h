// SPDX-License-Identifier: LGPL-3.0-only
/* Ranks and hosts of the instance, as verbs name them. */
#ifndef FLUX_CLI_RANKS_H
#define FLUX_CLI_RANKS_H

#include <flux/hostlist.h>

#include "verb.h"

struct cli_ranks {
    uint32_t size;
    uint32_t *parents; /* parents[0] is UINT32_MAX */
    struct flux_hostlist *hosts;
};

/* Ask rank 0. Ends the program with a message if that fails. */
void cli_ranks_get(struct cli *cli, struct cli_ranks *r);
void cli_ranks_done(struct cli_ranks *r);
/* "3" or a host name to a rank. -ENOENT after a message. */
int64_t cli_ranks_find(struct cli *cli, const struct cli_ranks *r, const char *target);
/* Host of a rank into buf (returned); "?" if it is not known. */
const char *cli_ranks_host(const struct cli_ranks *r, uint32_t rank, char buf[FLUX_HOST_SIZE]);

#endif
