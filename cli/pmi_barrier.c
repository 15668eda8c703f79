// SPDX-License-Identifier: LGPL-3.0-only
/* flux pmi barrier: wait for all tasks of the job. */
#include "pmi.h"

static const struct flux_option options[] = {
    {"count", 0, OPT_INT, "N", "Do it N times"},
    {NULL},
};

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    struct pmi p;
    int r = pmi_open(cli, &p, &err);

    for (long long i = cli_int(cli, "count", 1); i > 0 && r == 0; i--) {
        p.started = flux_monotime();
        r = pmi_barrier(&p, &err);
        if (r == 0)
            pmi_report(&p, "completed barrier");
    }
    return pmi_close(cli, &p, r, &err);
}

const struct flux_verb verb_pmi_barrier = {
    .path = "pmi barrier",
    .summary = "Enter a barrier of the job's tasks",
    .options = {options, pmi_options},
    .run = run,
};
