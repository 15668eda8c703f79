// SPDX-License-Identifier: LGPL-3.0-only
/* The namespace of a job in the KVS, for its tasks: made when it is first used (the KVS asks then,
 * so a job that does not use it costs nothing), owned by the job's user, and with the job's end
 * moved to job.ID.guest, beside what the system keeps there, which stays as it is. */
#include "module.h"

#include <stdio.h>
#include <syslog.h>

#include <flux/fluid.h>

struct opening {
    struct flux_call *call;
    struct manager *mgr;
    uint64_t id;
};

static void on_made(struct flux_future *f, void *arg)
{
    struct opening *o = arg;
    struct job *job = manager_find_active(o->mgr, o->id);
    flux_job_manager_open_namespace_response out = FLUX_JOB_MANAGER_OPEN_NAMESPACE_RESPONSE_INIT;
    struct flux_error err;
    int r = flux_kvs_namespace_create_result(f, NULL, &err);

    flux_future_free(f);
    if (r < 0 && r != -EEXIST) {
        flux_call_error(o->call, -r, "%s", err.text);
        return;
    }
    if (job && job->state != FLUX_JOB_INACTIVE)
        job->has_namespace = true;
    else
        namespace_keep(o->mgr, o->id);
    flux_job_manager_open_namespace_reply(o->call, &out);
}

int job_manager_open_namespace(struct flux_call *call,
                               const flux_job_manager_open_namespace_request *in,
                               flux_job_manager_open_namespace_response *out)
{
    flux_kvs_namespace_create_request create = FLUX_KVS_NAMESPACE_CREATE_REQUEST_INIT;
    struct manager *mgr = flux_call_data(call);
    struct job *job = manager_find_active(mgr, in->id);
    struct opening *o = flux_call_alloc(call, sizeof(*o));

    if (!job || job->state != FLUX_JOB_RUN)
        return flux_call_fail(call, ENOENT, "%s does not run", flux_fluid_f58(in->id));
    if (in->on_behalf && in->on_behalf != (uint64_t)job->userid + 1)
        return flux_call_fail(call, EPERM, "%s is a job of user %u", flux_fluid_f58(in->id),
                              job->userid);
    *o = (struct opening){.call = call, .mgr = mgr, .id = in->id};
    create.name = flux_call_printf(call, FLUX_JOB_NAMESPACE, (unsigned long long)in->id);
    create.owner = job->userid;
    flux_future_then(flux_kvs_namespace_create_async(mgr->h, FLUX_ANY, &create), on_made, o);
    return FLUX_CALL_LATER;
}

/* --- the end --- */

static void on_kept(struct flux_future *f, void *arg)
{
    struct manager *mgr = arg;
    struct flux_error err;

    if (flux_kvs_commit_result(f, NULL, &err) < 0)
        flux_log(mgr->h, LOG_ERR, "what a job has put into its namespace is not kept: %s",
                 err.text);
    flux_future_free(f);
}

static flux_kvs_op op(flux_kvs_op_kind kind, char *key, char *target, char *target_namespace)
{
    flux_kvs_op made = FLUX_KVS_OP_INIT;

    made.kind = kind;
    made.key = key;
    if (target)
        made.target = target;
    if (target_namespace)
        made.target_namespace = target_namespace;
    return made;
}

/* One transaction, and then the removal: the KVS takes them in this order, and before what the
 * manager sends next. */
void namespace_keep(struct manager *mgr, uint64_t id)
{
    char guest[FLUX_JOB_KEY_MAX], exec[FLUX_JOB_KEY_MAX];
    char copy[FLUX_JOB_KEY_MAX], copy_exec[FLUX_JOB_KEY_MAX];
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_namespace_remove_request removal = FLUX_KVS_NAMESPACE_REMOVE_REQUEST_INIT;
    FLUX_AUTO_STR name = flux_printf(FLUX_JOB_NAMESPACE, (unsigned long long)id);

    flux_job_key(guest, id, "guest");
    flux_job_key(exec, id, "guest.exec");
    flux_job_key(copy, id, "namespace");
    flux_job_key(copy_exec, id, "namespace.exec");
    flux_kvs_op ops[] = {
        op(FLUX_KVS_OP_COPY, copy, ".", name),       op(FLUX_KVS_OP_MKDIR, exec, NULL, NULL),
        op(FLUX_KVS_OP_COPY, copy_exec, exec, NULL), op(FLUX_KVS_OP_COPY, guest, copy, NULL),
        op(FLUX_KVS_OP_UNLINK, copy, NULL, NULL),
    };
    flux_kvs_op *list[FLUX_ARRAY_SIZE(ops)];
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(ops); i++)
        list[i] = &ops[i];
    in.ops = list;
    in.n_ops = FLUX_ARRAY_SIZE(ops);
    flux_future_then(flux_kvs_commit_async(mgr->h, FLUX_ANY, &in), on_kept, mgr);
    removal.name = name;
    flux_kvs_namespace_remove_async(mgr->h, (struct flux_to){.no_answer = true}, &removal);
}

/* --- a restart --- */

static void restore(struct manager *mgr, const char *name)
{
    struct job *job;
    uint64_t id = flux_job_namespace_id(name);

    if (!id)
        return;
    job = manager_find_active(mgr, id);
    if (job)
        job->has_namespace = true;
    else
        namespace_keep(mgr, id);
}

void namespace_restore(struct manager *mgr)
{
    flux_kvs_namespace_list_request in = FLUX_KVS_NAMESPACE_LIST_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_namespace_list_response) out = NULL;
    struct flux_error err;
    int r = flux_kvs_namespace_list(mgr->h, FLUX_ANY, &in, &out, &err);

    if (r < 0)
        flux_log(mgr->h, LOG_ERR, "the namespaces of jobs: %s", err.text);
    for (size_t i = 0; r == 0 && i < out->n_namespaces; i++)
        restore(mgr, out->namespaces[i]->name);
}
