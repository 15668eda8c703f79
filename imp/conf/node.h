// SPDX-License-Identifier: LGPL-3.0-only
/* Values of a configuration and how they are put together. */
#ifndef IMP_CONF_NODE_H
#define IMP_CONF_NODE_H

#include "conf.h"

/* A file that values came from. */
struct conf_source {
    struct conf_source *next;
    char name[];
};

struct conf {
    enum conf_type type;
    int line;
    const struct conf_source *source; /* where it was set, or first mentioned */
    const struct conf_source *header; /* of a table: the file that has its [header] */
    bool closed;                      /* written as a value, {...} or [...]: not extended */
    char *key;                        /* NULL: an element, or the root */
    union {
        char *string;
        int64_t integer;
        bool boolean;
        time_t time;
        struct {
            struct conf **members;
            size_t len;
        };
    };
};

struct conf_root {
    struct conf table; /* first: what a caller holds */
    struct conf_source *sources;
    size_t nodes;
};

/* A source of the root; NULL: out of memory. */
const struct conf_source *conf_source_new(struct conf_root *root, const char *name);
/* A new value; NULL: out of memory or too many. Until it is added, conf_node_free() ends it. */
struct conf *conf_node_new(struct conf_root *root, enum conf_type type);
void conf_node_free(struct conf *node);
/* Put a node under a table (it has a key then) or array, in place of what has the key. Takes the
 * node over, even where it fails. 0 or -ENOMEM. */
int conf_node_add(struct conf *parent, struct conf *node);
/* The member of a table with a key of that length, or NULL. */
struct conf *conf_node_find(const struct conf *table, const char *key, size_t len);

/* Read one file into a root. */
int conf_read(struct conf_root *root, const char *text, size_t len, const char *name,
              struct imp_error *err);
struct conf_root *conf_root_new(void);

#endif
