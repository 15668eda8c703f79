// SPDX-License-Identifier: LGPL-3.0-only
/* Service Log, and where lines go: the ring, stderr, a file, and upstream to rank 0 in batches. */
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>
#include <utlist.h>

#include <flux/v1/log_service.h>

#include "broker.h"

#define BATCH_MS 20 /* how long lines may wait to travel together */
#define BATCH_MAX 512
#define RATE_MAX                                                                                   \
    20000 /* lines a broker forwards in RATE_SECONDS; the rest stays in its own ring               \
           */
#define RATE_SECONDS 10.

FLUX_LOG_HANDLERS(log);
static const struct flux_log_ops ops = FLUX_LOG_OPS(log);

struct reader {
    struct flux_call *call;
    struct reader *next, *prev;
};

static struct {
    struct reader *readers;
    flux_log_entry *batch[BATCH_MAX];
    size_t nbatch;
    uv_timer_t timer;
    double window;
    unsigned sent;
} lg; /* one broker a process; its main thread alone */

static const char *const severities[] = {"emerg",   "alert",  "crit", "err",
                                         "warning", "notice", "info", "debug"};

static void fill(flux_log_entry *out, const struct log_entry *e)
{
    *out = (flux_log_entry)FLUX_LOG_ENTRY_INIT;
    out->level = e->level;
    out->timestamp = e->timestamp;
    out->rank = e->rank;
    out->appname = e->appname;
    out->text = e->text;
}

/* --- upstream --- */

static void send_batch(struct broker *b)
{
    flux_log_append_request in = FLUX_LOG_APPEND_REQUEST_INIT;

    if (!lg.nbatch)
        return;
    in.entries = lg.batch;
    in.n_entries = lg.nbatch;
    flux_log_append_async(b->h, (struct flux_to){.target = FLUX_TARGET_UPSTREAM, .no_answer = true},
                          &in);
    for (size_t i = 0; i < lg.nbatch; i++) {
        free((char *)lg.batch[i]->appname);
        free((char *)lg.batch[i]->text);
        free(lg.batch[i]);
    }
    lg.nbatch = 0;
}

static void on_timer(uv_timer_t *timer)
{
    send_batch(timer->data);
}

static bool over_rate(void)
{
    double now = flux_monotime();

    if (now - lg.window > RATE_SECONDS) {
        lg.window = now;
        lg.sent = 0;
    }
    return lg.sent++ >= RATE_MAX;
}

static void forward(struct broker *b, const struct log_entry *e)
{
    flux_log_entry *copy;

    if (b->rank == 0 || over_rate() ||
        (long)e->level > attrs_get_int(b->attrs, "log-forward-level", LOG_DEBUG))
        return;
    copy = flux_alloc(sizeof(*copy));
    fill(copy, e);
    copy->appname = flux_strdup(e->appname);
    copy->text = flux_strdup(e->text);
    lg.batch[lg.nbatch++] = copy;
    if (lg.nbatch == BATCH_MAX)
        send_batch(b);
    else if (lg.nbatch == 1)
        uv_timer_start(&lg.timer, on_timer, BATCH_MS, 0);
}

/* --- here --- */

static void print(FILE *fp, const struct log_entry *e)
{
    fprintf(fp, "%s.%s[%u]: %s\n", e->appname, severities[e->level], (unsigned)e->rank, e->text);
}

static void to_stderr(struct broker *b, const struct log_entry *e)
{
    const char *mode = attrs_get(b->attrs, "log-stderr-mode");
    long level = attrs_get_int(b->attrs, "log-stderr-level", LOG_ERR);
    long critical = attrs_get_int(b->attrs, "log-critical-level", LOG_CRIT);
    bool leader = !mode || strcmp(mode, "leader") == 0;

    /* In leader mode rank 0 speaks for all; what is critical is said where it happens, too. */
    if ((long)e->level <= level && (leader ? b->rank == 0 : e->rank == b->rank))
        print(stderr, e);
    else if ((long)e->level <= critical && e->rank == b->rank)
        print(stderr, e);
}

static void to_file(struct broker *b, const struct log_entry *e)
{
    const char *path = attrs_get(b->attrs, "log-filename");
    FILE *fp;

    if (!path || !*path || b->rank > 0)
        return;
    fp = fopen(path, "ae");
    if (!fp)
        return;
    print(fp, e);
    fclose(fp);
}

static void to_syslog(struct broker *b, const struct log_entry *e)
{
    if (e->rank == b->rank && attrs_get_int(b->attrs, "log-syslog-enable", 0) > 0 &&
        (long)e->level <= attrs_get_int(b->attrs, "log-syslog-level", LOG_CRIT))
        syslog(LOG_DAEMON | (int)e->level, "%s.%s[%u]: %s", e->appname, severities[e->level],
               (unsigned)e->rank, e->text);
}

static void send_entry(struct flux_call *call, const struct log_entry *e)
{
    flux_log_read_response item = FLUX_LOG_READ_RESPONSE_INIT;
    flux_log_entry entry, *entries[] = {&entry};

    fill(&entry, e);
    item.entries = entries;
    item.n_entries = 1;
    flux_log_read_send(call, &item);
}

static void on_entry(const struct log_entry *e, void *arg)
{
    struct broker *b = arg;
    struct reader *r;

    to_stderr(b, e);
    to_file(b, e);
    to_syslog(b, e);
    forward(b, e);
    DL_FOREACH(lg.readers, r)
    send_entry(r->call, e);
}

void broker_log(struct broker *b, int level, const char *fmt, ...)
{
    FLUX_AUTO_STR text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = flux_vprintf(fmt, ap);
    va_end(ap);
    if (level > attrs_get_int(b->attrs, "log-level", LOG_DEBUG))
        return;
    logring_append(b->log, level, flux_walltime(), b->rank, "broker", text);
}

/* --- service --- */

int log_append(struct flux_call *call, const flux_log_append_request *in,
               flux_log_append_response *out)
{
    struct broker *b = flux_call_data(call);
    bool local = flux_call_roles(call) & FLUX_ROLE_LOCAL;

    for (size_t i = 0; i < in->n_entries; i++) {
        flux_log_entry *e = in->entries[i];
        /* Whoever enters here cannot speak for another rank. */
        logring_append(b->log, e->level, e->timestamp > 0 ? e->timestamp : flux_walltime(),
                       local && e->rank == 0 ? b->rank : e->rank, e->appname, e->text);
    }
    return 0;
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct reader *r = arg;

    DL_DELETE(lg.readers, r);
    free(r);
}

static void visit_entry(const struct log_entry *e, void *arg)
{
    send_entry(arg, e);
}

int log_read(struct flux_call *call, const flux_log_read_request *in)
{
    struct broker *b = flux_call_data(call);
    struct reader *r;

    logring_flush(b->log);
    if (!in->only_new)
        logring_visit(b->log, visit_entry, call);
    if (!in->follow)
        return 0;
    r = flux_alloc(sizeof(*r));
    r->call = call;
    DL_APPEND(lg.readers, r);
    flux_call_on_cancel(call, on_cancel, r);
    return FLUX_CALL_LATER;
}

int log_clear(struct flux_call *call, const flux_log_clear_request *in,
              flux_log_clear_response *out)
{
    struct broker *b = flux_call_data(call);

    logring_flush(b->log);
    logring_clear(b->log);
    return 0;
}

int log_service_start(struct broker *b, struct flux_error *err)
{
    uv_timer_init(&b->loop, &lg.timer);
    uv_unref((uv_handle_t *)&lg.timer);
    lg.timer.data = b;
    return flux_log_serve(b->h, &ops, b, err);
}

void log_service_stop(struct broker *b)
{
    struct reader *r, *next;

    logring_flush(b->log);
    send_batch(b);
    DL_FOREACH_SAFE(lg.readers, r, next)
    {
        DL_DELETE(lg.readers, r);
        free(r);
    }
}

struct logring *broker_log_new(struct broker *b)
{
    struct logring_ops ring_ops = {on_entry, b};

    return logring_new(&b->loop, attrs_get_int(b->attrs, "log-ring-size", 1024), &ring_ops);
}
