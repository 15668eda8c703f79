// SPDX-License-Identifier: LGPL-3.0-only
/* Hostlists in memory: runs of consecutive names, appended and looked up. */
#include <stdio.h>

#include "hostlist.h"

#define DIGITS_MAX 18 /* what surely fits in 64 bits; digits before these belong to the prefix */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void host_split(const char *name, size_t len, struct host *ret)
{
    size_t p = len;

    while (p > 0 && len - p < DIGITS_MAX && is_digit(name[p - 1]))
        p--;
    *ret = (struct host){.prefix = name, .prefix_len = p, .digits = len - p};
    ret->padded = ret->digits > 1 && name[p] == '0';
    for (; p < len; p++)
        ret->number = ret->number * 10 + (name[p] - '0');
}

int host_digits(uint64_t n, int width)
{
    int digits = 1;

    while (n /= 10)
        digits++;
    return digits > width ? digits : width;
}

void host_print(const struct run *run, size_t offset, char buf[FLUX_HOST_SIZE])
{
    if (run->width < 0)
        snprintf(buf, FLUX_HOST_SIZE, "%s", run->prefix);
    else
        snprintf(buf, FLUX_HOST_SIZE, "%s%0*llu", run->prefix, run->width,
                 (unsigned long long)(run->lo + offset));
}

static size_t run_count(const struct run *run)
{
    return run->hi - run->lo + 1;
}

static bool same_prefix(const struct run *run, const char *prefix, size_t len)
{
    return !strncmp(run->prefix, prefix, len) && !run->prefix[len];
}

/* Do lo.. at `width` go on where the run ends, printing the same digits under the run's width? */
static bool continues(const struct run *run, const char *prefix, size_t len, uint64_t lo, int width)
{
    return run->width >= 0 && width >= 0 && run->hi + 1 == lo &&
           host_digits(lo, width) == host_digits(lo, run->width) && same_prefix(run, prefix, len);
}

static struct run *add_run(struct flux_hostlist *hl)
{
    if (hl->len == hl->cap) {
        hl->cap = hl->cap ? hl->cap * 2 : 4;
        hl->runs = flux_realloc(hl->runs, hl->cap, sizeof(struct run));
    }
    return &hl->runs[hl->len++];
}

int hostlist_push(struct flux_hostlist *hl, const char *prefix, size_t prefix_len, uint64_t lo,
                  uint64_t hi, int width)
{
    struct run *last = hl->len ? &hl->runs[hl->len - 1] : NULL;

    if (hi - lo >= FLUX_HOSTLIST_MAX - hl->count)
        return -E2BIG;
    if (last && continues(last, prefix, prefix_len, lo, width))
        last->hi = hi;
    else
        *add_run(hl) = (struct run){
            .prefix = flux_strndup(prefix, prefix_len),
            .lo = lo,
            .hi = hi,
            .width = width,
            .start = hl->count,
        };
    hl->count += hi - lo + 1;
    return 0;
}

int hostlist_push_host(struct flux_hostlist *hl, const struct host *host)
{
    int width = host->digits == 0 ? -1 : host->padded ? host->digits : 1;

    return hostlist_push(hl, host->prefix, host->prefix_len, host->number, host->number, width);
}

struct flux_hostlist *flux_hostlist_new(void)
{
    return flux_alloc(sizeof(struct flux_hostlist));
}

void hostlist_clear(struct flux_hostlist *hl)
{
    for (size_t i = 0; i < hl->len; i++)
        free(hl->runs[i].prefix);
    hl->len = hl->count = 0;
}

void flux_hostlist_free(struct flux_hostlist *hl)
{
    if (hl) {
        hostlist_clear(hl);
        free(hl->runs);
        free(hl);
    }
}

int flux_hostlist_append_list(struct flux_hostlist *hl, const struct flux_hostlist *more)
{
    FLUX_AUTO(hostlist) self = hl == more ? flux_hostlist_copy(more) : NULL;

    if (more->count > FLUX_HOSTLIST_MAX - hl->count)
        return -E2BIG;
    if (self)
        more = self;
    for (size_t i = 0; i < more->len; i++) {
        const struct run *run = &more->runs[i];
        hostlist_push(hl, run->prefix, strlen(run->prefix), run->lo, run->hi, run->width);
    }
    return 0;
}

struct flux_hostlist *flux_hostlist_copy(const struct flux_hostlist *hl)
{
    struct flux_hostlist *copy = flux_hostlist_new();

    flux_hostlist_append_list(copy, hl);
    return copy;
}

int flux_hostlist_append_host(struct flux_hostlist *hl, const char *name)
{
    size_t len = strlen(name);
    struct host host;

    if (len == 0 || len >= FLUX_HOST_SIZE)
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] >= 127 || strchr("[],", name[i]))
            return -EINVAL;
    host_split(name, len, &host);
    return hostlist_push_host(hl, &host);
}

size_t flux_hostlist_count(const struct flux_hostlist *hl)
{
    return hl->count;
}

/* The run that holds position n (< count). */
static size_t run_at(const struct flux_hostlist *hl, size_t n)
{
    size_t lo = 0, hi = hl->len;

    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (hl->runs[mid].start <= n)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

const char *flux_hostlist_nth(const struct flux_hostlist *hl, size_t n, char buf[FLUX_HOST_SIZE])
{
    const struct run *run;

    if (n >= hl->count)
        return NULL;
    run = &hl->runs[run_at(hl, n)];
    host_print(run, n - run->start, buf);
    return buf;
}

static bool run_has(const struct run *run, const struct host *host)
{
    if (run->width < 0 || host->digits == 0)
        return run->width < 0 && host->digits == 0 &&
               same_prefix(run, host->prefix, host->prefix_len);
    return host->number >= run->lo && host->number <= run->hi &&
           host_digits(host->number, run->width) == host->digits &&
           same_prefix(run, host->prefix, host->prefix_len);
}

ssize_t flux_hostlist_find_from(const struct flux_hostlist *hl, const char *name, size_t from)
{
    struct host host;

    if (from >= hl->count)
        return -ENOENT;
    host_split(name, strlen(name), &host);
    for (size_t i = run_at(hl, from); i < hl->len; i++) {
        const struct run *run = &hl->runs[i];
        size_t pos = run->start + (run->width < 0 ? 0 : host.number - run->lo);
        if (run_has(run, &host) && pos >= from)
            return pos;
    }
    return -ENOENT;
}

ssize_t flux_hostlist_find(const struct flux_hostlist *hl, const char *name)
{
    return flux_hostlist_find_from(hl, name, 0);
}

const char *flux_hostlist_next(const struct flux_hostlist *hl, struct flux_hostlist_iter *it)
{
    if (it->run < hl->len && it->offset == run_count(&hl->runs[it->run])) {
        it->run++;
        it->offset = 0;
    }
    if (it->run >= hl->len)
        return NULL;
    host_print(&hl->runs[it->run], it->offset++, it->name);
    return it->name;
}

bool flux_hostlist_equal(const struct flux_hostlist *a, const struct flux_hostlist *b)
{
    struct flux_hostlist_iter j = {0};

    if (a->count != b->count)
        return false;
    FLUX_HOSTLIST_FOREACH(a, i, name)
    if (strcmp(name, flux_hostlist_next(b, &j)) != 0)
        return false;
    return true;
}
