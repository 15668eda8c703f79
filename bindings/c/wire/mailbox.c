// SPDX-License-Identifier: LGPL-3.0-only
/* A locked list and an eventfd in the loop. The lock is held for a few instructions only, and never
 * while the other thread is woken. (An eventfd and not libuv's async handle: that one makes the
 * woken thread spin until the waking one has run on.) */
#include "mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

struct flux_mailbox {
    pthread_mutex_t lock;
    struct flux_msg *head, *tail;
    unsigned count;
    int fd;
    uv_poll_t poll;
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

static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct flux_mailbox *b = poll->data;
    struct flux_msg *list;
    uint64_t n;

    if (read(b->fd, &n, sizeof(n)) < 0)
        return;
    list = take_all(b);
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
    b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->fd < 0)
        abort();
    uv_poll_init(loop, &b->poll, b->fd);
    b->poll.data = b;
    uv_poll_start(&b->poll, UV_READABLE, on_wake);
    return b;
}

void flux_mailbox_push(struct flux_mailbox *b, struct flux_msg *m)
{
    const uint64_t one = 1;
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
    pthread_mutex_unlock(&b->lock);
    /* Cannot fail: the counter does not overflow, and the box outlives whoever pushes. */
    if (was_empty && write(b->fd, &one, sizeof(one)) < 0)
        abort();
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
        uv_ref((uv_handle_t *)&b->poll);
    else
        uv_unref((uv_handle_t *)&b->poll);
}

static void on_closed(uv_handle_t *handle)
{
    struct flux_mailbox *b = handle->data;

    close(b->fd);
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
    uv_close((uv_handle_t *)&b->poll, on_closed);
}
