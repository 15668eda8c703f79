// SPDX-License-Identifier: LGPL-3.0-only
/* Counters of rpc methods, gathered from one or more answers of Broker/Stats and shown as one
 * table. The rows point into the answers, which live as long as the table. */
#include "methodstats.h"

int method_stats_add(struct method_stats *s, struct flux *h, uint32_t rank, const char *service,
                     bool clear, struct flux_error *err)
{
    flux_broker_stats_request in = FLUX_BROKER_STATS_REQUEST_INIT;
    flux_broker_stats_response *out = NULL;
    int r;

    in.service = (char *)service;
    in.clear = clear;
    r = flux_broker_stats(h, FLUX_RANK(rank), &in, &out, err);
    if (r < 0)
        return r;
    s->answers = flux_realloc(s->answers, s->n_answers + 1, sizeof(*s->answers));
    s->answers[s->n_answers++] = out;
    if (*service && !out->n_methods)
        return flux_error_set(err, -ENOENT, "rank %u has no service named '%s'", rank, service);
    s->methods = flux_realloc(s->methods, s->n_methods + out->n_methods, sizeof(*s->methods));
    for (size_t i = 0; i < out->n_methods; i++)
        s->methods[s->n_methods++] = out->methods[i];
    return 0;
}

static int by_busy(const void *a, const void *b)
{
    const flux_broker_method_stats *x = *(flux_broker_method_stats *const *)a;
    const flux_broker_method_stats *y = *(flux_broker_method_stats *const *)b;

    return x->busy > y->busy ? -1 : x->busy < y->busy;
}

void method_stats_print(struct method_stats *s)
{
    if (s->n_methods > 1)
        qsort(s->methods, s->n_methods, sizeof(s->methods[0]), by_busy);
    printf("%-32s %10s %7s %5s %11s %11s\n", "METHOD", "CALLS", "ERRORS", "OPEN", "BUSY",
           "LONGEST");
    for (size_t i = 0; i < s->n_methods; i++) {
        const flux_broker_method_stats *m = s->methods[i];
        const char *name = strncmp(m->method, "flux.v1.", 8) == 0 ? m->method + 8 : m->method;

        printf("%-32s %10llu %7llu %5u %9.3fms %9.3fms\n", name, (unsigned long long)m->requests,
               (unsigned long long)m->errors, m->open, m->busy * 1e3, m->longest * 1e3);
    }
}

void method_stats_done(struct method_stats *s)
{
    for (size_t i = 0; i < s->n_answers; i++)
        flux_broker_stats_response_free(s->answers[i]);
    free(s->answers);
    free(s->methods);
}
