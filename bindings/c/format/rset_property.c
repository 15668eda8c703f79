// SPDX-License-Identifier: LGPL-3.0-only
/* Properties of the nodes of a resource set, and matching against them. */
#include "rset.h"

bool rset_property_valid(const char *name)
{
    return *name && !strpbrk(name, "!&'\"^`|()") && strlen(name) < 256;
}

static struct rset_property *find(const struct flux_rset *r, const char *name)
{
    for (size_t i = 0; i < r->nproperties; i++)
        if (strcmp(r->properties[i].name, name) == 0)
            return &r->properties[i];
    return NULL;
}

int flux_rset_set_property(struct flux_rset *r, const char *name, const struct flux_idset *ranks,
                           struct flux_error *err)
{
    FLUX_AUTO(idset) all = flux_rset_ranks(r);
    struct rset_property *p;

    if (!rset_property_valid(name))
        return flux_error_set(err, -EINVAL, "R: '%.64s' is not a property name", name);
    if (ranks && !flux_idset_is_subset(ranks, all)) {
        FLUX_AUTO(idset) unknown = flux_idset_difference(ranks, all);
        FLUX_AUTO_STR text = flux_idset_encode(unknown, FLUX_IDSET_RANGE);
        return flux_error_set(err, -ENOENT, "R: property %s: no rank %.64s", name, text);
    }
    p = find(r, name);
    if (!p) {
        r->properties = flux_realloc(r->properties, r->nproperties + 1, sizeof(*r->properties));
        p = &r->properties[r->nproperties++];
        *p = (struct rset_property){flux_strdup(name), flux_idset_new()};
    }
    flux_idset_add_set(p->ranks, ranks ? ranks : all);
    return 0;
}

bool flux_rset_has_property(const struct flux_rset *r, unsigned rank, const char *name)
{
    const struct rset_property *p = find(r, name);

    return p && flux_idset_contains(p->ranks, rank);
}

const char *flux_rset_property(const struct flux_rset *r, size_t i, const struct flux_idset **ranks)
{
    if (i >= r->nproperties)
        return NULL;
    if (ranks)
        *ranks = r->properties[i].ranks;
    return r->properties[i].name;
}

void flux_rset_drop_local_properties(struct flux_rset *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->nproperties; i++) {
        if (r->properties[i].name[0] != '+') {
            r->properties[n++] = r->properties[i];
            continue;
        }
        free(r->properties[i].name);
        flux_idset_free(r->properties[i].ranks);
    }
    r->nproperties = n;
}

/* An instance's own property "+name" is asked for as "name" too; "name@suffix" likewise. */
static bool has_property(const struct flux_constraint_node *node, const char *name)
{
    const struct flux_rset *r = node->data;
    size_t len = strlen(name);

    for (size_t i = 0; i < r->nproperties; i++) {
        const char *mine = r->properties[i].name;

        if (*mine == '+' && *name != '+')
            mine++;
        if (strncmp(mine, name, len) == 0 && (mine[len] == '\0' || mine[len] == '@') &&
            flux_idset_contains(r->properties[i].ranks, node->rank))
            return true;
    }
    return false;
}

struct flux_idset *flux_rset_match(const struct flux_rset *r, const struct flux_constraint *c)
{
    struct flux_idset *set = flux_idset_new();

    for (size_t i = 0; i < r->count; i++) {
        struct flux_constraint_node node = {r->nodes[i].rank, r->nodes[i].host, has_property, r};

        if (flux_constraint_match(c, &node))
            flux_idset_add(set, node.rank);
    }
    return set;
}
