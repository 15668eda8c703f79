// SPDX-License-Identifier: LGPL-3.0-only
/* The text form of hostlists (RFC 29): expressions prefix[idlist]suffix separated by commas. */
#include <stdio.h>

#include <flux/buf.h>

#include "hostlist.h"

/* One expression, cut into its parts; `ids` is what is between the brackets (NULL: none). */
struct expr {
    const char *prefix, *ids, *suffix;
    size_t prefix_len, ids_len, suffix_len;
};

static size_t name_span(const char *s)
{
    size_t n = 0;

    while (s[n] > ' ' && s[n] < 127 && !strchr("[],", s[n]))
        n++;
    return n;
}

/* Cut the expression at *s, which ends at a comma or the end of the text; moves *s there. */
static int parse_expr(const char **s, struct expr *e)
{
    const char *p = *s;

    *e = (struct expr){.prefix = p, .prefix_len = name_span(p)};
    p += e->prefix_len;
    if (*p == '[') {
        e->ids = ++p;
        e->ids_len = strspn(p, "0123456789,-");
        p += e->ids_len;
        if (*p++ != ']')
            return -EINVAL;
        e->suffix = p;
        e->suffix_len = name_span(p);
        p += e->suffix_len;
    }
    if (*p && *p != ',')
        return -EINVAL;
    *s = p;
    return e->prefix_len + e->suffix_len + 20 < FLUX_HOST_SIZE ? 0 : -EINVAL;
}

static int parse_number(const char **s, const char *end, uint64_t *n, int *digits)
{
    const char *p = *s;

    *n = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (p - *s == 18)
            return -EINVAL;
        *n = *n * 10 + (*p - '0');
    }
    *digits = p - *s;
    *s = p;
    return *digits ? 0 : -EINVAL;
}

/* "07" or "07-12". The first element's leading zeros hold for all elements: *width starts at 0. */
static int parse_range(const char **s, const char *end, uint64_t lo_hi[2], int *width, int *pad)
{
    const char *start = *s;
    int digits, hi_digits;

    if (parse_number(s, end, &lo_hi[0], &digits) < 0)
        return -EINVAL;
    *width = *start == '0' ? digits : 1;
    if (*pad == 0)
        *pad = *width;
    if (*width < *pad)
        *width = *pad;
    lo_hi[1] = lo_hi[0];
    if (*s < end && **s == '-') {
        *s += 1;
        if (parse_number(s, end, &lo_hi[1], &hi_digits) < 0)
            return -EINVAL;
    }
    return lo_hi[1] < lo_hi[0] ? -EINVAL : 0;
}

/* Names that do not end in the range's digits, or whose prefix does: one by one. */
static int push_each(struct flux_hostlist *hl, const struct expr *e, uint64_t lo, uint64_t hi,
                     int width)
{
    char name[FLUX_HOST_SIZE + 32];
    struct host host;
    int r = hi - lo >= FLUX_HOSTLIST_MAX ? -E2BIG : 0;

    for (uint64_t n = lo; n <= hi && r == 0; n++) {
        int len = snprintf(name, sizeof(name), "%.*s%0*llu%.*s", (int)e->prefix_len, e->prefix,
                           width, (unsigned long long)n, (int)e->suffix_len, e->suffix);
        host_split(name, len, &host);
        r = hostlist_push_host(hl, &host);
    }
    return r;
}

static int push_ids(struct flux_hostlist *hl, const struct expr *e)
{
    const char *p = e->ids, *end = p + e->ids_len;
    char last = e->prefix_len ? e->prefix[e->prefix_len - 1] : 'x';
    bool plain = e->suffix_len == 0 && (last < '0' || last > '9');
    uint64_t range[2];
    int width, pad = 0, r;

    for (;;) {
        r = parse_range(&p, end, range, &width, &pad);
        if (r == 0 && plain)
            r = hostlist_push(hl, e->prefix, e->prefix_len, range[0], range[1], width);
        else if (r == 0)
            r = push_each(hl, e, range[0], range[1], width);
        if (r < 0 || p == end)
            return r;
        if (*p++ != ',')
            return -EINVAL;
    }
}

static int push_expr(struct flux_hostlist *hl, const struct expr *e)
{
    struct host host;

    if (e->ids)
        return push_ids(hl, e);
    if (e->prefix_len == 0)
        return 0;
    host_split(e->prefix, e->prefix_len, &host);
    return hostlist_push_host(hl, &host);
}

int flux_hostlist_decode(const char *s, struct flux_hostlist **ret, struct flux_error *err)
{
    FLUX_AUTO(hostlist) hl = flux_hostlist_new();
    const char *p = s;
    struct expr e;
    int r;

    for (;; p++) {
        const char *start = p;
        r = parse_expr(&p, &e);
        if (r == 0)
            r = push_expr(hl, &e);
        if (r == -E2BIG)
            return flux_error_set(err, r, "hostlist '%.64s': more than %u hosts", s,
                                  FLUX_HOSTLIST_MAX);
        if (r < 0)
            return flux_error_set(err, r,
                                  "hostlist: '%.64s' is not NAME or PREFIX[IDS]SUFFIX such as "
                                  "node[1-3,07]-ib",
                                  start);
        if (!*p)
            break;
    }
    *ret = FLUX_GIVE(hl);
    return 0;
}

int flux_hostlist_append(struct flux_hostlist *hl, const char *hosts, struct flux_error *err)
{
    FLUX_AUTO(hostlist) more = NULL;
    int r = flux_hostlist_decode(hosts, &more, err);

    if (r < 0)
        return r;
    r = flux_hostlist_append_list(hl, more);
    return r < 0 ? flux_error_set(err, r, "hostlist: more than %u hosts", FLUX_HOSTLIST_MAX) : 0;
}

/* May `run` stand in one pair of brackets that `first` opens, and read back as it is? */
static bool joins(const struct run *first, const struct run *run)
{
    int pad = first->width > 1 && host_digits(first->lo, 0) < first->width ? first->width : 1;

    return run->width >= 0 && host_digits(run->lo, run->width) >= pad &&
           !strcmp(first->prefix, run->prefix);
}

static void put_run(struct flux_buf *b, const struct run *run)
{
    flux_buf_printf(b, "%0*llu", run->width, (unsigned long long)run->lo);
    if (run->hi > run->lo)
        flux_buf_printf(b, "-%0*llu", run->width, (unsigned long long)run->hi);
}

/* runs[0..n) share a prefix and a pair of brackets. */
static void put_group(struct flux_buf *b, const struct run *runs, size_t n)
{
    bool brackets = n > 1 || runs->hi > runs->lo;

    if (b->len)
        flux_buf_putc(b, ',');
    flux_buf_puts(b, runs->prefix);
    if (runs->width < 0)
        return;
    if (brackets)
        flux_buf_putc(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            flux_buf_putc(b, ',');
        put_run(b, &runs[i]);
    }
    if (brackets)
        flux_buf_putc(b, ']');
}

char *flux_hostlist_encode(const struct flux_hostlist *hl)
{
    struct flux_buf b = FLUX_BUF_INIT((size_t)FLUX_HOSTLIST_MAX * (FLUX_HOST_SIZE + 2));
    size_t n;

    for (size_t i = 0; i < hl->len; i += n) {
        const struct run *first = &hl->runs[i];
        for (n = 1; first->width >= 0 && i + n < hl->len && joins(first, &hl->runs[i + n]);)
            n++;
        put_group(&b, first, n);
    }
    return flux_buf_take(&b);
}
