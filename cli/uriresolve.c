// SPDX-License-Identifier: LGPL-3.0-only
/* An instance that is a job tells its address as a memo of the job, {"uri": ...}; one walks down a
 * path of jobs by asking each instance for the next. */
#include "uriresolve.h"

#include <limits.h>
#include <unistd.h>

#include <flux/buf.h>
#include <flux/eventlog.h>
#include <flux/fluid.h>
#include <flux/handle.h>
#include <flux/v1/job_info.h>

#include "readfile.h"

char *uri_local_form(const char *uri)
{
    const char *path = strstr(uri, "://");

    path = path ? strchr(path + 3, '/') : NULL;
    return path ? flux_printf("local://%.*s", (int)strcspn(path, "?"), path) : flux_strdup(uri);
}

char *uri_remote_form(const char *uri)
{
    char host[HOST_NAME_MAX + 1] = "localhost";

    if (strncmp(uri, "local://", 8) != 0)
        return flux_strdup(uri);
    gethostname(host, sizeof(host) - 1);
    return flux_printf("ssh://%s%s", host, uri + 8);
}

/* The last memo with a uri. */
static void find_uri(const char *log, char **ret)
{
    struct flux_eventlog_cursor c = {log, log + strlen(log), 0};
    struct flux_eventlog_entry e;

    while (flux_eventlog_next(&c, &e, NULL) == 1) {
        const char *uri = json_string_value(json_object_get(e.context, "uri"));

        if (strcmp(e.name, "memo") == 0 && uri) {
            free(*ret);
            *ret = flux_strdup(uri);
        }
        flux_eventlog_entry_done(&e);
    }
}

static int uri_of_job(struct flux *h, const char *name, bool wait, char **ret,
                      struct flux_error *err)
{
    flux_job_info_watch_request in = FLUX_JOB_INFO_WATCH_REQUEST_INIT;
    const flux_job_info_watch_response *out;
    FLUX_AUTO(future) f = NULL;
    FLUX_AUTO_STR uri = NULL;
    int r = flux_fluid_parse(name, &in.id, err);

    if (r < 0)
        return r;
    in.path = (char *)"eventlog";
    in.nofollow = !wait;
    f = flux_job_info_watch_stream(h, FLUX_ANY, &in);
    while ((r = flux_job_info_watch_result(f, &out, err)) == 0) {
        find_uri(out->events, &uri);
        if (uri && wait)
            break;
        flux_future_next(f);
    }
    if (r < 0 && r != -ENODATA)
        return r; /* the text names the job */
    if (!uri)
        return flux_error_set(err, -ENOENT, "URI not found for job %s", name);
    *ret = FLUX_GIVE(uri);
    return 0;
}

/* The address of the instance above `h`; its own if there is none. */
static char *parent_of(struct flux *h, const char *uri, bool *is_root)
{
    const char *parent = flux_attr(h, "parent-uri");

    *is_root = !parent || !*parent;
    return flux_strdup(*is_root ? uri : parent);
}

static int climb_to_root(char **uri, struct flux_error *err)
{
    bool is_root = false;

    while (!is_root) {
        FLUX_AUTO_HANDLE h = NULL;
        int r = flux_open(*uri, &h, err);
        char *up;

        if (r < 0)
            return r;
        up = parent_of(h, *uri, &is_root);
        free(*uri);
        *uri = up;
    }
    return 0;
}

/* One part of a path, from the instance at *uri. */
static int step(char **uri, const char *part, bool wait, struct flux_error *err)
{
    FLUX_AUTO_HANDLE h = NULL;
    bool is_root;
    char *next = NULL;
    int r;

    if (!*part || strcmp(part, ".") == 0)
        return 0;
    r = flux_open(*uri, &h, err);
    if (r < 0)
        return r;
    if (strcmp(part, "..") == 0) {
        next = parent_of(h, *uri, &is_root);
    } else {
        r = uri_of_job(h, part, wait, &next, err);
        if (r < 0)
            return r;
    }
    free(*uri);
    *uri = next;
    return 0;
}

static int resolve_path(const char *path, bool wait, char **ret, struct flux_error *err)
{
    FLUX_AUTO_STR uri = flux_strdup(getenv("FLUX_URI"));
    int r = 0;

    if (!uri) {
        FLUX_AUTO_HANDLE h = NULL;
        const char *own;

        r = flux_open(NULL, &h, err);
        if (r < 0)
            return r;
        own = flux_attr(h, "local-uri");
        uri = flux_strdup(own ? own : "");
    }
    if (path[0] == '/')
        r = climb_to_root(&uri, err);
    for (const char *p = path; r == 0 && *p;) {
        size_t n = strcspn(p, "/");
        FLUX_AUTO_STR part = flux_strndup(p, n);

        r = step(&uri, part, wait, err);
        p += n + (p[n] == '/');
    }
    if (r == 0)
        *ret = FLUX_GIVE(uri);
    return r;
}

/* FLUX_URI in a process's environment. */
static int resolve_pid(const char *pid, char **ret, struct flux_error *err)
{
    FLUX_AUTO_STR path = flux_printf("/proc/%s/environ", pid);
    FLUX_AUTO_BUF env = FLUX_BUF_INIT(16 << 20);
    int r = cli_read_file(path, &env, err);

    if (r < 0)
        return r;
    for (const char *p = env.data, *end = env.data + env.len; p < end; p += strlen(p) + 1)
        if (strncmp(p, "FLUX_URI=", 9) == 0) {
            *ret = flux_strdup(p + 9);
            return 0;
        }
    return flux_error_set(err, -ENOENT, "process %s has no FLUX_URI", pid);
}

int uri_resolve(const char *target, bool wait, char **ret, struct flux_error *err)
{
    size_t n = strcspn(target, "?");
    FLUX_AUTO_STR name = flux_strndup(target, n);

    wait = wait || strcmp(target + n, "?wait") == 0;
    if (strncmp(name, "local:", 6) == 0 || strncmp(name, "ssh:", 4) == 0) {
        *ret = flux_strdup(target);
        return 0;
    }
    if (strncmp(name, "pid:", 4) == 0)
        return resolve_pid(name + 4, ret, err);
    if (strncmp(name, "jobid:", 6) != 0 && strchr(name, ':'))
        return flux_error_set(err, -EINVAL,
                              "%.64s: unknown scheme; expected local, ssh, jobid or pid", name);
    return resolve_path(strncmp(name, "jobid:", 6) == 0 ? name + 6 : name, wait, ret, err);
}
