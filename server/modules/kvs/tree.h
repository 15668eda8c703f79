// SPDX-License-Identifier: LGPL-3.0-only
/* A persistent B-tree from names to entries: the representation of one directory (and of the chunks
 * of a log). A root is an object or NULL for an empty tree; the holder of a root pointer owns one
 * reference. Editing copies what is shared with other versions, O(log n) nodes, and nothing else.
 * Pointers to entries are good until the next edit or kvs_heap_trim(). */
#ifndef MODULES_KVS_TREE_H
#define MODULES_KVS_TREE_H

#include "node.h"

/* -ENOENT (no text): not there. */
int kvs_tree_find(struct kvs_heap *heap, struct kvs_object *root, const char *name, size_t len,
                  struct kvs_entry **ret, struct flux_error *err);
/* The entry with the greatest name <= the given one, and its name. */
int kvs_tree_floor(struct kvs_heap *heap, struct kvs_object *root, const char *name, size_t len,
                   struct kvs_entry **ret, const char **retname, struct flux_error *err);
/* An entry the caller may change (its kind and payload), in this version of the tree alone. With
 * `create` it is made if needed, of kind KVS_NONE: the caller must fill it in. Else -ENOENT. */
int kvs_tree_edit(struct kvs_heap *heap, struct kvs_object **root, const char *name, size_t len,
                  bool create, struct kvs_entry **ret, struct flux_error *err);
/* -ENOENT if it is not there. */
int kvs_tree_remove(struct kvs_heap *heap, struct kvs_object **root, const char *name, size_t len,
                    struct flux_error *err);
/* See to it that the node *op is loaded, dirty, and in this version of the tree alone. */
int kvs_tree_writable(struct kvs_heap *heap, struct kvs_object **op, struct flux_error *err);
/* In order of names; fn < 0 stops and is returned. */
int kvs_tree_each(struct kvs_heap *heap, struct kvs_object *root,
                  int (*fn)(void *arg, const char *name, size_t len, const struct kvs_entry *e),
                  void *arg, struct flux_error *err);

#endif
