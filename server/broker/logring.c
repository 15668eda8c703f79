// SPDX-License-Identifier: LGPL-3.0-only
/* Entries wait in a locked list until the broker's thread moves them into the ring. When a flood
 * passes what may wait, entries are counted instead of kept, and the count is logged. */
#include "logring.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <syslog.h>

#define WAITING_MAX 8192

struct logring {
    pthread_mutex_t lock;
    struct log_entry *waiting, *waiting_tail;
    size_t nwaiting, dropped;
    uv_async_t async;

    struct log_entry *head, *tail; /* oldest first */
    size_t count, size;
    struct logring_ops ops;
};

static void free_entry(struct log_entry *e)
{
    free(e->appname);
    free(e->text);
    free(e);
}

/* One line, and nothing that a terminal would obey: texts may quote what users say. */
static void clean(char *text)
{
    for (char *p = text; *p; p++)
        if (isspace((unsigned char)*p))
            *p = ' ';
        else if (iscntrl((unsigned char)*p))
            *p = '?';
}

static struct log_entry *make_entry(unsigned level, double timestamp, uint32_t rank,
                                    const char *appname, const char *text)
{
    struct log_entry *e = flux_alloc(sizeof(*e));
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '\n')
        n--;
    e->level = level > LOG_DEBUG ? LOG_DEBUG : level;
    e->timestamp = timestamp;
    e->rank = rank;
    e->appname = flux_strdup(appname);
    e->text = flux_strndup(text, n);
    clean(e->appname);
    clean(e->text);
    return e;
}

static void trim(struct logring *ring)
{
    while (ring->count > ring->size) {
        struct log_entry *e = ring->head;
        ring->head = e->next;
        if (!ring->head)
            ring->tail = NULL;
        ring->count--;
        free_entry(e);
    }
}

static void enter(struct logring *ring, struct log_entry *e)
{
    e->next = NULL;
    if (ring->tail)
        ring->tail->next = e;
    else
        ring->head = e;
    ring->tail = e;
    ring->count++;
    ring->ops.on_entry(e, ring->ops.arg);
    trim(ring);
}

void logring_flush(struct logring *ring)
{
    struct log_entry *list;
    size_t dropped;
    char text[64];

    pthread_mutex_lock(&ring->lock);
    list = ring->waiting;
    ring->waiting = ring->waiting_tail = NULL;
    ring->nwaiting = 0;
    dropped = ring->dropped;
    ring->dropped = 0;
    pthread_mutex_unlock(&ring->lock);
    while (list) {
        struct log_entry *e = list;
        list = e->next;
        enter(ring, e);
    }
    if (dropped) {
        snprintf(text, sizeof(text), "%zu log lines were dropped in a flood", dropped);
        enter(ring, make_entry(LOG_WARNING, flux_walltime(), 0, "broker", text));
    }
}

static void on_async(uv_async_t *async)
{
    logring_flush(async->data);
}

struct logring *logring_new(uv_loop_t *loop, size_t size, const struct logring_ops *ops)
{
    struct logring *ring = flux_alloc(sizeof(*ring));

    pthread_mutex_init(&ring->lock, NULL);
    ring->size = size;
    ring->ops = *ops;
    uv_async_init(loop, &ring->async, on_async);
    uv_unref((uv_handle_t *)&ring->async);
    ring->async.data = ring;
    return ring;
}

static void on_closed(uv_handle_t *handle)
{
    struct logring *ring = handle->data;

    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

void logring_free(struct logring *ring)
{
    logring_flush(ring);
    logring_clear(ring);
    uv_close((uv_handle_t *)&ring->async, on_closed);
}

void logring_append(struct logring *ring, unsigned level, double timestamp, uint32_t rank,
                    const char *appname, const char *text)
{
    struct log_entry *e = make_entry(level, timestamp, rank, appname, text);
    bool wake;

    pthread_mutex_lock(&ring->lock);
    if (ring->nwaiting >= WAITING_MAX) {
        ring->dropped++;
        pthread_mutex_unlock(&ring->lock);
        free_entry(e);
        return;
    }
    wake = !ring->waiting;
    if (ring->waiting_tail)
        ring->waiting_tail->next = e;
    else
        ring->waiting = e;
    ring->waiting_tail = e;
    ring->nwaiting++;
    pthread_mutex_unlock(&ring->lock);
    if (wake)
        uv_async_send(&ring->async);
}

void logring_resize(struct logring *ring, size_t size)
{
    ring->size = size;
    trim(ring);
}

void logring_clear(struct logring *ring)
{
    size_t size = ring->size;

    ring->size = 0;
    trim(ring);
    ring->size = size;
}

void logring_visit(struct logring *ring, void (*cb)(const struct log_entry *e, void *arg),
                   void *arg)
{
    for (struct log_entry *e = ring->head; e; e = e->next)
        cb(e, arg);
}
