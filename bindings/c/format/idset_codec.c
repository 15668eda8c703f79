// SPDX-License-Identifier: LGPL-3.0-only
/* The text form of idsets (RFC 22). Decoding is strict: one spelling of a set, no other. */
#include <flux/buf.h>
#include <flux/idset.h>

/* An id at *s: digits without leading zeros, at most FLUX_IDSET_MAX. Moves *s past it. */
static int parse_id(const char **s, unsigned *ret)
{
    const char *p = *s;
    unsigned id = 0;

    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++) {
        id = id * 10 + (*p - '0');
        if (id > FLUX_IDSET_MAX)
            return -EINVAL;
    }
    *s = p;
    *ret = id;
    return 0;
}

static int parse_range(const char **s, unsigned *lo, unsigned *hi)
{
    int r = parse_id(s, lo);

    *hi = *lo;
    if (r == 0 && **s == '-') {
        *s += 1;
        r = parse_id(s, hi);
    }
    return r < 0 || *lo > *hi ? -EINVAL : 0;
}

/* Ranges separated by commas, up to `stop` (']' or the end). */
static int parse_list(const char **s, char stop, struct flux_idset *set)
{
    unsigned lo, hi, last = 0;

    for (bool first = true; **s != stop; first = false) {
        if (!first && **s != ',')
            return -EINVAL;
        *s += !first;
        if (parse_range(s, &lo, &hi) < 0 || (!first && lo <= last))
            return -EINVAL;
        flux_idset_add_range(set, lo, hi);
        last = hi;
    }
    return 0;
}

int flux_idset_decode(const char *s, struct flux_idset **ret, struct flux_error *err)
{
    FLUX_AUTO(idset) set = flux_idset_new();
    bool bracket = *s == '[';
    const char *p = s + bracket;
    int r = parse_list(&p, bracket ? ']' : '\0', set);

    if (r == 0 && bracket && *++p)
        r = -EINVAL;
    if (r < 0)
        return flux_error_set(
            err, r, "idset '%.64s': expected ascending ids such as 0,3,5-7 (at '%.16s')", s, p);
    *ret = FLUX_GIVE(set);
    return 0;
}

/* Decimal digits of n at p; returns the end. */
static char *put_id(char *p, unsigned n)
{
    char tmp[12];
    size_t len = 0;

    do
        tmp[len++] = '0' + n % 10;
    while (n /= 10);
    while (len)
        *p++ = tmp[--len];
    return p;
}

static void put_range(struct flux_buf *b, unsigned lo, unsigned hi)
{
    char *start = flux_buf_reserve(b, 32);
    char *p = start;

    if (b->len)
        *p++ = ',';
    p = put_id(p, lo);
    if (hi > lo) {
        *p++ = '-';
        p = put_id(p, hi);
    }
    b->len += p - start;
    *p = '\0';
}

/* The last id of the run of members that begins at lo. */
static unsigned run_end(const struct flux_idset *set, unsigned lo)
{
    while (flux_idset_contains(set, lo + 1))
        lo++;
    return lo;
}

char *flux_idset_encode(const struct flux_idset *set, int flags)
{
    struct flux_buf b = FLUX_BUF_INIT((size_t)FLUX_IDSET_MAX * 12);
    unsigned id = flux_idset_first(set);
    char *text, *bracketed;

    while (id != FLUX_IDSET_NONE) {
        unsigned hi = flags & FLUX_IDSET_RANGE ? run_end(set, id) : id;
        put_range(&b, id, hi);
        id = flux_idset_next(set, hi);
    }
    text = flux_buf_take(&b);
    if (!(flags & FLUX_IDSET_BRACKETS) || flux_idset_count(set) < 2)
        return text;
    bracketed = flux_printf("[%s]", text);
    free(text);
    return bracketed;
}
