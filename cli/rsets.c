// SPDX-License-Identifier: LGPL-3.0-only
/* Reading and printing of R. */
#include "rsets.h"

#include <jansson.h>

#include "readfile.h"

enum { INPUT_MAX = 256 << 20 };

static void add(const struct cli *cli, struct rsets *sets, json_t *o)
{
    struct flux_error err = {""};

    sets->list = flux_realloc(sets->list, sets->count + 1, sizeof(sets->list[0]));
    if (flux_rset_from_json(o, &sets->list[sets->count], &err) < 0)
        cli_die(cli, "standard input, object %zu: %s", sets->count + 1, err.text);
    sets->count++;
}

struct rsets rsets_read(const struct cli *cli, size_t least)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(INPUT_MAX);
    struct rsets sets = {NULL, 0};
    struct flux_error err = {""};

    if (cli_read_file("-", &text, &err) < 0)
        cli_die(cli, "%s", err.text);
    for (const char *p = text.data, *end = text.data + text.len;;) {
        json_error_t e;
        json_t *o;

        p += strspn(p, " \t\r\n");
        if (p >= end)
            break;
        o = json_loadb(p, (size_t)(end - p), JSON_DISABLE_EOF_CHECK, &e);
        if (!o)
            cli_die(cli, "standard input, object %zu: %s", sets.count + 1, e.text);
        add(cli, &sets, o);
        json_decref(o);
        p += e.position;
    }
    if (sets.count < least)
        cli_die(cli, "expected %zu resource set%s on standard input, got %zu", least,
                least == 1 ? "" : "s", sets.count);
    return sets;
}

void rsets_done(struct rsets *sets)
{
    for (size_t i = 0; i < sets->count; i++)
        flux_rset_free(sets->list[i]);
    free(sets->list);
}

int rsets_print(const struct flux_rset *set)
{
    FLUX_AUTO_STR text = flux_rset_encode(set);

    return puts(text) < 0;
}

int rsets_fold(struct cli *cli,
               struct flux_rset *(*op)(const struct flux_rset *a, const struct flux_rset *b,
                                       struct flux_error *err))
{
    struct rsets sets = rsets_read(cli, 1);
    FLUX_AUTO(rset) sum = flux_rset_copy(sets.list[0]);
    struct flux_error err = {""};

    for (size_t i = 1; i < sets.count; i++) {
        struct flux_rset *next = op(sum, sets.list[i], &err);

        if (!next) {
            rsets_done(&sets);
            return cli_fail(cli, "%s", err.text);
        }
        flux_rset_free(sum);
        sum = next;
    }
    rsets_done(&sets);
    return rsets_print(sum);
}
