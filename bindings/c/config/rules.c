// SPDX-License-Identifier: LGPL-3.0-only
/* Rules about several keys: hosts and their parents, queues, limits that exclude each other. */
#include "rules.h"

#include <stdio.h>

#include <flux/bootstrap.h>
#include <flux/fsd.h>
#include <flux/topology.h>

#include "config.h"

struct rules {
    const json_t *conf;
    config_rule_f report;
    void *arg;
};

__attribute__((format(printf, 3, 4))) static void wrong(struct rules *c, const char *path,
                                                        const char *fmt, ...)
{
    FLUX_AUTO_STR text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = flux_vprintf(fmt, ap);
    va_end(ap);
    c->report(c->arg, path, text);
}

static const json_t *table(const json_t *o, const char *a, const char *b)
{
    o = json_object_get(o, a);
    return b ? json_object_get(o, b) : o;
}

static double seconds(const json_t *o, double otherwise)
{
    double t = otherwise;

    if (json_is_number(o))
        return json_number_value(o);
    if (json_is_string(o) && flux_fsd_parse(json_string_value(o), &t, NULL) < 0)
        return otherwise;
    return t;
}

/* --- bootstrap --- */

/* Whoever has children must be found by them. */
static void check_endpoints(struct rules *c, const struct flux_bootstrap *bs)
{
    const uint32_t *parents = flux_bootstrap_parents(bs);
    FLUX_AUTO_MEM(bool) seen = flux_alloc(flux_bootstrap_size(bs));

    for (uint32_t rank = 1; rank < flux_bootstrap_size(bs); rank++) {
        uint32_t parent = parents[rank];
        FLUX_AUTO_STR bind = NULL;
        FLUX_AUTO_STR connect = NULL;
        struct flux_error err;
        if (seen[parent])
            continue;
        seen[parent] = true;
        if (flux_bootstrap_bind(bs, parent, &bind, &err) < 0 ||
            flux_bootstrap_connect(bs, parent, &connect, &err) < 0) {
            wrong(c, "bootstrap", "%s", err.text);
            return;
        }
    }
}

static void check_bootstrap(struct rules *c)
{
    const json_t *bootstrap = json_object_get(c->conf, "bootstrap");
    char where[FLUX_BOOTSTRAP_WHERE] = "bootstrap";
    FLUX_AUTO(bootstrap) bs = NULL;
    struct flux_error err;

    if (flux_bootstrap_new(bootstrap, &bs, where, &err) < 0) {
        wrong(c, where, "%s", err.text);
        return;
    }
    if (flux_bootstrap_size(bs) < 2)
        return;
    if (!json_object_get(bootstrap, "curve_cert"))
        wrong(c, "bootstrap", "curve_cert is missing: make a certificate with flux keygen");
    check_endpoints(c, bs);
}

static void check_tbon(struct rules *c)
{
    const json_t *tbon = json_object_get(c->conf, "tbon");
    double min = seconds(json_object_get(tbon, "torpid_min"), 5);
    double max = seconds(json_object_get(tbon, "torpid_max"), 30);
    const char *topo = json_string_value(json_object_get(tbon, "topo"));
    FLUX_AUTO(topology) tree = NULL;
    struct flux_error err;

    if (topo && strcmp(topo, "custom") && flux_topology_new(topo, 1, &tree, &err) < 0)
        wrong(c, "tbon.topo", "%s", err.text);

    if (max > 0 && min >= max)
        wrong(c, json_object_get(tbon, "torpid_max") ? "tbon.torpid_max" : "tbon.torpid_min",
              "torpid_max must be longer than torpid_min (%gs)", min);
}

/* A parent that never speaks would be given up for nothing. */
static void check_heartbeat(struct rules *c)
{
    const json_t *heartbeat = json_object_get(c->conf, "heartbeat");
    double period = seconds(json_object_get(heartbeat, "period"), 2);
    double timeout = seconds(json_object_get(heartbeat, "timeout"), 300);

    if (timeout > 0 && (period <= 0 || timeout <= period))
        wrong(c, json_object_get(heartbeat, "timeout") ? "heartbeat.timeout" : "heartbeat.period",
              "the timeout (%gs) must be longer than the period (%gs), or 0", timeout, period);
}

/* --- queues and policy --- */

static void check_sizes(struct rules *c, const json_t *policy, const char *path)
{
    static const char *const kinds[] = {"nnodes", "ncores", "ngpus"};
    const json_t *size = table(policy, "limits", "job-size");

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(kinds); i++) {
        const json_t *min = table(size, "min", kinds[i]), *max = table(size, "max", kinds[i]);
        FLUX_AUTO_STR where = flux_printf("%s.limits.job-size.min.%s", path, kinds[i]);
        if (min && max && json_integer_value(max) >= 0 &&
            json_integer_value(min) > json_integer_value(max))
            wrong(c, where, "is above the largest that is allowed (%lld)",
                  (long long)json_integer_value(max));
    }
}

static void check_policy(struct rules *c, const json_t *policy, const char *path)
{
    const json_t *system = table(table(policy, "jobspec", "defaults"), "system", NULL);
    const char *queue = json_string_value(json_object_get(system, "queue"));
    FLUX_AUTO_STR where = flux_printf("%s.jobspec.defaults.system.queue", path);

    if (queue && !table(c->conf, "queues", queue))
        wrong(c, where, "there is no queue '%s' in [queues]", queue);
    check_sizes(c, policy, path);
}

static void check_child_queue(struct rules *c, const json_t *queue, const char *path)
{
    const char *parent = json_string_value(json_object_get(queue, "parent"));
    FLUX_AUTO_STR at_parent = flux_printf("%s.parent", path);
    FLUX_AUTO_STR at_requires = flux_printf("%s.requires", path);
    FLUX_AUTO_STR at_scheduler = flux_printf("%s.policy.scheduler", path);

    if (!table(c->conf, "queues", parent))
        wrong(c, at_parent, "there is no queue '%s' in [queues]", parent);
    else if (table(table(c->conf, "queues", parent), "parent", NULL))
        wrong(c, at_parent, "queue '%s' has a parent itself", parent);
    if (json_object_get(queue, "requires"))
        wrong(c, at_requires, "a queue with a parent has the parent's resources");
    if (table(queue, "policy", "scheduler"))
        wrong(c, at_scheduler, "a queue with a parent is scheduled as the parent is");
}

static void check_queues(struct rules *c)
{
    const json_t *queue;
    const char *name;

    check_policy(c, json_object_get(c->conf, "policy"), "policy");
    json_object_foreach ((json_t *)json_object_get(c->conf, "queues"), name, queue) {
        FLUX_AUTO_STR path = flux_printf("queues.%s", name);
        FLUX_AUTO_STR policy = flux_printf("%s.policy", path);
        if (json_object_get(queue, "parent"))
            check_child_queue(c, queue, path);
        check_policy(c, json_object_get(queue, "policy"), policy);
    }
}

/* --- signatures --- */

static void check_sign(struct rules *c)
{
    const json_t *sign = json_object_get(c->conf, "sign");
    const json_t *allowed = json_object_get(sign, "allowed-types"), *type;
    const char *preferred = json_string_value(json_object_get(sign, "default-type"));
    bool found = !allowed || !preferred;
    size_t i;

    json_array_foreach (allowed, i, type)
        found = found || !strcmp(json_string_value(type), preferred);
    if (!found)
        wrong(c, "sign.default-type", "'%s' is not among allowed-types", preferred);
}

void config_rules_check(const json_t *conf, enum flux_configfile_space space, config_rule_f report,
                        void *arg)
{
    struct rules c = {conf, report, arg};

    if (space == FLUX_CONFIG_SECURITY)
        check_sign(&c);
    if (space != FLUX_CONFIG_SYSTEM)
        return;
    check_bootstrap(&c);
    check_tbon(&c);
    check_heartbeat(&c);
    check_queues(&c);
}
