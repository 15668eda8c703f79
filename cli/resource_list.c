// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource list: the scheduler's view of resources, a row for each state and kind of node. */
#include "listing.h"
#include "resview.h"

static const struct flux_option options[] = {
    RESVIEW_OPTIONS,
    LISTING_OPTIONS,
    {"skip-empty", 0, OPT_FLAG, NULL, "Skip states without resources"},
    {"no-skip-empty", 0, OPT_FLAG, NULL, "Show states without resources (the default)"},
    {NULL},
};

struct row {
    char *state, *queue, *properties, *shown;
    struct flux_rset *set;
};

#define ROW ((const struct row *)row)
#define GETTER(NAME)                                                                               \
    static void get_##NAME(const void *row, const char *name, struct format_value *v)

GETTER(state)
{
    format_set_string(v, ROW->state);
}

GETTER(queue)
{
    format_set_string(v, ROW->queue);
}

GETTER(properties)
{
    format_set_string(v, ROW->properties);
}

GETTER(shown)
{
    format_set_string(v, ROW->shown);
}

GETTER(nnodes)
{
    format_set_int(v, (long long)flux_rset_nnodes(ROW->set));
}

GETTER(ncores)
{
    format_set_int(v, (long long)flux_rset_ncores(ROW->set));
}

GETTER(ngpus)
{
    format_set_int(v, (long long)flux_rset_ngpus(ROW->set));
}

static void take(struct format_value *v, char *text)
{
    format_set_copy(v, text, strlen(text));
    free(text);
}

GETTER(ranks)
{
    FLUX_AUTO(idset) ranks = flux_rset_ranks(ROW->set);

    take(v, flux_idset_encode(ranks, FLUX_IDSET_RANGE));
}

GETTER(nodelist)
{
    take(v, flux_rset_nodelist(ROW->set));
}

GETTER(rlist)
{
    take(v, flux_rset_summary(ROW->set));
}

static const struct format_field fields[] = {
    {"state", "STATE", get_state, false},
    {"queue", "QUEUE", get_queue, false},
    {"properties", "PROPERTIES", get_properties, false},
    {"propertiesx", "PROPERTIES", get_shown, false},
    {"nnodes", "NNODES", get_nnodes, true},
    {"ncores", "NCORES", get_ncores, true},
    {"ngpus", "NGPUS", get_ngpus, true},
    {"ranks", "RANKS", get_ranks, true},
    {"nodelist", "NODELIST", get_nodelist, true},
    {"rlist", "LIST", get_rlist, true},
    {NULL},
};

static const struct format_named formats[] = {
    {"default", "Default flux-resource list format string",
     "{state:>10} ?:{queue:<10.10+} ?:{propertiesx:<10.10+} {nnodes:>6} {ncores:>8} ?:{ngpus:>8} "
     "{nodelist}"},
    {"rlist", "Format including resource list details",
     "{state:>10} ?:{queue:<8.8+} ?:{propertiesx:<10.10+} {nnodes:>6} {ncores:>8} {ngpus:>8} "
     "{rlist}"},
    {NULL},
};

static const struct listing listing = {"flux-resource-list", "FLUX_RESOURCE_LIST_FORMAT_DEFAULT",
                                       fields, formats};

struct table {
    struct row *rows;
    size_t count;
};

static void add_row(struct table *t, struct row row)
{
    if ((t->count & (t->count + 1)) == 0)
        t->rows = flux_realloc(t->rows, t->count * 2 + 1, sizeof(t->rows[0]));
    t->rows[t->count++] = row;
}

static void row_done(struct row *row)
{
    free(row->state);
    free(row->queue);
    free(row->properties);
    free(row->shown);
    flux_rset_free(row->set);
}

static void table_done(struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        row_done(&t->rows[i]);
    free(t->rows);
}

/* Nodes of one state that have the same queues and properties share a row. */
static void add_state(struct table *t, const struct resview *v, const char *state,
                      const struct flux_rset *set)
{
    FLUX_AUTO(idset) left = flux_rset_ranks(set);

    while (!flux_idset_empty(left)) {
        FLUX_AUTO(idset) same = flux_idset_new();
        unsigned first = flux_idset_first(left);
        struct row row = {.state = flux_strdup(state),
                          .queue = resview_queue_of(v, first),
                          .properties = resview_properties_of(v, first, false),
                          .shown = resview_properties_of(v, first, true)};

        FLUX_IDSET_FOREACH(left, rank)
        {
            FLUX_AUTO_STR queue = resview_queue_of(v, rank);
            FLUX_AUTO_STR properties = resview_properties_of(v, rank, false);

            if (strcmp(queue, row.queue) == 0 && strcmp(properties, row.properties) == 0)
                flux_idset_add(same, rank);
        }
        flux_idset_remove_set(left, same);
        row.set = flux_rset_copy_ranks(set, same);
        add_row(t, row);
    }
}

/* Rows that look alike in this format become one. */
static void merge_rows(struct table *t, const struct format *f)
{
    char **keys = flux_alloc(t->count * sizeof(keys[0]) + 1);
    size_t n = 0;

    for (size_t i = 0; i < t->count; i++) {
        char *key = format_merge_key(f, &t->rows[i]);
        struct flux_rset *both = NULL;
        size_t k = 0;

        while (k < n && strcmp(keys[k], key) != 0)
            k++;
        if (k < n && flux_rset_union(t->rows[k].set, t->rows[i].set, &both, NULL) == 0) {
            flux_rset_free(t->rows[k].set);
            t->rows[k].set = both;
            row_done(&t->rows[i]);
            free(key);
        } else {
            keys[n] = key;
            t->rows[n++] = t->rows[i];
        }
    }
    for (size_t i = 0; i < n; i++)
        free(keys[i]);
    free(keys);
    t->count = n;
}

static int fill(struct table *t, struct cli *cli, const struct resview *v, struct flux_error *err)
{
    const char *states = cli_str(cli, "states", "free,allocated,down");
    bool skip = cli_has(cli, "skip-empty") && !cli_has(cli, "no-skip-empty");

    for (const char *p = states; *p;) {
        size_t n = strcspn(p, ",");
        FLUX_AUTO_STR name = flux_strndup(p, n);
        const struct flux_rset *set = resview_state(v, name);

        if (!set)
            return flux_error_set(err, -EINVAL, "Invalid resource state %s specified", name);
        if (flux_rset_nnodes(set) > 0)
            add_state(t, v, name, set);
        else if (!skip)
            add_row(t, (struct row){.state = flux_strdup(name), .set = flux_rset_new()});
        p += n + (p[n] == ',');
    }
    return 0;
}

static int print(struct cli *cli, struct format *f, struct table *t, struct flux_error *err)
{
    merge_rows(t, f);
    return listing_print(f, t->rows, sizeof(t->rows[0]), t->count, NULL, !cli_has(cli, "no-header"),
                         err);
}

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    struct table t = {NULL, 0};
    struct format *f = NULL;
    struct resview v;
    int r;

    if (strcmp(cli_str(cli, "states", ""), "help") == 0) {
        fprintf(stderr, "flux-resource: INFO: valid states: free,allocated,down,up,all\n");
        return 0;
    }
    r = listing_format(cli, &listing, &f, &err);
    if (r > 0)
        return 0;
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    r = resview_init(&v, cli, &err);
    if (r == 0)
        r = fill(&t, cli, &v, &err);
    if (r == 0)
        r = print(cli, f, &t, &err);
    table_done(&t);
    resview_done(&v);
    format_free(f);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

const struct flux_verb verb_resource_list = {
    .path = "resource list",
    .summary = "List resources as the scheduler sees them",
    .options = {options},
    .tagged = true,
    .run = run,
};
