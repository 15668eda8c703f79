// SPDX-License-Identifier: LGPL-3.0-only
/* flux R decode: a resource set, or part of one, in a form to read. */
#include "rsets.h"

#include <jansson.h>

#include <flux/constraint.h>

#include "resview.h"

static const struct flux_option options[] = {
    {"short", 's', OPT_FLAG, NULL, "Print a short form: rank0/core[0-3]"},
    {"nodelist", 'n', OPT_FLAG, NULL, "Print the host names"},
    {"ranks", 'r', OPT_FLAG, NULL, "Print the ranks"},
    {"count", 'c', OPT_STR, "TYPE", "Print the number of node, core or gpu"},
    {"include", 'i', OPT_STR, "IDS|HOSTS", "Only these ranks or hosts"},
    {"exclude", 'x', OPT_STR, "IDS|HOSTS", "Without these ranks or hosts"},
    {"properties", 'p', OPT_STR, "LIST", "Only ranks with these properties (^NAME: without)"},
    {NULL},
};

/* "a,^b" -> those that have a and not b. */
static int by_properties(const struct flux_rset *set, const char *list, struct flux_idset *keep,
                         struct flux_error *err)
{
    json_t *names = json_array(), *o;
    FLUX_AUTO(constraint) c = NULL;
    FLUX_AUTO(idset) match = NULL;
    int r;

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        json_array_append_new(names, json_stringn(p, n));
        p += n + (p[n] == ',');
    }
    o = json_pack("{s:o}", "properties", names);
    r = flux_constraint_parse(o, &c, err);
    json_decref(o);
    if (r < 0)
        return r;
    match = flux_rset_match(set, c);
    flux_idset_keep_set(keep, match);
    return 0;
}

static struct flux_rset *select_part(const struct cli *cli, const struct flux_rset *set,
                                     struct flux_error *err)
{
    const char *include = cli_str(cli, "include", NULL);
    const char *exclude = cli_str(cli, "exclude", NULL);
    const char *properties = cli_str(cli, "properties", NULL);
    FLUX_AUTO(idset) keep = flux_rset_ranks(set);

    if (include) {
        FLUX_AUTO(idset) ranks = resview_targets(set, include, err);

        if (!ranks)
            return NULL;
        flux_idset_keep_set(keep, ranks);
    }
    if (exclude) {
        FLUX_AUTO(idset) ranks = resview_targets(set, exclude, err);

        if (!ranks)
            return NULL;
        flux_idset_remove_set(keep, ranks);
    }
    if (properties && by_properties(set, properties, keep, err) < 0)
        return NULL;
    return flux_rset_copy_ranks(set, keep);
}

static int print(const struct cli *cli, const struct flux_rset *set)
{
    const char *type = cli_str(cli, "count", NULL);
    FLUX_AUTO_STR text = NULL;

    if (type && strcmp(type, "node") == 0)
        return printf("%zu\n", flux_rset_nnodes(set)) < 0;
    if (type && strcmp(type, "core") == 0)
        return printf("%zu\n", flux_rset_ncores(set)) < 0;
    if (type && strcmp(type, "gpu") == 0)
        return printf("%zu\n", flux_rset_ngpus(set)) < 0;
    if (type)
        return cli_fail(cli, "unknown type '%s': not node, core or gpu", type);
    if (cli_has(cli, "short")) {
        text = flux_rset_summary(set);
    } else if (cli_has(cli, "nodelist")) {
        text = flux_rset_nodelist(set);
    } else if (cli_has(cli, "ranks")) {
        FLUX_AUTO(idset) ranks = flux_rset_ranks(set);

        text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
    } else {
        return rsets_print(set);
    }
    return puts(text) < 0;
}

static int run(struct cli *cli)
{
    struct rsets sets = rsets_read(cli, 1);
    struct flux_error err = {""};
    FLUX_AUTO(rset) part = select_part(cli, sets.list[0], &err);

    rsets_done(&sets);
    return part ? print(cli, part) : cli_fail(cli, "%s", err.text);
}

const struct flux_verb verb_R_decode = {
    .path = "R decode",
    .summary = "Print a resource set, or part of it",
    .options = {options},
    .run = run,
};
