// SPDX-License-Identifier: LGPL-3.0-only
/* What the hostlist files share: a list is an array of runs.
 * Invariants: a host is a prefix and its maximal trailing digits, so each name has one spelling as
 * a (prefix, digits, number) triple; `start` is the position of a run's first host. */
#ifndef FORMAT_HOSTLIST_H
#define FORMAT_HOSTLIST_H

#include <flux/hostlist.h>

struct run {
    char *prefix;
    uint64_t lo, hi; /* numbers, printed with at least `width` digits */
    size_t start;
    int width; /* -1: no number, the prefix is the name */
};

struct flux_hostlist {
    struct run *runs;
    size_t len, cap;
    size_t count; /* hosts */
};

/* A parsed name; prefix points into the name and is not terminated. */
struct host {
    const char *prefix;
    size_t prefix_len;
    uint64_t number;
    int digits; /* length of the digits as written; 0 = no number */
    bool padded;
};

void host_split(const char *name, size_t len, struct host *ret);
/* How many digits `n` takes with a minimum width. */
int host_digits(uint64_t n, int width);
/* Print host number `offset` of the run. */
void host_print(const struct run *run, size_t offset, char buf[FLUX_HOST_SIZE]);
/* Append lo..hi; merges with the last run where that reads the same. 0 or -E2BIG. */
int hostlist_push(struct flux_hostlist *hl, const char *prefix, size_t prefix_len, uint64_t lo,
                  uint64_t hi, int width);
int hostlist_push_host(struct flux_hostlist *hl, const struct host *host);
void hostlist_clear(struct flux_hostlist *hl);

#endif
