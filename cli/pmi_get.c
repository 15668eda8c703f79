// SPDX-License-Identifier: LGPL-3.0-only
/* flux pmi get: values of keys, such as PMI_process_mapping and flux.instance-level. */
#include "pmi.h"

#include <flux/idset.h>

static const struct flux_option options[] = {
    {"ranks", 0, OPT_STR, "IDSET|all", "Which tasks print (default: 0)"},
    {NULL},
};

static int prints(struct cli *cli, const struct pmi *p, struct flux_error *err)
{
    const char *text = cli_str(cli, "ranks", "0");
    FLUX_AUTO(idset) ranks = NULL;
    int r = strcmp(text, "all") == 0 ? 0 : flux_idset_decode(text, &ranks, err);

    return r < 0 ? r : !ranks || flux_idset_contains(ranks, p->rank);
}

static int get(const struct pmi *p, const char *key, struct flux_error *err)
{
    char value[FLUX_PMI_VALUE_MAX];
    int r = p->client ? flux_pmi_client_get(p->client, key, value, sizeof(value), err) : -ENOENT;

    if (r == -ENOENT)
        return flux_error_set(err, r, "%s: no such key", key);
    if (r == 0)
        puts(value);
    return r;
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    struct pmi p;
    int r;

    if (cli->argc == 0)
        return cli_misused(cli, "expected one key or more");
    r = pmi_open(cli, &p, &err);
    if (r == 0)
        r = prints(cli, &p, &err);
    for (int i = 0; i < cli->argc && r > 0; i++)
        if (get(&p, cli->argv[i], &err) < 0)
            r = -ENOENT;
    return pmi_close(cli, &p, r > 0 ? 0 : r, &err);
}

const struct flux_verb verb_pmi_get = {
    .path = "pmi get",
    .args = "KEY...",
    .summary = "Print values of the PMI server",
    .options = {options, pmi_options},
    .run = run,
};
