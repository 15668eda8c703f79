// SPDX-License-Identifier: LGPL-3.0-only
/* A directory with what is in it, in one answer: as much as fits a budget, in order, and the rest
 * by name. What cannot be read is left for a request of its own, which gets the error. */
#include "entries.h"
#include "leader.h"

#include "tree.h"

#define EXPAND_MAX (1u << 20)
#define DEPTH_MAX 32
#define ENTRY_BYTES 64 /* of a message, about */

struct expander {
    struct kvs *k;
    struct flux_call *call;
    size_t budget;
    int depth;
};

struct entries {
    struct expander *x;
    flux_kvs_entry **list;
    size_t count, cap;
};

static int expand(struct expander *x, struct kvs_object *dir, flux_kvs_entry ***list, size_t *count,
                  struct flux_error *err);

static void spend(struct expander *x, size_t bytes)
{
    x->budget -= bytes < x->budget ? bytes : x->budget;
}

static void add_value(struct expander *x, const struct kvs_entry *e, flux_kvs_entry *out)
{
    struct kvs_result res = {.kind = e->kind, .payload = e->p};
    FLUX_AUTO_BUF buf = FLUX_BUF_INIT(EXPAND_MAX);
    struct flux_error err;

    res.size = kvs_result_size(&res);
    if (res.size > x->budget || kvs_result_read(x->k, &res, 0, EXPAND_MAX, &buf, &err) < 0)
        return;
    out->value.data = flux_call_alloc(x->call, buf.len + 1);
    out->value.len = buf.len;
    if (buf.len)
        memcpy(out->value.data, buf.data, buf.len);
    out->whole = true;
    spend(x, buf.len);
}

static void add_dir(struct expander *x, const struct kvs_entry *e, flux_kvs_entry *out)
{
    struct flux_error err;

    if (x->budget == 0 || x->depth == DEPTH_MAX)
        return;
    x->depth++;
    out->whole = expand(x, e->p, &out->entries, &out->n_entries, &err) == 0;
    x->depth--;
}

static int add(void *arg, const char *name, size_t len, const struct kvs_entry *e)
{
    struct entries *es = arg;
    struct expander *x = es->x;
    flux_kvs_entry *out = flux_call_alloc(x->call, sizeof(*out));
    FLUX_AUTO_STR copy = flux_strndup(name, len);

    *out = (flux_kvs_entry)FLUX_KVS_ENTRY_INIT;
    out->name = flux_call_strdup(x->call, copy);
    out->type = kvs_message_type(e->kind);
    spend(x, ENTRY_BYTES + len);
    if (e->kind == KVS_SYMLINK) {
        out->target = flux_call_strdup(x->call, ((struct kvs_bytes *)e->p)->data);
        out->whole = true;
    } else if (e->kind == KVS_DIR)
        add_dir(x, e, out);
    else
        add_value(x, e, out);
    if (es->count == es->cap) {
        es->cap = es->cap ? es->cap * 2 : 8;
        es->list = flux_realloc(es->list, es->cap, sizeof(*es->list));
    }
    es->list[es->count++] = out;
    return 0;
}

static int expand(struct expander *x, struct kvs_object *dir, flux_kvs_entry ***list, size_t *count,
                  struct flux_error *err)
{
    struct entries es = {.x = x};
    int r = kvs_tree_each(kvs_heap_of(x->k), dir, add, &es, err);

    if (r == 0 && es.count) {
        *list = flux_call_alloc(x->call, es.count * sizeof(**list));
        memcpy(*list, es.list, es.count * sizeof(**list));
        *count = es.count;
    }
    free(es.list);
    return r;
}

int kvs_leader_expand(struct kvs_leader *l, struct flux_call *call, const struct kvs_result *res,
                      uint32_t bytes, flux_kvs_get_response *out, struct flux_error *err)
{
    struct expander x = {
        .k = l->kvs, .call = call, .budget = bytes < EXPAND_MAX ? bytes : EXPAND_MAX};

    return expand(&x, res->payload, &out->entries, &out->n_entries, err);
}
