// SPDX-License-Identifier: LGPL-3.0-only
/* flux pmi barrier: wait for all tasks of the job. */
#include "pmi.h"

static int enter(struct pmi *p, long long round, struct flux_error *err)
{
    return pmi_barrier(p, err);
}

static int run(struct cli *cli)
{
    return pmi_rounds(cli, enter, "completed barrier");
}

const struct flux_verb verb_pmi_barrier = {
    .path = "pmi barrier",
    .summary = "Enter a barrier of the job's tasks",
    .options = {pmi_count_options, pmi_options},
    .run = run,
};
