// SPDX-License-Identifier: LGPL-3.0-only
/* Query text to constraint to match; and constraints and counts from JSON of any shape. */
#include <flux/constraint.h>
#include <flux/count.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const json_t *o)
{
    FLUX_AUTO(constraint) c = NULL;
    struct flux_constraint_node node = {.rank = 3, .hostname = "host3"};
    struct flux_error err;

    if (flux_constraint_parse(o, &c, &err) == 0)
        flux_constraint_match(c, &node);
}

static void count(const char *text)
{
    FLUX_AUTO(count) c = NULL;
    struct flux_error err;
    unsigned v, n = 0;

    if (flux_count_decode(text, &c, &err) < 0)
        return;
    for (v = flux_count_first(c); v && n < 100; v = flux_count_next(c, v), n++)
        if (flux_count_fit(c, v) != v)
            abort();
    free(flux_count_encode(c, FLUX_COUNT_SHORT | FLUX_COUNT_BRACKETS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FLUX_AUTO_STR text = flux_strndup((const char *)data, size);
    struct flux_error err;
    json_t *o = NULL;

    if (flux_query_parse(text, &flux_query_nodes, &o, &err) == 0)
        match(o);
    json_decref(o);
    o = json_loads(text, 0, NULL);
    if (o)
        match(o);
    json_decref(o);
    count(text);
    return 0;
}
