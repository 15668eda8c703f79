// SPDX-License-Identifier: LGPL-3.0-only
/* The client side of `flux pmi`. */
#include "pmi.h"

const struct flux_option pmi_options[] = {
    {"method", 0, OPT_STR, "NAME", "simple (the server of PMI_FD) or single (alone)"},
    {"verbose", 'v', OPT_FLAG, NULL, "Show requests and answers"},
    {NULL},
};

const struct flux_option pmi_count_options[] = {
    {"count", 0, OPT_INT, "N", "Do it N times"},
    {NULL},
};

int pmi_open(struct cli *cli, struct pmi *p, struct flux_error *err)
{
    const char *method = cli_str(cli, "method", NULL);
    int r = -ENOENT;

    *p = (struct pmi){.size = 1};
    if (cli_has(cli, "verbose"))
        setenv("FLUX_PMI_DEBUG", "1", 1);
    if (method && strcmp(method, "simple") != 0 && strcmp(method, "single") != 0)
        return flux_error_set(err, -EINVAL, "unknown method '%s'", method);
    if (!method || strcmp(method, "simple") == 0)
        r = flux_pmi_client_open(&p->client, err);
    if (r < 0 && (r != -ENOENT || (method && strcmp(method, "simple") == 0)))
        return r;
    if (p->client) {
        p->rank = flux_pmi_client_rank(p->client);
        p->size = flux_pmi_client_size(p->client);
    }
    return 0;
}

int pmi_barrier(struct pmi *p, struct flux_error *err)
{
    return p->client ? flux_pmi_client_barrier(p->client, err) : 0;
}

static void report(const struct pmi *p, const char *what, double started)
{
    if (p->rank == 0)
        printf("%s on %u tasks in %.3fs.\n", what, p->size, flux_monotime() - started);
}

int pmi_rounds(struct cli *cli, int (*round)(struct pmi *p, long long n, struct flux_error *err),
               const char *what)
{
    struct flux_error err = {""};
    struct pmi p;
    int r = pmi_open(cli, &p, &err);

    for (long long n = cli_int(cli, "count", 1); n > 0 && r == 0; n--) {
        double started = flux_monotime();

        r = round(&p, n, &err);
        if (r == 0)
            report(&p, what, started);
    }
    return pmi_close(cli, &p, r, &err);
}

/* A task that leaves without finalize ends the job: that is not what a failed get is worth. */
int pmi_close(struct cli *cli, struct pmi *p, int r, const struct flux_error *err)
{
    struct flux_error last = {""};
    int final = p->client ? flux_pmi_client_finalize(p->client, &last) : 0;

    flux_pmi_client_free(p->client);
    if (r < 0)
        return cli_fail(cli, "%s", err->text);
    return final < 0 ? cli_fail(cli, "%s", last.text) : 0;
}
