// SPDX-License-Identifier: LGPL-3.0-only
/* The client side of PMI-1: one request, one answer, blocking. After an I/O or protocol error the
 * connection is dead and every further call fails with -EIO. */
#include <flux/pmi.h>

#include "wire.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct flux_pmi_client {
    int fd;
    unsigned rank, size;
    unsigned name_max, key_max, value_max;
    bool debug;
    char *kvsname;
    char line[65536]; /* the answer; other servers may serve long values */
    size_t len;
};

void flux_pmi_client_free(struct flux_pmi_client *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c->kvsname);
    free(c);
}

static void trace(const struct flux_pmi_client *c, const char *way, const char *line, int len)
{
    if (c->debug)
        fprintf(stderr, "%u: %s %.*s\n", c->rank, way, len, line);
}

static int broken(struct flux_pmi_client *c, int r, const char *what, struct flux_error *err)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    return flux_error_sys(err, r, "pmi: %s", what);
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == ENOTSOCK)
            n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            len -= n;
        }
    }
    return 0;
}

/* The next line, NUL-terminated in c->line; its length. */
static ssize_t read_line(struct flux_pmi_client *c)
{
    ssize_t nl, n;

    c->len = 0;
    while ((nl = pmi_wire_line(c->line, c->len)) < 0) {
        if (c->len == sizeof(c->line))
            return -EMSGSIZE;
        n = read(c->fd, c->line + c->len, sizeof(c->line) - c->len);
        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            c->len += n;
    }
    if ((size_t)nl + 1 != c->len)
        return -EPROTO; /* more than was asked for */
    c->line[nl] = '\0';
    return nl;
}

/* Send a request of one line and take the answer, which must be `answer`; its rc, or -errno. */
static int call(struct flux_pmi_client *c, const char *answer, struct flux_error *err,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int call(struct flux_pmi_client *c, const char *answer, struct flux_error *err,
                const char *fmt, ...)
{
    char req[8192];
    va_list ap;
    ssize_t len;
    int n, r, rc = 0;

    if (c->fd < 0)
        return flux_error_sys(err, -EIO, "pmi: no connection");
    va_start(ap, fmt);
    n = vsnprintf(req, sizeof(req) - 1, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof(req) - 1)
        return flux_error_sys(err, -EINVAL, "pmi: request");
    trace(c, "C:", req, n);
    req[n++] = '\n';
    r = write_all(c->fd, req, n);
    if (r < 0)
        return broken(c, r, "write", err);
    len = read_line(c);
    if (len < 0)
        return broken(c, len, "read", err);
    trace(c, "S:", c->line, len);
    c->len = len;
    if (!pmi_wire_is(pmi_wire_word(c->line, len, "cmd", false), answer))
        return broken(c, -EPROTO, "unexpected answer", err);
    r = pmi_wire_int(pmi_wire_word(c->line, len, "rc", false), &rc);
    return r < 0 || rc == 0 ? 0
                            : flux_error_set(err, rc > 0 ? rc : 1, "pmi: refused: %.200s", c->line);
}

static int number(struct flux_pmi_client *c, const char *name, unsigned *value)
{
    int n;

    if (pmi_wire_int(pmi_wire_word(c->line, c->len, name, false), &n) < 0 || n < 0)
        return -EPROTO;
    *value = n;
    return 0;
}

static int from_env(const char *name, int *value)
{
    const char *s = getenv(name);
    struct pmi_word w = {s, s ? strlen(s) : 0};

    if (!s)
        return -ENOENT;
    return pmi_wire_int(w, value);
}

static int greet(struct flux_pmi_client *c, struct flux_error *err)
{
    struct pmi_word name;
    int r;

    r = call(c, "response_to_init", err, "cmd=init pmi_version=1 pmi_subversion=1");
    if (r != 0)
        return r < 0 ? r : -EPROTO;
    r = call(c, "maxes", err, "cmd=get_maxes");
    if (r < 0)
        return r;
    if (r > 0 || number(c, "kvsname_max", &c->name_max) < 0 ||
        number(c, "keylen_max", &c->key_max) < 0 || number(c, "vallen_max", &c->value_max) < 0)
        return broken(c, -EPROTO, "get_maxes", err);
    r = call(c, "my_kvsname", err, "cmd=get_my_kvsname");
    name = pmi_wire_word(c->line, c->len, "kvsname", false);
    if (r != 0 || !name.s)
        return r < 0 ? r : broken(c, -EPROTO, "get_my_kvsname", err);
    c->kvsname = flux_strndup(name.s, name.len);
    return 0;
}

int flux_pmi_client_open(struct flux_pmi_client **ret, struct flux_error *err)
{
    FLUX_AUTO(pmi_client) c = NULL;
    int fd, rank, size, r;

    if (from_env("PMI_FD", &fd) == -ENOENT)
        return flux_error_set(err, -ENOENT, "pmi: PMI_FD is not set");
    if (from_env("PMI_FD", &fd) < 0 || from_env("PMI_RANK", &rank) < 0 ||
        from_env("PMI_SIZE", &size) < 0 || fd < 0 || rank < 0 || size < 1 || rank >= size)
        return flux_error_set(err, -EINVAL, "pmi: PMI_FD, PMI_RANK, PMI_SIZE are not sensible");
    c = flux_alloc(sizeof(*c));
    c->fd = fd;
    c->rank = rank;
    c->size = size;
    c->debug = getenv("FLUX_PMI_DEBUG") != NULL;
    r = greet(c, err);
    if (r < 0)
        return r;
    *ret = FLUX_GIVE(c);
    return 0;
}

unsigned flux_pmi_client_rank(const struct flux_pmi_client *c)
{
    return c->rank;
}

unsigned flux_pmi_client_size(const struct flux_pmi_client *c)
{
    return c->size;
}

const char *flux_pmi_client_kvsname(const struct flux_pmi_client *c)
{
    return c->kvsname;
}

unsigned flux_pmi_client_name_max(const struct flux_pmi_client *c)
{
    return c->name_max;
}

unsigned flux_pmi_client_key_max(const struct flux_pmi_client *c)
{
    return c->key_max;
}

unsigned flux_pmi_client_value_max(const struct flux_pmi_client *c)
{
    return c->value_max;
}

int flux_pmi_client_put(struct flux_pmi_client *c, const char *key, const char *value,
                        struct flux_error *err)
{
    int r;

    if (!*key || strlen(key) >= c->key_max || strpbrk(key, " \n"))
        return flux_error_set(err, -EINVAL, "pmi: bad key '%.64s'", key);
    if (strlen(value) >= c->value_max || strchr(value, '\n'))
        return flux_error_set(err, -EINVAL, "pmi: value of '%.64s' is too long", key);
    r = call(c, "put_result", err, "cmd=put kvsname=%s key=%s value=%s", c->kvsname, key, value);
    return r > 0 ? -EINVAL : r;
}

static int get(struct flux_pmi_client *c, const char *key, const char *option, struct pmi_word *out,
               struct flux_error *err)
{
    int r;

    if (!*key || strlen(key) >= c->key_max || strpbrk(key, " \n"))
        return flux_error_set(err, -EINVAL, "pmi: bad key '%.64s'", key);
    r = call(c, "get_result", err, "cmd=get kvsname=%s key=%s%s", c->kvsname, key, option);
    if (r != 0)
        return r > 0 ? -ENOENT : r;
    *out = pmi_wire_word(c->line, c->len, "value", true);
    return out->s ? 0 : broken(c, -EPROTO, "get without a value", err);
}

static int get_copy(struct flux_pmi_client *c, const char *key, const char *option, char *value,
                    size_t size, struct flux_error *err)
{
    struct pmi_word w;
    int r = get(c, key, option, &w, err);

    if (r < 0)
        return r;
    if (w.len >= size)
        return flux_error_set(err, -ENOSPC, "pmi: value of '%.64s' is too long", key);
    memcpy(value, w.s, w.len);
    value[w.len] = '\0';
    return 0;
}

int flux_pmi_client_get(struct flux_pmi_client *c, const char *key, char *value, size_t size,
                        struct flux_error *err)
{
    return get_copy(c, key, "", value, size, err);
}

int flux_pmi_client_get_wait(struct flux_pmi_client *c, const char *key, char *value, size_t size,
                             struct flux_error *err)
{
    return get_copy(c, key, " wait=1", value, size, err);
}

int flux_pmi_client_barrier(struct flux_pmi_client *c, struct flux_error *err)
{
    int r = call(c, "barrier_out", err, "cmd=barrier_in");

    return r > 0 ? -EINVAL : r;
}

int flux_pmi_client_universe_size(struct flux_pmi_client *c, unsigned *size, struct flux_error *err)
{
    int r = call(c, "universe_size", err, "cmd=get_universe_size");

    return r != 0 ? (r > 0 ? -EINVAL : r) : number(c, "size", size);
}

int flux_pmi_client_appnum(struct flux_pmi_client *c, unsigned *num, struct flux_error *err)
{
    int r = call(c, "appnum", err, "cmd=get_appnum");

    return r != 0 ? (r > 0 ? -EINVAL : r) : number(c, "appnum", num);
}

int flux_pmi_client_abort(struct flux_pmi_client *c, int code, const char *text)
{
    char line[FLUX_PMI_LINE_MAX];
    int n = snprintf(line, sizeof(line) - 1, "cmd=abort exitcode=%d error_msg=%.1000s", code,
                     text ? text : "");

    for (int i = 0; i < n; i++)
        line[i] = line[i] == '\n' ? ' ' : line[i];
    line[n++] = '\n';
    return c->fd < 0 ? -EIO : write_all(c->fd, line, n);
}

int flux_pmi_client_finalize(struct flux_pmi_client *c, struct flux_error *err)
{
    int r = call(c, "finalize_ack", err, "cmd=finalize");

    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    return r > 0 ? -EINVAL : r;
}
