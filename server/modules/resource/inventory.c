// SPDX-License-Identifier: LGPL-3.0-only
/* The inventory from configuration (resource.config, resource.path, fake-resources) or from the
 * enclosing job, with its nodes numbered by the brokers' ranks. */
#include "inventory.h"

#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES ((size_t)16 << 20)

static const json_t *section(const json_t *conf, const char *name)
{
    return json_object_get(conf, name);
}

static const char *string_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* ---- files */

static int read_file(const char *path, char **ret, struct flux_error *err)
{
    FLUX_AUTO_STR text = NULL;
    struct stat st;
    FILE *fp = fopen(path, "re");
    size_t n;

    if (!fp)
        return flux_error_sys(err, -errno, "%s", path);
    if (fstat(fileno(fp), &st) < 0 || (size_t)st.st_size > FILE_MAX_BYTES) {
        fclose(fp);
        return flux_error_set(err, -EFBIG, "%s: too large", path);
    }
    text = flux_alloc(st.st_size + 1);
    n = fread(text, 1, st.st_size, fp);
    fclose(fp);
    text[n] = '\0';
    *ret = FLUX_GIVE(text);
    return 0;
}

static int from_file(const char *path, struct flux_rset **ret, struct flux_error *err)
{
    FLUX_AUTO_STR text = NULL;
    int r = read_file(path, &text, err);

    if (r == 0)
        r = flux_rset_decode(text, ret, err);
    return r < 0 ? flux_error_prefix(err, r, "resource.path") : 0;
}

static int add_scheduling(const char *path, struct flux_rset *all, struct flux_error *err)
{
    FLUX_AUTO_STR text = NULL;
    json_error_t e;
    json_t *o;
    int r = read_file(path, &text, err);

    if (r < 0)
        return flux_error_prefix(err, r, "resource.scheduling");
    o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (!o)
        return flux_error_set(err, -EINVAL, "resource.scheduling: %s: %s", path, e.text);
    flux_rset_set_scheduling(all, o);
    json_decref(o);
    return 0;
}

/* ---- fake-resources */

static json_int_t integer_of(const json_t *o, const char *key, json_int_t otherwise)
{
    const json_t *v = json_object_get(o, key);

    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static int from_fake(const json_t *fake, struct flux_rset **ret, struct flux_error *err)
{
    json_int_t nnodes = integer_of(fake, "nnodes", 0);
    json_int_t ncores = integer_of(fake, "cores-per-node", 64);
    json_int_t ngpus = integer_of(fake, "gpus-per-node", 0);
    const char *prefix = string_of(fake, "host-prefix");
    FLUX_AUTO(rset) all = flux_rset_new();
    FLUX_AUTO_STR ranks = NULL;
    FLUX_AUTO_STR hosts = NULL;
    FLUX_AUTO_STR cores = NULL;
    FLUX_AUTO_STR gpus = NULL;
    int r;

    if (nnodes < 1 || nnodes > FLUX_RSET_NODES_MAX)
        return flux_error_set(err, -EINVAL, "fake-resources.nnodes: must be 1 to %u",
                              FLUX_RSET_NODES_MAX);
    if (ncores < 1 || ncores > FLUX_RSET_ID_MAX || ngpus < 0 || ngpus > FLUX_RSET_ID_MAX)
        return flux_error_set(err, -EINVAL,
                              "fake-resources: cores-per-node or gpus-per-node is "
                              "out of range");
    ranks = flux_printf("0-%lld", (long long)nnodes - 1);
    hosts = flux_printf("%s[0-%lld]", prefix ? prefix : "fake", (long long)nnodes - 1);
    cores = flux_printf("0-%lld", (long long)ncores - 1);
    gpus = ngpus ? flux_printf("0-%lld", (long long)ngpus - 1) : NULL;
    if (nnodes == 1)
        ranks[1] = '\0';
    if (ncores == 1)
        cores[1] = '\0';
    if (ngpus == 1)
        gpus[1] = '\0';
    r = flux_rset_add_group(all, ranks, hosts, cores, gpus, err);
    if (r < 0)
        return flux_error_prefix(err, r, "fake-resources");
    *ret = FLUX_GIVE(all);
    return 0;
}

/* ---- ranks */

/* Number the nodes by the brokers' hosts. Hosts that have no broker are dropped; brokers whose host
 * is not in the set have no resources. Where no host is known at all (names made up for a test),
 * the order of the set stands. */
static int match_brokers(struct flux_rset **all, const char *hostlist, unsigned size,
                         struct flux_error *err)
{
    FLUX_AUTO(hostlist) brokers = NULL;
    FLUX_AUTO(hostlist) mine = flux_rset_hosts(*all);
    FLUX_AUTO(hostlist) kept = NULL;
    FLUX_AUTO(idset) positions = NULL;
    FLUX_AUTO(idset) first = flux_idset_new();
    struct flux_rset *some;
    int r;

    if (!hostlist || flux_hostlist_decode(hostlist, &brokers, NULL) < 0 ||
        flux_hostlist_equal(brokers, mine))
        return 0;
    kept = flux_hostlist_intersect(mine, brokers);
    if (flux_hostlist_count(kept) == 0) {
        flux_idset_add_range(first, 0, size - 1);
        some = flux_rset_copy_ranks(*all, first);
        flux_rset_free(*all);
        *all = some;
        return 0;
    }
    r = flux_rset_host_ranks(*all, kept, &positions, err);
    if (r < 0)
        return r;
    some = flux_rset_copy_ranks(*all, positions);
    flux_rset_free(*all);
    *all = some;
    return flux_rset_rerank_within(*all, brokers, err);
}

/* R of the job that this instance is: usable if it has a node for each broker. */
static int from_job(const struct inventory_input *in, struct flux_rset **ret,
                    struct flux_error *err)
{
    FLUX_AUTO(rset) all = NULL;
    FLUX_AUTO_STR text = NULL;
    int r;

    if (in->job_r[0] == '{')
        text = flux_strdup(in->job_r);
    else if ((r = read_file(in->job_r, &text, err)) < 0)
        return r;
    r = flux_rset_decode(text, &all, err);
    if (r < 0)
        return flux_error_prefix(err, r, "R of the enclosing job");
    if (flux_rset_nnodes(all) != in->size)
        return 0;
    flux_rset_remap(all);
    r = match_brokers(&all, in->hostlist, in->size, err);
    if (r == 0)
        *ret = FLUX_GIVE(all);
    return r;
}

/* ---- verification */

static int read_check(const json_t *o, const char *key, enum flux_rset_check *ret,
                      struct flux_error *err)
{
    static const char *const words[] = {"strict", "allow-extra", "allow-missing", "ignore"};
    const char *s = string_of(o, key);

    if (!s)
        return 0;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(words); i++)
        if (strcmp(words[i], s) == 0) {
            *ret = i;
            return 0;
        }
    return flux_error_set(err, -EINVAL,
                          "resource.verify.%s: '%.32s' is not strict, allow-extra, "
                          "allow-missing or ignore",
                          key, s);
}

static int read_verify(const json_t *resource, struct inventory *inv, struct flux_error *err)
{
    const json_t *v = json_object_get(resource, "verify");
    enum flux_rset_check all = FLUX_RSET_STRICT;

    inv->verify = !json_is_true(json_object_get(resource, "noverify")) && !json_is_false(v);
    inv->rules =
        (struct flux_rset_rules){FLUX_RSET_STRICT, {FLUX_RSET_ALLOW_EXTRA, FLUX_RSET_IGNORE}};
    if (!json_is_object(v) && !json_is_true(v))
        return 0;
    if (read_check(v, "default", &all, err) < 0)
        return -EINVAL;
    inv->rules = (struct flux_rset_rules){all, {all, all}};
    if (read_check(v, "hostname", &inv->rules.hostname, err) < 0 ||
        read_check(v, "core", &inv->rules.ids[FLUX_RSET_CORE], err) < 0 ||
        read_check(v, "gpu", &inv->rules.ids[FLUX_RSET_GPU], err) < 0)
        return -EINVAL;
    return 0;
}

/* ---- all of it */

static int find_configured(const struct inventory_input *in, const json_t *resource,
                           struct inventory *inv, struct flux_error *err)
{
    const json_t *entries = json_object_get(resource, "config");
    const char *path = string_of(resource, "path"), *extra = string_of(resource, "scheduling");
    int r;

    inv->method = INVENTORY_CONFIG;
    r = json_array_size(entries) ? flux_rset_from_config(entries, &inv->all, err)
                                 : from_file(path, &inv->all, err);
    if (r == 0)
        r = match_brokers(&inv->all, in->hostlist, in->size, err);
    if (r == 0 && extra)
        r = add_scheduling(extra, inv->all, err);
    return r < 0 ? r : read_verify(resource, inv, err);
}

int inventory_find(const struct inventory_input *in, struct inventory *ret, struct flux_error *err)
{
    const json_t *resource = section(in->conf, "resource");
    const json_t *fake = section(in->conf, "fake-resources");
    struct inventory inv = {.method = INVENTORY_DISCOVERY};
    int r = 0;

    inv.restricted = !json_is_true(json_object_get(resource, "norestrict"));
    if (fake) {
        inv.method = INVENTORY_FAKE;
        r = from_fake(fake, &inv.all, err);
    } else if (json_array_size(json_object_get(resource, "config")) || string_of(resource, "path"))
        r = find_configured(in, resource, &inv, err);
    else if (in->job_r && !json_is_true(json_object_get(resource, "rediscover"))) {
        r = from_job(in, &inv.all, err);
        if (inv.all)
            inv.method = INVENTORY_JOB;
    }
    if (r < 0)
        inventory_done(&inv);
    else
        *ret = inv;
    return r;
}

void inventory_done(struct inventory *inv)
{
    flux_rset_free(inv->all);
    inv->all = NULL;
}

int inventory_targets(const struct flux_rset *all, const char *targets, struct flux_idset **ret,
                      struct flux_error *err)
{
    FLUX_AUTO(idset) ranks = NULL;
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO(idset) known = NULL;

    if (flux_idset_decode(targets, &ranks, NULL) < 0) {
        if (flux_hostlist_decode(targets, &hosts, NULL) < 0)
            return flux_error_set(err, -EINVAL, "'%.64s' is neither an idset nor a hostlist",
                                  targets);
        return flux_rset_host_ranks(all, hosts, ret, err);
    }
    known = flux_rset_ranks(all);
    if (!flux_idset_is_subset(ranks, known)) {
        FLUX_AUTO(idset) unknown = flux_idset_difference(ranks, known);
        FLUX_AUTO_STR text = flux_idset_encode(unknown, FLUX_IDSET_RANGE);
        return flux_error_set(err, -ENOENT, "rank(s) %.64s are not in the resource set", text);
    }
    *ret = FLUX_GIVE(ranks);
    return 0;
}

int inventory_exclude(const json_t *conf, const struct flux_rset *all, struct flux_idset **ret,
                      struct flux_error *err)
{
    const char *s = string_of(section(conf, "resource"), "exclude");
    int r;

    if (!s) {
        *ret = flux_idset_new();
        return 0;
    }
    r = inventory_targets(all, s, ret, err);
    return r < 0 ? flux_error_prefix(err, r, "resource.exclude") : 0;
}
