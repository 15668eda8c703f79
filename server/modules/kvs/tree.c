// SPDX-License-Identifier: LGPL-3.0-only
/* The B-tree. Nodes are split on the way down and joined on the way up; what is shared (refs > 1)
 * is copied first, top down, so that the copy's children are seen as shared in their turn. */
#include "tree.h"

int kvs_tree_find(struct kvs_heap *heap, struct kvs_object *root, const char *name, size_t len,
                  struct kvs_entry **ret, struct flux_error *err)
{
    struct kvs_object *o = root;
    struct kvs_body *b;
    bool found;
    int i;
    int r;

    while (o) {
        r = kvs_object_load(heap, o, err);
        if (r < 0)
            return r;
        b = o->data;
        if (b->level == 0) {
            i = kvs_body_search(b, name, len, &found);
            *ret = found ? &b->entries[i] : NULL;
            return found ? 0 : -ENOENT;
        }
        o = b->entries[kvs_body_floor(b, name, len)].p;
    }
    return -ENOENT;
}

int kvs_tree_floor(struct kvs_heap *heap, struct kvs_object *root, const char *name, size_t len,
                   struct kvs_entry **ret, const char **retname, struct flux_error *err)
{
    struct kvs_object *o = root;
    struct kvs_body *b;
    int i;
    int r;

    while (o) {
        r = kvs_object_load(heap, o, err);
        if (r < 0)
            return r;
        b = o->data;
        i = kvs_body_floor(b, name, len);
        if (b->level == 0) {
            *ret = &b->entries[i];
            *retname = kvs_entry_name(b, *ret);
            return 0;
        }
        o = b->entries[i].p;
    }
    return flux_error_set(err, -ENOENT, "no such entry");
}

int kvs_tree_writable(struct kvs_heap *heap, struct kvs_object **op, struct flux_error *err)
{
    struct kvs_object *o = *op;
    struct kvs_object *n;
    int r = kvs_object_load(heap, o, err);

    if (r < 0)
        return r;
    if (o->refs == 1 && o->state != KVS_WRITING) {
        kvs_object_dirty(heap, o);
        return 0;
    }
    n = kvs_object_node(heap, 0);
    kvs_body_free(heap, n->data);
    n->data = kvs_body_copy(o->data);
    kvs_object_resized(heap, n, kvs_body_size(n->data));
    kvs_object_unref(heap, o);
    *op = n;
    return 0;
}

static void resized(struct kvs_heap *heap, struct kvs_object *o)
{
    kvs_object_resized(heap, o, kvs_body_size(o->data));
}

/* Split the full child `i` of a writable parent with room. Ascending names leave full nodes behind.
 */
static void split_child(struct kvs_heap *heap, struct kvs_object *parent, int i, const char *name,
                        size_t len)
{
    struct kvs_body *pb = parent->data;
    struct kvs_object *child = pb->entries[i].p;
    struct kvs_body *b = child->data;
    struct kvs_entry *last = &b->entries[b->count - 1];
    bool ascending = kvs_name_cmp(name, len, kvs_entry_name(b, last), last->namelen) > 0;
    struct kvs_object *right = kvs_object_node(heap, b->level);
    struct kvs_body *rb = right->data;

    kvs_body_move(b, ascending ? b->count - 2 : b->count / 2, rb);
    kvs_body_insert(pb, i + 1, kvs_entry_name(rb, &rb->entries[0]), rb->entries[0].namelen,
                    KVS_CHILD, right);
    resized(heap, child);
    resized(heap, right);
    resized(heap, parent);
}

/* Put a node with the only child *root above it. */
static void grow_root(struct kvs_heap *heap, struct kvs_object **root)
{
    struct kvs_body *b = (*root)->data;
    struct kvs_object *top = kvs_object_node(heap, b->level + 1);

    kvs_body_insert(top->data, 0, kvs_entry_name(b, &b->entries[0]), b->entries[0].namelen,
                    KVS_CHILD, *root);
    resized(heap, top);
    *root = top;
}

static bool is_full(const struct kvs_object *o)
{
    return ((struct kvs_body *)o->data)->count >= KVS_NODE_MAX;
}

/* The entry in a writable leaf, made if `create`. */
static int edit_leaf(struct kvs_heap *heap, struct kvs_object *leaf, const char *name, size_t len,
                     bool create, struct kvs_entry **ret)
{
    struct kvs_body *b = leaf->data;
    bool found;
    int i = kvs_body_search(b, name, len, &found);

    if (!found && !create)
        return -ENOENT;
    *ret = found ? &b->entries[i] : kvs_body_insert(b, i, name, len, KVS_NONE, NULL);
    resized(heap, leaf);
    return 0;
}

static int edit(struct kvs_heap *heap, struct kvs_object **root, const char *name, size_t len,
                bool create, struct kvs_entry **ret, struct flux_error *err)
{
    struct kvs_object *o;
    int r;

    r = kvs_tree_writable(heap, root, err);
    if (r < 0)
        return r;
    if (create && is_full(*root)) {
        grow_root(heap, root);
        split_child(heap, *root, 0, name, len);
    }
    o = *root;
    while (((struct kvs_body *)o->data)->level > 0) {
        struct kvs_body *b = o->data;
        int i = kvs_body_floor(b, name, len);

        r = kvs_tree_writable(heap, (struct kvs_object **)&b->entries[i].p, err);
        if (r < 0)
            return r;
        if (create && is_full(b->entries[i].p)) {
            split_child(heap, o, i, name, len);
            i = kvs_body_floor(b, name, len);
        }
        o = b->entries[i].p;
    }
    return edit_leaf(heap, o, name, len, create, ret);
}

int kvs_tree_edit(struct kvs_heap *heap, struct kvs_object **root, const char *name, size_t len,
                  bool create, struct kvs_entry **ret, struct flux_error *err)
{
    if (!*root) {
        if (!create)
            return -ENOENT;
        *root = kvs_object_node(heap, 0);
    }
    return edit(heap, root, name, len, create, ret, err);
}

/* Join child i of a writable parent with a neighbour if both fit into three quarters of a node.
 * A neighbour that cannot be loaded is left alone. */
static void join_child(struct kvs_heap *heap, struct kvs_object *parent, int i)
{
    struct kvs_body *pb = parent->data;
    int left = i > 0 ? i - 1 : i;
    struct kvs_object **lp, *right;
    struct kvs_body *lb, *rb;

    if (left + 1 >= pb->count)
        return;
    lp = (struct kvs_object **)&pb->entries[left].p;
    if (kvs_tree_writable(heap, (struct kvs_object **)&pb->entries[left + 1].p, NULL) < 0 ||
        kvs_tree_writable(heap, lp, NULL) < 0)
        return;
    right = pb->entries[left + 1].p;
    lb = (*lp)->data;
    rb = right->data;
    if (lb->count + rb->count > KVS_NODE_MAX * 3 / 4)
        return;
    kvs_body_move(rb, 0, lb);
    resized(heap, *lp);
    kvs_object_unref(heap, right);
    kvs_body_remove(pb, left + 1);
}

/* After a removal: path[d] are the writable nodes from the root down, at[d] the child taken. */
static void tidy(struct kvs_heap *heap, struct kvs_object **root, struct kvs_object **path,
                 const int *at, int depth)
{
    for (int d = depth - 1; d > 0; d--) {
        struct kvs_body *b = path[d]->data;
        struct kvs_body *pb = path[d - 1]->data;

        if (b->count == 0) {
            kvs_object_unref(heap, path[d]);
            kvs_body_remove(pb, at[d - 1]);
        } else if (b->count < KVS_NODE_LOW)
            join_child(heap, path[d - 1], at[d - 1]);
        else
            break;
        resized(heap, path[d - 1]);
    }
    while (*root && ((struct kvs_body *)(*root)->data)->level > 0 &&
           ((struct kvs_body *)(*root)->data)->count == 1) {
        struct kvs_body *b = (*root)->data;
        struct kvs_object *only = b->entries[0].p;

        if (kvs_object_load(heap, only, NULL) < 0)
            break;
        b->count = 0;
        kvs_object_unref(heap, *root);
        *root = only;
    }
    if (((struct kvs_body *)(*root)->data)->count == 0) {
        kvs_object_unref(heap, *root);
        *root = NULL;
    }
}

int kvs_tree_remove(struct kvs_heap *heap, struct kvs_object **root, const char *name, size_t len,
                    struct flux_error *err)
{
    struct kvs_object *path[KVS_LEVEL_MAX + 1];
    int at[KVS_LEVEL_MAX + 1];
    struct kvs_entry *e;
    struct kvs_body *b;
    bool found;
    int depth = 0;
    int r;

    r = kvs_tree_find(heap, *root, name, len, &e, err);
    if (r == 0)
        r = kvs_tree_writable(heap, root, err);
    if (r < 0)
        return r;
    path[0] = *root;
    while ((b = path[depth]->data)->level > 0) {
        at[depth] = kvs_body_floor(b, name, len);
        r = kvs_tree_writable(heap, (struct kvs_object **)&b->entries[at[depth]].p, err);
        if (r < 0)
            return r;
        path[depth + 1] = b->entries[at[depth]].p;
        depth++;
    }
    at[depth] = kvs_body_search(b, name, len, &found);
    kvs_payload_unref(heap, b->entries[at[depth]].kind, b->entries[at[depth]].p);
    kvs_body_remove(b, at[depth]);
    resized(heap, path[depth]);
    tidy(heap, root, path, at, depth + 1);
    return 0;
}

int kvs_tree_each(struct kvs_heap *heap, struct kvs_object *root,
                  int (*fn)(void *arg, const char *name, size_t len, const struct kvs_entry *e),
                  void *arg, struct flux_error *err)
{
    struct kvs_body *b;
    int r;

    if (!root)
        return 0;
    r = kvs_object_load(heap, root, err);
    if (r < 0)
        return r;
    b = root->data;
    for (int i = 0; i < b->count && r >= 0; i++) {
        struct kvs_entry *e = &b->entries[i];

        if (b->level > 0)
            r = kvs_tree_each(heap, e->p, fn, arg, err);
        else
            r = fn(arg, kvs_entry_name(b, e), e->namelen, e);
    }
    return r < 0 ? r : 0;
}
