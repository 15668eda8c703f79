// SPDX-License-Identifier: LGPL-3.0-only
/* Namespaces of jobs: made when they are first used. Whatever a call wants there, it is put aside
 * until the job manager, who knows of the job, has had the namespace made, or has refused; then it
 * runs as if it came now. Their users are bound in what they put there: it outlives their calls. */
#include "leader.h"

#include <flux/job.h>
#include <flux/v1/job_manager.h>

/* Bytes that a user may put into a job's namespace in all. */
#define GUEST_MAX ((uint64_t)64 << 20)
#define OP_COST 64 /* of one operation, beside its key and value */

struct kvs_opening {
    TAILQ_ENTRY(kvs_opening) next;
    struct kvs_leader *leader;
    struct flux_call *call;
    const char *ns;
    void (*again)(struct flux_call *call, const void *in);
    const void *in;
    struct flux_future *future;
};

bool kvs_leader_is_unmade(struct kvs_leader *l, const char *ns)
{
    struct kvs_namespace_info info;

    return flux_job_namespace_id(ns) && kvs_namespace_get(l->kvs, ns, &info, NULL) < 0;
}

static void forget(struct kvs_opening *o)
{
    TAILQ_REMOVE(&o->leader->openings, o, next);
    flux_future_free(o->future);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    forget(arg);
}

static void on_opened(struct flux_future *f, void *arg)
{
    struct kvs_opening *o = arg;
    struct flux_error err;
    int r = flux_job_manager_open_namespace_result(f, NULL, &err);

    if (r == 0 && kvs_leader_is_unmade(o->leader, o->ns)) /* and removed again */
        r = flux_error_set(&err, -ENOENT, "the job has ended");
    forget(o);
    flux_call_on_cancel(o->call, NULL, NULL);
    if (r == 0)
        o->again(o->call, o->in);
    else if (r == -EPERM)
        flux_call_error(o->call, EPERM, "kvs: namespace '%s': %s", o->ns, err.text);
    else
        flux_call_error(o->call, r == -ENOSYS ? ENOENT : -r, "kvs: no namespace '%s': %s", o->ns,
                        err.text);
}

int kvs_leader_open(struct flux_call *call, const char *ns, uint64_t on_behalf,
                    void (*again)(struct flux_call *call, const void *in), const void *in)
{
    flux_job_manager_open_namespace_request open = FLUX_JOB_MANAGER_OPEN_NAMESPACE_REQUEST_INIT;
    struct kvs_leader *l = flux_call_data(call);
    struct kvs_reader_cred cred;
    struct kvs_opening *o;
    int r = kvs_leader_cred(call, on_behalf, &cred);

    if (r < 0)
        return r;
    o = flux_call_alloc(call, sizeof(*o));
    *o = (struct kvs_opening){.leader = l, .call = call, .ns = ns, .again = again, .in = in};
    TAILQ_INSERT_TAIL(&l->openings, o, next);
    flux_call_on_cancel(call, on_cancel, o);
    open.id = flux_job_namespace_id(ns);
    open.on_behalf = cred.owner ? 0 : (uint64_t)cred.userid + 1;
    o->future = flux_job_manager_open_namespace_async(l->h, FLUX_ANY, &open);
    flux_future_then(o->future, on_opened, o);
    return FLUX_CALL_LATER;
}

void kvs_leader_openings_done(struct kvs_leader *l)
{
    struct kvs_opening *o;

    while ((o = TAILQ_FIRST(&l->openings))) {
        flux_call_on_cancel(o->call, NULL, NULL);
        forget(o);
    }
}

/* What a job leaves becomes a part of the primary namespace: a link in it would lead elsewhere
 * then, and be followed by the owner; copies of copies take no room and yet no end. */
static bool is_plain(const flux_kvs_op *op)
{
    return op->kind != FLUX_KVS_OP_SYMLINK && op->kind != FLUX_KVS_OP_COPY;
}

int kvs_leader_guest_write(struct kvs_leader *l, struct flux_call *call,
                           const flux_kvs_commit_request *in)
{
    uint64_t cost = 0;

    if (!flux_job_namespace_id(in->namespace_))
        return 0;
    for (size_t i = 0; i < in->n_ops; i++) {
        if (!is_plain(in->ops[i]))
            return flux_call_fail(call, EPERM,
                                  "kvs: no links and copies in the namespace of a job");
        cost += strlen(in->ops[i]->key) + in->ops[i]->value.len + OP_COST;
    }
    if (!kvs_namespace_spend(l->kvs, in->namespace_, cost, GUEST_MAX))
        return flux_call_fail(call, ENOSPC,
                              "kvs: a user can write %llu MiB to the namespace of a job in all",
                              (unsigned long long)(GUEST_MAX >> 20));
    return 0;
}
