// SPDX-License-Identifier: LGPL-3.0-only
/* Hostlists as (multi)sets: order, repeats, membership. Names are compared through one hash table,
 * so that each operation is linear in the hosts involved. */
#include <strings.h>
#include <uthash.h>

#include "hostlist.h"

/* A host of the list being sorted; `prefix` stays owned by the list's old runs. */
struct item {
    const char *prefix;
    uint64_t number;
    int digits; /* 0: no number */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compare prefixes, runs of digits in them as numbers; equal only if identical. */
static int compare_prefix(const char *a, const char *b)
{
    const char *p = a, *q = b;

    while (*p && *q) {
        if (is_digit(*p) && is_digit(*q)) {
            size_t n = strspn(p, "0123456789"), m = strspn(q, "0123456789");
            int r = n != m ? (n < m ? -1 : 1) : strncmp(p, q, n);
            if (r)
                return r;
            p += n;
            q += m;
        } else if (*p != *q) {
            break;
        } else {
            p++, q++;
        }
    }
    return (unsigned char)*p - (unsigned char)*q;
}

static int compare(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;
    int r = a->prefix == b->prefix ? 0 : compare_prefix(a->prefix, b->prefix);

    if (r)
        return r;
    if (a->digits != b->digits)
        return a->digits - b->digits;
    return a->number < b->number ? -1 : a->number > b->number;
}

static size_t list_items(const struct flux_hostlist *hl, struct item *items)
{
    size_t n = 0;

    for (size_t i = 0; i < hl->len; i++) {
        const struct run *run = &hl->runs[i];
        for (uint64_t x = run->lo; x <= run->hi; x++)
            items[n++] = (struct item){
                .prefix = run->prefix,
                .number = x,
                .digits = run->width < 0 ? 0 : host_digits(x, run->width),
            };
    }
    return n;
}

static bool in_order(const struct item *items, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (compare(&items[i - 1], &items[i]) > 0)
            return false;
    return true;
}

void flux_hostlist_sort(struct flux_hostlist *hl)
{
    FLUX_AUTO_MEM(struct item) items = flux_realloc(NULL, hl->count, sizeof(struct item));
    FLUX_AUTO(hostlist) sorted = flux_hostlist_new();
    struct flux_hostlist old;
    size_t n = list_items(hl, items);

    if (in_order(items, n))
        return;
    qsort(items, n, sizeof(items[0]), compare);
    for (size_t i = 0; i < n; i++) {
        const struct item *it = &items[i];
        bool padded = it->digits > host_digits(it->number, 0);
        hostlist_push(sorted, it->prefix, strlen(it->prefix), it->number, it->number,
                      it->digits == 0 ? -1
                      : padded        ? it->digits
                                      : 1);
    }
    old = *hl;
    *hl = *sorted;
    *sorted = old;
}

/* Names with a number each: how often they may still be matched. */
struct name {
    UT_hash_handle hh;
    size_t n;
    char text[];
};

static struct name *table_add(struct name **table, const char *text)
{
    size_t len = strlen(text);
    struct name *name;

    HASH_FIND(hh, *table, text, len, name);
    if (!name) {
        name = flux_alloc(sizeof(*name) + len + 1);
        memcpy(name->text, text, len);
        HASH_ADD(hh, *table, text, len, name);
    }
    name->n++;
    return name;
}

static struct name *table_of(const struct flux_hostlist *hl)
{
    struct name *table = NULL;

    FLUX_HOSTLIST_FOREACH(hl, it, text)
    table_add(&table, text);
    return table;
}

static struct name *table_find(struct name *table, const char *text)
{
    struct name *name;

    HASH_FIND(hh, table, text, strlen(text), name);
    return name;
}

static void table_free(struct name *table)
{
    struct name *name, *next;

    HASH_ITER (hh, table, name, next) {
        HASH_DELETE(hh, table, name);
        free(name);
    }
}

void flux_hostlist_uniq(struct flux_hostlist *hl)
{
    FLUX_AUTO(hostlist) kept = flux_hostlist_new();
    struct name *table = NULL;
    struct flux_hostlist old;

    FLUX_HOSTLIST_FOREACH(hl, it, text)
    if (table_add(&table, text)->n == 1)
        flux_hostlist_append_host(kept, text);
    table_free(table);
    old = *hl;
    *hl = *kept;
    *kept = old;
}

/* Hosts of a whose presence in b equals `present`; `once`: a match uses one entry of b up. */
static struct flux_hostlist *filter(const struct flux_hostlist *a, const struct flux_hostlist *b,
                                    bool present, bool once)
{
    struct flux_hostlist *ret = flux_hostlist_new();
    struct name *table = table_of(b);

    FLUX_HOSTLIST_FOREACH(a, it, text)
    {
        struct name *name = table_find(table, text);
        bool match = name && name->n > 0;
        if (match == present)
            flux_hostlist_append_host(ret, text);
        if (match && once)
            name->n--;
    }
    table_free(table);
    return ret;
}

struct flux_hostlist *flux_hostlist_intersect(const struct flux_hostlist *a,
                                              const struct flux_hostlist *b)
{
    return filter(a, b, true, false);
}

struct flux_hostlist *flux_hostlist_exclude(const struct flux_hostlist *a,
                                            const struct flux_hostlist *b)
{
    return filter(a, b, false, false);
}

struct flux_hostlist *flux_hostlist_minus(const struct flux_hostlist *a,
                                          const struct flux_hostlist *b)
{
    return filter(a, b, false, true);
}

int flux_hostlist_delete(struct flux_hostlist *hl, const char *hosts, struct flux_error *err)
{
    FLUX_AUTO(hostlist) gone = NULL;
    FLUX_AUTO(hostlist) left = NULL;
    struct flux_hostlist old;
    int r = flux_hostlist_decode(hosts, &gone, err);

    if (r < 0)
        return r;
    left = flux_hostlist_minus(hl, gone);
    old = *hl;
    *hl = *left;
    *left = old;
    return old.count - hl->count;
}

struct flux_hostlist *flux_hostlist_pick(const struct flux_hostlist *hl,
                                         const struct flux_idset *positions)
{
    struct flux_hostlist *ret = flux_hostlist_new();
    size_t i = 0;

    FLUX_IDSET_FOREACH(positions, pos)
    {
        const struct run *run;
        uint64_t n;
        if (pos >= hl->count)
            break;
        while (hl->runs[i].start + (hl->runs[i].hi - hl->runs[i].lo) < pos)
            i++;
        run = &hl->runs[i];
        n = run->lo + (pos - run->start);
        hostlist_push(ret, run->prefix, strlen(run->prefix), n, n, run->width);
    }
    return ret;
}

int flux_hostlist_positions(const struct flux_hostlist *hl, const struct flux_hostlist *hosts,
                            struct flux_idset **ret, struct flux_error *err)
{
    FLUX_AUTO(idset) set = flux_idset_new();
    struct name *table = table_of(hosts);
    const char *missing = NULL;
    unsigned pos = 0;
    int r = 0;

    FLUX_HOSTLIST_FOREACH(hl, it, text)
    {
        struct name *name = table_find(table, text);
        if (name) {
            name->n = 0;
            flux_idset_add(set, pos);
        }
        pos++;
    }
    for (struct name *name = table; name && !missing; name = name->hh.next)
        missing = name->n ? name->text : NULL;
    if (missing)
        r = flux_error_set(err, -ENOENT, "unknown host '%s'", missing);
    else
        *ret = FLUX_GIVE(set);
    table_free(table);
    return r;
}
