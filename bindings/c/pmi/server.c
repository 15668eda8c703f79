// SPDX-License-Identifier: LGPL-3.0-only
/* The PMI-1 server of one node (RFC 13). Pure: bytes in, bytes out through callbacks. A client has
 * one request in flight, so each task needs one line buffer and at most one waiting answer. */
#include <flux/pmi.h>

#include "kvs.h"
#include "wire.h"

#include <stdio.h>

#define DEFAULT_MAX_BYTES ((size_t)256 << 20)
#define RC_FAIL -1
#define RC_NO_KEY 4 /* PMI_ERR_INVALID_KEY */

struct client {
    char line[FLUX_PMI_LINE_MAX + 1];
    size_t len;
    bool init, in_barrier, finalized, in_spawn;
    char *waits_for; /* a node-scope key that it waits to see put */
};

struct flux_pmi_server {
    struct flux_pmi_server_conf conf;
    struct pmi_kvs kvs;
    char *kvsname;
    unsigned in_barrier, waiting;
    struct client **clients; /* allocated when the first bytes come */
};

struct request {
    struct flux_pmi_server *s;
    struct client *client;
    unsigned task;
    const char *line;
    size_t len;
};

struct flux_pmi_server *flux_pmi_server_new(const struct flux_pmi_server_conf *conf)
{
    struct flux_pmi_server *s = flux_alloc(sizeof(*s));

    s->conf = *conf;
    s->kvsname = flux_strndup(conf->kvsname, FLUX_PMI_NAME_MAX - 1);
    s->kvs.max_bytes = conf->max_bytes ? conf->max_bytes : DEFAULT_MAX_BYTES;
    s->clients = flux_alloc(sizeof(*s->clients) * conf->local);
    return s;
}

void flux_pmi_server_free(struct flux_pmi_server *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->conf.local; i++) {
        if (s->clients[i])
            free(s->clients[i]->waits_for);
        free(s->clients[i]);
    }
    free(s->clients);
    pmi_kvs_done(&s->kvs);
    free(s->kvsname);
    free(s);
}

static void reply(struct flux_pmi_server *s, unsigned task, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void reply(struct flux_pmi_server *s, unsigned task, const char *fmt, ...)
{
    char line[FLUX_PMI_LINE_MAX + 1];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof(line) - 2)
        n = sizeof(line) - 2;
    if (s->conf.trace)
        s->conf.trace(s->conf.arg, task, true, line, n);
    line[n++] = '\n';
    s->conf.send(s->conf.arg, task, line, n);
}

static struct pmi_word word(const struct request *req, const char *name)
{
    return pmi_wire_word(req->line, req->len, name, false);
}

static int cmd_init(struct request *req, struct flux_error *err)
{
    int version, subversion;

    if (pmi_wire_int(word(req, "pmi_version"), &version) < 0 ||
        pmi_wire_int(word(req, "pmi_subversion"), &subversion) < 0)
        return flux_error_set(err, -EPROTO, "pmi: init without a version");
    if (version == 1 && subversion >= 0 && subversion <= 1) {
        req->client->init = true;
        reply(req->s, req->task, "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1");
    } else
        reply(req->s, req->task, "cmd=response_to_init rc=-1 pmi_version=1 pmi_subversion=1");
    return 0;
}

static int cmd_get_maxes(struct request *req, struct flux_error *err)
{
    reply(req->s, req->task, "cmd=maxes rc=0 kvsname_max=%d keylen_max=%d vallen_max=%d",
          FLUX_PMI_NAME_MAX, FLUX_PMI_KEY_MAX, FLUX_PMI_VALUE_MAX);
    return 0;
}

static int cmd_get_my_kvsname(struct request *req, struct flux_error *err)
{
    reply(req->s, req->task, "cmd=my_kvsname rc=0 kvsname=%s", req->s->kvsname);
    return 0;
}

static int cmd_get_universe_size(struct request *req, struct flux_error *err)
{
    const struct flux_pmi_server_conf *conf = &req->s->conf;

    reply(req->s, req->task, "cmd=universe_size rc=0 size=%u",
          conf->universe_size ? conf->universe_size : conf->size);
    return 0;
}

static int cmd_get_appnum(struct request *req, struct flux_error *err)
{
    reply(req->s, req->task, "cmd=appnum rc=0 appnum=0");
    return 0;
}

static bool right_kvs(const struct request *req)
{
    struct pmi_word name = word(req, "kvsname");

    return !name.s || pmi_wire_is(name, req->s->kvsname);
}

/* Answer those that wait for `key`, which has just been put. */
static void wake_waiting(struct flux_pmi_server *s, struct pmi_word key)
{
    for (unsigned i = 0; i < s->conf.local && s->waiting; i++) {
        struct client *c = s->clients[i];

        if (!c || !c->waits_for || !pmi_wire_is(key, c->waits_for))
            continue;
        free(c->waits_for);
        c->waits_for = NULL;
        s->waiting--;
        reply(s, i, "cmd=get_result rc=0 value=%s", pmi_kvs_get(&s->kvs, key));
    }
}

static int cmd_put(struct request *req, struct flux_error *err)
{
    struct pmi_word key = word(req, "key");
    int r;

    if (!right_kvs(req)) {
        reply(req->s, req->task, "cmd=put_result rc=-1 msg=unknown_kvsname");
        return 0;
    }
    r = pmi_kvs_put(&req->s->kvs, key, pmi_wire_word(req->line, req->len, "value", true), true);
    if (r < 0)
        reply(req->s, req->task, "cmd=put_result rc=-1 msg=%s",
              r == -ENOSPC ? "no_space_left" : "invalid_key_or_value");
    else {
        reply(req->s, req->task, "cmd=put_result rc=0");
        if (req->s->waiting)
            wake_waiting(req->s, key);
    }
    return 0;
}

static int cmd_get(struct request *req, struct flux_error *err)
{
    struct pmi_word key = word(req, "key");
    const char *value = right_kvs(req) ? pmi_kvs_get(&req->s->kvs, key) : NULL;

    if (value)
        reply(req->s, req->task, "cmd=get_result rc=0 value=%s", value);
    else if (key.s && right_kvs(req) && pmi_wire_is(word(req, "wait"), "1")) {
        req->client->waits_for = flux_strndup(key.s, key.len);
        req->s->waiting++;
    } else
        reply(req->s, req->task, "cmd=get_result rc=%d msg=unknown_key", RC_NO_KEY);
    return 0;
}

static int cmd_barrier_in(struct request *req, struct flux_error *err)
{
    struct flux_pmi_server *s = req->s;

    if (req->client->in_barrier)
        return flux_error_set(err, -EPROTO, "pmi: barrier entered twice");
    req->client->in_barrier = true;
    if (++s->in_barrier == s->conf.local)
        s->conf.barrier(s->conf.arg);
    return 0;
}

void flux_pmi_server_release(struct flux_pmi_server *s, bool ok)
{
    s->in_barrier = 0;
    for (unsigned i = 0; i < s->conf.local; i++) {
        if (!s->clients[i] || !s->clients[i]->in_barrier)
            continue;
        s->clients[i]->in_barrier = false;
        reply(s, i, "cmd=barrier_out rc=%d", ok ? 0 : RC_FAIL);
    }
}

static int cmd_abort(struct request *req, struct flux_error *err)
{
    struct pmi_word msg = pmi_wire_word(req->line, req->len, "error_msg", true);
    char text[FLUX_PMI_LINE_MAX + 1];
    int code = 1;

    if (pmi_wire_int(word(req, "exitcode"), &code) < 0)
        (void)pmi_wire_int(word(req, "exit_code"), &code);
    if (!msg.s)
        msg = pmi_wire_word(req->line, req->len, "message", true);
    for (size_t i = 0; i < msg.len; i++)
        text[i] = (unsigned char)msg.s[i] < ' ' || msg.s[i] == 0x7f ? ' ' : msg.s[i];
    text[msg.len] = '\0';
    if (req->s->conf.abort)
        req->s->conf.abort(req->s->conf.arg, req->task, code, text);
    return 0;
}

static int cmd_finalize(struct request *req, struct flux_error *err)
{
    req->client->finalized = true;
    reply(req->s, req->task, "cmd=finalize_ack rc=0");
    return 1;
}

static int cmd_publish(struct request *req, struct flux_error *err)
{
    reply(req->s, req->task, "cmd=publish_result rc=-1 msg=name_publishing_is_not_supported");
    return 0;
}

static int cmd_unpublish(struct request *req, struct flux_error *err)
{
    reply(req->s, req->task, "cmd=unpublish_result rc=-1 msg=name_publishing_is_not_supported");
    return 0;
}

static int cmd_lookup(struct request *req, struct flux_error *err)
{
    reply(req->s, req->task, "cmd=lookup_result rc=-1 msg=name_publishing_is_not_supported");
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(struct request *req, struct flux_error *err);
    bool before_init; /* allowed then */
} commands[] = {
    {"get", cmd_get, false},
    {"put", cmd_put, false},
    {"barrier_in", cmd_barrier_in, false},
    {"init", cmd_init, true},
    {"get_maxes", cmd_get_maxes, true},
    {"get_my_kvsname", cmd_get_my_kvsname, false},
    {"get_universe_size", cmd_get_universe_size, false},
    {"get_appnum", cmd_get_appnum, false},
    {"abort", cmd_abort, true},
    {"finalize", cmd_finalize, false},
    {"publish_name", cmd_publish, false},
    {"unpublish_name", cmd_unpublish, false},
    {"lookup_name", cmd_lookup, false},
};

/* `mcmd=spawn` comes as one word a line, up to `endcmd`, perhaps several times over. */
static int spawn_line(struct request *req)
{
    if (req->len == 6 && !memcmp(req->line, "endcmd", 6)) {
        req->client->in_spawn = false;
        reply(req->s, req->task, "cmd=spawn_result rc=-1 msg=spawn_is_not_supported");
    }
    return 0;
}

static int dispatch(struct request *req, struct flux_error *err)
{
    struct pmi_word name = word(req, "cmd");

    if (req->client->in_spawn)
        return spawn_line(req);
    if (!name.s && pmi_wire_is(word(req, "mcmd"), "spawn")) {
        req->client->in_spawn = true;
        return 0;
    }
    if (req->client->finalized || req->client->waits_for || req->client->in_barrier)
        return flux_error_set(err, -EPROTO, "pmi: request while none is allowed: '%.40s'",
                              req->line);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(commands); i++) {
        if (!pmi_wire_is(name, commands[i].name))
            continue;
        if (!req->client->init && !commands[i].before_init)
            return flux_error_set(err, -EPROTO, "pmi: %s before init", commands[i].name);
        return commands[i].run(req, err);
    }
    return flux_error_set(err, -EPROTO, "pmi: unknown request '%.40s'", req->line);
}

static int one_line(struct request *req, struct flux_error *err)
{
    if (memchr(req->line, '\0', req->len))
        return flux_error_set(err, -EPROTO, "pmi: NUL byte in a request");
    if (req->s->conf.trace)
        req->s->conf.trace(req->s->conf.arg, req->task, false, req->line, req->len);
    return dispatch(req, err);
}

/* Move bytes into the task's line buffer up to and with a newline; how many were taken. */
static size_t fill(struct client *c, const char *data, size_t len)
{
    ssize_t nl = pmi_wire_line(data, len);
    size_t want = nl < 0 ? len : (size_t)nl + 1;
    size_t room = FLUX_PMI_LINE_MAX - c->len;

    if (want > room)
        want = room;
    memcpy(c->line + c->len, data, want);
    c->len += want;
    return want;
}

int flux_pmi_server_input(struct flux_pmi_server *s, unsigned task, const char *data, size_t len,
                          struct flux_error *err)
{
    struct client *c;

    if (task >= s->conf.local)
        return flux_error_set(err, -EINVAL, "pmi: no task %u here", task);
    if (!s->clients[task])
        s->clients[task] = flux_alloc(sizeof(struct client));
    c = s->clients[task];
    while (len) {
        size_t n = fill(c, data, len);
        struct request req = {s, c, task, c->line, c->len - 1};
        int r;

        data += n;
        len -= n;
        if (!c->len || c->line[c->len - 1] != '\n') {
            if (c->len == FLUX_PMI_LINE_MAX)
                return flux_error_set(err, -EPROTO, "pmi: request of more than %d bytes",
                                      FLUX_PMI_LINE_MAX);
            continue;
        }
        c->line[c->len - 1] = '\0';
        c->len = 0;
        r = one_line(&req, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int flux_pmi_server_eof(struct flux_pmi_server *s, unsigned task, struct flux_error *err)
{
    struct client *c = task < s->conf.local ? s->clients[task] : NULL;

    if (c && c->waits_for) {
        free(c->waits_for);
        c->waits_for = NULL;
        s->waiting--;
    }
    if (c && c->init && !c->finalized)
        return flux_error_set(err, -EPROTO, "pmi: closed before finalize");
    return 0;
}

static struct pmi_word whole(const char *s)
{
    return (struct pmi_word){s, strlen(s)};
}

int flux_pmi_server_put(struct flux_pmi_server *s, const char *key, const char *value,
                        struct flux_error *err)
{
    int r = pmi_kvs_put(&s->kvs, whole(key), whole(value), false);

    return r < 0 ? flux_error_sys(err, r, "pmi: key '%.64s'", key) : 0;
}

const char *flux_pmi_server_get(struct flux_pmi_server *s, const char *key)
{
    return pmi_kvs_get(&s->kvs, whole(key));
}

int flux_pmi_server_take_dirty(struct flux_pmi_server *s, struct flux_buf *out)
{
    return pmi_kvs_take_dirty(&s->kvs, out);
}

int flux_pmi_server_merge(struct flux_pmi_server *s, const void *data, size_t len,
                          struct flux_error *err)
{
    const char *p = data, *end = p + len;

    while (p < end) {
        const char *key_end = memchr(p, '\0', end - p);
        const char *value = key_end ? key_end + 1 : end;
        const char *value_end = value < end ? memchr(value, '\0', end - value) : NULL;
        struct pmi_word key = {p, key_end ? key_end - p : 0};
        int r;

        if (!value_end)
            return flux_error_set(err, -EPROTO, "pmi: malformed exchange");
        r = pmi_kvs_put(&s->kvs, key, (struct pmi_word){value, value_end - value}, false);
        if (r < 0)
            return flux_error_sys(err, r, "pmi: key '%.64s' from another node", key.s);
        p = value_end + 1;
    }
    return 0;
}
