// SPDX-License-Identifier: LGPL-3.0-only
/* Resource counts (RFC 14, 22, 45): an integer, a list of integers, or a range with a step. */
#ifndef FLUX_COUNT_H
#define FLUX_COUNT_H

#include <jansson.h>

#include <flux/base.h>

#pragma GCC visibility push(default)

#define FLUX_COUNT_MAX 2147483647u /* largest value a count may name */

struct flux_count_span {
    unsigned lo, hi;
};

struct flux_count {
    enum { FLUX_COUNT_INTEGER, FLUX_COUNT_LIST, FLUX_COUNT_RANGE } kind;
    unsigned min;                  /* smallest value, >= 1 */
    unsigned max;                  /* largest value; FLUX_COUNT_MAX in a range without end */
    bool open;                     /* range without end ("2+") */
    unsigned operand;              /* range: step */
    char op;                       /* range: '+', '*' or '^' */
    struct flux_count_span *spans; /* list: ascending, disjoint; owned */
    size_t nspans;
};

enum flux_count_flags {
    FLUX_COUNT_SHORT = 1,    /* ranges of the list as A-B; default steps left out */
    FLUX_COUNT_BRACKETS = 2, /* [..] around everything but a single integer */
};

void flux_count_free(struct flux_count *c);
FLUX_DEFINE_AUTO(count);

/* From text: "4", "1,7-9", "2+", "2-8:2:*", each optionally in brackets, or a JSON range object. */
int flux_count_decode(const char *s, struct flux_count **ret, struct flux_error *err);

/* From JSON: an integer, a string as above, {min}, {min,max}, or {min,max,operator,operand}. */
int flux_count_from_json(const json_t *o, struct flux_count **ret, struct flux_error *err);

/* Text form; caller frees. NULL: longer than 1 MiB (a huge list without FLUX_COUNT_SHORT). */
char *flux_count_encode(const struct flux_count *c, int flags);

/* Values in ascending order. */
unsigned flux_count_first(const struct flux_count *c);
/* The next value after `v`; 0 when there is none. */
unsigned flux_count_next(const struct flux_count *c, unsigned v);
/* The largest value <= limit; 0 when there is none. */
unsigned flux_count_fit(const struct flux_count *c, unsigned limit);

#pragma GCC visibility pop
#endif
