// SPDX-License-Identifier: LGPL-3.0-only
/* A unary call that has parts: here, and one call a child. It is answered when all parts are done,
 * whatever they say: a rank that is gone has nothing left to signal or to feed. */
#include "exec.h"

struct gather {
    struct exec *exec;
    struct flux_call *call; /* NULL: the caller has gone */
    unsigned parts;
    bool ready; /* nothing more will be asked for */
    struct flux_future **futures;
    size_t nfutures;
    TAILQ_ENTRY(gather) link;
};

static void on_gone(struct flux_call *call, void *arg)
{
    struct gather *g = arg;

    g->call = NULL;
}

struct gather *gather_new(struct flux_call *call)
{
    struct gather *g = flux_alloc(sizeof(*g));

    g->exec = flux_call_data(call);
    g->call = call;
    TAILQ_INSERT_TAIL(&g->exec->gathers, g, link);
    return g;
}

static void gather_free(struct gather *g)
{
    TAILQ_REMOVE(&g->exec->gathers, g, link);
    for (size_t i = 0; i < g->nfutures; i++)
        flux_future_free(g->futures[i]);
    free(g->futures);
    free(g);
}

void gather_expect(struct gather *g)
{
    g->parts++;
}

void gather_part(struct gather *g)
{
    struct flux_call *call = g->call;

    if (--g->parts > 0 || !g->ready)
        return;
    gather_free(g);
    if (call)
        flux_call_finish(call);
}

static void on_future(struct flux_future *f, void *arg)
{
    gather_part(arg);
}

void gather_future(struct gather *g, struct flux_future *f)
{
    if (!f)
        return;
    gather_expect(g);
    g->futures = flux_realloc(g->futures, g->nfutures + 1, sizeof(f));
    g->futures[g->nfutures++] = f;
    flux_future_then(f, on_future, g);
}

int gather_go(struct gather *g)
{
    if (g->parts == 0) {
        gather_free(g);
        return 0;
    }
    g->ready = true;
    flux_call_on_cancel(g->call, on_gone, g);
    return FLUX_CALL_LATER;
}

void gather_free_all(struct exec *x)
{
    while (!TAILQ_EMPTY(&x->gathers))
        gather_free(TAILQ_FIRST(&x->gathers));
}
