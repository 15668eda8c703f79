// SPDX-License-Identifier: LGPL-3.0-only
/* The table of attributes. Old values are kept until the end, so that readers in other threads
 * never hold a dangling one; they are few and small. */
#include "attr.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <uthash.h>

#include <flux/fsd.h>

#define OLD_MAX 65536

struct attr {
    char *name;
    char *value; /* NULL: removed */
    int flags;
    UT_hash_handle hh;
};

struct attrs {
    pthread_mutex_t lock;
    struct attr *table;
    char **old;
    size_t nold;
};

enum kind { TEXT, INTEGER, DURATION, SWITCH };

static const struct known {
    const char *name, *value;
    int flags;
    enum kind kind;
} defaults[] = {
    {"broker.cleanup-timeout", NULL, 0, DURATION},
    {"broker.clock-offset", NULL, 0},
    {"broker.critical-ranks", NULL, ATTR_RUNTIME},
    {"broker.exit-norestart", NULL, 0, INTEGER},
    {"broker.exit-restart", NULL, ATTR_RUNTIME, INTEGER},
    {"broker.module-nopanic", "0", ATTR_RUNTIME, SWITCH},
    {"broker.quorum", NULL, 0, INTEGER},
    {"broker.quorum-warn", "60s", 0, DURATION},
    {"broker.rc2_none", NULL, 0},
    {"broker.recovery-mode", NULL, 0},
    {"broker.sd-notify", NULL, 0, SWITCH},
    {"broker.shutdown-timeout", NULL, 0, DURATION},
    {"broker.shutdown-warn", "60s", 0, DURATION},
    {"conf.shell_initrc", NULL, ATTR_RUNTIME},
    {"conf.shell_pluginpath", NULL, ATTR_RUNTIME},
    {"content.backing-module", "content-sqlite", ATTR_READONLY},
    {"content.dump", NULL, ATTR_RUNTIME},
    {"content.hash", "blake2b", ATTR_READONLY},
    {"content.restore", NULL, 0},
    {"log-critical-level", "2", ATTR_RUNTIME, INTEGER},
    {"log-filename", NULL, ATTR_RUNTIME},
    {"log-forward-level", "7", ATTR_RUNTIME, INTEGER},
    {"log-level", "7", ATTR_RUNTIME, INTEGER},
    {"log-ring-size", "1024", ATTR_RUNTIME, INTEGER},
    {"log-stderr-level", "3", ATTR_RUNTIME, INTEGER},
    {"log-stderr-mode", "leader", ATTR_RUNTIME},
    {"log-syslog-enable", "0", ATTR_RUNTIME, SWITCH},
    {"log-syslog-level", "2", ATTR_RUNTIME, INTEGER},
    {"rundir-cleanup", NULL, 0, SWITCH},
    {"statedir-cleanup", "0", 0, SWITCH},
    {"tbon.child_rcvhwm", "0", 0, INTEGER},
    {"tbon.connect_timeout", "30s", 0, DURATION},
    {"tbon.interface-hint", "default-route", 0},
    {"tbon.prefertcp", "0", 0, SWITCH},
    {"tbon.tcp_user_timeout", "20s", 0, DURATION},
    {"tbon.topo", "kary:32", 0},
    {"tbon.torpid_max", "30s", ATTR_RUNTIME, DURATION},
    {"tbon.torpid_min", "5s", ATTR_RUNTIME, DURATION},
    {"tbon.zmq_io_threads", "1", 0, INTEGER},
    {"tbon.zmqdebug", "0", 0, INTEGER},
    /* What the broker alone may set; their values come later. */
    {"broker.boot-method", NULL, 0},
    {"broker.mapping", NULL, ATTR_READONLY},
    {"broker.pid", NULL, ATTR_READONLY},
    {"broker.starttime", NULL, ATTR_READONLY},
    {"broker.uuid", NULL, ATTR_READONLY},
    {"instance-level", NULL, ATTR_READONLY},
    {"jobid", NULL, ATTR_READONLY},
    {"parent-kvs-namespace", NULL, ATTR_READONLY},
    {"parent-uri", NULL, ATTR_READONLY},
    {"rank", NULL, ATTR_READONLY},
    {"security.owner", NULL, ATTR_READONLY},
    {"size", NULL, ATTR_READONLY},
    {"tbon.descendants", NULL, ATTR_READONLY},
    {"tbon.endpoint", NULL, ATTR_READONLY},
    {"tbon.level", NULL, ATTR_READONLY},
    {"tbon.maxlevel", NULL, ATTR_READONLY},
    {"tbon.parent-endpoint", NULL, ATTR_READONLY},
    {"version", FLUX_VERSION, ATTR_READONLY},
};

struct attrs *attrs_new(void)
{
    struct attrs *a = flux_alloc(sizeof(*a));

    pthread_mutex_init(&a->lock, NULL);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(defaults); i++)
        attrs_set(a, defaults[i].name, defaults[i].value, defaults[i].flags);
    return a;
}

void attrs_free(struct attrs *a)
{
    struct attr *e, *next;

    HASH_ITER (hh, a->table, e, next) {
        HASH_DEL(a->table, e);
        free(e->name);
        free(e->value);
        free(e);
    }
    for (size_t i = 0; i < a->nold; i++)
        free(a->old[i]);
    free(a->old);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static struct attr *find(struct attrs *a, const char *name)
{
    struct attr *e;

    HASH_FIND_STR(a->table, name, e);
    return e;
}

static struct attr *find_or_add(struct attrs *a, const char *name)
{
    struct attr *e = find(a, name);

    if (e)
        return e;
    e = flux_alloc(sizeof(*e));
    e->name = flux_strdup(name);
    HASH_ADD_KEYPTR(hh, a->table, e->name, strlen(e->name), e);
    return e;
}

static void replace(struct attrs *a, struct attr *e, const char *value)
{
    if (e->value && value && strcmp(e->value, value) == 0)
        return;
    if (e->value) {
        a->old = flux_realloc(a->old, a->nold + 1, sizeof(*a->old));
        a->old[a->nold++] = e->value;
    }
    e->value = flux_strdup(value);
}

void attrs_set(struct attrs *a, const char *name, const char *value, int flags)
{
    struct attr *e;

    pthread_mutex_lock(&a->lock);
    e = find_or_add(a, name);
    replace(a, e, value);
    e->flags = flags;
    pthread_mutex_unlock(&a->lock);
}

void attrs_setf(struct attrs *a, const char *name, int flags, const char *fmt, ...)
{
    FLUX_AUTO_STR value = NULL;
    va_list ap;

    va_start(ap, fmt);
    value = flux_vprintf(fmt, ap);
    va_end(ap);
    attrs_set(a, name, value, flags);
}

static enum kind kind_of(const char *name)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(defaults); i++)
        if (strcmp(defaults[i].name, name) == 0)
            return defaults[i].kind;
    return TEXT;
}

static int check_value(const char *name, const char *value, struct flux_error *err)
{
    enum kind kind = kind_of(name);
    double seconds;
    char *end;

    if (kind == TEXT || !*value)
        return 0;
    if (kind == DURATION)
        return !strcmp(value, "none") || flux_fsd_parse(value, &seconds, NULL) == 0
                   ? 0
                   : flux_error_set(err, -EINVAL,
                                    "attribute %s: '%.32s' is not a duration such as 30s", name,
                                    value);
    (void)strtol(value, &end, 10);
    if (kind == SWITCH && (*end || (strcmp(value, "0") && strcmp(value, "1"))))
        return flux_error_set(err, -EINVAL, "attribute %s: '%.32s' is neither 0 nor 1", name,
                              value);
    return *end ? flux_error_set(err, -EINVAL, "attribute %s: '%.32s' is not an integer", name,
                                 value)
                : 0;
}

/* Names of earlier versions. */
static const char *current_name(const char *name)
{
    return strcmp(name, "broker.quorum-timeout") ? name : "broker.quorum-warn";
}

int attrs_set_command(struct attrs *a, const char *assignment, struct flux_error *err)
{
    const char *eq = strchr(assignment, '='), *value = eq ? eq + 1 : "", *name;
    FLUX_AUTO_STR given =
        flux_strndup(assignment, eq ? (size_t)(eq - assignment) : strlen(assignment));
    struct attr *e;
    int r;

    if (!*given)
        return flux_error_set(err, -EINVAL, "--setattr: '%s' is not NAME=VALUE", assignment);
    name = current_name(given);
    if ((r = check_value(name, value, err)) < 0)
        return r;
    pthread_mutex_lock(&a->lock);
    e = find_or_add(a, name);
    if (e->flags & ATTR_READONLY)
        r = flux_error_set(err, -EPERM, "attribute %s cannot be set: the broker sets it", name);
    else {
        replace(a, e, value);
        e->flags |= ATTR_COMMAND;
    }
    pthread_mutex_unlock(&a->lock);
    return r;
}

int attrs_set_runtime(struct attrs *a, const char *name, const char *value, bool force,
                      struct flux_error *err)
{
    struct attr *e;
    int r = 0;

    pthread_mutex_lock(&a->lock);
    e = find(a, name);
    if (!e && !force)
        r = flux_error_set(err, -ENOENT, "there is no attribute %s", name);
    else if (e && !(e->flags & ATTR_RUNTIME))
        r = flux_error_set(err, -EPERM, "attribute %s cannot be set at run time", name);
    else if (a->nold >= OLD_MAX)
        r = flux_error_set(err, -ENOSPC, "attributes have been set too often");
    else if ((r = check_value(name, value, err)) == 0) {
        e = find_or_add(a, name);
        e->flags |= ATTR_RUNTIME;
        replace(a, e, value);
    }
    pthread_mutex_unlock(&a->lock);
    return r;
}

const char *attrs_get(struct attrs *a, const char *name)
{
    const char *value;
    struct attr *e;

    pthread_mutex_lock(&a->lock);
    e = find(a, name);
    value = e ? e->value : NULL;
    pthread_mutex_unlock(&a->lock);
    return value;
}

int attrs_flags(struct attrs *a, const char *name)
{
    struct attr *e;
    int flags;

    pthread_mutex_lock(&a->lock);
    e = find(a, name);
    flags = e ? e->flags : 0;
    pthread_mutex_unlock(&a->lock);
    return flags;
}

double attrs_get_fsd(struct attrs *a, const char *name, double otherwise)
{
    const char *value = attrs_get(a, name);
    double seconds;

    if (!value || strcmp(value, "none") == 0 || flux_fsd_parse(value, &seconds, NULL) < 0)
        return otherwise;
    return seconds;
}

long attrs_get_int(struct attrs *a, const char *name, long otherwise)
{
    const char *value = attrs_get(a, name);
    char *end;
    long n;

    if (!value || !*value)
        return otherwise;
    n = strtol(value, &end, 10);
    return *end ? otherwise : n;
}

static int by_name(struct attr *a, struct attr *b)
{
    return strcmp(a->name, b->name);
}

void attrs_visit(struct attrs *a,
                 void (*cb)(const char *name, const char *value, int flags, void *arg), void *arg)
{
    struct attr *e, *next;

    pthread_mutex_lock(&a->lock);
    HASH_SORT(a->table, by_name);
    HASH_ITER (hh, a->table, e, next)
        if (e->value)
            cb(e->name, e->value, e->flags, arg);
    pthread_mutex_unlock(&a->lock);
}
