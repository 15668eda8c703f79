// SPDX-License-Identifier: LGPL-3.0-only
/* Search paths for programs that Flux starts. A directory is listed once: setting up twice changes
 * nothing the second time. */
#include "environ.h"

#include <unistd.h>

#include <flux/buf.h>
#include <flux/paths.h>

enum { ENV_MAX = 1 << 20 };

static const struct row {
    const char *name;    /* the variable */
    const char *prepend; /* the variable whose directories come first, or NULL */
    const char *path;    /* name of our own directories in flux_path_get() */
    bool keep_empty;     /* an empty element at the end means the system's default (man) */
} rows[] = {
    {"FLUX_EXEC_PATH", "FLUX_EXEC_PATH_PREPEND", "exec_path", false},
    {"FLUX_MODULE_PATH", "FLUX_MODULE_PATH_PREPEND", "module_path", false},
    {"FLUX_CONNECTOR_PATH", "FLUX_CONNECTOR_PATH_PREPEND", "connector_path", false},
    {"PYTHONPATH", "FLUX_PYTHONPATH_PREPEND", "python_path", false},
    {"MANPATH", NULL, "man_path", true},
    {"PATH", NULL, "bindir", false},
};

static bool contains(const struct flux_buf *list, const char *dir, size_t n)
{
    for (const char *p = list->data; p && *p;) {
        size_t len = strcspn(p, ":");

        if (len == n && memcmp(p, dir, n) == 0)
            return true;
        p += len + (p[len] == ':');
    }
    return false;
}

static void add_dirs(struct flux_buf *list, const char *dirs)
{
    while (dirs && *dirs) {
        size_t n = strcspn(dirs, ":");

        if (n > 0 && !contains(list, dirs, n)) {
            if (list->len > 0)
                flux_buf_putc(list, ':');
            flux_buf_add(list, dirs, n);
        }
        dirs += n + (dirs[n] == ':');
    }
}

static void set_row(const struct row *row, bool verbose)
{
    FLUX_AUTO_BUF list = FLUX_BUF_INIT(ENV_MAX);
    FLUX_AUTO_STR own = flux_path_get(row->path);
    const char *old = getenv(row->name);

    if (row->prepend)
        add_dirs(&list, getenv(row->prepend));
    add_dirs(&list, own);
    add_dirs(&list, old);
    if (row->keep_empty)
        flux_buf_putc(&list, ':');
    if (list.failed || (old && strcmp(old, list.data) == 0))
        return;
    setenv(row->name, list.data, 1);
    if (verbose)
        fprintf(stderr, "flux: %s=%s\n", row->name, list.data);
}

void cli_environ_setup(bool verbose)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++)
        set_row(&rows[i], verbose);
}

void cli_environ_path(void)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, "PATH") == 0)
            set_row(&rows[i], false);
}

const char *cli_environ_name(size_t i)
{
    return i < FLUX_ARRAY_SIZE(rows) ? rows[i].name : NULL;
}

static char *find_on(const char *dirs, const char *word)
{
    while (dirs && *dirs) {
        size_t n = strcspn(dirs, ":");
        char *program = flux_printf("%.*s/flux-%s", (int)n, dirs, word);

        if (n > 0 && access(program, X_OK) == 0)
            return program;
        free(program);
        dirs += n + (dirs[n] == ':');
    }
    return NULL;
}

char *cli_external_find(const char *word)
{
    char *program = find_on(getenv("FLUX_EXEC_PATH"), word);

    return program ? program : find_on(getenv("PATH"), word);
}
