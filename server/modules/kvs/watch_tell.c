// SPDX-License-Identifier: LGPL-3.0-only
/* From the operations of a group to the watchers concerned: those on a changed key, on a directory
 * above it, and, when a whole directory came or went, those below. */
#include "watch_private.h"

static struct watch_change *change_get(struct kvs_watches *ws, const char *ns, const char *key,
                                       size_t keylen)
{
    struct watch_change *c;
    char id[KVS_ID_MAX];
    size_t len = kvs_watch_id(id, ns, key, keylen);

    HASH_FIND(hh, ws->changes, id, len, c);
    if (!c) {
        c = flux_alloc(sizeof(*c));
        c->id = flux_memdup(id, len + 1);
        c->nslen = strlen(ns);
        HASH_ADD_KEYPTR(hh, ws->changes, c->id, len, c);
    }
    return c;
}

void kvs_watch_forget_changes(struct kvs_watches *ws)
{
    struct watch_change *c, *tmp;

    HASH_ITER (hh, ws->changes, c, tmp) {
        HASH_DEL(ws->changes, c);
        free(c->id);
        free(c);
    }
}

static void add_change(struct kvs_watches *ws, const char *ns, const struct kvs_op *op)
{
    const struct kvs_reader_cred owner = {.owner = true};
    bool itself = op->kind == KVS_OP_SYMLINK || op->kind == KVS_OP_COPY;
    struct watch_change *c;
    struct kvs_where where;

    /* Where it was written to: links on the way were followed, but for the last component. */
    if (itself || kvs_resolve(ws->kvs, ns, op->key, &owner, &where, NULL) == -EINVAL) {
        if (kvs_path_parse(op->key, &where.path, NULL) < 0)
            return;
        strcpy(where.ns, ns);
    }
    c = change_get(ws, where.ns, where.path.text, where.path.len);
    if (op->kind == KVS_OP_APPEND)
        c->appended += op->len;
    else
        c->put = true;
    if (itself || op->kind == KVS_OP_UNLINK)
        c->structural = true;
}

void kvs_watch_changed(struct kvs_watches *ws, const char *ns, const struct kvs_op *ops,
                       size_t nops)
{
    for (size_t i = 0; i < nops; i++)
        add_change(ws, ns, &ops[i]);
}

/* Watchers on a key itself or on a directory above. An update may end a watch, and with the last of
 * them the key. */
static void tell_key(struct kvs_watches *ws, struct watch_key *wk, const struct watch_change *c,
                     bool above)
{
    struct watcher *w, *next;

    for (w = TAILQ_FIRST(&wk->watchers); w; w = next) {
        next = TAILQ_NEXT(w, next);
        if (w->failed)
            continue;
        if (above && w->in->recursive)
            kvs_watcher_tell(ws, w, c);
        else if (w->round != ws->round)
            kvs_watcher_update(ws, w, false);
    }
}

static void tell_above(struct kvs_watches *ws, const struct watch_change *c)
{
    const char *key = c->id + c->nslen + 1;
    size_t len = strlen(key);

    while (len > 0) {
        struct watch_key *wk;

        do
            len--;
        while (len > 0 && key[len] != '.');
        wk = kvs_watch_key_find(ws, c->id, key, len);
        if (wk)
            tell_key(ws, wk, c, true);
    }
}

static void tell_below(struct kvs_watches *ws, const struct watch_change *c)
{
    const char *key = c->id + c->nslen + 1;
    size_t len = strlen(key);
    struct watch_key *wk, *tmp;

    HASH_ITER (hh, ws->keys, wk, tmp) {
        const char *other = wk->id + wk->nslen + 1;

        if (strcmp(wk->id, c->id) == 0 && strncmp(other, key, len) == 0 && other[len] == '.')
            tell_key(ws, wk, c, false);
    }
}

void kvs_watch_tell(struct kvs_watches *ws)
{
    struct watch_change *c, *tmp;
    bool structural = false;

    ws->round++;
    HASH_ITER (hh, ws->changes, c, tmp) {
        const char *key = c->id + c->nslen + 1;
        struct watch_key *wk = kvs_watch_key_find(ws, c->id, key, strlen(key));

        structural |= c->structural;
        if (wk && wk->below > 0 && c->put)
            tell_below(ws, c);
        wk = kvs_watch_key_find(ws, c->id, key, strlen(key));
        if (wk)
            tell_key(ws, wk, c, false);
        tell_above(ws, c);
    }
    if (structural)
        kvs_watch_relink(ws);
    kvs_watch_forget_changes(ws);
    kvs_watch_bury(ws);
}
