// SPDX-License-Identifier: LGPL-3.0-only
/* A log line by line: what is there, then, if wanted, what is appended; and lines as events. */
#include "kvs.h"

const struct flux_option kvs_event_options[] = {
    {"unformatted", 'u', OPT_FLAG, NULL, "Show events as they are stored (JSON)"},
    EVENT_STYLE_OPTIONS,
    {NULL},
};

void kvs_event_print(const struct cli *cli, struct event_style *style, const char *line, size_t len)
{
    FLUX_AUTO_EVENT e = {0};

    if (!cli_has(cli, "unformatted") && flux_eventlog_entry_decode(&e, line, len, NULL) == 0)
        event_print(stdout, style, &e);
    else
        fwrite(line, len, 1, stdout);
}

void kvs_lines_open(struct kvs_lines *l, struct cli *cli, const char *key, bool waitcreate,
                    bool follow)
{
    flux_kvs_watch_request in = FLUX_KVS_WATCH_REQUEST_INIT;
    flux_kvs_get_request get = FLUX_KVS_GET_REQUEST_INIT;
    struct flux_to to = FLUX_ANY;

    l->cli = cli;
    l->follow = follow;
    if (!l->ns)
        l->ns = kvs_namespace(cli);
    l->buf = (struct flux_buf)FLUX_BUF_INIT(1 << 30);
    to.timeout = l->timeout;
    if (follow || waitcreate) {
        in.namespace_ = l->ns;
        in.key = (char *)key;
        in.waitcreate = waitcreate;
        l->future = flux_kvs_watch_stream(cli_handle(cli), to, &in);
        return;
    }
    get.namespace_ = l->ns;
    get.key = (char *)key;
    l->result = kvs_read(cli, &get, &l->got, &l->buf, &l->err);
    if (l->result == 0 && l->got->type == FLUX_KVS_TYPE_DIR)
        l->result = flux_error_set(&l->err, -EISDIR, "%s", strerror(EISDIR));
}

/* More bytes into the buffer. 1: some; 0: there will be none; negative: an error. */
static int more(struct kvs_lines *l, struct flux_error *err)
{
    const flux_kvs_watch_response *item;
    int r;

    if (!l->future || (l->seen && !l->follow))
        return 0;
    r = flux_kvs_watch_result(l->future, &item, err);
    if (r < 0)
        return r == -ENODATA ? 0 : r;
    if (item->type == FLUX_KVS_TYPE_DIR)
        return flux_error_set(err, -EISDIR, "%s", strerror(EISDIR));
    if (item->absent && l->seen)
        return flux_error_set(err, -ENOENT, "%s", strerror(ENOENT));
    if (!item->absent) {
        l->seen = true;
        flux_buf_consume(&l->buf, l->pos);
        l->pos = 0;
        flux_buf_add(&l->buf, item->value.data, item->value.len);
    }
    flux_future_next(l->future);
    return l->buf.failed ? flux_error_set(err, -EFBIG, "a line is too long") : 1;
}

int kvs_lines_next(struct kvs_lines *l, const char **line, size_t *len, struct flux_error *err)
{
    int r = 1;

    if (l->result < 0) {
        *err = l->err;
        return l->result;
    }
    while (r > 0) {
        const char *start = l->buf.data ? l->buf.data + l->pos : "";
        size_t left = l->buf.len - l->pos;
        const char *end = memchr(start, '\n', left);

        if (end) {
            *line = start;
            *len = end - start + 1;
            l->pos += *len;
            return 1;
        }
        r = more(l, err);
    }
    return r;
}

void kvs_lines_done(struct kvs_lines *l)
{
    flux_future_free(l->future);
    if (l->got)
        flux_kvs_get_response_free(l->got);
    flux_buf_done(&l->buf);
}
