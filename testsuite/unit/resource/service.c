// SPDX-License-Identifier: LGPL-3.0-only
/* Service Resource on a loop handle: the KVS, the overlay and the scheduler are played by the test.
 */
#include "resource.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <flux/v1/kvs_service.h>
#include <flux/v1/overlay_service.h>
#include <flux/v1/sched_service.h>

struct fixture {
    struct flux *h;
    struct resource *res;
    struct flux_buf log; /* the stored eventlog */
    bool unlinked;
    unsigned commits;
    char *r;                  /* key resource.R */
    int commit_fails;         /* errno */
    struct flux_call *online; /* the service's call of the overlay */
    const char *allocated;    /* R */
    struct flux_future *follow;
    char seen[1024]; /* "R up;" then "+up-down;" */
};

static int kvs_get(struct flux_call *call, const flux_kvs_get_request *in,
                   flux_kvs_get_response *out)
{
    struct fixture *f = flux_call_data(call);

    if (!f->log.len)
        return -ENOENT;
    out->type = FLUX_KVS_TYPE_LOG;
    out->value.data = (uint8_t *)flux_call_strdup(call, f->log.data);
    out->value.len = f->log.len;
    return 0;
}

static int kvs_commit(struct flux_call *call, const flux_kvs_commit_request *in,
                      flux_kvs_commit_response *out)
{
    struct fixture *f = flux_call_data(call);

    f->commits++;
    if (f->commit_fails)
        return flux_call_fail(call, f->commit_fails, "no room");
    for (size_t i = 0; i < in->n_ops; i++) {
        const flux_kvs_op *op = in->ops[i];

        if (op->kind == FLUX_KVS_OP_UNLINK)
            f->unlinked = true, flux_buf_reset(&f->log);
        else if (op->kind == FLUX_KVS_OP_APPEND)
            flux_buf_add(&f->log, op->value.data, op->value.len);
        else {
            free(f->r);
            f->r = flux_strndup((char *)op->value.data, op->value.len);
        }
    }
    return 0;
}

static int overlay_online(struct flux_call *call, const flux_overlay_online_request *in)
{
    struct fixture *f = flux_call_data(call);

    f->online = call;
    return FLUX_CALL_LATER;
}

static int sched_status(struct flux_call *call, const flux_sched_status_request *in,
                        flux_sched_status_response *out)
{
    struct fixture *f = flux_call_data(call);

    out->allocated = (char *)f->allocated;
    return 0;
}

static const struct flux_kvs_ops kvs_ops = {.get = kvs_get, .commit = kvs_commit};
static const struct flux_overlay_ops overlay_ops = {.online = overlay_online};
static const struct flux_sched_ops sched_ops = {.status = sched_status};

static void turn(struct fixture *f)
{
    for (int i = 0; i < 30; i++)
        uv_run(flux_loop(f->h), UV_RUN_NOWAIT);
}

static struct resource *start_service(struct fixture *f)
{
    struct resource *res = flux_alloc(sizeof(*res));

    res->h = f->h;
    res->size = 4;
    res->inv.method = INVENTORY_CONFIG;
    assert_int_equal(service_start(res, NULL), 0);
    return res;
}

static void define(struct fixture *f)
{
    struct flux_rset *r = flux_rset_new();

    assert_int_equal(flux_rset_add_group(r, "0-3", "n[0-3]", "0-1", NULL, NULL), 0);
    resource_define(f->res, r);
    turn(f);
}

static void online(struct fixture *f, const char *ranks, const char *torpid)
{
    flux_overlay_online_response item = FLUX_OVERLAY_ONLINE_RESPONSE_INIT;

    item.online = (char *)ranks;
    item.torpid = (char *)torpid;
    flux_overlay_online_send(f->online, &item);
    turn(f);
}

static int setup(void **state)
{
    struct fixture *f = flux_alloc(sizeof(*f));

    f->h = flux_open_loop();
    f->allocated = "";
    assert_int_equal(flux_kvs_serve(f->h, &kvs_ops, f, NULL), 0);
    assert_int_equal(flux_overlay_serve(f->h, &overlay_ops, f, NULL), 0);
    assert_int_equal(flux_sched_serve(f->h, &sched_ops, f, NULL), 0);
    f->res = start_service(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    flux_future_free(f->follow);
    service_stop(f->res);
    gather_stop(f->res);
    free(f->res);
    flux_close(f->h);
    flux_buf_done(&f->log);
    free(f->r);
    free(f);
    return 0;
}

static void on_item(struct flux_future *future, void *arg)
{
    struct fixture *f = arg;
    const flux_resource_acquire_response *item;
    size_t len = strlen(f->seen);

    if (flux_resource_acquire_result(future, &item, NULL) < 0)
        return;
    if (*item->r) {
        FLUX_AUTO(rset) r = NULL;
        FLUX_AUTO_STR text = NULL;
        assert_int_equal(flux_rset_decode(item->r, &r, NULL), 0);
        text = flux_rset_summary(r);
        snprintf(f->seen + len, sizeof(f->seen) - len, "%s up %s;", text, item->up);
    } else
        snprintf(f->seen + len, sizeof(f->seen) - len, "+%s-%s;", item->up, item->down);
}

static void follow(struct fixture *f)
{
    flux_resource_acquire_request in = FLUX_RESOURCE_ACQUIRE_REQUEST_INIT;

    f->follow = flux_resource_acquire_stream(f->h, FLUX_ANY, &in);
    flux_future_then(f->follow, on_item, f);
    turn(f);
}

static void expect_seen(struct fixture *f, const char *text)
{
    turn(f);
    assert_string_equal(f->seen, text);
    f->seen[0] = '\0';
}

static int drain(struct fixture *f, const char *targets, const char *reason, int mode,
                 struct flux_error *err)
{
    flux_resource_drain_request in = FLUX_RESOURCE_DRAIN_REQUEST_INIT;

    in.targets = (char *)targets;
    in.reason = (char *)reason;
    in.mode = mode;
    return flux_resource_drain(f->h, FLUX_ANY, &in, NULL, err);
}

static int undrain(struct fixture *f, const char *targets, struct flux_error *err)
{
    flux_resource_undrain_request in = FLUX_RESOURCE_UNDRAIN_REQUEST_INIT;

    in.targets = (char *)targets;
    return flux_resource_undrain(f->h, FLUX_ANY, &in, NULL, err);
}

static void followers_see_each_change(void **state)
{
    struct fixture *f = *state;

    follow(f);
    expect_seen(f, "");
    define(f);
    expect_seen(f, "");
    online(f, "0-2", "");
    expect_seen(f, "rank[0-3]/core[0-1] up 0-2;");
    assert_int_equal(drain(f, "n1", "bad", 0, NULL), 0);
    expect_seen(f, "+-1;");
    online(f, "0-3", "0");
    expect_seen(f, "+3-0;");
    online(f, "0-1,3", "");
    expect_seen(f, "+0-2;");
    assert_int_equal(undrain(f, "1", NULL), 0);
    expect_seen(f, "+1-;");
    assert_non_null(f->r);
}

static void errors_of_drain_and_undrain(void **state)
{
    struct fixture *f = *state;
    struct flux_error err;

    assert_int_equal(drain(f, "1", "", 0, &err), -EAGAIN);
    define(f);
    online(f, "0-3", "");
    assert_int_equal(drain(f, "7", "", 0, &err), -ENOENT);
    assert_int_equal(drain(f, "1-2", "", 0, NULL), 0);
    assert_int_equal(drain(f, "2-3", "", 0, &err), -EEXIST);
    assert_string_equal(err.text, "rank(s) 2 already drained");
    assert_int_equal(drain(f, "2-3", "", 99, &err), -EINVAL);
    assert_int_equal(undrain(f, "0,1", &err), -ENOENT);
    assert_string_equal(err.text, "rank(s) 0 not drained");
    f->commit_fails = ENOSPC;
    assert_int_equal(undrain(f, "1", &err), -ENOSPC);
}

static void drains_outlive_the_service(void **state)
{
    struct fixture *f = *state;
    flux_resource_status_request in = FLUX_RESOURCE_STATUS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_resource_status_response) out = NULL;

    define(f);
    online(f, "0-3", "");
    assert_int_equal(drain(f, "0,2", "why not", 0, NULL), 0);
    assert_int_equal(drain(f, "3", "other", 0, NULL), 0);
    service_stop(f->res);
    gather_stop(f->res);
    free(f->res);
    flux_close(f->h);
    f->h = flux_open_loop();
    assert_int_equal(flux_kvs_serve(f->h, &kvs_ops, f, NULL), 0);
    assert_int_equal(flux_overlay_serve(f->h, &overlay_ops, f, NULL), 0);
    f->res = start_service(f);
    resource_mismatch(f->res, 1, "missing core1");
    resource_mismatch(f->res, 2, "missing core0");
    define(f);
    online(f, "0-1", "");
    assert_int_equal(flux_resource_status(f->h, FLUX_ANY, &in, &out, NULL), 0);
    assert_int_equal(out->n_drain, 3);
    assert_string_equal(out->drain[0]->ranks, "0,2");
    assert_string_equal(out->drain[0]->reason, "why not");
    assert_string_equal(out->drain[1]->ranks, "3");
    assert_string_equal(out->drain[2]->reason, "missing core1");
    assert_string_equal(out->online, "0-1");
    assert_non_null(strstr(f->log.data, "\"name\":\"restart\""));
}

static void status_asks_the_scheduler(void **state)
{
    struct fixture *f = *state;
    flux_resource_status_request in = FLUX_RESOURCE_STATUS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_resource_status_response) out = NULL;

    f->allocated = "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"1\",\"children\":{"
                   "\"core\":\"0\"}}],\"nodelist\":[\"n1\"]}}";
    define(f);
    online(f, "0-3", "2");
    follow(f);
    assert_int_equal(flux_resource_status(f->h, FLUX_ANY, &in, &out, NULL), 0);
    assert_string_equal(out->allocated, "1");
    assert_string_equal(out->torpid, "2");
    assert_non_null(strstr(out->r, "n[0-3]"));
}

static void reload_replaces_the_inventory(void **state)
{
    struct fixture *f = *state;
    flux_resource_reload_request in = FLUX_RESOURCE_RELOAD_REQUEST_INIT;
    struct flux_error err;

    define(f);
    online(f, "0-3", "");
    follow(f);
    assert_int_equal(drain(f, "1,3", "", 0, NULL), 0);
    expect_seen(f, "rank[0-3]/core[0-1] up 0-3;+-1,3;");
    in.r = "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"1-2\",\"children\":{\"core\":"
           "\"0-7\"}}],\"nodelist\":[\"n[1-2]\"]}}";
    f->allocated = in.r;
    assert_int_equal(flux_resource_reload(f->h, FLUX_ANY, &in, NULL, &err), -EBUSY);
    in.force = true;
    assert_int_equal(flux_resource_reload(f->h, FLUX_ANY, &in, NULL, NULL), 0);
    expect_seen(f, "rank[1-2]/core[0-7] up 2;");
    in.r = "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"4\",\"children\":{\"core\":"
           "\"0-7\"}}],\"nodelist\":[\"n4\"]}}";
    assert_int_equal(flux_resource_reload(f->h, FLUX_ANY, &in, NULL, &err), -EOVERFLOW);
}

static void a_broken_log_is_begun_anew(void **state)
{
    struct fixture *f = *state;
    static const char drained[] =
        "{\"timestamp\":5,\"name\":\"drain\",\"context\":{\"idset\":\"1\","
        "\"nodelist\":\"n1\",\"overwrite\":0}}\n";

    flux_buf_puts(&f->log, drained);
    flux_buf_puts(&f->log, "{\"garbage\n");
    define(f);
    online(f, "0-3", "");
    assert_true(f->unlinked);
    assert_non_null(f->res->st.drains);
    assert_true(strncmp(strstr(f->log.data, "\"name\":"), "\"name\":\"truncate\"", 17) == 0);
    assert_null(strstr(f->log.data, "garbage"));
}

static void changes_during_a_commit_form_the_next(void **state)
{
    struct fixture *f = *state;
    flux_resource_drain_request in = FLUX_RESOURCE_DRAIN_REQUEST_INIT;
    struct flux_future *futures[4];
    unsigned before;

    define(f);
    online(f, "0-3", "");
    before = f->commits;
    for (int i = 0; i < 4; i++) {
        char rank[2] = {'0' + i, 0};
        in.targets = rank;
        futures[i] = flux_resource_drain_async(f->h, FLUX_ANY, &in);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(flux_resource_drain_result(futures[i], NULL, NULL), 0);
        flux_future_free(futures[i]);
    }
    assert_in_range(f->commits - before, 1, 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(followers_see_each_change),
        T(errors_of_drain_and_undrain),
        T(drains_outlive_the_service),
        T(status_asks_the_scheduler),
        T(reload_replaces_the_inventory),
        T(a_broken_log_is_begun_anew),
        T(changes_during_a_commit_form_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
