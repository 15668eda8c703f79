// SPDX-License-Identifier: LGPL-3.0-only
/* Following an eventlog. The KVS pushes what is new; lines are passed on whole, until the log says
 * that it is complete. */
#include "info.h"

#include <stdio.h>
#include <utlist.h>

#include <flux/fluid.h>

struct watch {
    struct flux_call *call;
    struct flux_future *f;
    uint64_t id;
    bool nofollow, checked;
    const char *last; /* name of the event that ends the log */
    struct flux_buf partial;
    struct watch *next, *prev;
};
static __thread struct watch *watches; /* of this module's thread */

static void drop(struct watch *w)
{
    DL_DELETE(watches, w);
    flux_future_free(w->f);
    flux_buf_done(&w->partial);
    free(w);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    drop(arg);
}

static void end(struct watch *w, int r, const char *text)
{
    struct flux_call *call = w->call;

    drop(w);
    if (r < 0)
        flux_call_error(call, -r, "%s", text);
    else
        flux_call_finish(call);
}

/* Does the last whole line in `b` name the event that ends the log? */
static bool is_complete(const struct flux_buf *b, size_t len, const char *last)
{
    const char *line = b->data + len - 1;
    FLUX_AUTO_STR needle = flux_printf("\"name\":\"%s\"", last);
    FLUX_AUTO_STR copy = NULL;

    while (line > b->data && line[-1] != '\n')
        line--;
    copy = flux_strndup(line, b->data + len - line);
    return strstr(copy, needle) != NULL;
}

static void pass_on(struct watch *w)
{
    flux_job_info_watch_response out = FLUX_JOB_INFO_WATCH_RESPONSE_INIT;
    const char *nl = w->partial.len ? memrchr(w->partial.data, '\n', w->partial.len) : NULL;
    size_t len = nl ? (size_t)(nl - w->partial.data) + 1 : 0;
    FLUX_AUTO_STR lines = NULL;
    bool complete;

    if (!len)
        return;
    lines = flux_strndup(w->partial.data, len);
    out.events = lines;
    flux_job_info_watch_send(w->call, &out);
    complete = is_complete(&w->partial, len, w->last);
    flux_buf_consume(&w->partial, len);
    if (complete)
        end(w, 0, NULL);
}

static void on_update(struct flux_future *f, void *arg)
{
    struct watch *w = arg;
    const flux_kvs_watch_response *out;
    struct flux_error err;
    int r = flux_kvs_watch_result(f, &out, &err);

    if (r < 0) {
        end(w, r == -ENODATA ? 0 : r, err.text);
        return;
    }
    if (out->absent)
        return;
    flux_buf_add(&w->partial, out->value.data, out->value.len);
    pass_on(w);
}

static void follow(struct watch *w, const char *path, bool waitcreate)
{
    flux_kvs_watch_request in = FLUX_KVS_WATCH_REQUEST_INIT;
    char key[FLUX_JOB_KEY_MAX];

    in.key = flux_job_key(key, w->id, path);
    in.waitcreate = waitcreate;
    w->f = flux_kvs_watch_stream(flux_call_data(w->call), FLUX_ANY, &in);
    flux_future_then(w->f, on_update, w);
}

/* A job that could not be taken over at a start has nobody who would write the end of its log. */
static int check_damage(const struct watch *w, const flux_kvs_get_response *note,
                        struct flux_error *err)
{
    if (note->type == FLUX_KVS_TYPE_UNSPECIFIED)
        return 0;
    return flux_error_set(err, -EIO, "job %s is damaged: %.*s", flux_fluid_f58(w->id),
                          (int)note->value.len, (const char *)note->value.data);
}

/* Before anything is passed on: whose job is it, and is there such a job? */
static void on_looked_up(struct flux_future *f, void *arg)
{
    struct watch *w = arg;
    const flux_job_info_watch_request *in = flux_call_aux(w->call);
    const char *path = *in->path ? in->path : "eventlog";
    const flux_kvs_get_many_response *res;
    struct flux_error err;
    int r = flux_kvs_get_many_result(f, &res, &err);

    if (r == 0 && res->results[0]->type == FLUX_KVS_TYPE_UNSPECIFIED)
        r = flux_error_set(&err, -ENOENT, "%s: unknown job id", flux_fluid_f58(w->id));
    if (r == 0)
        r = info_check_access(w->call, w->id, res->results[0]->value.data,
                              res->results[0]->value.len, &err);
    if (r == 0 && !in->nofollow)
        r = check_damage(w, res->results[1], &err);
    if (r == 0 && in->nofollow && res->results[1]->type == FLUX_KVS_TYPE_UNSPECIFIED)
        r = flux_error_set(&err, -ENOENT, "%s has no %s", flux_fluid_f58(w->id), path);
    if (r == 0 && in->nofollow)
        flux_buf_add(&w->partial, res->results[1]->value.data, res->results[1]->value.len);
    flux_future_free(f);
    w->f = NULL;
    if (r < 0)
        end(w, r, err.text);
    else if (in->nofollow) {
        w->last = "\n"; /* no event has that name: it ends here anyway */
        pass_on(w);
        end(w, 0, NULL);
    } else
        follow(w, path, in->waitcreate);
}

int job_info_watch(struct flux_call *call, const flux_job_info_watch_request *in)
{
    flux_kvs_get_many_request get = FLUX_KVS_GET_MANY_REQUEST_INIT;
    const char *path = *in->path ? in->path : "eventlog", *keys[2];
    char buf[2][FLUX_JOB_KEY_MAX];
    struct watch *w;

    if (strlen(path) > 48)
        return flux_call_fail(call, EINVAL, "'%s' is not an eventlog of a job", path);
    w = flux_alloc(sizeof(*w));
    w->call = call;
    w->id = in->id;
    w->partial.max = (size_t)64 << 20;
    w->last = strcmp(path, "eventlog") == 0 ? "clean" : "done";
    DL_APPEND(watches, w);
    flux_call_set_aux(call, (void *)in);
    flux_call_on_cancel(call, on_cancel, w);
    keys[0] = flux_job_key(buf[0], in->id, "eventlog");
    keys[1] = buf[1];
    if (in->nofollow)
        flux_job_key(buf[1], in->id, path);
    else
        snprintf(buf[1], sizeof(buf[1]), FLUX_JOBS_KEY_DAMAGED ".%016llx",
                 (unsigned long long)in->id);
    get.keys = keys;
    get.n_keys = FLUX_ARRAY_SIZE(keys);
    w->f = flux_kvs_get_many_async(flux_call_data(call), FLUX_ANY, &get);
    flux_future_then(w->f, on_looked_up, w);
    return FLUX_CALL_LATER;
}

void info_watch_done(void)
{
    while (watches)
        drop(watches);
}
