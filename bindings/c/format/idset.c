// SPDX-License-Identifier: LGPL-3.0-only
/* Idset as a bitmap of 64-bit words that grows to the largest id ever added.
 * Invariants: `count` is the number of bits set; words beyond `len` are zero by absence. */
#include <flux/idset.h>

typedef uint64_t word;

struct flux_idset {
    word *bits;
    size_t len; /* words allocated; all are meaningful */
    size_t count;
};

static size_t word_of(unsigned id)
{
    return id / 64;
}

static word bit_of(unsigned id)
{
    return (word)1 << (id % 64);
}

/* The bits of word `w` that lie in lo..hi (whose words include w). */
static word mask_of(size_t w, unsigned lo, unsigned hi)
{
    word mask = ~(word)0;

    if (w == word_of(lo))
        mask &= ~(word)0 << (lo % 64);
    if (w == word_of(hi))
        mask &= ~(word)0 >> (63 - hi % 64);
    return mask;
}

static void grow(struct flux_idset *set, size_t len)
{
    size_t to;

    if (len <= set->len)
        return;
    to = set->len * 2 > len ? set->len * 2 : len;
    if (to > word_of(FLUX_IDSET_MAX) + 1)
        to = word_of(FLUX_IDSET_MAX) + 1;
    set->bits = flux_realloc(set->bits, to, sizeof(word));
    memset(set->bits + set->len, 0, (to - set->len) * sizeof(word));
    set->len = to;
}

struct flux_idset *flux_idset_new(void)
{
    return flux_alloc(sizeof(struct flux_idset));
}

struct flux_idset *flux_idset_copy(const struct flux_idset *set)
{
    struct flux_idset *copy = flux_idset_new();

    *copy = *set;
    if (set->len)
        copy->bits = flux_memdup(set->bits, set->len * sizeof(word));
    return copy;
}

void flux_idset_free(struct flux_idset *set)
{
    if (set) {
        free(set->bits);
        free(set);
    }
}

int flux_idset_add_range(struct flux_idset *set, unsigned lo, unsigned hi)
{
    if (lo > hi || hi > FLUX_IDSET_MAX)
        return -ERANGE;
    grow(set, word_of(hi) + 1);
    for (size_t w = word_of(lo); w <= word_of(hi); w++) {
        word add = mask_of(w, lo, hi) & ~set->bits[w];
        set->bits[w] |= add;
        set->count += __builtin_popcountll(add);
    }
    return 0;
}

int flux_idset_add(struct flux_idset *set, unsigned id)
{
    return flux_idset_add_range(set, id, id);
}

void flux_idset_remove_range(struct flux_idset *set, unsigned lo, unsigned hi)
{
    if (lo > hi)
        return;
    for (size_t w = word_of(lo); w <= word_of(hi) && w < set->len; w++) {
        word gone = mask_of(w, lo, hi) & set->bits[w];
        set->bits[w] &= ~gone;
        set->count -= __builtin_popcountll(gone);
    }
}

void flux_idset_remove(struct flux_idset *set, unsigned id)
{
    flux_idset_remove_range(set, id, id);
}

void flux_idset_clear(struct flux_idset *set)
{
    if (set->len)
        memset(set->bits, 0, set->len * sizeof(word));
    set->count = 0;
}

bool flux_idset_contains(const struct flux_idset *set, unsigned id)
{
    return word_of(id) < set->len && (set->bits[word_of(id)] & bit_of(id));
}

size_t flux_idset_count(const struct flux_idset *set)
{
    return set->count;
}

bool flux_idset_empty(const struct flux_idset *set)
{
    return set->count == 0;
}

/* Smallest member >= id. */
static unsigned at_or_after(const struct flux_idset *set, unsigned id)
{
    for (size_t w = word_of(id); w < set->len; w++) {
        word bits = set->bits[w];
        if (w == word_of(id))
            bits &= ~(word)0 << (id % 64);
        if (bits)
            return w * 64 + __builtin_ctzll(bits);
    }
    return FLUX_IDSET_NONE;
}

unsigned flux_idset_first(const struct flux_idset *set)
{
    return at_or_after(set, 0);
}

unsigned flux_idset_next(const struct flux_idset *set, unsigned id)
{
    return id >= FLUX_IDSET_MAX ? FLUX_IDSET_NONE : at_or_after(set, id + 1);
}

/* Largest member < end. */
static unsigned before(const struct flux_idset *set, size_t end)
{
    size_t w = end / 64;
    word mask = ((word)1 << (end % 64)) - 1;

    if (w >= set->len) {
        w = set->len;
        mask = 0;
    }
    for (;;) {
        word bits = mask ? set->bits[w] & mask : 0;
        if (bits)
            return w * 64 + 63 - __builtin_clzll(bits);
        if (w-- == 0)
            return FLUX_IDSET_NONE;
        mask = ~(word)0;
    }
}

unsigned flux_idset_last(const struct flux_idset *set)
{
    return before(set, set->len * 64);
}

unsigned flux_idset_prev(const struct flux_idset *set, unsigned id)
{
    return before(set, id);
}

unsigned flux_idset_nth(const struct flux_idset *set, size_t n)
{
    if (n >= set->count)
        return FLUX_IDSET_NONE;
    for (size_t w = 0;; w++) {
        word bits = set->bits[w];
        size_t here = __builtin_popcountll(bits);
        if (n < here) {
            while (n--)
                bits &= bits - 1;
            return w * 64 + __builtin_ctzll(bits);
        }
        n -= here;
    }
}

size_t flux_idset_rank(const struct flux_idset *set, unsigned id)
{
    size_t n = 0;

    for (size_t w = 0; w < set->len && w < word_of(id); w++)
        n += __builtin_popcountll(set->bits[w]);
    if (word_of(id) < set->len)
        n += __builtin_popcountll(set->bits[word_of(id)] & (bit_of(id) - 1));
    return n;
}

static word word_at(const struct flux_idset *set, size_t w)
{
    return w < set->len ? set->bits[w] : 0;
}

bool flux_idset_is_subset(const struct flux_idset *a, const struct flux_idset *of)
{
    if (a->count > of->count)
        return false;
    for (size_t w = 0; w < a->len; w++)
        if (a->bits[w] & ~word_at(of, w))
            return false;
    return true;
}

bool flux_idset_equal(const struct flux_idset *a, const struct flux_idset *b)
{
    return a->count == b->count && flux_idset_is_subset(a, b);
}

bool flux_idset_intersects(const struct flux_idset *a, const struct flux_idset *b)
{
    for (size_t w = 0; w < a->len && w < b->len; w++)
        if (a->bits[w] & b->bits[w])
            return true;
    return false;
}

static void store(struct flux_idset *set, size_t w, word bits)
{
    set->count += __builtin_popcountll(bits);
    set->count -= __builtin_popcountll(set->bits[w]);
    set->bits[w] = bits;
}

void flux_idset_add_set(struct flux_idset *a, const struct flux_idset *b)
{
    grow(a, b->len);
    for (size_t w = 0; w < b->len; w++)
        store(a, w, a->bits[w] | b->bits[w]);
}

void flux_idset_keep_set(struct flux_idset *a, const struct flux_idset *b)
{
    for (size_t w = 0; w < a->len; w++)
        store(a, w, a->bits[w] & word_at(b, w));
}

void flux_idset_remove_set(struct flux_idset *a, const struct flux_idset *b)
{
    for (size_t w = 0; w < a->len && w < b->len; w++)
        store(a, w, a->bits[w] & ~b->bits[w]);
}

struct flux_idset *flux_idset_union(const struct flux_idset *a, const struct flux_idset *b)
{
    struct flux_idset *set = flux_idset_copy(a);

    flux_idset_add_set(set, b);
    return set;
}

struct flux_idset *flux_idset_intersect(const struct flux_idset *a, const struct flux_idset *b)
{
    struct flux_idset *set = flux_idset_copy(a);

    flux_idset_keep_set(set, b);
    return set;
}

struct flux_idset *flux_idset_difference(const struct flux_idset *a, const struct flux_idset *b)
{
    struct flux_idset *set = flux_idset_copy(a);

    flux_idset_remove_set(set, b);
    return set;
}
