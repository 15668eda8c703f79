// SPDX-License-Identifier: LGPL-3.0-only
/* flux pmi exchange: each task publishes a value and reads everybody's, as MPI programs do when
 * they start. */
#include "pmi.h"

#include <stdio.h>

static int put_own(const struct pmi *p, long long round, struct flux_error *err)
{
    char key[FLUX_PMI_KEY_MAX], value[64];

    snprintf(key, sizeof(key), "exchange.%lld.%u", round, p->rank);
    snprintf(value, sizeof(value), "%lld-%u", round, p->rank);
    return flux_pmi_client_put(p->client, key, value, err);
}

static int get_all(const struct pmi *p, long long round, struct flux_error *err)
{
    char key[FLUX_PMI_KEY_MAX], value[FLUX_PMI_VALUE_MAX], expected[64];
    int r = 0;

    for (unsigned i = 0; i < p->size && r == 0; i++) {
        snprintf(key, sizeof(key), "exchange.%lld.%u", round, i);
        snprintf(expected, sizeof(expected), "%lld-%u", round, i);
        r = flux_pmi_client_get(p->client, key, value, sizeof(value), err);
        if (r == 0 && strcmp(value, expected) != 0)
            r = flux_error_set(err, -EPROTO, "key %s has the value '%.100s'", key, value);
    }
    return r;
}

static int exchange(struct pmi *p, long long round, struct flux_error *err)
{
    int r;

    if (!p->client)
        return 0;
    r = put_own(p, round, err);
    if (r == 0)
        r = pmi_barrier(p, err);
    if (r == 0)
        r = get_all(p, round, err);
    return r < 0 ? r : pmi_barrier(p, err);
}

static int run(struct cli *cli)
{
    return pmi_rounds(cli, exchange, "completed pmi exchange");
}

const struct flux_verb verb_pmi_exchange = {
    .path = "pmi exchange",
    .summary = "Exchange a value with all tasks of the job",
    .options = {pmi_count_options, pmi_options},
    .run = run,
};
