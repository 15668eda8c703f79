// SPDX-License-Identifier: LGPL-3.0-only
/* Reading configuration files from disk, whole or not at all. */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/buf.h>

#include "config.h"

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && !strcmp(s + n - m, end);
}

static int read_file(const char *path, struct flux_buf *b, struct flux_error *err)
{
    FLUX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t n = 1;

    if (fd < 0)
        return flux_error_sys(err, -errno, "%s", path);
    while (n > 0) {
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            return flux_error_sys(err, -errno, "%s", path);
        else if (flux_buf_add(b, chunk, n) < 0)
            return flux_error_set(err, -EFBIG, "%s: larger than %zu MiB", path,
                                  CONFIG_FILE_MAX >> 20);
    }
    if (b->len && memchr(b->data, '\0', b->len))
        return flux_error_set(err, -EINVAL, "%s: a NUL byte in it", path);
    return 0;
}

static int load_file(const char *path, struct flux_configfile **ret, struct flux_error *err)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(CONFIG_FILE_MAX);
    int r = read_file(path, &b, err);
    const char *text = b.data ? b.data : "";

    if (r < 0)
        return r;
    if (ends_with(path, ".json"))
        return flux_configfile_parse_json(text, path, ret, err);
    return flux_configfile_parse(text, path, ret, err);
}

/* Tables of `from` merge into those of `to`; every other value replaces. */
static void merge(json_t *to, json_t *from)
{
    const char *key;
    json_t *value;

    json_object_foreach (from, key, value) {
        json_t *old = json_object_get(to, key);
        if (json_is_object(value)) {
            if (!json_is_object(old)) {
                old = json_object();
                json_object_set_new(to, key, old);
            }
            merge(old, value);
        } else {
            json_object_set(to, key, value);
        }
    }
}

/* The places of everything that came from `file`. */
static void merge_marks(struct flux_configfile *cfg, const struct flux_configfile *file, json_t *o,
                        const char *path)
{
    const char *key;
    json_t *value;
    size_t i;

    json_object_foreach (o, key, value) {
        FLUX_AUTO_STR sub = flux_printf("%s%s%s", path, *path ? "." : "", key);
        config_mark(cfg, sub, flux_configfile_where(file, sub), 0);
        merge_marks(cfg, file, value, sub);
    }
    json_array_foreach (o, i, value) {
        FLUX_AUTO_STR sub = flux_printf("%s.%zu", path, i);
        config_mark(cfg, sub, flux_configfile_where(file, sub), 0);
        merge_marks(cfg, file, value, sub);
    }
}

static int load_files(const glob_t *files, struct flux_configfile **ret, struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = flux_configfile_new();

    for (size_t i = 0; i < files->gl_pathc; i++) {
        FLUX_AUTO(configfile) file = NULL;
        int r = load_file(files->gl_pathv[i], &file, err);
        if (r < 0)
            return r;
        merge(flux_configfile_json(cfg), flux_configfile_json(file));
        merge_marks(cfg, file, flux_configfile_json(file), "");
    }
    *ret = FLUX_GIVE(cfg);
    return 0;
}

static int glob_in(const char *dir, const char *pattern, glob_t *files)
{
    FLUX_AUTO_STR path = flux_printf("%s/%s", dir, pattern);
    int r = glob(path, 0, NULL, files);

    return r == 0 || r == GLOB_NOMATCH ? 0 : -EIO;
}

static int load_dir(const char *path, struct flux_configfile **ret, struct flux_error *err)
{
    glob_t files = {0}, json = {0};
    int r = glob_in(path, "*.toml", &files);

    if (r == 0)
        r = glob_in(path, "*.json", &json);
    if (r < 0)
        flux_error_set(err, r, "%s: cannot list the directory", path);
    else if (json.gl_pathc > 1 || (json.gl_pathc && files.gl_pathc))
        r = flux_error_set(err, -EINVAL, "%s: one .json file must be the only one", path);
    else
        r = load_files(json.gl_pathc ? &json : &files, ret, err);
    globfree(&files);
    globfree(&json);
    return r;
}

int flux_configfile_load(const char *path, struct flux_configfile **ret, struct flux_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return flux_error_sys(err, -errno, "configuration %s", path);
    return S_ISDIR(st.st_mode) ? load_dir(path, ret, err) : load_file(path, ret, err);
}
