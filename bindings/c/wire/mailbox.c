// SPDX-License-Identifier: LGPL-3.0-only
/* A locked list and a libuv wake-up. The lock is held for a few instructions only. */
#include "mailbox.h"

struct flux_mailbox {
    pthread_mutex_t lock;
    struct flux_msg *head, *tail;
    unsigned count;
    uv_async_t async;
    void (*on_msg)(struct flux_msg *m, void *arg);
    void *arg;
    bool closed;
};

static struct flux_msg *take_all(struct flux_mailbox *b)
{
    struct flux_msg *list;

    pthread_mutex_lock(&b->lock);
    list = b->head;
    b->head = b->tail = NULL;
    b->count = 0;
    pthread_mutex_unlock(&b->lock);
    return list;
}

static void on_async(uv_async_t *async)
{
    struct flux_mailbox *b = async->data;
    struct flux_msg *list = take_all(b);

    while (list) {
        struct flux_msg *m = list;
        list = m->next;
        m->next = NULL;
        if (b->closed)
            flux_msg_free(m);
        else
            b->on_msg(m, b->arg);
    }
}

struct flux_mailbox *flux_mailbox_new(uv_loop_t *loop,
                                      void (*on_msg)(struct flux_msg *m, void *arg), void *arg)
{
    struct flux_mailbox *b = flux_alloc(sizeof(*b));

    pthread_mutex_init(&b->lock, NULL);
    b->on_msg = on_msg;
    b->arg = arg;
    uv_async_init(loop, &b->async, on_async);
    b->async.data = b;
    return b;
}

void flux_mailbox_push(struct flux_mailbox *b, struct flux_msg *m)
{
    bool was_empty;

    m->next = NULL;
    pthread_mutex_lock(&b->lock);
    was_empty = !b->head;
    if (b->tail)
        b->tail->next = m;
    else
        b->head = m;
    b->tail = m;
    b->count++;
    /* Under the lock, so that the box cannot be closed between the push and the wake-up. */
    if (was_empty)
        uv_async_send(&b->async);
    pthread_mutex_unlock(&b->lock);
}

unsigned flux_mailbox_count(struct flux_mailbox *b)
{
    unsigned n;

    pthread_mutex_lock(&b->lock);
    n = b->count;
    pthread_mutex_unlock(&b->lock);
    return n;
}

void flux_mailbox_keep_alive(struct flux_mailbox *b, bool on)
{
    if (on)
        uv_ref((uv_handle_t *)&b->async);
    else
        uv_unref((uv_handle_t *)&b->async);
}

static void on_closed(uv_handle_t *handle)
{
    struct flux_mailbox *b = handle->data;

    pthread_mutex_destroy(&b->lock);
    free(b);
}

void flux_mailbox_close(struct flux_mailbox *b)
{
    struct flux_msg *list = take_all(b);

    b->closed = true;
    while (list) {
        struct flux_msg *m = list;
        list = m->next;
        flux_msg_free(m);
    }
    uv_close((uv_handle_t *)&b->async, on_closed);
}
