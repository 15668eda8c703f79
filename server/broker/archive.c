// SPDX-License-Identifier: LGPL-3.0-only
/* `auto` stands for the directory dump/ in statedir: a dump there gets a link named RESTORE, which
 * the next start follows, once. A restore begins with an empty store; the one that was there is
 * kept until the restore has succeeded. */
#include "archive.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <flux/paths.h>
#include <flux/v1/kvs.h>

#include "rc.h"

static const char *const files[] = {"content.sqlite",         "content.sqlite-wal",
                                    "content.sqlite-mark",    "job-history.sqlite",
                                    "job-history.sqlite-wal", "job-history.sqlite-mark"};

struct archive {
    struct broker *b;
    char *path; /* the archive */
    struct rc *rc;
    void (*restored)(int r, void *arg);
    void (*saved)(void *arg);
    void *arg;
};

static const char *attr(const struct broker *b, const char *name)
{
    const char *value = attrs_get(b->attrs, name);

    return value && *value ? value : NULL;
}

/* Where state is kept, or NULL. */
static const char *statedir(const struct broker *b)
{
    return b->statedir_made ? NULL : attr(b, "statedir");
}

static char *link_path(const struct broker *b)
{
    return flux_printf("%s/dump/RESTORE", attr(b, "statedir"));
}

/* For /bin/sh. */
static char *quoted(const char *s)
{
    struct flux_buf out = FLUX_BUF_INIT(1 << 20);

    flux_buf_putc(&out, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            flux_buf_puts(&out, "'\\''");
        else
            flux_buf_putc(&out, *s);
    }
    flux_buf_putc(&out, '\'');
    return flux_buf_take(&out);
}

static char *command(const char *verb, const char *path)
{
    FLUX_AUTO_STR bindir = flux_path_get("bindir");
    FLUX_AUTO_STR where = quoted(bindir);
    FLUX_AUTO_STR what = quoted(path);

    return flux_printf("%s/flux %s %s", where, verb, what);
}

static struct archive *archive_new(struct broker *b, void *arg)
{
    struct archive *a = flux_alloc(sizeof(*a));

    a->b = b;
    a->arg = arg;
    return a;
}

static void archive_free(struct archive *a)
{
    free(a->path);
    free(a);
}

/* --- restore --- */

/* Caller frees; NULL: nothing to restore. */
static char *restore_path(const struct broker *b)
{
    const char *value = attr(b, "content.restore");
    FLUX_AUTO_STR link = NULL;

    if (!value || b->rank > 0)
        return NULL;
    if (strcmp(value, "auto") != 0)
        return flux_strdup(value);
    if (!statedir(b))
        return NULL;
    link = link_path(b);
    return access(link, F_OK) == 0 ? realpath(link, NULL) : NULL;
}

/* Move the files of the store to or from names that end in ".before-restore". */
static int move_aside(const struct broker *b, bool back, struct flux_error *err)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(files); i++) {
        FLUX_AUTO_STR name = flux_printf("%s/%s", attr(b, "statedir"), files[i]);
        FLUX_AUTO_STR aside = flux_printf("%s.before-restore", name);

        if (back)
            unlink(name);
        if (rename(back ? aside : name, back ? name : aside) < 0 && errno != ENOENT)
            return flux_error_sys(err, -errno, "content.restore: cannot move %s aside", name);
    }
    return 0;
}

static void drop_aside(const struct broker *b)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(files); i++) {
        FLUX_AUTO_STR aside = flux_printf("%s/%s.before-restore", attr(b, "statedir"), files[i]);

        unlink(aside);
    }
}

/* A restore that was interrupted: what it had begun is worth nothing. */
static int take_back(const struct broker *b, struct flux_error *err)
{
    FLUX_AUTO_STR aside = flux_printf("%s/%s.before-restore", attr(b, "statedir"), files[0]);

    return access(aside, F_OK) == 0 ? move_aside(b, true, err) : 0;
}

int archive_restore_prepare(struct broker *b, struct flux_error *err)
{
    FLUX_AUTO_STR path = restore_path(b);
    int r = 0;

    if (b->rank == 0 && statedir(b))
        r = take_back(b, err);
    if (r < 0 || !path)
        return r;
    if (access(path, R_OK) < 0)
        return flux_error_sys(err, -errno, "content.restore: cannot read %s", path);
    if (statedir(b))
        r = move_aside(b, false, err);
    return r < 0 ? r : 1;
}

static void restored(int status, void *arg)
{
    struct archive *a = arg;
    struct broker *b = a->b;
    const char *value = attr(b, "content.restore");

    if (status == 0 && strcmp(value, "auto") == 0) {
        FLUX_AUTO_STR link = link_path(b);
        unlink(link);
    }
    if (status == 0 && statedir(b))
        drop_aside(b);
    if (status != 0)
        broker_log(b, LOG_CRIT,
                   "content.restore: %s was not restored; the next start begins with "
                   "the store that was there before",
                   a->path);
    a->restored(status == 0 ? 0 : -EIO, a->arg);
    archive_free(a);
}

void archive_restore(struct broker *b, void (*done)(int r, void *arg), void *arg)
{
    struct archive *a = archive_new(b, arg);
    FLUX_AUTO_STR cmd = NULL;
    struct flux_error err;

    a->path = restore_path(b);
    a->restored = done;
    cmd = command("restore --checkpoint", a->path);
    if (rc_start(b, "content.restore", cmd, restored, a, &a->rc, &err) < 0) {
        broker_log(b, LOG_ERR, "content.restore: %s", err.text);
        restored(W_EXITCODE(1, 0), a);
    }
}

/* --- save --- */

static const char *dump_wanted(const struct broker *b)
{
    const char *wish = b->archive.dump;

    if (b->rank > 0 || attr(b, "broker.recovery-mode"))
        return wish;
    if (!wish)
        wish = attr(b, "content.dump");
    return wish && (strcmp(wish, "auto") != 0 || (statedir(b) && !b->archive.skip_gc)) ? wish
                                                                                       : NULL;
}

bool archive_save_wanted(const struct broker *b)
{
    return b->rank == 0 && (dump_wanted(b) || (b->archive.gc && statedir(b)));
}

static void collected(struct flux_future *f, void *arg)
{
    const flux_kvs_gc_response *out;
    struct archive *a = arg;
    struct flux_error err;

    if (flux_kvs_gc_result(f, &out, &err) < 0)
        broker_log(a->b, LOG_ERR, "garbage collection: %s", err.text);
    else
        broker_log(a->b, LOG_INFO,
                   "garbage collection: %llu blobs removed, the store has %llu bytes",
                   (unsigned long long)out->blobs_removed, (unsigned long long)out->store_bytes);
    flux_future_free(f);
    a->saved(a->arg);
    archive_free(a);
}

static void collect(struct archive *a)
{
    flux_kvs_gc_request in = FLUX_KVS_GC_REQUEST_INIT;

    if (!a->b->archive.gc || !statedir(a->b)) {
        a->saved(a->arg);
        archive_free(a);
        return;
    }
    broker_log(a->b, LOG_INFO, "garbage collection: begun");
    in.clients = in.compact = true;
    flux_future_then(flux_kvs_gc_async(a->b->h, FLUX_RANK(0), &in), collected, a);
}

/* The next start is to restore this one. */
static void point_to(struct archive *a)
{
    FLUX_AUTO_STR link = link_path(a->b);
    FLUX_AUTO_STR temp = flux_printf("%s.new", link);
    const char *name = strrchr(a->path, '/') + 1;

    unlink(temp);
    if (symlink(name, temp) < 0 || rename(temp, link) < 0)
        broker_log(a->b, LOG_ERR, "content.dump: cannot make the link %s: %s", link,
                   strerror(errno));
}

static void dumped(int status, void *arg)
{
    struct archive *a = arg;
    struct broker *b = a->b;

    if (status != 0) {
        broker_log(b, LOG_ERR, "content.dump: the archive %s is not complete", a->path);
        unlink(a->path);
    } else if (strcmp(dump_wanted(b), "auto") == 0)
        point_to(a);
    collect(a);
}

static char *auto_path(const struct broker *b)
{
    FLUX_AUTO_STR dir = flux_printf("%s/dump", attr(b, "statedir"));
    time_t now = (time_t)flux_walltime();
    char stamp[32];
    struct tm tm;

    mkdir(dir, 0700); /* what is wrong with it, the dump will say */
    localtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%d_%H%M%S", &tm);
    return flux_printf("%s/%s.tgz", dir, stamp);
}

/* {{id}} and {{jobid}} stand for the job that this instance is. Caller frees. */
static char *expanded(const struct broker *b, const char *path)
{
    static const char *const tags[] = {"{{jobid}}", "{{id}}"};
    struct flux_buf out = FLUX_BUF_INIT(1 << 16);
    const char *jobid = attr(b, "jobid");

    while (*path) {
        size_t skip = 0;

        for (size_t i = 0; i < FLUX_ARRAY_SIZE(tags) && jobid; i++) {
            if (strncmp(path, tags[i], strlen(tags[i])) == 0)
                skip = strlen(tags[i]);
        }
        if (skip)
            flux_buf_puts(&out, jobid);
        else
            flux_buf_putc(&out, *path);
        path += skip ? skip : 1;
    }
    return flux_buf_take(&out);
}

void archive_save(struct broker *b, void (*done)(void *arg), void *arg)
{
    const char *wish = dump_wanted(b);
    struct archive *a = archive_new(b, arg);
    FLUX_AUTO_STR cmd = NULL;
    struct flux_error err;

    a->saved = done;
    if (!wish) {
        collect(a);
        return;
    }
    a->path = strcmp(wish, "auto") == 0 ? auto_path(b) : expanded(b, wish);
    cmd = command("dump --ignore-failed-read", a->path);
    if (rc_start(b, "content.dump", cmd, dumped, a, &a->rc, &err) < 0) {
        broker_log(b, LOG_ERR, "content.dump: %s", err.text);
        dumped(W_EXITCODE(1, 0), a);
    }
}
