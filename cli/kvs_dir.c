// SPDX-License-Identifier: LGPL-3.0-only
/* flux kvs dir: the keys of a directory with their values. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvs/kvs.h"

static const struct flux_option options[] = {
    {"recursive", 'R', OPT_FLAG, NULL, "Show what is in directories below, too"},
    {"directory", 'd', OPT_FLAG, NULL, "List keys without their values"},
    {"width", 'w', OPT_INT, "COLUMNS", "Cut lines at this width (0 = never)"},
    {"at", 'a', OPT_STR, "TREEOBJ", "Show this snapshot (see flux kvs getroot)"},
    {NULL},
};

struct dir {
    struct cli *cli;
    const char *ns, *at;
    bool recursive, names;
    int width;
};

static int terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    return columns && isatty(STDOUT_FILENO) ? atoi(columns) : 0;
}

/* One line, its control characters escaped, cut with "..." where there is no more room. */
static void print_line(const struct dir *d, const char *key, const char *value, size_t len)
{
    struct flux_buf line = FLUX_BUF_INIT(1 << 30);
    size_t max = d->width > 3 ? d->width : 0;

    flux_buf_printf(&line, "%s = ", key);
    for (size_t i = 0; i < len && (!max || line.len <= max); i++) {
        unsigned char c = value[i];

        if (c == '\n')
            flux_buf_puts(&line, "\\n");
        else if (c < 0x20 || c == 0x7f)
            flux_buf_printf(&line, "\\x%02x", c);
        else
            flux_buf_putc(&line, c);
    }
    if (max && line.len > max)
        printf("%.*s...\n", (int)max - 3, line.data);
    else
        puts(line.data);
    flux_buf_done(&line);
}

static int print_value(const struct dir *d, const char *key)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    FLUX_AUTO_BUF value = FLUX_BUF_INIT(1 << 30);
    struct flux_error err;
    int r;

    in.namespace_ = (char *)d->ns;
    in.key = (char *)key;
    in.rootref = (char *)d->at;
    r = kvs_read(d->cli, &in, &out, &value, &err);
    if (r < 0)
        return kvs_fail(d->cli, key, r, &err);
    print_line(d, key, value.data ? value.data : "", value.len);
    return 0;
}

static int print_dir(const struct dir *d, const char *key);

static int print_entry(const struct dir *d, const char *key, const flux_kvs_entry *e)
{
    if (e->type == FLUX_KVS_TYPE_DIR) {
        if (d->recursive)
            return print_dir(d, key);
        printf("%s.\n", key);
    } else if (e->type == FLUX_KVS_TYPE_SYMLINK)
        printf("%s -> %s\n", key, e->target);
    else if (d->names)
        puts(key);
    else
        return print_value(d, key);
    return 0;
}

static int print_dir(const struct dir *d, const char *key)
{
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct flux_error err;
    int r = kvs_list(d->cli, d->ns, key, d->at, &out, &err);

    if (r < 0)
        return kvs_fail(d->cli, key, r, &err);
    if (out->type != FLUX_KVS_TYPE_DIR)
        return cli_fail(d->cli, "%s: %s", key, strerror(ENOTDIR));
    for (size_t i = 0; i < out->n_entries && r == 0; i++) {
        FLUX_AUTO_STR full = kvs_join(key, out->entries[i]->name);
        r = print_entry(d, full, out->entries[i]);
    }
    return r;
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR at = kvs_at(cli);
    struct dir d = {
        .cli = cli,
        .ns = kvs_namespace(cli),
        .at = at,
        .recursive = cli_has(cli, "recursive"),
        .names = cli_has(cli, "directory"),
        .width = cli_int(cli, "width", -1),
    };

    if (!at)
        return 1;
    if (cli->argc > 1)
        return cli_misused(cli, "expected at most one KEY");
    if (d.width < 0)
        d.width = terminal_width();
    return print_dir(&d, cli->argc ? cli->argv[0] : ".");
}

const struct flux_verb verb_kvs_dir = {
    .path = "kvs dir",
    .args = "[KEY]",
    .summary = "Display all keys under directory",
    .options = {kvs_options, options},
    .run = run,
};
