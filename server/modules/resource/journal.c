// SPDX-License-Identifier: LGPL-3.0-only
/* Batched appends of the resource eventlog. What could not be stored goes, in order, with what
 * comes next, or is tried again by itself: a drain is in force already, and must not end with a
 * restart. */
#include "journal.h"

#include <syslog.h>
#include <utlist.h>

#include <flux/v1/kvs.h>

#define LOG_KEY "resource.eventlog"
#define R_KEY "resource.R"
#define LINES_MAX ((size_t)32 << 20)
#define RETRY_MS 1000

/* A call whose lines are in `lines` (waiting) or in the commit under way. */
struct client {
    struct flux_call *call; /* NULL: has gone */
    struct client *prev, *next;
};

struct journal {
    struct flux *h;
    const struct journal_ops *ops;
    void *arg;
    struct flux_future *get, *commit;
    struct part {
        struct flux_buf lines;
        bool replace;
        char *r;
    } next, under_way; /* what the next commit, and the one that runs, are made of */
    struct client *waiting, *sent;
    uv_timer_t *retry;
    bool failing;
};

static void start_commit(struct journal *j);

static void answer(struct journal *j, int r, const char *text)
{
    struct client *list = FLUX_GIVE(j->sent), *c, *tmp;

    DL_FOREACH_SAFE(list, c, tmp)
    {
        if (c->call)
            j->ops->on_stored(c->call, r, text);
        free(c);
    }
}

/* Without a KVS service events are lost, which is worth one line in the log and no failure. */
static int settle(struct journal *j, int r, struct flux_error *err)
{
    if (r == -ENOSYS)
        return 0;
    if (r < 0 && !j->failing)
        flux_log(j->h, LOG_ERR,
                 "resource eventlog: cannot be stored, which is tried until it "
                 "works: %s",
                 err->text);
    else if (r == 0 && j->failing)
        flux_log(j->h, LOG_INFO, "resource eventlog: is stored again");
    j->failing = r < 0;
    return r;
}

static void part_done(struct part *p)
{
    flux_buf_reset(&p->lines);
    free(FLUX_GIVE(p->r));
    p->replace = false;
}

static void swap_parts(struct journal *j)
{
    struct part was_next = j->next;

    j->next = j->under_way;
    j->under_way = was_next;
}

/* The commit under way has failed: what was in it is the begin of the next one. */
static void take_back(struct journal *j)
{
    struct part *next = &j->next, *old = &j->under_way;

    if (flux_buf_add(&old->lines, next->lines.data, next->lines.len) < 0)
        flux_log(j->h, LOG_ERR, "resource eventlog: too many events wait to be stored: dropped");
    if (next->r) {
        free(old->r);
        old->r = FLUX_GIVE(next->r);
    }
    old->replace |= next->replace;
    part_done(next);
    swap_parts(j);
}

static void on_retry(uv_timer_t *timer)
{
    start_commit(timer->data);
}

static void on_commit(struct flux_future *f, void *arg)
{
    struct journal *j = arg;
    struct flux_error err = {""};
    int r = settle(j, flux_kvs_commit_result(f, NULL, &err), &err);

    flux_future_free(FLUX_GIVE(j->commit));
    if (r < 0)
        take_back(j);
    answer(j, r, err.text);
    if (r == 0 || j->waiting)
        start_commit(j);
    else
        uv_timer_start(j->retry, on_retry, RETRY_MS, 0);
}

/* The transaction of what has come together; false: nothing. */
static bool fill(const struct part *p, flux_kvs_commit_request *in, flux_kvs_op *ops,
                 flux_kvs_op **list)
{
    size_t n = 0;

    if (p->replace) {
        ops[n].kind = FLUX_KVS_OP_UNLINK;
        ops[n++].key = LOG_KEY;
    }
    if (p->lines.len) {
        ops[n].kind = FLUX_KVS_OP_APPEND;
        ops[n].key = LOG_KEY;
        ops[n].value.data = (uint8_t *)p->lines.data;
        ops[n++].value.len = p->lines.len;
    }
    if (p->r) {
        ops[n].kind = FLUX_KVS_OP_PUT;
        ops[n].key = R_KEY;
        ops[n].value.data = (uint8_t *)p->r;
        ops[n++].value.len = strlen(p->r);
    }
    for (size_t i = 0; i < n; i++)
        list[i] = &ops[i];
    in->ops = list;
    in->n_ops = n;
    return n > 0;
}

static void start_commit(struct journal *j)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op ops[] = {FLUX_KVS_OP_INIT, FLUX_KVS_OP_INIT, FLUX_KVS_OP_INIT};
    flux_kvs_op *list[FLUX_ARRAY_SIZE(ops)];

    if (j->commit || j->get || !fill(&j->next, &in, ops, list))
        return;
    uv_timer_stop(j->retry);
    j->sent = FLUX_GIVE(j->waiting);
    j->commit = flux_kvs_commit_async(j->h, FLUX_ANY, &in);
    part_done(&j->under_way);
    swap_parts(j);
    flux_future_then(j->commit, on_commit, j);
}

void journal_write(struct journal *j, struct flux_buf *lines, struct flux_call *call)
{
    struct client *c;

    if (lines->len && flux_buf_add(&j->next.lines, lines->data, lines->len) < 0)
        flux_log(j->h, LOG_ERR, "resource eventlog: too many events wait to be stored: dropped");
    flux_buf_reset(lines);
    if (call) {
        c = flux_alloc(sizeof(*c));
        c->call = call;
        DL_APPEND(j->waiting, c);
    }
    if (call && j->next.lines.len == 0 && !j->commit) {
        /* nothing has changed: it is stored already */
        j->sent = FLUX_GIVE(j->waiting);
        answer(j, 0, "");
    }
    start_commit(j);
}

void journal_forget(struct journal *j, struct flux_call *call)
{
    struct client *c;

    DL_FOREACH(j->waiting, c)
    {
        if (c->call == call)
            c->call = NULL;
    }
    DL_FOREACH(j->sent, c)
    {
        if (c->call == call)
            c->call = NULL;
    }
}

void journal_replace(struct journal *j)
{
    j->next.replace = true;
}

void journal_put_r(struct journal *j, const char *r)
{
    free(j->next.r);
    j->next.r = flux_strdup(r);
}

static void on_get(struct flux_future *f, void *arg)
{
    struct journal *j = arg;
    const flux_kvs_get_response *out = NULL;
    struct flux_error err;
    int r = flux_kvs_get_result(f, &out, &err);

    if (r < 0 && r != -ENOENT && r != -ENOSYS)
        flux_log(j->h, LOG_ERR, "resource eventlog: cannot be read: %s", err.text);
    j->ops->on_read(j->arg, r == 0 ? (const char *)out->value.data : "",
                    r == 0 ? out->value.len : 0);
    flux_future_free(FLUX_GIVE(j->get));
    start_commit(j);
}

struct journal *journal_open(struct flux *h, const struct journal_ops *ops, void *arg)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    struct journal *j = flux_alloc(sizeof(*j));

    *j = (struct journal){.h = h, .ops = ops, .arg = arg};
    j->next.lines.max = j->under_way.lines.max = LINES_MAX;
    j->retry = flux_alloc(sizeof(*j->retry));
    uv_timer_init(flux_loop(h), j->retry);
    j->retry->data = j;
    in.key = LOG_KEY;
    j->get = flux_kvs_get_async(h, FLUX_ANY, &in);
    flux_future_then(j->get, on_get, j);
    return j;
}

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

void journal_close(struct journal *j)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op ops[] = {FLUX_KVS_OP_INIT, FLUX_KVS_OP_INIT, FLUX_KVS_OP_INIT};
    flux_kvs_op *list[FLUX_ARRAY_SIZE(ops)];
    struct flux_error err = {""};
    int r = 0;

    if (!j)
        return;
    if (j->commit) {
        flux_future_then(j->commit, NULL, NULL); /* waited for here, and freed below */
        r = settle(j, flux_kvs_commit_result(j->commit, NULL, &err), &err);
        if (r < 0)
            take_back(j);
    }
    flux_future_free(FLUX_GIVE(j->commit));
    answer(j, r, err.text);
    j->sent = FLUX_GIVE(j->waiting);
    /* never read: what is there must not be appended to without its past */
    if (!j->get && fill(&j->next, &in, ops, list))
        r = settle(j, flux_kvs_commit(j->h, FLUX_ANY, &in, NULL, &err), &err);
    answer(j, r, err.text);
    flux_future_free(j->get);
    part_done(&j->next);
    part_done(&j->under_way);
    flux_buf_done(&j->next.lines);
    flux_buf_done(&j->under_way.lines);
    uv_close((uv_handle_t *)j->retry, free_timer);
    free(j);
}
