// SPDX-License-Identifier: LGPL-3.0-only
/* flux dump: a snapshot of the primary namespace as a tar archive. A directory is one of the
 * archive, a value a file, a link a symbolic link; '/' and '%' in names are written %2F and %25. */
#include <signal.h>

#include <flux/v1/content.h>

#include "kvs/kvs.h"
#include "tar/tar.h"

#define BATCH 200
#define ANSWER_BYTES (1u << 20) /* small values and directories come with their parent */

static const struct flux_option options[] = {
    {"verbose", 'v', OPT_FLAG, NULL, "List keys on standard error as they are archived"},
    {"quiet", 'q', OPT_FLAG, NULL, "Do not tell how many keys were archived"},
    {"checkpoint", 0, OPT_FLAG, NULL, "Archive the last checkpoint, not the present contents"},
    {"no-cache", 0, OPT_FLAG, NULL, "Accepted: reading for an archive displaces nothing for long"},
    {"maxreqs", 0, OPT_INT, "N", "Accepted: values are read in batches"},
    {"ignore-failed-read", 0, OPT_FLAG, NULL, "Go on when a value cannot be read"},
    {"sd-notify", 0, OPT_FLAG, NULL, "Accepted"},
    {NULL},
};

struct dump {
    struct cli *cli;
    struct tar tar;
    char *root;
    size_t keys, failed;
};

static char *archive_path(const char *key)
{
    struct flux_buf path = FLUX_BUF_INIT(1 << 20);

    for (; *key; key++) {
        if (*key == '.')
            flux_buf_putc(&path, '/');
        else if (*key == '/' || *key == '%')
            flux_buf_printf(&path, "%%%02X", *key);
        else
            flux_buf_putc(&path, *key);
    }
    return flux_buf_take(&path);
}

static void archived(struct dump *d, const char *key)
{
    d->keys++;
    if (cli_has(d->cli, "verbose"))
        fprintf(stderr, "%s\n", key);
}

static void check(struct dump *d, int r, const struct flux_error *err)
{
    if (r < 0)
        cli_die(d->cli, "%s", err->text);
}

/* A value that could not be read: the end, or a warning. */
static void failed(struct dump *d, const char *key, const struct flux_error *err)
{
    if (!cli_has(d->cli, "ignore-failed-read"))
        cli_die(d->cli, "%s: %s", key, err->text);
    cli_warn(d->cli, "%s: %s", key, err->text);
    d->failed++;
}

static void write_value(struct dump *d, const char *key, const void *data, size_t len)
{
    FLUX_AUTO_STR path = archive_path(key);
    struct flux_error err;

    check(d, tar_write_file(&d->tar, path, data, len, &err), &err);
    archived(d, key);
}

static void dump_value(struct dump *d, const char *key)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    FLUX_AUTO_BUF value = FLUX_BUF_INIT(1 << 30);
    struct flux_error err;

    in.key = (char *)key;
    in.rootref = d->root;
    if (kvs_read(d->cli, &in, &out, &value, &err) < 0)
        failed(d, key, &err);
    else
        write_value(d, key, value.data, value.len);
}

/* Values in one round trip; what is too long for it, or damaged, on its own. */
static void dump_values(struct dump *d, char **keys, size_t count)
{
    flux_kvs_get_many_request in = FLUX_KVS_GET_MANY_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_many_response) out = NULL;

    in.keys = (void *)keys;
    in.n_keys = count;
    in.rootref = d->root;
    if (flux_kvs_get_many(cli_handle(d->cli), FLUX_ANY, &in, &out, NULL) < 0)
        out = NULL;
    for (size_t i = 0; i < count; i++) {
        const flux_kvs_get_response *res = out ? out->results[i] : NULL;

        if (res && res->type != FLUX_KVS_TYPE_UNSPECIFIED && res->size == res->value.len)
            write_value(d, keys[i], res->value.data, res->value.len);
        else
            dump_value(d, keys[i]);
        free(keys[i]);
    }
}

static void dump_dir(struct dump *d, const char *key);
static void dump_entries(struct dump *d, const char *key, flux_kvs_entry **entries, size_t n);

static void dump_link(struct dump *d, const char *key, const char *target)
{
    FLUX_AUTO_STR path = archive_path(key);
    struct flux_error err;

    check(d, tar_write_symlink(&d->tar, path, target, &err), &err);
    archived(d, key);
}

/* A directory that came with its entries. */
static void dump_listed(struct dump *d, const char *key, flux_kvs_entry **entries, size_t n)
{
    FLUX_AUTO_STR path = archive_path(key);
    struct flux_error err;

    if (n == 0 && strcmp(key, ".") != 0) {
        check(d, tar_write_dir(&d->tar, path, &err), &err);
        archived(d, key);
    }
    dump_entries(d, key, entries, n);
}

/* What came as a whole; false: it must be asked for. */
static bool dump_whole(struct dump *d, const char *key, const flux_kvs_entry *e)
{
    if (e->type == FLUX_KVS_TYPE_SYMLINK)
        dump_link(d, key, e->target);
    else if (!e->whole)
        return false;
    else if (e->type == FLUX_KVS_TYPE_DIR)
        dump_listed(d, key, e->entries, e->n_entries);
    else
        write_value(d, key, e->value.len ? (const void *)e->value.data : "", e->value.len);
    return true;
}

static void dump_entries(struct dump *d, const char *key, flux_kvs_entry **entries, size_t n)
{
    char *values[BATCH];
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        const flux_kvs_entry *e = entries[i];
        char *full = kvs_join(key, e->name);

        if (!dump_whole(d, full, e)) {
            if (e->type != FLUX_KVS_TYPE_DIR) {
                values[count++] = full;
                if (count == BATCH) {
                    dump_values(d, values, count);
                    count = 0;
                }
                continue;
            }
            dump_dir(d, full);
        }
        free(full);
    }
    if (count)
        dump_values(d, values, count);
}

static void dump_dir(struct dump *d, const char *key)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) dir = NULL;
    struct flux_error err;

    in.key = (char *)key;
    in.rootref = d->root;
    in.list = true;
    in.expand = ANSWER_BYTES;
    if (flux_kvs_get(cli_handle(d->cli), FLUX_ANY, &in, &dir, &err) < 0)
        failed(d, key, &err);
    else
        dump_listed(d, key, dir->entries, dir->n_entries);
}

static char *snapshot(struct cli *cli)
{
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_root_response) out = NULL;
    flux_content_checkpoints_request list = FLUX_CONTENT_CHECKPOINTS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_content_checkpoints_response) checkpoints = NULL;
    struct flux_error err;

    if (cli_has(cli, "checkpoint")) {
        if (flux_content_checkpoints(cli_handle(cli), FLUX_ANY, &list, &checkpoints, &err) < 0)
            cli_die(cli, "%s", err.text);
        if (checkpoints->n_checkpoints == 0)
            cli_die(cli, "there is no checkpoint yet (see flux kvs sync)");
        return flux_strdup(checkpoints->checkpoints[0]->rootref);
    }
    if (flux_kvs_get_root(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        cli_die(cli, "%s", err.text);
    return flux_strdup(out->rootref);
}

static int run(struct cli *cli)
{
    struct dump d = {.cli = cli};
    struct flux_error err;

    if (cli->argc != 1)
        return cli_misused(cli, "expected OUTFILE ('-' is standard output)");
    signal(SIGPIPE, SIG_IGN);
    d.root = snapshot(cli);
    check(&d, tar_open(&d.tar, cli->argv[0], true, &err), &err);
    dump_dir(&d, ".");
    check(&d, tar_write_end(&d.tar, &err), &err);
    check(&d, tar_close(&d.tar, &err), &err);
    free(d.root);
    if (!cli_has(cli, "quiet"))
        fprintf(stderr, "%s: archived %zu keys\n", cli->tool, d.keys);
    return d.failed ? 1 : 0;
}

const struct flux_verb verb_dump = {
    .path = "dump",
    .args = "OUTFILE",
    .summary = "Write a KVS snapshot to a portable archive",
    .options = {options},
    .run = run,
};
