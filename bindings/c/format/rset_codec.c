// SPDX-License-Identifier: LGPL-3.0-only
/* Resource sets from and to R version 1 (RFC 20). */
#include "rset.h"

#include <flux/buf.h>
#include <flux/eventlog.h>

#include <math.h>
#include <stdio.h>
#include <uthash.h>

#define TEXT_MAX ((size_t)16 << 20)

/* ---- decode */

static int bad(struct flux_error *err, const char *where, const char *what)
{
    return flux_error_set(err, -EPROTO, "R: %s: %s", where, what);
}

static int decode_ids(const json_t *v, const char *key, struct flux_idset **ret,
                      struct flux_error *err)
{
    if (!json_is_string(v))
        return flux_error_set(err, -EPROTO, "R: execution.R_lite: %s: must be an idset", key);
    if (flux_idset_decode(json_string_value(v), ret, err) < 0)
        return flux_error_prefix(err, -EPROTO, "R: execution.R_lite: %s", key);
    return 0;
}

static int decode_children(const json_t *o, struct rset_kids **ret, struct flux_error *err)
{
    struct flux_idset *ids[FLUX_RSET_KINDS] = {NULL};
    const char *key;
    json_t *v;
    int rc = json_is_object(o) ? 0 : bad(err, "execution.R_lite", "children: must be an object");

    json_object_foreach ((json_t *)o, key, v) {
        int k = 0;

        while (k < FLUX_RSET_KINDS && strcmp(rset_kind_names[k], key) != 0)
            k++;
        if (rc == 0 && k == FLUX_RSET_KINDS)
            rc = flux_error_set(err, -EPROTO, "R: execution.R_lite: children: unknown type '%.32s'",
                                key);
        if (rc == 0)
            rc = decode_ids(v, key, &ids[k], err);
        if (rc == 0 && !flux_idset_empty(ids[k]) && flux_idset_last(ids[k]) > FLUX_RSET_ID_MAX)
            rc = bad(err, "execution.R_lite", "children: id out of range");
    }
    *ret = rset_kids_new(ids[FLUX_RSET_CORE], ids[FLUX_RSET_GPU]);
    if (rc == 0 && rset_kids_empty(*ret))
        rc = bad(err, "execution.R_lite", "children: neither cores nor gpus");
    return rc;
}

static int decode_entry(struct flux_rset *r, const json_t *o, struct flux_error *err)
{
    FLUX_AUTO(idset) ranks = NULL;
    struct rset_kids *kids;
    int rc;

    if (!json_is_object(o))
        return bad(err, "execution.R_lite", "entries must be objects");
    rc = decode_ids(json_object_get(o, "rank"), "rank", &ranks, err);
    if (rc < 0)
        return rc;
    if (!flux_idset_empty(ranks) && flux_idset_last(ranks) >= FLUX_RSET_NODES_MAX)
        return bad(err, "execution.R_lite", "rank out of range");
    rc = decode_children(json_object_get(o, "children"), &kids, err);
    if (rc == 0 && r->count + flux_idset_count(ranks) > FLUX_RSET_NODES_MAX)
        rc = bad(err, "execution.R_lite", "too many ranks");
    if (rc == 0) {
        FLUX_IDSET_FOREACH(ranks, rank)
        {
            rset_push(r, rank, NULL, kids);
        }
    }
    rset_kids_unref(kids);
    return rc;
}

static int decode_nodelist(struct flux_rset *r, const json_t *array, struct flux_error *err)
{
    FLUX_AUTO(hostlist) hosts = flux_hostlist_new();
    struct flux_hostlist_iter it = {0};
    size_t i;
    json_t *v;

    if (!json_is_array(array))
        return bad(err, "execution.nodelist", "must be an array of hostlists");
    json_array_foreach ((json_t *)array, i, v) {
        if (!json_is_string(v))
            return bad(err, "execution.nodelist", "must be an array of hostlists");
        if (flux_hostlist_append(hosts, json_string_value(v), err) < 0)
            return flux_error_prefix(err, -EPROTO, "R: execution.nodelist");
    }
    if (flux_hostlist_count(hosts) != r->count)
        return flux_error_set(err, -EPROTO, "R: execution.nodelist: %zu hosts for %zu ranks",
                              flux_hostlist_count(hosts), r->count);
    for (i = 0; i < r->count; i++)
        r->nodes[i].host = flux_strdup(flux_hostlist_next(hosts, &it));
    return 0;
}

static int decode_properties(struct flux_rset *r, const json_t *o, struct flux_error *err)
{
    const char *key;
    json_t *v;

    if (!json_is_object(o))
        return bad(err, "execution.properties", "must be an object");
    json_object_foreach ((json_t *)o, key, v) {
        FLUX_AUTO(idset) ranks = NULL;

        if (!json_is_string(v) || flux_idset_decode(json_string_value(v), &ranks, NULL) < 0)
            return flux_error_set(err, -EPROTO, "R: execution.properties: %.64s: must be an idset",
                                  key);
        if (flux_rset_set_property(r, key, ranks, err) < 0)
            return -EPROTO;
    }
    return 0;
}

static int decode_time(const json_t *execution, const char *key, double *ret,
                       struct flux_error *err)
{
    const json_t *v = json_object_get(execution, key);

    *ret = json_number_value(v);
    if (v && (!json_is_number(v) || !(*ret >= 0) || isinf(*ret)))
        return flux_error_set(err, -EPROTO, "R: execution.%s: must be a time, not negative", key);
    return 0;
}

static int decode_execution(struct flux_rset *r, const json_t *o, struct flux_error *err)
{
    const json_t *lite = json_object_get(o, "R_lite"), *v;
    size_t i;
    json_t *entry;
    int rc;

    if (!json_is_object(o))
        return bad(err, "execution", "must be an object");
    if (!json_is_array(lite))
        return bad(err, "execution.R_lite", "must be an array");
    json_array_foreach ((json_t *)lite, i, entry) {
        rc = decode_entry(r, entry, err);
        if (rc < 0)
            return rc;
    }
    if ((rc = rset_settle(r, err)) < 0 ||
        (rc = decode_nodelist(r, json_object_get(o, "nodelist"), err)) < 0 ||
        (rc = decode_time(o, "starttime", &r->starttime, err)) < 0 ||
        (rc = decode_time(o, "expiration", &r->expiration, err)) < 0)
        return rc;
    if ((v = json_object_get(o, "nslots"))) {
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
            return bad(err, "execution.nslots", "must be an integer, not negative");
        r->nslots = json_integer_value(v);
    }
    v = json_object_get(o, "properties");
    return v ? decode_properties(r, v, err) : 0;
}

static void keep_extra(struct flux_rset *r, const json_t *o)
{
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)o, key, v) {
        if (strcmp(key, "version") == 0 || strcmp(key, "execution") == 0)
            continue;
        if (!r->extra)
            r->extra = json_object();
        json_object_set(r->extra, key, v);
    }
}

int flux_rset_from_json(const json_t *o, struct flux_rset **ret, struct flux_error *err)
{
    FLUX_AUTO(rset) r = NULL;
    const json_t *version = json_object_get(o, "version");
    int rc;

    if (!json_is_object(o))
        return flux_error_set(err, -EPROTO, "R: must be an object");
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return bad(err, "version", "must be 1");
    r = flux_rset_new();
    rc = decode_execution(r, json_object_get(o, "execution"), err);
    if (rc < 0)
        return rc;
    keep_extra(r, o);
    *ret = FLUX_GIVE(r);
    return 0;
}

int flux_rset_decode(const char *text, struct flux_rset **ret, struct flux_error *err)
{
    json_error_t e;
    json_t *o;
    int rc;

    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        return flux_error_set(err, -EPROTO, "R: longer than %zu bytes", TEXT_MAX);
    o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (!o)
        return flux_error_set(err, -EPROTO, "R: not JSON: line %d: %s", e.line, e.text);
    rc = flux_rset_from_json(o, ret, err);
    json_decref(o);
    return rc;
}

/* ---- encode */

/* Nodes with equal contents. */
struct group {
    char *key; /* the contents as text */
    struct flux_idset *ranks;
    UT_hash_handle hh; /* in order of the first rank */
};

typedef char *(*key_f)(const struct rset_kids *kids);

static char *json_key(const struct rset_kids *kids)
{
    FLUX_AUTO_STR cores = flux_idset_encode(kids->ids[FLUX_RSET_CORE], FLUX_IDSET_RANGE);
    FLUX_AUTO_STR gpus = flux_idset_encode(kids->ids[FLUX_RSET_GPU], FLUX_IDSET_RANGE);
    const char *c = *cores ? "\"core\":\"" : "", *g = *gpus ? "\"gpu\":\"" : "";

    return flux_printf("{%s%s%s%s%s%s%s}", c, cores, *cores ? "\"" : "", *cores && *gpus ? "," : "",
                       g, gpus, *gpus ? "\"" : "");
}

static char *summary_key(const struct rset_kids *kids)
{
    int flags = FLUX_IDSET_RANGE | FLUX_IDSET_BRACKETS;
    FLUX_AUTO_STR cores = flux_idset_encode(kids->ids[FLUX_RSET_CORE], flags);
    FLUX_AUTO_STR gpus = flux_idset_encode(kids->ids[FLUX_RSET_GPU], flags);

    return flux_printf("%s%s%s%s%s", *cores ? "core" : "", cores, *cores && *gpus ? "," : "",
                       *gpus ? "gpu" : "", gpus);
}

static struct group *group_nodes(const struct flux_rset *r, key_f make_key)
{
    struct group *groups = NULL, *g = NULL;

    for (size_t i = 0; i < r->count; i++) {
        /* neighbours mostly share their contents: no text is made for those */
        if (i == 0 || r->nodes[i].kids != r->nodes[i - 1].kids) {
            FLUX_AUTO_STR key = make_key(r->nodes[i].kids);

            HASH_FIND_STR(groups, key, g);
            if (!g) {
                g = flux_alloc(sizeof(*g));
                g->key = FLUX_GIVE(key);
                g->ranks = flux_idset_new();
                HASH_ADD_KEYPTR(hh, groups, g->key, strlen(g->key), g);
            }
        }
        flux_idset_add(g->ranks, r->nodes[i].rank);
    }
    return groups;
}

static void free_groups(struct group *groups)
{
    struct group *g, *tmp;

    HASH_ITER (hh, groups, g, tmp) {
        HASH_DEL(groups, g);
        flux_idset_free(g->ranks);
        free(g->key);
        free(g);
    }
}

static void put_lite(const struct flux_rset *r, struct flux_buf *b)
{
    struct group *groups = group_nodes(r, json_key), *g;
    const char *sep = "";

    for (g = groups; g; g = g->hh.next) {
        FLUX_AUTO_STR ranks = flux_idset_encode(g->ranks, FLUX_IDSET_RANGE);

        flux_buf_printf(b, "%s{\"rank\":\"%s\",\"children\":%s}", sep, ranks, g->key);
        sep = ",";
    }
    free_groups(groups);
}

/* Whole seconds as an integer, else with microseconds. */
static void put_time(struct flux_buf *b, const char *key, double t)
{
    if (t == (double)(int64_t)t)
        flux_buf_printf(b, ",\"%s\":%lld", key, (long long)t);
    else
        flux_buf_printf(b, ",\"%s\":%.6f", key, t);
}

static void put_properties(const struct flux_rset *r, struct flux_buf *b)
{
    for (size_t i = 0; i < r->nproperties; i++) {
        FLUX_AUTO_STR ranks = flux_idset_encode(r->properties[i].ranks, FLUX_IDSET_RANGE);

        flux_buf_puts(b, i ? "," : ",\"properties\":{");
        flux_eventlog_put_string(b, r->properties[i].name, strlen(r->properties[i].name));
        flux_buf_printf(b, ":\"%s\"", ranks);
    }
    if (r->nproperties)
        flux_buf_putc(b, '}');
}

static void put_extra(const struct flux_rset *r, struct flux_buf *b)
{
    const char *key;
    json_t *v;

    json_object_foreach (r->extra, key, v) {
        FLUX_AUTO_STR text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

        flux_buf_putc(b, ',');
        flux_eventlog_put_string(b, key, strlen(key));
        flux_buf_putc(b, ':');
        flux_buf_puts(b, text ? text : "null");
    }
}

char *flux_rset_encode(const struct flux_rset *r)
{
    struct flux_buf b = FLUX_BUF_INIT((size_t)1 << 30);
    FLUX_AUTO_STR hosts = flux_rset_nodelist(r);

    flux_buf_puts(&b, "{\"version\":1,\"execution\":{\"R_lite\":[");
    put_lite(r, &b);
    flux_buf_putc(&b, ']');
    put_time(&b, "starttime", r->starttime);
    put_time(&b, "expiration", r->expiration);
    flux_buf_puts(&b, ",\"nodelist\":[");
    if (*hosts)
        flux_eventlog_put_string(&b, hosts, strlen(hosts));
    flux_buf_putc(&b, ']');
    if (r->nslots)
        flux_buf_printf(&b, ",\"nslots\":%d", r->nslots);
    put_properties(r, &b);
    flux_buf_putc(&b, '}');
    put_extra(r, &b);
    flux_buf_putc(&b, '}');
    return flux_buf_take(&b);
}

char *flux_rset_summary(const struct flux_rset *r)
{
    struct group *groups = group_nodes(r, summary_key), *g;
    struct flux_buf b = FLUX_BUF_INIT((size_t)1 << 30);

    for (g = groups; g; g = g->hh.next) {
        FLUX_AUTO_STR ranks = flux_idset_encode(g->ranks, FLUX_IDSET_RANGE | FLUX_IDSET_BRACKETS);

        flux_buf_printf(&b, "%srank%s/%s", b.len ? " " : "", ranks, g->key);
    }
    free_groups(groups);
    return flux_buf_take(&b);
}
