// SPDX-License-Identifier: LGPL-3.0-only
/* The part "kvs": services Kvs and Content, led by rank 0 and followed elsewhere. */
#include "module.h"
#include "follower.h"
#include "leader.h"

struct kvs_module {
    struct kvs_leader *leader;
    struct kvs_follower *follower;
};

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct kvs_module *m = flux_alloc(sizeof(*m));
    int r;

    if (argc > 0) {
        free(m);
        return flux_error_set(err, -EINVAL, "takes no arguments, '%s' is one", argv[0]);
    }
    r = flux_rank(h) == 0 ? kvs_leader_start(h, &m->leader, err)
                          : kvs_follower_start(h, &m->follower, err);
    if (r < 0)
        free(m);
    else
        *state = m;
    return r;
}

static void stop(struct flux *h, void *state)
{
    struct kvs_module *m = state;

    if (m->leader)
        kvs_leader_stop(m->leader);
    if (m->follower)
        kvs_follower_stop(m->follower);
    free(m);
}

static int reload(struct flux *h, void *state, const json_t *conf, bool apply,
                  struct flux_error *err)
{
    struct kvs_module *m = state;

    return m->leader ? kvs_leader_configure(m->leader, conf, apply, err) : 0;
}

const struct flux_part kvs_part = {.name = "kvs", .start = start, .stop = stop, .reload = reload};
