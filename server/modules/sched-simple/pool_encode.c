// SPDX-License-Identifier: LGPL-3.0-only
/* What the pool says to others: R of an allocation, and the views of the whole. */
#include "pool_private.h"

#include <flux/buf.h>
#include <flux/eventlog.h>

#include <stdio.h>

struct flux_idset *pool_ids(const struct pool *p, const uint64_t *words, int kind)
{
    struct flux_idset *set = flux_idset_new();

    for (unsigned w = 0; w < p->width[kind]; w++)
        for (uint64_t word = words[w]; word; word &= word - 1)
            flux_idset_add(set, w * 64 + __builtin_ctzll(word));
    return set;
}

/* Append "0-3,7" for the bits. */
static void put_ids(const uint64_t *words, unsigned width, struct flux_buf *b)
{
    unsigned end = width * 64, i = 0;
    const char *sep = "";

    while (i < end) {
        unsigned lo;

        if (!(words[i / 64] >> (i % 64))) {
            i = (i / 64 + 1) * 64;
            continue;
        }
        i += __builtin_ctzll(words[i / 64] >> (i % 64));
        lo = i;
        while (i < end && (words[i / 64] >> (i % 64) & 1))
            i++;
        if (i - lo == 1)
            flux_buf_printf(b, "%s%u", sep, lo);
        else
            flux_buf_printf(b, "%s%u-%u", sep, lo, i - 1);
        sep = ",";
    }
}

/* Pieces with equal bits. */
struct group {
    struct pool_piece *like;
    struct flux_idset *ranks;
};

struct groups {
    struct group *list;
    size_t count;
};

static bool same_bits(const struct pool_alloc *a, const struct pool_piece *x,
                      const struct pool_piece *y)
{
    return memcmp(x->bits, y->bits, a->stride - sizeof(*x)) == 0;
}

/* Pieces come in the order of ranks and mostly alike: the last group first, then all of a few. */
static void group_piece(const struct pool *p, const struct pool_alloc *a, struct pool_piece *pc,
                        struct groups *gs)
{
    size_t i = gs->count, oldest = gs->count > 64 ? gs->count - 64 : 0;

    while (i > oldest && !same_bits(a, gs->list[i - 1].like, pc))
        i--;
    if (i == oldest) {
        if ((gs->count & (gs->count - 1)) == 0)
            gs->list = flux_realloc(gs->list, gs->count ? gs->count * 2 : 1, sizeof(*gs->list));
        gs->list[gs->count++] = (struct group){pc, flux_idset_new()};
        i = gs->count;
    }
    flux_idset_add(gs->list[i - 1].ranks, p->nodes[pc->node].rank);
}

static void put_group(const struct pool *p, const char *ranks, struct pool_piece *pc, bool first,
                      struct flux_buf *b)
{
    const char *sep = "\"core\":\"";

    flux_buf_printf(b, "%s{\"rank\":\"%s\",\"children\":{", first ? "" : ",", ranks);
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        uint64_t *bits = pool_piece_bits(p, pc, k);
        unsigned w = 0;

        while (w < p->width[k] && !bits[w])
            w++;
        if (w == p->width[k]) {
            sep = "\"gpu\":\"";
            continue;
        }
        flux_buf_puts(b, sep);
        put_ids(bits, p->width[k], b);
        flux_buf_putc(b, '"');
        sep = ",\"gpu\":\"";
    }
    flux_buf_puts(b, "}}");
}

static void put_group_summary(const struct pool *p, const char *ranks, bool many,
                              struct pool_piece *pc, struct flux_buf *b)
{
    const char *names[] = {"core", "gpu"}, *sep = "";

    flux_buf_printf(b, many ? "%srank[%s]/" : "%srank%s/", b->len ? " " : "", ranks);
    for (int k = 0; k < FLUX_RSET_KINDS; k++) {
        uint64_t *bits = pool_piece_bits(p, pc, k);
        unsigned n = 0;

        for (unsigned w = 0; w < p->width[k]; w++)
            n += __builtin_popcountll(bits[w]);
        if (n == 0)
            continue;
        flux_buf_printf(b, "%s%s%s", sep, names[k], n > 1 ? "[" : "");
        put_ids(bits, p->width[k], b);
        flux_buf_puts(b, n > 1 ? "]" : "");
        sep = ",";
    }
}

static void put_groups(const struct pool *p, const struct pool_alloc *a, struct flux_buf *b,
                       struct flux_buf *summary)
{
    struct groups gs = {0};

    for (unsigned i = 0; i < a->npieces; i++)
        group_piece(p, a, pool_piece(a, i), &gs);
    for (size_t i = 0; i < gs.count; i++) {
        FLUX_AUTO_STR ranks = flux_idset_encode(gs.list[i].ranks, FLUX_IDSET_RANGE);

        put_group(p, ranks, gs.list[i].like, i == 0, b);
        if (summary)
            put_group_summary(p, ranks, flux_idset_count(gs.list[i].ranks) > 1, gs.list[i].like,
                              summary);
        flux_idset_free(gs.list[i].ranks);
    }
    free(gs.list);
}

/* The same for the common case of one node, without making sets. */
static void put_one(const struct pool *p, const struct pool_alloc *a, struct flux_buf *b,
                    struct flux_buf *summary)
{
    struct pool_piece *pc = pool_piece(a, 0);
    char rank[16];

    snprintf(rank, sizeof(rank), "%u", p->nodes[pc->node].rank);
    put_group(p, rank, pc, true, b);
    if (summary)
        put_group_summary(p, rank, false, pc, summary);
}

static void put_nodelist(const struct pool *p, const struct pool_alloc *a, struct flux_buf *b)
{
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO_STR text = NULL;

    if (a->npieces == 1) {
        const char *host = p->nodes[pool_piece(a, 0)->node].host;
        flux_eventlog_put_string(b, host, strlen(host));
        return;
    }
    hosts = flux_hostlist_new();
    for (unsigned i = 0; i < a->npieces; i++)
        flux_hostlist_append_host(hosts, p->nodes[pool_piece(a, i)->node].host);
    text = flux_hostlist_encode(hosts);
    if (*text)
        flux_eventlog_put_string(b, text, strlen(text));
}

/* The ranks of this property that the allocation has, if any: {"name":"ranks"}. Properties "+name"
 * are this instance's own and stay here (RFC 20). */
static void put_properties(const struct pool *p, const struct pool_alloc *a, struct flux_buf *b)
{
    const struct flux_idset *ranks;
    const char *name, *sep = ",\"properties\":{";

    for (size_t i = 0; (name = flux_rset_property(p->all, i, &ranks)); i++) {
        FLUX_AUTO(idset) mine = NULL;
        FLUX_AUTO_STR text = NULL;

        if (*name == '+')
            continue;
        for (unsigned j = 0; j < a->npieces; j++) {
            unsigned rank = p->nodes[pool_piece(a, j)->node].rank;

            if (!flux_idset_contains(ranks, rank))
                continue;
            if (!mine)
                mine = flux_idset_new();
            flux_idset_add(mine, rank);
        }
        if (!mine)
            continue;
        text = flux_idset_encode(mine, FLUX_IDSET_RANGE);
        flux_buf_puts(b, sep);
        flux_eventlog_put_string(b, name, strlen(name));
        flux_buf_printf(b, ":\"%s\"", text);
        sep = ",";
    }
    if (sep[1] == '\0')
        flux_buf_putc(b, '}');
}

static void put_time(struct flux_buf *b, const char *key, double t)
{
    if (t == (double)(int64_t)t)
        flux_buf_printf(b, ",\"%s\":%lld", key, (long long)t);
    else
        flux_buf_printf(b, ",\"%s\":%.6f", key, t);
}

char *pool_encode(const struct pool *p, const struct pool_alloc *a, double starttime,
                  double expiration, char **summary)
{
    struct flux_buf b = FLUX_BUF_INIT((size_t)1 << 28);
    struct flux_buf s = FLUX_BUF_INIT((size_t)1 << 28);

    flux_buf_reserve(&b, 255);
    flux_buf_puts(&b, "{\"version\":1,\"execution\":{\"R_lite\":[");
    if (a->npieces == 1)
        put_one(p, a, &b, summary ? &s : NULL);
    else
        put_groups(p, a, &b, summary ? &s : NULL);
    flux_buf_putc(&b, ']');
    put_time(&b, "starttime", starttime);
    put_time(&b, "expiration", expiration);
    flux_buf_puts(&b, ",\"nodelist\":[");
    put_nodelist(p, a, &b);
    flux_buf_putc(&b, ']');
    put_properties(p, a, &b);
    flux_buf_puts(&b, "}}");
    if (summary)
        *summary = flux_buf_take(&s);
    return flux_buf_take(&b);
}

/* ---- views */

static void add_bits(const struct pool *p, struct flux_rset *r, unsigned node,
                     const uint64_t *cores, const uint64_t *gpus)
{
    FLUX_AUTO(idset) c = pool_ids(p, cores, FLUX_RSET_CORE);
    FLUX_AUTO(idset) g = pool_ids(p, gpus, FLUX_RSET_GPU);

    if (!flux_idset_empty(c) || !flux_idset_empty(g))
        flux_rset_add(r, p->nodes[node].rank, p->nodes[node].host, c, g, NULL);
}

static void copy_properties(const struct pool *p, struct flux_rset *r)
{
    FLUX_AUTO(idset) have = flux_rset_ranks(r);
    const struct flux_idset *ranks;
    const char *name;

    for (size_t i = 0; (name = flux_rset_property(p->all, i, &ranks)); i++) {
        FLUX_AUTO(idset) mine = flux_idset_intersect(ranks, have);

        if (!flux_idset_empty(mine))
            flux_rset_set_property(r, name, mine, NULL);
    }
}

struct flux_rset *pool_alloc_rset(const struct pool *p, const struct pool_alloc *a)
{
    struct flux_rset *r = flux_rset_new();

    for (unsigned i = 0; i < a->npieces; i++) {
        struct pool_piece *pc = pool_piece(a, i);
        add_bits(p, r, pc->node, pool_piece_bits(p, pc, FLUX_RSET_CORE),
                 pool_piece_bits(p, pc, FLUX_RSET_GPU));
    }
    return r;
}

struct flux_rset *pool_allocated(const struct pool *p)
{
    FLUX_AUTO_MEM(uint64_t) taken = flux_alloc(8 * (p->width[0] + p->width[1]));
    struct flux_rset *r = flux_rset_new();

    for (unsigned i = 0; i < p->nnodes; i++) {
        uint64_t *out = taken;

        if (memcmp(p->nodes[i].free, p->nodes[i].total, sizeof(p->nodes[i].free)) == 0)
            continue;
        for (int k = 0; k < FLUX_RSET_KINDS; k++)
            for (unsigned w = 0; w < p->width[k]; w++)
                *out++ = pool_node_total(p, i, k)[w] & ~pool_node_free(p, i, k)[w];
        add_bits(p, r, i, taken, taken + p->width[FLUX_RSET_CORE]);
    }
    copy_properties(p, r);
    return r;
}

struct flux_rset *pool_down(const struct pool *p)
{
    FLUX_AUTO(idset) ranks = flux_idset_new();

    for (unsigned i = 0; i < p->nnodes; i++)
        if (p->nodes[i].state != POOL_UP)
            flux_idset_add(ranks, p->nodes[i].rank);
    return flux_rset_copy_ranks(p->all, ranks);
}
