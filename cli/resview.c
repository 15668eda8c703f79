// SPDX-License-Identifier: LGPL-3.0-only
/* The scheduler's sets and the configuration's queues, asked for in one go. */
#include "resview.h"

#include <flux/buf.h>

#include <flux/v1/config_rpc.h>
#include <flux/v1/sched.h>

#include "handle.h"
#include "listing.h"

static int decode(const char *what, const char *text, struct flux_rset **ret,
                  struct flux_error *err)
{
    int r;

    if (!text || !*text) {
        *ret = flux_rset_new();
        return 0;
    }
    r = flux_rset_decode(text, ret, err);
    return r < 0 ? flux_error_prefix(err, r, "%s resources", what) : 0;
}

static int get_sets(struct resview *v, struct flux_future *f, struct flux_error *err)
{
    const flux_sched_status_response *out;
    struct flux_rset *busy = NULL;
    int r;

    if ((r = flux_sched_status_result(f, &out, err)) < 0 ||
        (r = decode("all", out->all, &v->all, err)) < 0 ||
        (r = decode("allocated", out->allocated, &v->allocated, err)) < 0 ||
        (r = decode("down", out->down, &v->down, err)) < 0 ||
        (r = flux_rset_union(v->allocated, v->down, &busy, err)) < 0)
        return r;
    v->free = flux_rset_diff(v->all, busy);
    v->up = flux_rset_diff(v->all, v->down);
    flux_rset_free(busy);
    return 0;
}

static struct flux_future *ask_queues(struct cli *cli)
{
    flux_config_get_request in = FLUX_CONFIG_GET_REQUEST_INIT;

    in.key = (char *)"queues";
    return flux_config_get_async(cli_handle(cli), FLUX_ANY, &in);
}

/* No queues configured is no error. */
static json_t *get_queues(struct flux_future *f)
{
    const flux_config_get_response *out;

    return flux_config_get_result(f, &out, NULL) == 0 ? json_loads(out->json, 0, NULL) : NULL;
}

json_t *resview_queues(struct cli *cli)
{
    FLUX_AUTO(future) f = ask_queues(cli);

    return get_queues(f);
}

struct flux_idset *resview_targets(const struct flux_rset *r, const char *text,
                                   struct flux_error *err)
{
    FLUX_AUTO(hostlist) hosts = NULL;
    struct flux_idset *ranks = NULL;

    if (flux_idset_decode(text, &ranks, NULL) == 0)
        return ranks;
    if (flux_hostlist_decode(text, &hosts, err) < 0 ||
        flux_rset_host_ranks(r, hosts, &ranks, err) < 0)
        return NULL;
    return ranks;
}

int resview_queue_ranks(const struct resview *v, const char *wanted, struct flux_idset **ret,
                        struct flux_error *err)
{
    FLUX_AUTO(idset) ranks = flux_idset_new();
    struct flux_rset_node node;

    for (const char *p = wanted; *p;) {
        size_t n = strcspn(p, ",");
        FLUX_AUTO_STR name = flux_strndup(p, n);

        if (!json_object_get(v->queues, name))
            return flux_error_set(err, -EINVAL, "%s: no such queue", name);
        p += n + (p[n] == ',');
    }
    for (size_t i = 0; flux_rset_node(v->all, i, &node); i++) {
        FLUX_AUTO_STR queues = resview_queue_of(v, node.rank);

        for (const char *p = queues; *p;) {
            size_t n = strcspn(p, ",");

            if (listing_has(wanted, p, n))
                flux_idset_add(ranks, node.rank);
            p += n + (p[n] == ',');
        }
    }
    *ret = FLUX_GIVE(ranks);
    return 0;
}

static void restrict_to(struct resview *v, const struct flux_idset *ranks)
{
    struct flux_rset **sets[] = {&v->all, &v->allocated, &v->down, &v->free, &v->up};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(sets); i++) {
        struct flux_rset *cut = flux_rset_copy_ranks(*sets[i], ranks);

        flux_rset_free(*sets[i]);
        *sets[i] = cut;
    }
}

static int select_ranks(struct resview *v, const char *queues, const char *include,
                        struct flux_error *err)
{
    FLUX_AUTO(idset) by_queue = NULL;
    FLUX_AUTO(idset) by_target = NULL;
    int r = queues ? resview_queue_ranks(v, queues, &by_queue, err) : 0;

    if (r < 0)
        return r;
    if (include && !(by_target = resview_targets(v->all, include, err)))
        return -EINVAL;
    if (by_queue)
        restrict_to(v, by_queue);
    if (by_target)
        restrict_to(v, by_target);
    return 0;
}

int resview_init(struct resview *v, struct cli *cli, struct flux_error *err)
{
    return resview_init_part(v, cli, cli_str(cli, "queue", NULL), cli_str(cli, "include", NULL),
                             err);
}

int resview_init_part(struct resview *v, struct cli *cli, const char *queues_wanted,
                      const char *include, struct flux_error *err)
{
    flux_sched_status_request status = FLUX_SCHED_STATUS_REQUEST_INIT;
    struct flux *h = cli_handle(cli);
    FLUX_AUTO(future) sets = NULL;
    FLUX_AUTO(future) queues = NULL;
    int r;

    *v = (struct resview){.queues = NULL};
    sets = flux_sched_status_async(h, FLUX_ANY, &status);
    queues = ask_queues(cli);
    r = get_sets(v, sets, err);
    if (r < 0)
        return r;
    v->queues = get_queues(queues);
    return select_ranks(v, queues_wanted, include, err);
}

void resview_done(struct resview *v)
{
    struct flux_rset *sets[] = {v->all, v->allocated, v->down, v->free, v->up};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(sets); i++)
        if (sets[i])
            flux_rset_free(sets[i]);
    json_decref(v->queues);
}

const struct flux_rset *resview_state(const struct resview *v, const char *state)
{
    return strcmp(state, "free") == 0        ? v->free
           : strcmp(state, "allocated") == 0 ? v->allocated
           : strcmp(state, "down") == 0      ? v->down
           : strcmp(state, "up") == 0        ? v->up
           : strcmp(state, "all") == 0       ? v->all
                                             : NULL;
}

struct flux_rset *resview_states(const struct resview *v, const char *states,
                                 struct flux_error *err)
{
    FLUX_AUTO(rset) sum = flux_rset_new();

    for (const char *p = states; *p;) {
        size_t n = strcspn(p, ",");
        FLUX_AUTO_STR name = flux_strndup(p, n);
        const struct flux_rset *one = resview_state(v, name);
        struct flux_rset *both = NULL;

        if (!one) {
            flux_error_set(err, -EINVAL, "Invalid resource state %s specified", name);
            return NULL;
        }
        if (flux_rset_nnodes(sum) == 0)
            both = flux_rset_copy(one);
        else if (flux_rset_union(sum, one, &both, err) < 0)
            return NULL;
        flux_rset_free(sum);
        sum = both;
        p += n + (p[n] == ',');
    }
    return FLUX_GIVE(sum);
}

/* A node belongs to a queue if it has all properties that the queue requires. */
static bool in_queue(const struct resview *v, unsigned rank, json_t *queue)
{
    json_t *requires = json_object_get(queue, "requires"), *name;
    size_t i;

    json_array_foreach (requires, i, name)
        if (!json_is_string(name) || !flux_rset_has_property(v->all, rank, json_string_value(name)))
            return false;
    return true;
}

char *resview_queue_of(const struct resview *v, unsigned rank)
{
    struct flux_buf names = FLUX_BUF_INIT(0);
    const char *name;
    json_t *queue;

    json_object_foreach (v->queues, name, queue)
        if (in_queue(v, rank, queue))
            flux_buf_printf(&names, "%s%s", names.len ? "," : "", name);
    return flux_buf_take(&names);
}

char *resview_properties_of(const struct resview *v, unsigned rank, bool shown)
{
    struct flux_buf names = FLUX_BUF_INIT(0);
    const struct flux_idset *ranks;
    const char *name;

    for (size_t i = 0; (name = flux_rset_property(v->all, i, &ranks)); i++)
        if (flux_idset_contains(ranks, rank) && !(shown && json_object_get(v->queues, name)))
            flux_buf_printf(&names, "%s%s", names.len ? "," : "", name);
    return flux_buf_take(&names);
}
