// SPDX-License-Identifier: LGPL-3.0-only
/* Jobs that are instances of Flux: what batch and alloc add to a submission. */
#ifndef FLUX_CLI_SUBMIT_INSTANCE_H
#define FLUX_CLI_SUBMIT_INSTANCE_H

#include "submit.h"

/* A growing list of words, NULL-ended. */
struct words {
    char **list; /* owned, as are its members */
    size_t count;
};
void words_add(struct words *w, char *word); /* takes it over */
void words_done(struct words *w);

/* The brokers' command line by --broker-opts, --conf and --dump; what follows is theirs to run. */
void instance_command(const struct cli *cli, struct words *w);

/* The options that a batch script carries (RFC 36): lines "# flux: -N2 ..." become words.
 * -EINVAL: a mistake, with the line's number. */
int directives_parse(const char *script, struct words *w, struct flux_error *err);

#endif
