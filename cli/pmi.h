// SPDX-License-Identifier: LGPL-3.0-only
/* What the verbs of `flux pmi` share: finding the server, and telling how long it took. */
#ifndef FLUX_CLI_PMI_H
#define FLUX_CLI_PMI_H

#include <flux/pmi.h>

#include "verb.h"

extern const struct flux_option pmi_options[];
extern const struct flux_option pmi_count_options[];

struct pmi {
    struct flux_pmi_client *client; /* NULL: alone, rank 0 of 1 */
    unsigned rank, size;
};

/* Find the server (--method=simple), or be alone (single); without the option the first that works.
 */
int pmi_open(struct cli *cli, struct pmi *p, struct flux_error *err);
int pmi_barrier(struct pmi *p, struct flux_error *err);
/* The verb: `round` --count times; rank 0 prints after each "WHAT on N tasks in S.SSSs.". The exit
 * code. */
int pmi_rounds(struct cli *cli, int (*round)(struct pmi *p, long long n, struct flux_error *err),
               const char *what);
/* Finalize and free; the verb's exit code. `r`: how it went so far. */
int pmi_close(struct cli *cli, struct pmi *p, int r, const struct flux_error *err);

#endif
