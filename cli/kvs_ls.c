// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs ls: names in directories, in columns as ls(1) has them. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"recursive", 'R', OPT_FLAG, NULL, "List directories below, too"},
    {"directory", 'd', OPT_FLAG, NULL, "List directories themselves, not what is in them"},
    {"width", 'w', OPT_INT, "COLUMNS", "Width of the output (0 = all in one line)"},
    {"1", '1', OPT_FLAG, NULL, "One name a line"},
    {"classify", 'F', OPT_FLAG, NULL, "Append '.' to directories and '@' to symbolic links"},
    {NULL},
};

struct names {
    char **list;
    size_t count;
    size_t longest;
};

static void names_add(struct names *names, struct cli *cli, const char *name, flux_kvs_type type)
{
    const char *mark = "";

    if (cli_has(cli, "classify"))
        mark = type == FLUX_KVS_TYPE_DIR ? "." : type == FLUX_KVS_TYPE_SYMLINK ? "@" : "";
    names->list = flux_realloc(names->list, names->count + 1, sizeof(*names->list));
    names->list[names->count] = flux_printf("%s%s", name, mark);
    if (strlen(names->list[names->count]) > names->longest)
        names->longest = strlen(names->list[names->count]);
    names->count++;
}

static int width(struct cli *cli)
{
    struct winsize w;
    const char *columns = getenv("COLUMNS");
    int wanted = cli_int(cli, "width", -1);

    if (cli_has(cli, "1"))
        return 1;
    if (wanted >= 0)
        return wanted;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    return columns ? atoi(columns) : 80;
}

/* Down the columns, then across; frees the names. */
static void names_print(struct cli *cli, struct names *names)
{
    size_t cell = names->longest + 2, total = width(cli);
    size_t columns = total == 0 ? names->count : total / cell;
    size_t rows;

    if (columns == 0)
        columns = 1;
    rows = (names->count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < names->count; i += rows) {
            if (i + rows < names->count)
                printf("%-*s", (int)cell, names->list[i]);
            else
                puts(names->list[i]);
        }
    }
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct names){0};
}

static int list_dir(struct cli *cli, const char *key, bool header, bool *blank)
{
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct names names = {0};
    struct flux_error err;
    int r = kvs_list(cli, kvs_namespace(cli), key, "", &out, &err);

    if (r < 0)
        return kvs_fail(cli, key, r, &err);
    if (header)
        printf("%s%s:\n", *blank ? "\n" : "", key);
    *blank = true;
    for (size_t i = 0; i < out->n_entries; i++)
        names_add(&names, cli, out->entries[i]->name, out->entries[i]->type);
    names_print(cli, &names);
    for (size_t i = 0; i < out->n_entries && cli_has(cli, "recursive") && r == 0; i++) {
        FLUX_AUTO_STR full = kvs_join(key, out->entries[i]->name);

        if (out->entries[i]->type == FLUX_KVS_TYPE_DIR)
            r = list_dir(cli, full, true, blank);
    }
    return r;
}

/* What is no directory comes first, as in ls(1). */
static int run(struct cli *cli)
{
    static char *root[] = {".", NULL};
    char **keys = cli->argc ? cli->argv : root;
    int count = cli->argc ? cli->argc : 1;
    bool *is_dir = flux_alloc(count);
    struct names names = {0};
    bool blank = false;
    int r = 0;

    for (int i = 0; i < count; i++) {
        flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
        FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
        struct flux_error err;
        int e;

        in.namespace_ = kvs_namespace(cli);
        in.key = keys[i];
        e = flux_kvs_get(cli_handle(cli), FLUX_ANY, &in, &out, &err);
        if (e < 0)
            r = kvs_fail(cli, keys[i], e, &err);
        else if (out->type == FLUX_KVS_TYPE_DIR && !cli_has(cli, "directory"))
            is_dir[i] = true;
        else
            names_add(&names, cli, keys[i], out->type);
    }
    if (names.count) {
        names_print(cli, &names);
        blank = true;
    }
    for (int i = 0; i < count; i++) {
        if (is_dir[i] &&
            list_dir(cli, keys[i], count > 1 || cli_has(cli, "recursive"), &blank) != 0)
            r = 1;
    }
    free(is_dir);
    return r;
}

const struct flux_verb verb_kvs_ls = {
    .path = "kvs ls",
    .args = "[KEY...]",
    .summary = "List directory",
    .options = {kvs_options, options},
    .run = run,
};
