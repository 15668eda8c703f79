// SPDX-License-Identifier: LGPL-3.0-only
/* The files of a configuration directory, opened and judged one by one, read in order of names. */
#include "node.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secure.h"

struct names {
    char *name[CONF_FILES_MAX];
    size_t len;
};

static bool is_toml(const char *name)
{
    size_t n = strlen(name);

    return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".toml") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(DIR *dir, struct names *names)
{
    struct dirent *entry;

    while ((errno = 0, entry = readdir(dir))) {
        if (!is_toml(entry->d_name))
            continue;
        if (names->len == CONF_FILES_MAX)
            return -E2BIG;
        names->name[names->len] = strdup(entry->d_name);
        if (!names->name[names->len])
            return -ENOMEM;
        names->len++;
    }
    if (errno)
        return -errno;
    qsort(names->name, names->len, sizeof(names->name[0]), by_name);
    return 0;
}

static int read_file(struct conf_root *root, int dir, const char *name, const char *path,
                     uid_t owner, struct imp_error *err)
{
    char *text = NULL;
    int fd = secure_open_at(dir, name, path, owner, err);

    if (fd < 0)
        return fd;
    ssize_t len = secure_read(fd, CONF_FILE_MAX, &text);
    close(fd);
    if (len < 0)
        return imp_error_sys(err, (int)len, "%s", path);
    int r = conf_read(root, text, (size_t)len, path, err);
    free(text);
    return r;
}

static int read_all(struct conf_root *root, DIR *dir, const char *path, uid_t owner,
                    struct imp_error *err)
{
    struct names names = {.len = 0};
    char file[PATH_MAX];
    int r = list(dir, &names);

    if (r < 0)
        imp_error_sys(err, r, "%s", path);
    else if (names.len == 0)
        r = imp_error_set(err, -ENOENT, "%s has no .toml file", path);
    for (size_t i = 0; i < names.len && r >= 0; i++) {
        if (snprintf(file, sizeof(file), "%s/%s", path, names.name[i]) >= (int)sizeof(file))
            r = imp_error_sys(err, -ENAMETOOLONG, "%s", path);
        else
            r = read_file(root, dirfd(dir), names.name[i], file, owner, err);
    }
    for (size_t i = 0; i < names.len; i++)
        free(names.name[i]);
    return r;
}

int conf_load(const char *path, uid_t owner, struct conf **ret, struct imp_error *err)
{
    int fd = secure_open_dir(path, owner, err);

    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    struct conf_root *root = conf_root_new();
    int r = !dir || !root ? imp_error_set(err, -ENOMEM, "out of memory")
                          : read_all(root, dir, path, owner, err);
    if (dir)
        closedir(dir);
    else
        close(fd);
    if (r < 0 && root)
        conf_free(&root->table);
    if (r == 0)
        *ret = &root->table;
    return r;
}
