// SPDX-License-Identifier: LGPL-3.0-only
/* Reading configuration files from disk, whole or not at all. A file is judged by its open
 * descriptor, so what was checked is what is read. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/buf.h>

#include "config.h"

#define FILES_MAX 1024 /* of one directory */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && !strcmp(s + n - m, end);
}

/* --- whom to believe --- */

static int check_stat(const struct stat *st, const char *path, enum flux_configfile_trust trust,
                      struct flux_error *err)
{
    mode_t others = trust == FLUX_CONFIG_TRUST_ROOT ? 022 : 002;

    if (trust == FLUX_CONFIG_TRUST_ANY)
        return 0;
    if (st->st_uid != 0 && (trust == FLUX_CONFIG_TRUST_ROOT || st->st_uid != geteuid()))
        return flux_error_set(err, -EPERM, "%s belongs to user %u: it must belong to root%s", path,
                              (unsigned)st->st_uid,
                              trust == FLUX_CONFIG_TRUST_ROOT ? "" : " or to who runs Flux");
    if (st->st_mode & others)
        return flux_error_set(err, -EPERM, "%s may be written by others (mode %04o): chmod %s it",
                              path, (unsigned)st->st_mode & 07777,
                              trust == FLUX_CONFIG_TRUST_ROOT ? "go-w" : "o-w");
    return 0;
}

/* Every directory above may replace what is below it. */
static int check_parents(const char *path, struct flux_error *err)
{
    FLUX_AUTO_STR real = realpath(path, NULL);
    char *slash;
    struct stat st;
    int r;

    if (!real)
        return flux_error_sys(err, -errno, "%s", path);
    while ((slash = strrchr(real, '/'))) {
        slash[slash == real] = '\0';
        if (stat(real, &st) < 0)
            return flux_error_sys(err, -errno, "%s", real);
        if ((r = check_stat(&st, real, FLUX_CONFIG_TRUST_ROOT, err)) < 0)
            return r;
        if (slash == real)
            break;
    }
    return 0;
}

/* --- one file --- */

static int read_file(int fd, const char *path, struct flux_buf *b, struct flux_error *err)
{
    ssize_t n = 1;

    while (n > 0) {
        char chunk[16384];
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

static int open_file(int dir, const char *name, const char *path, enum flux_configfile_trust trust,
                     struct flux_error *err)
{
    FLUX_AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return flux_error_sys(err, -errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return flux_error_set(err, -EINVAL, "%s is not a regular file", path);
    if ((r = check_stat(&st, path, trust, err)) < 0)
        return r;
    r = fd;
    fd = -1;
    return r;
}

static int load_file(int dir, const char *name, const char *path, enum flux_configfile_trust trust,
                     struct flux_configfile **ret, struct flux_error *err)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(CONFIG_FILE_MAX);
    FLUX_AUTO_FD int fd = open_file(dir, name, path, trust, err);
    const char *text;
    int r;

    if (fd < 0)
        return fd;
    if ((r = read_file(fd, path, &b, err)) < 0)
        return r;
    text = b.data ? b.data : "";
    if (ends_with(path, ".json"))
        return flux_configfile_parse_json(text, path, ret, err);
    return flux_configfile_parse(text, path, ret, err);
}

/* --- merging --- */

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

void flux_configfile_merge(struct flux_configfile *to, const struct flux_configfile *from)
{
    merge(flux_configfile_json(to), flux_configfile_json(from));
    merge_marks(to, from, flux_configfile_json(from), "");
}

/* Who spreads the entries of a list over files may not know that lists are not joined. */
static void note_replaced(struct flux_configfile *cfg, json_t *to, json_t *from, const char *path)
{
    const char *key;
    json_t *value;

    json_object_foreach (from, key, value) {
        FLUX_AUTO_STR sub = flux_printf("%s%s%s", path, *path ? "." : "", key);
        json_t *old = json_object_get(to, key);

        if (json_is_object(json_array_get(old, 0)) && json_array_size(value))
            json_object_set_new(config_replaced(cfg), sub,
                                json_string(flux_configfile_where(cfg, sub)));
        else
            note_replaced(cfg, old, value, sub);
    }
}

/* --- a directory of them --- */

struct names {
    char *name[FILES_MAX];
    size_t n;
    size_t json; /* how many of them are .json */
};

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->name[i]);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(DIR *dir, const char *path, struct names *names, struct flux_error *err)
{
    struct dirent *e;

    while ((e = readdir(dir))) {
        bool json = ends_with(e->d_name, ".json");
        if (e->d_name[0] == '.' || (!json && !ends_with(e->d_name, ".toml")))
            continue;
        if (names->n == FILES_MAX)
            return flux_error_set(err, -EFBIG, "%s: more than %d files", path, FILES_MAX);
        names->name[names->n++] = flux_strdup(e->d_name);
        names->json += json;
    }
    if (names->json && names->n > 1)
        return flux_error_set(err, -EINVAL, "%s: one .json file must be the only one", path);
    qsort(names->name, names->n, sizeof(names->name[0]), by_name);
    return 0;
}

static int load_names(int dir, const char *path, const struct names *names,
                      enum flux_configfile_trust trust, struct flux_configfile **ret,
                      struct flux_error *err)
{
    FLUX_AUTO(configfile) cfg = flux_configfile_new();

    for (size_t i = 0; i < names->n; i++) {
        FLUX_AUTO_STR full = flux_printf("%s/%s", path, names->name[i]);
        FLUX_AUTO(configfile) file = NULL;
        int r = load_file(dir, names->name[i], full, trust, &file, err);
        if (r < 0)
            return r;
        note_replaced(cfg, flux_configfile_json(cfg), flux_configfile_json(file), "");
        flux_configfile_merge(cfg, file);
    }
    *ret = FLUX_GIVE(cfg);
    return 0;
}

static int load_dir(int fd, const char *path, enum flux_configfile_trust trust,
                    struct flux_configfile **ret, struct flux_error *err)
{
    struct names names = {.n = 0};
    DIR *dir = fdopendir(fd);
    int r;

    if (!dir) {
        r = -errno;
        close(fd);
        return flux_error_sys(err, r, "%s", path);
    }
    r = list_names(dir, path, &names, err);
    if (r == 0)
        r = load_names(fd, path, &names, trust, ret, err);
    names_done(&names);
    closedir(dir);
    return r;
}

int flux_configfile_load(const char *path, enum flux_configfile_trust trust,
                         struct flux_configfile **ret, struct flux_error *err)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    struct stat st;

    if (dir < 0 && errno != ENOTDIR)
        return flux_error_sys(err, -errno, "configuration %s", path);
    if (trust == FLUX_CONFIG_TRUST_ROOT)
        r = check_parents(path, err);
    if (r == 0 && dir < 0)
        return load_file(AT_FDCWD, path, path, trust, ret, err);
    if (r == 0 && fstat(dir, &st) < 0)
        r = flux_error_sys(err, -errno, "%s", path);
    if (r == 0)
        r = check_stat(&st, path, trust, err);
    if (r == 0)
        return load_dir(dir, path, trust, ret, err);
    if (dir >= 0)
        close(dir);
    return r;
}
