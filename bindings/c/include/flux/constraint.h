// SPDX-License-Identifier: LGPL-3.0-only
/* Constraints on nodes (RFC 31), and the query text that people write for them (RFC 35). */
#ifndef FLUX_CONSTRAINT_H
#define FLUX_CONSTRAINT_H

#include <jansson.h>

#include <flux/base.h>

#pragma GCC visibility push(default)

struct flux_constraint;

/* What a constraint is matched against. The host name counts as a property too. */
struct flux_constraint_node {
    unsigned rank;
    const char *hostname;
    bool (*has_property)(const struct flux_constraint_node *node, const char *name); /* or NULL */
    const void *data; /* of has_property */
};

/* -EINVAL: not a constraint by RFC 31; `err` says what. Depth and size are bounded. */
int flux_constraint_parse(const json_t *o, struct flux_constraint **ret, struct flux_error *err);
int flux_constraint_validate(const json_t *o, struct flux_error *err);
bool flux_constraint_match(const struct flux_constraint *c,
                           const struct flux_constraint_node *node);
void flux_constraint_free(struct flux_constraint *c);
FLUX_DEFINE_AUTO(constraint);

/* How words before a colon map to operators. An entry without `to` keeps its name. */
struct flux_query_operator {
    const char *name, *to;
};
struct flux_query_syntax {
    const char *default_operator;                /* for terms without a colon */
    const struct flux_query_operator *operators; /* ends with a NULL name; NULL: any is accepted */
};

/* For --requires: properties by default; host(s), hostlist; rank(s). */
extern const struct flux_query_syntax flux_query_nodes;

/* "a&(b|-c) host:foo[1-3]" to {"and":[...]}. Caller decrefs. -EINVAL: err says where. */
int flux_query_parse(const char *text, const struct flux_query_syntax *syntax, json_t **ret,
                     struct flux_error *err);

#pragma GCC visibility pop
#endif
