// SPDX-License-Identifier: LGPL-3.0-only
/* Purge: the records of inactive jobs leave the KVS by age or number. Which those are the history
 * knows (service JobList); it forgets them when the journal says so. */
#include "module.h"

#include <syslog.h>

#include <flux/fluid.h>
#include <flux/fsd.h>
#include <flux/v1/job_list.h>

#define PERIOD_MS 10000
#define BATCH 1000
#define SOON_MS 200 /* until the next batch, when there was a full one */

struct purge {
    struct manager *mgr;
    struct flux_call *call; /* NULL: by rule */
    bool dry_run;
    uint64_t *ids;
    size_t count;
};

static void on_timer(uv_timer_t *timer);

static struct purge *purge_new(struct manager *mgr, struct flux_call *call)
{
    struct purge *p = flux_alloc(sizeof(*p));

    p->mgr = mgr;
    p->call = call;
    return p;
}

static void purge_free(struct purge *p)
{
    free(p->ids);
    free(p);
}

/* Only now the history may forget them: what could not be removed from the KVS is tried again. */
static void on_stored(struct waiter *w, int r, const char *text)
{
    flux_job_manager_purge_response out = FLUX_JOB_MANAGER_PURGE_RESPONSE_INIT;
    struct purge *p = w->arg;
    struct manager *mgr = p->mgr;

    for (size_t i = 0; r == 0 && i < p->count; i++)
        journal_purged(mgr, p->ids[i]);
    if (r == 0 && p->count)
        flux_log(mgr->h, LOG_DEBUG, "purged %zu inactive jobs", p->count);
    if (!p->call && r == 0 && p->count == BATCH)
        uv_timer_start(&mgr->purge_timer, on_timer, SOON_MS, PERIOD_MS);
    out.count = p->count;
    if (p->call && r < 0)
        flux_call_error(p->call, -r, "the purge could not be stored: %s", text);
    else if (p->call)
        flux_job_manager_purge_reply(p->call, &out);
    purge_free(p);
}

/* Takes p. */
static void forget(struct purge *p, const uint64_t *ids, size_t count)
{
    char key[FLUX_JOB_KEY_MAX];

    p->ids = flux_memdup(ids, count * sizeof(*ids));
    p->count = count;
    for (size_t i = 0; i < count; i++)
        commit_unlink(p->mgr, flux_job_key(key, ids[i], NULL));
    commit_wait(p->mgr, p->call, on_stored, p);
}

static void on_candidates(struct flux_future *f, void *arg)
{
    flux_job_manager_purge_response reply = FLUX_JOB_MANAGER_PURGE_RESPONSE_INIT;
    const flux_job_list_oldest_response *out;
    struct purge *p = arg;
    struct flux_error err;
    int r = flux_job_list_oldest_result(f, &out, &err);

    if (r == 0 && !p->dry_run && (out->n_ids || p->call)) {
        forget(p, out->ids, out->n_ids);
        flux_future_free(f);
        return;
    }
    if (p->call && r < 0)
        flux_call_error(p->call, -r, "%s", err.text);
    else if (p->call) {
        reply.count = out->n_ids;
        flux_job_manager_purge_reply(p->call, &reply);
    }
    flux_future_free(f);
    purge_free(p);
}

static void ask(struct manager *mgr, struct flux_call *call, double age, int64_t num,
                uint32_t batch, bool dry_run)
{
    flux_job_list_oldest_request in = FLUX_JOB_LIST_OLDEST_REQUEST_INIT;
    struct purge *p = purge_new(mgr, call);

    p->dry_run = dry_run;
    in.age_limit = age;
    in.num_limit = num;
    in.batch = batch;
    flux_future_then(flux_job_list_oldest_async(mgr->h, FLUX_ANY, &in), on_candidates, p);
}

static int purge_ids(struct flux_call *call, const flux_job_manager_purge_request *in)
{
    flux_job_manager_purge_response out = FLUX_JOB_MANAGER_PURGE_RESPONSE_INIT;
    struct manager *mgr = flux_call_data(call);

    for (size_t i = 0; i < in->n_ids; i++)
        if (manager_find_active(mgr, in->ids[i]))
            return flux_call_fail(call, EINVAL, "cannot purge active job %s",
                                  flux_fluid_f58(in->ids[i]));
    if (in->dry_run) {
        out.count = in->n_ids;
        flux_job_manager_purge_reply(call, &out);
    } else
        forget(purge_new(mgr, call), in->ids, in->n_ids);
    return FLUX_CALL_LATER;
}

int job_manager_purge(struct flux_call *call, const flux_job_manager_purge_request *in,
                      flux_job_manager_purge_response *out)
{
    if (in->n_ids)
        return purge_ids(call, in);
    ask(flux_call_data(call), call, in->age_limit, in->num_limit, in->batch, in->dry_run);
    return FLUX_CALL_LATER;
}

static void on_timer(uv_timer_t *timer)
{
    struct manager *mgr = timer->data;

    ask(mgr, NULL, mgr->age_limit, mgr->num_limit, BATCH, false);
}

int purge_configure(struct manager *mgr, const json_t *conf, bool apply, struct flux_error *err)
{
    const json_t *table = json_object_get(conf, "job-manager");
    const json_t *age = json_object_get(table, "inactive-age-limit");
    const json_t *num = json_object_get(table, "inactive-num-limit");
    double seconds = json_is_number(age) ? json_number_value(age) : -1;

    if (json_is_string(age) && flux_fsd_parse(json_string_value(age), &seconds, err) < 0)
        return flux_error_prefix(err, -EINVAL, "config: job-manager.inactive-age-limit");
    if (num && !json_is_integer(num))
        return flux_error_set(err, -EINVAL,
                              "config: job-manager.inactive-num-limit must be an integer");
    if (!apply)
        return 0;
    mgr->age_limit = seconds;
    mgr->num_limit = num ? json_integer_value(num) : -1;
    if (mgr->age_limit >= 0 || mgr->num_limit >= 0)
        uv_timer_start(&mgr->purge_timer, on_timer, PERIOD_MS, PERIOD_MS);
    else
        uv_timer_stop(&mgr->purge_timer);
    return 0;
}

void purge_init(struct manager *mgr)
{
    uv_timer_init(flux_loop(mgr->h), &mgr->purge_timer);
    mgr->purge_timer.data = mgr;
    purge_configure(mgr, flux_conf(mgr->h), true, NULL);
}

void purge_done(struct manager *mgr)
{
    uv_close((uv_handle_t *)&mgr->purge_timer, NULL);
}
