// SPDX-License-Identifier: LGPL-3.0-only
/* Where standard output and error go: to the job's output service, to files named by a template, or
 * (standalone) to the shell's own descriptors. A file that is the same for all nodes is written by
 * the first shell alone; the others send it their bytes. */
#include "shell.h"

#include <stdio.h>
#include <unistd.h>

#include <flux/v1/job_io.h>

#define LIMIT_SINGLE_USER ((uint64_t)1 << 30)
#define LIMIT_MULTI_USER ((uint64_t)10 << 20)

enum kind { TO_SERVICE, TO_OWN_FD, TO_FILES, TO_FIRST_SHELL };

struct sink {
    enum kind kind;
    bool lines, label, said;
    char *template;
    struct file **files; /* by local task; the same pointer for all where the path is */
    struct file *shared; /* for bytes of other nodes */
    uint64_t sent, limit;
};

static const char *const stream_names[STREAMS] = {"stdout", "stderr"};
static const int frame_streams[STREAMS] = {FLUX_JOB_IO_STREAM_STDOUT, FLUX_JOB_IO_STREAM_STDERR};

static const char *option(struct flux_shell *sh, int which, const char *name, const char *value)
{
    FLUX_AUTO_STR path = flux_printf("output.%s.%s", stream_names[which], name);

    return flux_shell_option_text(sh, path, value);
}

/* "10M", "1G", "512k", or a number of bytes. */
static int parse_size(const char *s, uint64_t *ret)
{
    static const char units[] = "kmgt";
    char *end;
    double n = strtod(s, &end);

    if (end == s || !(n >= 0) || n > 1e18)
        return -EINVAL;
    for (int i = 0; units[i] && *end; i++)
        if ((*end | 32) == units[i]) {
            n *= (double)((uint64_t)1 << (10 * (i + 1)));
            end++;
            break;
        }
    if (*end)
        return -EINVAL;
    *ret = n;
    return 0;
}

static int take_limit(struct flux_shell *sh, struct sink *k, struct flux_error *err)
{
    const char *text = flux_shell_option_text(sh, "output.limit", NULL);

    k->limit = sh->start->output_limit;
    if (!k->limit)
        k->limit = sh->start->multi_user ? LIMIT_MULTI_USER : LIMIT_SINGLE_USER;
    if (text && parse_size(text, &k->limit) < 0)
        return flux_error_set(err, -EINVAL, "output.limit: not a size: '%.32s'", text);
    return 0;
}

static int open_files(struct flux_shell *sh, int which, struct sink *k, struct flux_error *err)
{
    bool append = !strcmp(flux_shell_option_text(sh, "output.mode", "truncate"), "append");

    k->files = flux_alloc(sizeof(*k->files) * (sh->nlocal + 1));
    for (unsigned i = 0; i < sh->nlocal; i++) {
        FLUX_AUTO_STR path = mustache_render(sh, &sh->tasks[i], k->template);

        k->files[i] = file_open(path, append, err);
        if (!k->files[i])
            return flux_error_prefix(err, -EIO, "error opening %s file", stream_names[which]);
    }
    if (!mustache_per_node(k->template)) {
        FLUX_AUTO_STR path = mustache_render(sh, NULL, k->template);

        k->shared = file_open(path, append, err);
        if (!k->shared)
            return flux_error_prefix(err, -EIO, "error opening %s file", stream_names[which]);
    }
    return 0;
}

static void tell_redirect(struct flux_shell *sh, int which, const struct sink *k)
{
    FLUX_AUTO_STR path = NULL;

    if (sh->standalone || sh->rank != 0)
        return;
    path = mustache_render(sh, NULL, k->template);
    link_frame(sh->link, &(struct link_frame){.stream = FLUX_JOB_IO_STREAM_REDIRECT,
                                              .rank = sh->rank,
                                              .component = stream_names[which],
                                              .data = path,
                                              .len = strlen(path)});
}

/* Standard error goes where standard output goes unless it has a place of its own. */
static int sink_open(struct flux_shell *sh, int which, struct flux_error *err)
{
    struct sink *k = sh->sinks[which] = flux_alloc(sizeof(*k));
    int from = which == STREAM_ERR && !option(sh, STREAM_ERR, "type", NULL) ? STREAM_OUT : which;
    const char *type = option(sh, from, "type", "kvs");
    const char *path = option(sh, from, "path", NULL);
    const char *buffering = option(sh, which, "buffer.type", which == STREAM_OUT ? "line" : "none");
    const char *label = option(sh, from, "label", "off");

    k->label = !strcmp(label, "on") || !strcmp(label, "1");
    k->lines = !strcmp(buffering, "line") || k->label;
    if (take_limit(sh, k, err) < 0)
        return -EINVAL;
    if (strcmp(type, "file")) {
        k->kind = sh->standalone ? TO_OWN_FD : TO_SERVICE;
        return 0;
    }
    if (!path || !*path)
        return flux_error_set(err, -EINVAL, "output.%s: a file without a path", stream_names[from]);
    k->template = flux_strdup(path);
    tell_redirect(sh, which, k);
    if (sh->rank > 0 && !sh->standalone && !mustache_per_node(path)) {
        k->kind = TO_FIRST_SHELL;
        return 0;
    }
    k->kind = TO_FILES;
    return open_files(sh, which, k, err);
}

int sinks_open(struct flux_shell *sh, struct flux_error *err)
{
    for (int i = 0; i < STREAMS; i++) {
        int r = sink_open(sh, i, err);

        if (r < 0)
            return flux_error_prefix(err, r, "output");
    }
    return remote_start(sh);
}

bool sink_wants_lines(const struct flux_shell *sh, int which)
{
    return sh->sinks[which]->lines;
}

bool sink_is_gathered(const struct flux_shell *sh, int which)
{
    const struct sink *k = sh->sinks[which];

    return k && k->template && !mustache_per_node(k->template);
}

static void file_failed(struct flux_shell *sh, int which, int r)
{
    flux_shell_log(sh, FLUX_SHELL_ERROR, "output", "%s: write failed, output is lost: %s",
                   stream_names[which], strerror(-r));
}

static void to_own_fd(int which, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(which == STREAM_OUT ? STDOUT_FILENO : STDERR_FILENO, data, len);

        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            data += n;
            len -= n;
        }
    }
}

/* How many of `len` bytes are within the limit; the first that are not are announced. */
static size_t within_limit(struct flux_shell *sh, int which, struct sink *k, size_t len)
{
    uint64_t stored = link_stored(sh->link), used = k->sent > stored ? k->sent : stored;

    if (len <= k->limit - (used < k->limit ? used : k->limit))
        return len;
    if (!k->said) {
        k->said = true;
        flux_shell_log(sh, FLUX_SHELL_WARN, "output",
                       "%s will be truncated, %.6g MiB limit exceeded", stream_names[which],
                       k->limit / 1048576.);
    }
    return used < k->limit ? k->limit - used : 0;
}

static void to_service(struct flux_shell_task *t, int which, const char *data, size_t len, bool eof)
{
    struct flux_shell *sh = t->sh;
    struct sink *k = sh->sinks[which];
    bool gather = k->kind == TO_FIRST_SHELL;

    if (!gather && len)
        len = within_limit(sh, which, k, len);
    if (!len && !(eof && gather))
        return;
    k->sent += len;
    link_frame(sh->link, &(struct link_frame){.stream = frame_streams[which],
                                              .rank = t->rank,
                                              .component = gather ? FRAME_FOR_FILE : NULL,
                                              .data = data,
                                              .len = len,
                                              .eof = eof});
}

void sink_write(struct flux_shell_task *t, int which, const char *data, size_t len, bool eof)
{
    struct sink *k = t->sh->sinks[which];
    int r;

    switch (k->kind) {
    case TO_SERVICE:
    case TO_FIRST_SHELL:
        to_service(t, which, data, len, eof);
        break;
    case TO_OWN_FD:
        to_own_fd(which, data, len);
        break;
    case TO_FILES:
        r = file_write(k->files[t->index], data, len, k->label ? (long)t->rank : -1);
        if (r < 0)
            file_failed(t->sh, which, r);
        break;
    }
}

void sink_write_remote(struct flux_shell *sh, int which, unsigned rank, const char *data,
                       size_t len, bool eof)
{
    struct sink *k = sh->sinks[which];
    int r = k->shared ? file_write(k->shared, data, len, k->label ? (long)rank : -1) : 0;

    if (r < 0)
        file_failed(sh, which, r);
}

void sinks_close(struct flux_shell *sh)
{
    for (int i = 0; i < STREAMS; i++) {
        struct sink *k = sh->sinks[i];

        if (!k)
            continue;
        for (unsigned n = 0; k->files && n < sh->nlocal; n++)
            file_close(k->files[n]);
        file_close(k->shared);
        free(k->files);
        free(k->template);
        free(k);
        sh->sinks[i] = NULL;
    }
}
