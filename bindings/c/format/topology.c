// SPDX-License-Identifier: LGPL-3.0-only
/* Trees over ranks. Every kind is reduced to a parent array once; from it come the children of each
 * rank (one flat array), and a preorder numbering: a subtree is the interval [enter, enter +
 * count). The children of a rank are in ascending order of `enter`, so the way to a rank is a
 * binary search. */
#include <flux/topology.h>

#include <limits.h>
#include <stdio.h>

#define MINCRIT_MOST 1024 /* children of one broker, where mincrit may choose */

struct flux_topology {
    uint32_t size;
    uint32_t maxlevel;
    uint32_t *parent;
    uint32_t *first; /* size + 1 offsets into kids */
    uint32_t *kids;
    uint32_t *level;
    uint32_t *enter;
    uint32_t *count; /* ranks in the subtree, the top included */
};

void flux_topology_free(struct flux_topology *t)
{
    if (t) {
        free(t->parent);
        free(t->first);
        free(t->kids);
        free(t->level);
        free(t->enter);
        free(t->count);
        free(t);
    }
}

static struct flux_topology *topology_alloc(uint32_t size)
{
    struct flux_topology *t = flux_alloc(sizeof(*t));

    t->size = size;
    t->parent = flux_alloc(size * sizeof(uint32_t));
    t->first = flux_alloc((size + 1) * sizeof(uint32_t));
    t->kids = flux_alloc(size * sizeof(uint32_t));
    t->level = flux_alloc(size * sizeof(uint32_t));
    t->enter = flux_alloc(size * sizeof(uint32_t));
    t->count = flux_alloc(size * sizeof(uint32_t));
    return t;
}

static void list_children(struct flux_topology *t)
{
    FLUX_AUTO_MEM(uint32_t) at = flux_alloc((t->size + 1) * sizeof(uint32_t));

    for (uint32_t r = 1; r < t->size; r++)
        t->first[t->parent[r] + 1]++;
    for (uint32_t r = 0; r < t->size; r++)
        t->first[r + 1] += t->first[r];
    memcpy(at, t->first, (t->size + 1) * sizeof(uint32_t));
    for (uint32_t r = 1; r < t->size; r++)
        t->kids[at[t->parent[r]]++] = r;
}

/* Breadth first from the root: `order` receives the ranks reached; returns how many there were. */
static uint32_t walk(struct flux_topology *t, uint32_t *order)
{
    uint32_t seen = 1;

    order[0] = 0;
    for (uint32_t i = 0; i < seen; i++) {
        uint32_t r = order[i];
        for (uint32_t k = t->first[r]; k < t->first[r + 1]; k++) {
            t->level[t->kids[k]] = t->level[r] + 1;
            order[seen++] = t->kids[k];
        }
    }
    t->maxlevel = t->level[order[seen - 1]];
    return seen;
}

static void number(struct flux_topology *t, const uint32_t *order)
{
    for (uint32_t i = t->size; i-- > 0;) {
        uint32_t r = order[i];
        t->count[r]++;
        if (r > 0)
            t->count[t->parent[r]] += t->count[r];
    }
    for (uint32_t i = 0; i < t->size; i++) {
        uint32_t at = t->enter[order[i]] + 1;
        for (uint32_t k = t->first[order[i]]; k < t->first[order[i] + 1]; k++) {
            t->enter[t->kids[k]] = at;
            at += t->count[t->kids[k]];
        }
    }
}

/* Everything that follows from t->parent. False when some rank does not lead to rank 0. */
static bool complete(struct flux_topology *t)
{
    FLUX_AUTO_MEM(uint32_t) order = flux_alloc(t->size * sizeof(uint32_t));

    t->parent[0] = FLUX_TOPOLOGY_NONE;
    list_children(t);
    if (walk(t, order) != t->size)
        return false;
    number(t, order);
    return true;
}

enum shape { KARY, BINOMIAL, MINCRIT };

struct spec {
    enum shape shape;
    uint32_t k; /* kary: children of each, 0 = all are rank 0's; mincrit: routers, 0 = as many as it
                   takes */
};

static int parse_count(const char *text, uint32_t *ret)
{
    unsigned long k;
    char *end;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    k = strtoul(text, &end, 10);
    if (errno || *end || k >= INT_MAX)
        return -EINVAL;
    *ret = k;
    return 0;
}

static int parse_spec(const char *text, struct spec *spec)
{
    *spec = (struct spec){KARY, 0};
    if (!strncmp(text, "kary:", 5))
        return parse_count(text + 5, &spec->k);
    if (!strcmp(text, "flat"))
        return 0;
    spec->shape = !strcmp(text, "binomial") ? BINOMIAL : MINCRIT;
    if (spec->shape == BINOMIAL || !strcmp(text, "mincrit"))
        return 0;
    return strncmp(text, "mincrit:", 8) ? -EINVAL : parse_count(text + 8, &spec->k);
}

/* Few brokers have children: rank 0 and the K ranks after it, which share the rest. */
static void fill_mincrit(struct flux_topology *t, uint32_t k)
{
    uint32_t others = t->size - 1, share;

    if (!k && others > MINCRIT_MOST)
        k = (others + MINCRIT_MOST) / (MINCRIT_MOST + 1);
    if (k >= others)
        k = 0;
    share = k ? (others - k + k - 1) / k : 0;
    for (uint32_t r = 1; r < t->size; r++)
        t->parent[r] = r <= k || !k ? 0 : 1 + (r - k - 1) / share;
}

static void fill(struct flux_topology *t, const struct spec *spec)
{
    if (spec->shape == MINCRIT)
        fill_mincrit(t, spec->k);
    else
        for (uint32_t r = 1; r < t->size; r++)
            t->parent[r] = spec->shape == BINOMIAL ? r & (r - 1) : spec->k ? (r - 1) / spec->k : 0;
}

static int check_size(uint32_t size, struct flux_error *err)
{
    if (size < 1 || size > FLUX_TOPOLOGY_MAX_SIZE)
        return flux_error_set(err, -EOVERFLOW, "topology: size %u is not in 1..%u", size,
                              FLUX_TOPOLOGY_MAX_SIZE);
    return 0;
}

int flux_topology_new(const char *spec, uint32_t size, struct flux_topology **ret,
                      struct flux_error *err)
{
    struct flux_topology *t;
    struct spec shape;

    if (check_size(size, err) < 0)
        return -EOVERFLOW;
    if (parse_spec(spec, &shape) < 0)
        return flux_error_set(
            err, -EINVAL,
            "topology: '%.64s' is none of kary:K, flat, binomial, mincrit[:K], custom", spec);
    t = topology_alloc(size);
    fill(t, &shape);
    complete(t);
    *ret = t;
    return 0;
}

int flux_topology_custom(const uint32_t *parents, uint32_t size, struct flux_topology **ret,
                         struct flux_error *err)
{
    FLUX_AUTO(topology) t = NULL;

    if (check_size(size, err) < 0)
        return -EOVERFLOW;
    t = topology_alloc(size);
    for (uint32_t r = 1; r < size; r++) {
        if (parents[r] >= size || parents[r] == r)
            return flux_error_set(err, -EINVAL, "topology: rank %u cannot have the parent %u", r,
                                  parents[r]);
        t->parent[r] = parents[r];
    }
    if (!complete(t))
        return flux_error_set(err, -EINVAL, "topology: some ranks do not lead to rank 0 (a loop)");
    *ret = FLUX_GIVE(t);
    return 0;
}

uint32_t flux_topology_size(const struct flux_topology *t)
{
    return t->size;
}

uint32_t flux_topology_parent(const struct flux_topology *t, uint32_t rank)
{
    return t->parent[rank];
}

uint32_t flux_topology_child_count(const struct flux_topology *t, uint32_t rank)
{
    return t->first[rank + 1] - t->first[rank];
}

uint32_t flux_topology_child(const struct flux_topology *t, uint32_t rank, uint32_t i)
{
    return t->kids[t->first[rank] + i];
}

uint32_t flux_topology_level(const struct flux_topology *t, uint32_t rank)
{
    return t->level[rank];
}

uint32_t flux_topology_maxlevel(const struct flux_topology *t)
{
    return t->maxlevel;
}

uint32_t flux_topology_descendants(const struct flux_topology *t, uint32_t rank)
{
    return t->count[rank] - 1;
}

bool flux_topology_contains(const struct flux_topology *t, uint32_t top, uint32_t target)
{
    return t->enter[target] - t->enter[top] < t->count[top];
}

/* Index into kids of the last child whose interval begins at or before the target's. */
static uint32_t child_towards(const struct flux_topology *t, uint32_t me, uint32_t target)
{
    uint32_t lo = t->first[me], hi = t->first[me + 1] - 1;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;
        if (t->enter[t->kids[mid]] <= t->enter[target])
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

uint32_t flux_topology_route(const struct flux_topology *t, uint32_t me, uint32_t target)
{
    if (me == target)
        return me;
    if (!flux_topology_contains(t, me, target))
        return t->parent[me];
    return t->kids[child_towards(t, me, target)];
}

struct flux_idset *flux_topology_subtree(const struct flux_topology *t, uint32_t top)
{
    FLUX_AUTO_MEM(uint32_t) todo = flux_alloc(t->count[top] * sizeof(uint32_t));
    struct flux_idset *set = flux_idset_new();
    uint32_t n = 1;

    todo[0] = top;
    for (uint32_t i = 0; i < n; i++) {
        flux_idset_add(set, todo[i]);
        for (uint32_t k = t->first[todo[i]]; k < t->first[todo[i] + 1]; k++)
            todo[n++] = t->kids[k];
    }
    return set;
}

/* Slot of a hop in the table of split: 0 is me, 1.. the children, the last one the parent. */
static uint32_t hop_slot(const struct flux_topology *t, uint32_t me, uint32_t rank)
{
    uint32_t nkids = flux_topology_child_count(t, me);

    if (rank == me)
        return 0;
    if (!flux_topology_contains(t, me, rank))
        return nkids + 1;
    return 1 + child_towards(t, me, rank) - t->first[me];
}

int flux_topology_split(const struct flux_topology *t, uint32_t me, const struct flux_idset *set,
                        flux_topology_part_f part, void *arg)
{
    uint32_t slots = flux_topology_child_count(t, me) + 2;
    FLUX_AUTO_MEM(struct flux_idset *) parts = NULL;
    int r = 0;

    if (!flux_idset_empty(set) && flux_idset_last(set) >= t->size)
        return -EHOSTUNREACH;
    parts = flux_alloc(slots * sizeof(parts[0]));
    FLUX_IDSET_FOREACH(set, rank)
    {
        uint32_t slot = hop_slot(t, me, rank);
        if (!parts[slot])
            parts[slot] = flux_idset_new();
        flux_idset_add(parts[slot], rank);
    }
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t hop = i == 0 ? me : i == slots - 1 ? t->parent[me] : t->kids[t->first[me] + i - 1];
        if (parts[i] && r >= 0)
            r = part(hop, parts[i], arg);
        flux_idset_free(parts[i]);
    }
    return r < 0 ? r : 0;
}
