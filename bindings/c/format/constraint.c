// SPDX-License-Identifier: LGPL-3.0-only
/* Constraints on nodes (RFC 31), compiled once and then matched without touching JSON. */
#include <flux/constraint.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#define DEPTH_MAX 32
#define TERM_MAX 65536

enum op { OP_AND, OP_OR, OP_NOT, OP_PROPERTIES, OP_HOSTLIST, OP_RANKS };

static const char *const op_names[] = {"and", "or", "not", "properties", "hostlist", "ranks"};

struct flux_constraint {
    enum op op;
    size_t count;
    union {
        struct flux_constraint **terms; /* and, or, not */
        char **properties;
    };
    struct flux_hostlist *hosts;
    struct flux_idset *ranks;
};

struct compile {
    struct flux_error *err;
    unsigned depth, terms;
};

void flux_constraint_free(struct flux_constraint *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++) {
        if (c->op == OP_PROPERTIES)
            free(c->properties[i]);
        else if (c->op <= OP_NOT)
            flux_constraint_free(c->terms[i]);
    }
    if (c->op <= OP_PROPERTIES)
        free(c->terms);
    if (c->hosts)
        flux_hostlist_free(c->hosts);
    if (c->ranks)
        flux_idset_free(c->ranks);
    free(c);
}

static int compile(struct compile *cc, const json_t *o, struct flux_constraint **ret);

static int add_term(struct compile *cc, struct flux_constraint *c, const json_t *v)
{
    struct flux_constraint *term;
    int r = compile(cc, v, &term);

    if (r == 0)
        c->terms[c->count++] = term;
    return r;
}

static int add_property(struct compile *cc, struct flux_constraint *c, const char *s)
{
    const char *bare = *s == '^' ? s + 1 : s;

    if (*bare == '\0')
        return flux_error_set(cc->err, -EINVAL, "constraint: a property must not be empty");
    if (strpbrk(bare, "!&'\"^`|()"))
        return flux_error_set(cc->err, -EINVAL, "constraint: invalid character in property '%.64s'",
                              s);
    c->properties[c->count++] = flux_strdup(s);
    return 0;
}

static int add_hosts(struct compile *cc, struct flux_constraint *c, const char *s)
{
    FLUX_AUTO(hostlist) hosts = NULL;
    int r = flux_hostlist_decode(s, &hosts, cc->err);

    if (r < 0)
        return flux_error_prefix(cc->err, r, "constraint");
    if (!c->hosts)
        c->hosts = FLUX_GIVE(hosts);
    else
        flux_hostlist_append_list(c->hosts, hosts);
    return 0;
}

static int add_ranks(struct compile *cc, struct flux_constraint *c, const char *s)
{
    FLUX_AUTO(idset) ranks = NULL;
    int r = flux_idset_decode(s, &ranks, cc->err);

    if (r < 0)
        return flux_error_prefix(cc->err, r, "constraint: ranks");
    if (!c->ranks)
        c->ranks = FLUX_GIVE(ranks);
    else
        flux_idset_add_set(c->ranks, ranks);
    return 0;
}

static int add_value(struct compile *cc, struct flux_constraint *c, const json_t *v)
{
    const char *s = json_string_value(v);

    if (++cc->terms > TERM_MAX)
        return flux_error_set(cc->err, -EINVAL, "constraint: too many terms");
    if (c->op <= OP_NOT)
        return add_term(cc, c, v);
    if (!s)
        return flux_error_set(cc->err, -EINVAL, "constraint: values of '%s' must be strings",
                              op_names[c->op]);
    if (c->op == OP_PROPERTIES)
        return add_property(cc, c, s);
    return c->op == OP_HOSTLIST ? add_hosts(cc, c, s) : add_ranks(cc, c, s);
}

static int compile_op(struct compile *cc, const char *key, const json_t *values,
                      struct flux_constraint *c)
{
    size_t i, op = 0;
    json_t *v;
    int r;

    while (op < FLUX_ARRAY_SIZE(op_names) && strcmp(op_names[op], key) != 0)
        op++;
    if (op == FLUX_ARRAY_SIZE(op_names))
        return flux_error_set(cc->err, -EINVAL, "constraint: unknown operator '%.32s'", key);
    if (!json_is_array(values))
        return flux_error_set(cc->err, -EINVAL, "constraint: value of '%s' must be an array", key);
    c->op = op;
    if (op <= OP_PROPERTIES)
        c->terms = flux_alloc(json_array_size(values) * sizeof(void *));
    json_array_foreach ((json_t *)values, i, v) {
        r = add_value(cc, c, v);
        if (r < 0)
            return r;
    }
    return 0;
}

static int compile(struct compile *cc, const json_t *o, struct flux_constraint **ret)
{
    FLUX_AUTO(constraint) c = NULL;
    void *iter = json_object_iter((json_t *)o);
    int r;

    if (!json_is_object(o))
        return flux_error_set(cc->err, -EINVAL, "constraint: must be an object");
    if (json_object_size(o) > 1)
        return flux_error_set(cc->err, -EINVAL, "constraint: must have one operator");
    if (++cc->depth > DEPTH_MAX)
        return flux_error_set(cc->err, -EINVAL, "constraint: nested too deeply");
    c = flux_alloc(sizeof(*c)); /* {} is an empty `and` */
    if (iter) {
        r = compile_op(cc, json_object_iter_key(iter), json_object_iter_value(iter), c);
        if (r < 0)
            return r;
    }
    cc->depth--;
    *ret = FLUX_GIVE(c);
    return 0;
}

int flux_constraint_parse(const json_t *o, struct flux_constraint **ret, struct flux_error *err)
{
    struct compile cc = {.err = err};

    return compile(&cc, o, ret);
}

int flux_constraint_validate(const json_t *o, struct flux_error *err)
{
    FLUX_AUTO(constraint) c = NULL;

    return flux_constraint_parse(o, &c, err);
}

static bool has(const struct flux_constraint_node *node, const char *property)
{
    bool negated = *property == '^', found;

    property += negated;
    found = (node->hostname && strcmp(node->hostname, property) == 0) ||
            (node->has_property && node->has_property(node, property));
    return found != negated;
}

bool flux_constraint_match(const struct flux_constraint *c, const struct flux_constraint_node *node)
{
    switch (c->op) {
    case OP_AND:
    case OP_NOT:
        for (size_t i = 0; i < c->count; i++)
            if (!flux_constraint_match(c->terms[i], node))
                return c->op == OP_NOT;
        return c->op == OP_AND;
    case OP_OR:
        for (size_t i = 0; i < c->count; i++)
            if (flux_constraint_match(c->terms[i], node))
                return true;
        return c->count == 0;
    case OP_PROPERTIES:
        for (size_t i = 0; i < c->count; i++)
            if (!has(node, c->properties[i]))
                return false;
        return true;
    case OP_HOSTLIST:
        return c->hosts && node->hostname && flux_hostlist_find(c->hosts, node->hostname) >= 0;
    case OP_RANKS:
        return c->ranks && flux_idset_contains(c->ranks, node->rank);
    }
    return false;
}
