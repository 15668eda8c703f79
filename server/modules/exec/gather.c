// SPDX-License-Identifier: LGPL-3.0-only
/* A unary call that has parts: here, and one call a child. It is answered when all parts are done,
 * whatever they say: a rank that is gone has nothing left to signal or to feed. */
#include "exec.h"

struct kill_part;

struct gather {
    struct exec *exec;
    struct flux_call *call; /* NULL: the caller has gone */
    unsigned parts;
    bool ready; /* nothing more will be asked for */
    struct flux_future **futures;
    size_t nfutures;
    bool kill; /* it is a Kill call, of these parts */
    struct kill_part **kills;
    struct flux_idset *unreached;
    TAILQ_ENTRY(gather) link;
};

static void kill_part_free(struct kill_part *p);

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
    for (size_t i = 0; g->kill && i < g->nfutures; i++)
        kill_part_free(g->kills[i]);
    free(g->kills);
    free(g->futures);
    flux_idset_free(g->unreached);
    free(g);
}

void gather_expect(struct gather *g)
{
    g->parts++;
}

static void reply_kill(struct gather *g, struct flux_call *call)
{
    flux_exec_kill_response out = FLUX_EXEC_KILL_RESPONSE_INIT;
    FLUX_AUTO_STR text = g->unreached ? flux_idset_encode(g->unreached, FLUX_IDSET_RANGE) : NULL;

    if (text)
        out.unreached = text;
    flux_exec_kill_reply(call, &out);
}

void gather_part(struct gather *g)
{
    struct flux_call *call = g->call;

    if (--g->parts > 0 || !g->ready)
        return;
    if (call && g->kill)
        reply_kill(g, call);
    else if (call)
        flux_call_finish(call);
    gather_free(g);
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

/* A child's part of a Kill call. */
struct kill_part {
    struct gather *gather;
    char *ranks;
};

static void kill_part_free(struct kill_part *p)
{
    free(p->ranks);
    free(p);
}

static void add_unreached(struct gather *g, const char *text)
{
    FLUX_AUTO(idset) set = NULL;

    if (flux_idset_decode(text, &set, NULL) < 0)
        return;
    if (!g->unreached)
        g->unreached = flux_idset_new();
    flux_idset_add_set(g->unreached, set);
}

static void on_kill(struct flux_future *f, void *arg)
{
    struct kill_part *p = arg;
    const flux_exec_kill_response *out;
    int r = flux_exec_kill_result(f, &out, NULL);

    if (r == 0)
        add_unreached(p->gather, out->unreached);
    else if (r == -EHOSTUNREACH || r == -ECONNRESET)
        add_unreached(p->gather, p->ranks);
    gather_part(p->gather);
}

void gather_kill(struct gather *g, struct flux_future *f, char *ranks)
{
    struct kill_part *p = flux_alloc(sizeof(*p));

    gather_expect(g);
    p->gather = g;
    p->ranks = ranks;
    g->kill = true;
    g->kills = flux_realloc(g->kills, g->nfutures + 1, sizeof(*g->kills));
    g->futures = flux_realloc(g->futures, g->nfutures + 1, sizeof(f));
    g->kills[g->nfutures] = p;
    g->futures[g->nfutures++] = f;
    flux_future_then(f, on_kill, p);
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
