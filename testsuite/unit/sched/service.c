// SPDX-License-Identifier: LGPL-3.0-only
/* Service Sched on a loop handle, with a resource service and a job manager played by the test. */
#include "part.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <flux/rset.h>
#include <flux/v1/resource_service.h>
#include <flux/v1/sched.h>

struct fixture {
    struct flux *h;
    void *sched;
    struct flux_call *acquire;  /* the scheduler's call of our resource service */
    struct flux_future *attach; /* our stream of grants */
    unsigned ngrants, nlost;
    char log[8192]; /* "ID=SUMMARY;" or "ID!REASON;" of each grant */
    char r[4096];   /* of the last grant */
};

static void send_resources(struct fixture *f, const char *groups[][3], size_t n, const char *up)
{
    FLUX_AUTO(rset) r = flux_rset_new();
    FLUX_AUTO_STR text = NULL;
    flux_resource_acquire_response item = FLUX_RESOURCE_ACQUIRE_RESPONSE_INIT;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            flux_rset_add_group(r, groups[i][0], groups[i][1], groups[i][2], NULL, NULL), 0);
    text = flux_rset_encode(r);
    item.r = text;
    item.up = (char *)up;
    flux_resource_acquire_send(f->acquire, &item);
}

static int acquire(struct flux_call *call, const flux_resource_acquire_request *in)
{
    struct fixture *f = flux_call_data(call);

    f->acquire = call;
    return FLUX_CALL_LATER;
}

static const struct flux_resource_ops ops = {.acquire = acquire};

static void on_grants(struct flux_future *future, void *arg)
{
    struct fixture *f = arg;
    const flux_sched_attach_response *item;

    if (flux_sched_attach_result(future, &item, NULL) < 0)
        return;
    f->nlost += item->n_lost;
    for (size_t i = 0; i < item->n_grants; i++) {
        const flux_sched_grant *g = item->grants[i];
        size_t len = strlen(f->log);

        snprintf(f->log + len, sizeof(f->log) - len, "%llu%s%s;", (unsigned long long)g->id,
                 *g->denied ? "!" : "=", *g->denied ? g->denied : g->summary);
        snprintf(f->r, sizeof(f->r), "%s", g->r);
        f->ngrants++;
    }
}

static void turn(struct fixture *f)
{
    for (int i = 0; i < 20; i++)
        uv_run(flux_loop(f->h), UV_RUN_NOWAIT);
}

static void expect_log(struct fixture *f, const char *text)
{
    turn(f);
    assert_string_equal(f->log, text);
    f->log[0] = '\0';
}

static int setup(void **state)
{
    struct fixture *f = flux_alloc(sizeof(*f));

    f->h = flux_open_loop();
    assert_int_equal(flux_resource_serve(f->h, &ops, f, NULL), 0);
    assert_int_equal(sched_simple_part.start(f->h, 0, NULL, &f->sched, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    flux_future_free(f->attach);
    sched_simple_part.stop(f->h, f->sched);
    flux_close(f->h);
    free(f);
    return 0;
}

static void attach(struct fixture *f, uint64_t id, const char *held)
{
    flux_sched_attach_request in = FLUX_SCHED_ATTACH_REQUEST_INIT;
    flux_sched_held job = FLUX_SCHED_HELD_INIT, *jobs[] = {&job};

    if (held) {
        job.id = id;
        job.r = (char *)held;
        in.held = jobs;
        in.n_held = 1;
    }
    f->attach = flux_sched_attach_stream(f->h, FLUX_ANY, &in);
    flux_future_then(f->attach, on_grants, f);
}

/* Four nodes of two cores, all up, and a manager. */
static void begin(struct fixture *f)
{
    const char *groups[][3] = {{"0-3", "n[0-3]", "0-1"}};

    turn(f);
    send_resources(f, groups, 1, "0-3");
    attach(f, 0, NULL);
    turn(f);
}

static int enqueue(struct fixture *f, uint64_t id, unsigned priority, const char *resources,
                   const char *constraint)
{
    FLUX_AUTO_STR text =
        flux_printf("{\"resources\":[%s],\"attributes\":{\"system\":{\"duration\":60%s%s}}}",
                    resources, constraint ? ",\"constraints\":" : "", constraint ? constraint : "");
    flux_sched_enqueue_request in = FLUX_SCHED_ENQUEUE_REQUEST_INIT;
    flux_sched_job job = FLUX_SCHED_JOB_INIT, *jobs[] = {&job};

    job.id = id;
    job.priority = priority;
    job.t_submit = id;
    job.jobspec = text;
    in.jobs = jobs;
    in.n_jobs = 1;
    return flux_sched_enqueue(f->h, FLUX_ANY, &in, NULL, NULL);
}

static int release(struct fixture *f, uint64_t id, const char *ranks)
{
    flux_sched_free_request in = FLUX_SCHED_FREE_REQUEST_INIT;
    flux_sched_release rel = FLUX_SCHED_RELEASE_INIT, *rels[] = {&rel};

    rel.id = id;
    rel.ranks = (char *)ranks;
    in.releases = rels;
    in.n_releases = 1;
    return flux_sched_free(f->h, FLUX_ANY, &in, NULL, NULL);
}

static const char one_core[] = "{\"type\":\"slot\",\"count\":1,\"label\":\"t\",\"with\":[{\"type\":"
                               "\"core\",\"count\":1}]}";
static const char two_nodes[] =
    "{\"type\":\"node\",\"count\":2,\"exclusive\":true,\"with\":[{\"type\":\"slot\",\"count\":1,"
    "\"label\":\"t\",\"with\":[{\"type\":\"core\",\"count\":1}]}]}";
static const char nine_cores[] = "{\"type\":\"slot\",\"count\":9,\"label\":\"t\",\"with\":[{"
                                 "\"type\":\"core\",\"count\":1}]}";

static void grants_in_order_of_priority_then_time(void **state)
{
    struct fixture *f = *state;
    FLUX_AUTO(rset) r = NULL;

    begin(f);
    assert_int_equal(enqueue(f, 1, 16, two_nodes, NULL), 0);
    assert_int_equal(enqueue(f, 2, 16, two_nodes, NULL), 0);
    turn(f);
    assert_int_equal(enqueue(f, 3, 16, one_core, NULL), 0);
    assert_int_equal(enqueue(f, 4, 16, one_core, NULL), 0);
    assert_int_equal(enqueue(f, 5, 17, one_core, NULL), 0);
    expect_log(f, "1=rank[0-1]/core[0-1];2=rank[2-3]/core[0-1];");
    assert_int_equal(release(f, 2, ""), 0);
    expect_log(f, "5=rank2/core0;3=rank2/core1;4=rank3/core0;");
    assert_int_equal(flux_rset_decode(f->r, &r, NULL), 0);
    assert_true(flux_rset_expiration(r) - flux_rset_starttime(r) == 60);
}

static void first_job_is_not_overtaken_on_its_nodes(void **state)
{
    struct fixture *f = *state;
    const char *odd = "{\"ranks\":[\"1,3\"]}", *even = "{\"ranks\":[\"0,2\"]}";

    begin(f);
    assert_int_equal(enqueue(f, 1, 16, one_core, odd), 0);
    assert_int_equal(enqueue(f, 2, 16, two_nodes, odd), 0);
    assert_int_equal(enqueue(f, 3, 16, one_core, odd), 0);
    assert_int_equal(enqueue(f, 4, 16, two_nodes, even), 0);
    expect_log(f, "1=rank1/core0;4=rank[0,2]/core[0-1];");
    assert_int_equal(release(f, 1, ""), 0);
    expect_log(f, "2=rank[1,3]/core[0-1];");
    assert_int_equal(release(f, 2, "3"), 0);
    expect_log(f, "3=rank3/core0;");
    assert_int_equal(release(f, 2, "1"), 0);
    assert_int_equal(release(f, 2, "1"), -ENOENT);
}

static void what_can_never_run_is_denied(void **state)
{
    struct fixture *f = *state;
    flux_sched_feasible_request in = FLUX_SCHED_FEASIBLE_REQUEST_INIT;

    begin(f);
    assert_int_equal(enqueue(f, 1, 16, nine_cores, NULL), 0);
    expect_log(f,
               "1!unsatisfiable request: 9 slot(s) of 1 core(s) and 0 gpu(s) are more than there "
               "are;");
    assert_int_equal(enqueue(f, 2, 16, "{\"type\":\"rack\",\"count\":1}", NULL), 0);
    expect_log(f, "2!this scheduler cannot serve resource type 'rack';");
    assert_int_equal(enqueue(f, 3, 16, one_core, "{\"colour\":[]}"), 0);
    expect_log(f, "3!constraint: unknown operator 'colour';");
    in.jobspec = "{\"resources\":[{\"type\":\"slot\",\"count\":9,\"label\":\"t\",\"with\":[{"
                 "\"type\":\"core\",\"count\":1}]}]}";
    assert_int_equal(flux_sched_feasible(f->h, FLUX_ANY, &in, NULL, NULL), -EINVAL);
}

static void calls_wait_for_the_inventory(void **state)
{
    struct fixture *f = *state;
    const char *groups[][3] = {{"0", "n0", "0"}};
    flux_sched_status_request in = FLUX_SCHED_STATUS_REQUEST_INIT;
    FLUX_AUTO(future) status = flux_sched_status_async(f->h, FLUX_ANY, &in);
    const flux_sched_status_response *out;
    FLUX_AUTO(rset) down = NULL;

    attach(f, 0, NULL);
    turn(f);
    assert_int_equal(enqueue(f, 1, 16, one_core, NULL), -EINVAL); /* not attached yet */
    send_resources(f, groups, 1, "");
    turn(f);
    assert_int_equal(flux_sched_status_result(status, &out, NULL), 0);
    assert_int_equal(flux_rset_decode(out->down, &down, NULL), 0);
    assert_int_equal(flux_rset_nnodes(down), 1);
    assert_int_equal(enqueue(f, 1, 16, one_core, NULL), 0);
    expect_log(f, "");
    flux_resource_acquire_response up = FLUX_RESOURCE_ACQUIRE_RESPONSE_INIT;
    up.up = "0";
    flux_resource_acquire_send(f->acquire, &up);
    expect_log(f, "1=rank0/core0;");
}

static void waiting_jobs_can_be_canceled_and_moved(void **state)
{
    struct fixture *f = *state;
    flux_sched_cancel_request in = FLUX_SCHED_CANCEL_REQUEST_INIT;
    flux_sched_prioritize_request pin = FLUX_SCHED_PRIORITIZE_REQUEST_INIT;
    flux_sched_priority p = FLUX_SCHED_PRIORITY_INIT, *ps[] = {&p};
    FLUX_AUTO_MSG(flux_sched_cancel_response) out = NULL;
    uint64_t ids[] = {1, 3, 99};

    begin(f);
    assert_int_equal(enqueue(f, 1, 16, two_nodes, NULL), 0);
    assert_int_equal(enqueue(f, 2, 16, two_nodes, NULL), 0);
    assert_int_equal(enqueue(f, 3, 16, one_core, NULL), 0);
    assert_int_equal(enqueue(f, 4, 16, one_core, NULL), 0);
    assert_int_equal(enqueue(f, 5, 16, two_nodes, NULL), 0);
    expect_log(f, "1=rank[0-1]/core[0-1];2=rank[2-3]/core[0-1];");
    in.ids = ids;
    in.n_ids = 3;
    assert_int_equal(flux_sched_cancel(f->h, FLUX_ANY, &in, &out, NULL), 0);
    assert_int_equal(out->n_canceled, 1);
    assert_true(out->canceled[0] == 3);
    p.id = 5;
    p.priority = 20;
    pin.jobs = ps;
    pin.n_jobs = 1;
    assert_int_equal(flux_sched_prioritize(f->h, FLUX_ANY, &pin, NULL, NULL), 0);
    assert_int_equal(release(f, 1, ""), 0);
    expect_log(f, "5=rank[0-1]/core[0-1];");
}

static void held_jobs_come_back_or_are_lost(void **state)
{
    struct fixture *f = *state;
    const char *groups[][3] = {{"0-1", "n[0-1]", "0-1"}};

    turn(f);
    send_resources(f, groups, 1, "0-1");
    attach(f, 7,
           "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":"
           "\"0-1\"}}],\"nodelist\":[\"n0\"]}}");
    turn(f);
    assert_int_equal(f->nlost, 0);
    assert_int_equal(enqueue(f, 8, 16, one_core, NULL), 0);
    expect_log(f, "8=rank1/core0;");
    flux_future_free(FLUX_GIVE(f->attach));
    turn(f);
    attach(f, 9,
           "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"5\",\"children\":{\"core\":"
           "\"0\"}}],\"nodelist\":[\"n5\"]}}");
    turn(f);
    assert_int_equal(f->nlost, 1);
    assert_int_equal(enqueue(f, 8, 16, one_core, NULL), 0);
    expect_log(f, "8=rank0/core0;");
}

static void a_new_inventory_keeps_what_is_held(void **state)
{
    struct fixture *f = *state;
    const char *groups[][3] = {{"1-2", "n[1-2]", "0-3"}};

    begin(f);
    assert_int_equal(enqueue(f, 1, 16, two_nodes, NULL), 0);
    assert_int_equal(enqueue(f, 2, 16, two_nodes, NULL), 0);
    assert_int_equal(enqueue(f, 3, 16, one_core, "{\"ranks\":[\"1\"]}"), 0);
    expect_log(f, "1=rank[0-1]/core[0-1];2=rank[2-3]/core[0-1];");
    send_resources(f, groups, 1, "1-2");
    expect_log(f, "3=rank1/core2;");
    assert_int_equal(release(f, 1, ""), 0);
    assert_int_equal(release(f, 2, ""), 0);
    assert_int_equal(enqueue(f, 4, 16, one_core, "{\"ranks\":[\"1\"]}"), 0);
    expect_log(f, "4=rank1/core0;");
}

static void one_manager_at_a_time(void **state)
{
    struct fixture *f = *state;
    flux_sched_attach_request in = FLUX_SCHED_ATTACH_REQUEST_INIT;
    FLUX_AUTO(future) second = NULL;
    const flux_sched_attach_response *item;

    begin(f);
    second = flux_sched_attach_stream(f->h, FLUX_ANY, &in);
    assert_int_equal(flux_sched_attach_result(second, &item, NULL), -EBUSY);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(grants_in_order_of_priority_then_time),  T(first_job_is_not_overtaken_on_its_nodes),
        T(what_can_never_run_is_denied),           T(calls_wait_for_the_inventory),
        T(waiting_jobs_can_be_canceled_and_moved), T(held_jobs_come_back_or_are_lost),
        T(a_new_inventory_keeps_what_is_held),     T(one_manager_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
