// SPDX-License-Identifier: LGPL-3.0-only
/* Watches. A watch hangs on the key that it leads to (links followed); each prefix of that key
 * knows how many watches are below it, so that replacing a directory finds them, and nothing else
 * does. */
#include "watch.h"
#include "watch_private.h"

#include <stdio.h>

struct kvs_watches *kvs_watches_new(struct kvs *k)
{
    struct kvs_watches *ws = flux_alloc(sizeof(*ws));

    ws->kvs = k;
    TAILQ_INIT(&ws->linked);
    TAILQ_INIT(&ws->failed);
    return ws;
}

size_t kvs_watches_count(const struct kvs_watches *ws)
{
    return ws->count;
}

/* "namespace\0key" */
size_t kvs_watch_id(char *id, const char *ns, const char *key, size_t keylen)
{
    size_t len = strlen(ns) + 1;

    memcpy(id, ns, len);
    memcpy(id + len, key, keylen);
    id[len + keylen] = '\0';
    return len + keylen;
}

struct watch_key *kvs_watch_key_find(struct kvs_watches *ws, const char *ns, const char *key,
                                     size_t keylen)
{
    char id[KVS_ID_MAX];
    size_t len = kvs_watch_id(id, ns, key, keylen);
    struct watch_key *wk;

    HASH_FIND(hh, ws->keys, id, len, wk);
    return wk;
}

static struct watch_key *key_get(struct kvs_watches *ws, const char *ns, const char *key,
                                 size_t keylen)
{
    struct watch_key *wk = kvs_watch_key_find(ws, ns, key, keylen);
    char id[KVS_ID_MAX];
    size_t len;

    if (wk)
        return wk;
    len = kvs_watch_id(id, ns, key, keylen);
    wk = flux_alloc(sizeof(*wk));
    wk->id = flux_memdup(id, len + 1);
    wk->nslen = strlen(ns);
    TAILQ_INIT(&wk->watchers);
    HASH_ADD_KEYPTR(hh, ws->keys, wk->id, len, wk);
    return wk;
}

static void key_put(struct kvs_watches *ws, struct watch_key *wk)
{
    if (!TAILQ_EMPTY(&wk->watchers) || wk->below > 0)
        return;
    HASH_DEL(ws->keys, wk);
    free(wk->id);
    free(wk);
}

/* Add n to the count of watches below each prefix of the key. */
static void count_below(struct kvs_watches *ws, const char *ns, const char *key, int n)
{
    size_t len = strlen(key);

    while (len > 0) {
        struct watch_key *wk;

        do
            len--;
        while (len > 0 && key[len] != '.');
        wk = key_get(ws, ns, key, len);
        wk->below += n;
        key_put(ws, wk);
    }
}

static void attach(struct kvs_watches *ws, struct watcher *w, const struct kvs_where *where)
{
    w->at = key_get(ws, where->ns, where->path.text, where->path.len);
    TAILQ_INSERT_TAIL(&w->at->watchers, w, next);
    count_below(ws, where->ns, where->path.text, 1);
    w->linked = where->linked;
    if (w->linked)
        TAILQ_INSERT_TAIL(&ws->linked, w, link);
}

static void detach(struct kvs_watches *ws, struct watcher *w)
{
    struct watch_key *wk = w->at;

    TAILQ_REMOVE(&wk->watchers, w, next);
    if (w->linked)
        TAILQ_REMOVE(&ws->linked, w, link);
    count_below(ws, wk->id, wk->id + wk->nslen + 1, -1);
    key_put(ws, wk);
    w->at = NULL;
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct watcher *w = arg;

    detach(w->watches, w);
    w->watches->count--;
}

/* Not at once: whoever walks a list of watchers may be above us. */
void kvs_watcher_fail(struct kvs_watches *ws, struct watcher *w, int r, const char *text)
{
    if (w->failed)
        return;
    w->failed = r;
    w->text = flux_call_strdup(w->call, text);
    TAILQ_INSERT_TAIL(&ws->failed, w, fail);
}

void kvs_watch_bury(struct kvs_watches *ws)
{
    struct watcher *w;

    while ((w = TAILQ_FIRST(&ws->failed))) {
        TAILQ_REMOVE(&ws->failed, w, fail);
        detach(ws, w);
        ws->count--;
        flux_call_error(w->call, -w->failed, "%s", w->text);
    }
}

int kvs_watch_start(struct kvs_watches *ws, struct flux_call *call,
                    const flux_kvs_watch_request *in, const struct kvs_reader_cred *cred)
{
    struct kvs_namespace_info info;
    struct kvs_where where;
    struct flux_error err;
    struct watcher *w;
    int r;

    r = kvs_resolve(ws->kvs, in->namespace_, in->key, cred, &where, &err);
    if (r == -ENOENT && in->waitcreate &&
        kvs_namespace_get(ws->kvs, in->namespace_, &info, &err) == 0)
        r = 0;
    if (r < 0)
        return flux_call_fail(call, -r, "%s", err.text);
    w = flux_call_alloc(call, sizeof(*w));
    *w = (struct watcher){.watches = ws, .call = call, .in = in, .cred = *cred, .sent = in->offset};
    attach(ws, w, &where);
    ws->count++;
    flux_call_on_cancel(call, on_cancel, w);
    kvs_watcher_update(ws, w, true);
    kvs_watch_bury(ws);
    kvs_trim(ws->kvs);
    return FLUX_CALL_LATER;
}

/* A link on the way may lead elsewhere now. */
void kvs_watch_relink(struct kvs_watches *ws)
{
    struct watcher *w, *next;
    struct kvs_where where;
    struct flux_error err;

    for (w = TAILQ_FIRST(&ws->linked); w; w = next) {
        int r = kvs_resolve(ws->kvs, w->in->namespace_, w->in->key, &w->cred, &where, &err);

        next = TAILQ_NEXT(w, link);
        if (r < 0 && r != -ENOENT) {
            kvs_watcher_fail(ws, w, r, err.text);
            continue;
        }
        if (kvs_watch_key_find(ws, where.ns, where.path.text, where.path.len) == w->at)
            continue;
        detach(ws, w);
        where.linked = true; /* stays in this list: it may lead through a link again */
        attach(ws, w, &where);
        w->sent = 0;
        kvs_watcher_update(ws, w, false);
    }
}

void kvs_watch_removed(struct kvs_watches *ws, const char *ns)
{
    struct watch_key *wk, *tmp;
    struct watcher *w;

    HASH_ITER (hh, ws->keys, wk, tmp) {
        if (strcmp(wk->id, ns) != 0)
            continue;
        TAILQ_FOREACH (w, &wk->watchers, next)
            kvs_watcher_fail(ws, w, -ENOTSUP, "kvs: the namespace has been removed");
    }
}

void kvs_watches_free(struct kvs_watches *ws)
{
    struct watch_key *wk, *tmp;

    if (!ws)
        return;
    kvs_watch_forget_changes(ws);
    HASH_ITER (hh, ws->keys, wk, tmp) {
        struct watcher *w;

        TAILQ_FOREACH (w, &wk->watchers, next)
            flux_call_on_cancel(w->call, NULL, NULL);
        HASH_DEL(ws->keys, wk);
        free(wk->id);
        free(wk);
    }
    free(ws);
}
