// SPDX-License-Identifier: LGPL-3.0-only
/* The services at rank 0 and on a follower, over loop handles: commits, watches, waits, rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <flux/v1/broker_service.h>
#include <flux/v1/content.h>

#include "../../../server/modules/kvs/leader.h"

struct rig {
    char dir[64];
    bool statedir;
    struct flux *h;
    struct kvs_leader *leader;
};

static int get_attr(struct flux_call *call, const flux_broker_get_attr_request *in,
                    flux_broker_get_attr_response *out)
{
    struct rig *rig = flux_call_data(call);

    if (strcmp(in->name, rig->statedir ? "statedir" : "rundir") != 0)
        return flux_call_fail(call, ENOENT, "no attribute");
    out->value = rig->dir;
    return 0;
}

static const struct flux_broker_ops broker_ops = {.get_attr = get_attr};

static void start(struct rig *rig)
{
    struct flux_error err;

    rig->h = flux_open_loop();
    assert_int_equal(flux_broker_serve(rig->h, &broker_ops, rig, &err), 0);
    if (kvs_leader_start(rig->h, &rig->leader, &err) < 0)
        fail_msg("%s", err.text);
}

static void stop(struct rig *rig)
{
    kvs_leader_stop(rig->leader);
    flux_close(rig->h);
}

static int setup_dir(void **state, bool statedir)
{
    struct rig *rig = flux_alloc(sizeof(*rig));

    strcpy(rig->dir, "/tmp/flux-kvs-test.XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->statedir = statedir;
    start(rig);
    *state = rig;
    return 0;
}

static int setup(void **state)
{
    return setup_dir(state, false);
}

static int setup_durable(void **state)
{
    return setup_dir(state, true);
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    FLUX_AUTO_STR path = flux_printf("%s/content.sqlite", rig->dir);
    FLUX_AUTO_STR mark = flux_printf("%s/content.sqlite-mark", rig->dir);

    stop(rig);
    assert_int_equal(access(path, F_OK), rig->statedir ? 0 : -1);
    unlink(path);
    unlink(mark);
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

static struct flux_future *commit_async(struct flux *h, flux_kvs_op_kind kind, const char *key,
                                        const char *value)
{
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT;
    flux_kvs_op *ops[] = {&op};

    op.kind = kind;
    op.key = (char *)key;
    op.value.data = (uint8_t *)value;
    op.value.len = strlen(value);
    in.ops = ops;
    in.n_ops = 1;
    return flux_kvs_commit_async(h, FLUX_ANY, &in);
}

static int commit(struct flux *h, flux_kvs_op_kind kind, const char *key, const char *value)
{
    FLUX_AUTO(future) f = commit_async(h, kind, key, value);
    const flux_kvs_commit_response *out;

    return flux_kvs_commit_result(f, &out, NULL);
}

static void expect(struct flux *h, const char *key, const char *value)
{
    flux_kvs_get_request in = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    struct flux_error err;

    in.key = (char *)key;
    assert_int_equal(flux_kvs_get(h, FLUX_ANY, &in, &out, &err), value ? 0 : -ENOENT);
    if (value) {
        assert_int_equal(out->value.len, strlen(value));
        assert_memory_equal(out->value.data, value, strlen(value));
    }
}

static void a_commit_is_readable_when_answered(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(commit(rig->h, FLUX_KVS_OP_PUT, "a.b", "hello"), 0);
    expect(rig->h, "a.b", "hello");
    assert_int_equal(commit(rig->h, FLUX_KVS_OP_PUT, "", "x"), -EINVAL);
    assert_int_equal(commit(rig->h, FLUX_KVS_OP_UNLINK, "a.b", ""), 0);
    expect(rig->h, "a.b", NULL);
}

static void commits_under_way_share_a_sync(void **state)
{
    struct rig *rig = *state;
    struct flux_future *f[100];
    flux_kvs_stats_request in = FLUX_KVS_STATS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_stats_response) out = NULL;
    const flux_kvs_commit_response *res;
    char key[32];

    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        f[i] = commit_async(rig->h, i % 10 == 9 ? 99 : FLUX_KVS_OP_PUT, key, "v");
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(flux_kvs_commit_result(f[i], &res, NULL), i % 10 == 9 ? -EINVAL : 0);
        flux_future_free(f[i]);
    }
    assert_int_equal(flux_kvs_stats(rig->h, FLUX_ANY, &in, &out, NULL), 0);
    assert_int_equal(out->commits, 90);
    assert_in_range(out->groups, 1, 10);
    stop(rig);
    start(rig);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        expect(rig->h, key, rig->statedir && i % 10 != 9 ? "v" : NULL);
    }
}

static struct flux_future *watch(struct flux *h, const char *key, bool waitcreate, bool recursive)
{
    flux_kvs_watch_request in = FLUX_KVS_WATCH_REQUEST_INIT;

    in.key = (char *)key;
    in.waitcreate = waitcreate;
    in.recursive = recursive;
    return flux_kvs_watch_stream(h, FLUX_ANY, &in);
}

static const flux_kvs_watch_response *item(struct flux_future *f)
{
    const flux_kvs_watch_response *out = NULL;
    struct flux_error err;

    if (flux_kvs_watch_result(f, &out, &err) < 0)
        fail_msg("%s", err.text);
    return out;
}

static void expect_item(struct flux_future *f, const char *value, uint64_t offset)
{
    const flux_kvs_watch_response *out = item(f);

    assert_int_equal(out->absent, value == NULL);
    if (value) {
        assert_int_equal(out->value.len, strlen(value));
        assert_memory_equal(out->value.data, value, strlen(value));
        assert_int_equal(out->offset, offset);
    }
    flux_future_next(f);
}

static void a_value_is_followed(void **state)
{
    struct rig *rig = *state;
    struct flux_future *f = watch(rig->h, "d.v", false, false);
    const flux_kvs_watch_response *out;

    assert_int_equal(flux_kvs_watch_result(f, &out, NULL), -ENOENT);
    flux_future_free(f);
    f = watch(rig->h, "d.v", true, false);
    expect_item(f, NULL, 0);
    commit(rig->h, FLUX_KVS_OP_PUT, "d.v", "1");
    expect_item(f, "1", 0);
    commit(rig->h, FLUX_KVS_OP_PUT, "d.other", "x");
    commit(rig->h, FLUX_KVS_OP_PUT, "d.v", "2");
    expect_item(f, "2", 0);
    commit(rig->h, FLUX_KVS_OP_UNLINK, "d", "");
    expect_item(f, NULL, 0);
    commit(rig->h, FLUX_KVS_OP_PUT, "d.v", "3");
    expect_item(f, "3", 0);
    flux_future_free(f);
    commit(rig->h, FLUX_KVS_OP_PUT, "d.v", "4");
}

static void of_a_log_only_what_is_new_is_sent(void **state)
{
    struct rig *rig = *state;
    struct flux_future *f;

    commit(rig->h, FLUX_KVS_OP_APPEND, "log", "one ");
    f = watch(rig->h, "log", false, false);
    expect_item(f, "one ", 0);
    commit(rig->h, FLUX_KVS_OP_APPEND, "log", "two ");
    expect_item(f, "two ", 4);
    commit(rig->h, FLUX_KVS_OP_APPEND, "log", "three ");
    expect_item(f, "three ", 8);
    flux_future_free(f);
}

static void a_directory_is_followed(void **state)
{
    struct rig *rig = *state;
    struct flux_future *flat, *deep;
    const flux_kvs_watch_response *out;

    commit(rig->h, FLUX_KVS_OP_PUT, "d.a", "1");
    flat = watch(rig->h, "d", false, false);
    deep = watch(rig->h, "d", false, true);
    out = item(flat);
    assert_int_equal(out->n_entries, 1);
    flux_future_next(flat);
    item(deep);
    flux_future_next(deep);
    commit(rig->h, FLUX_KVS_OP_PUT, "d.a", "2");
    commit(rig->h, FLUX_KVS_OP_APPEND, "d.sub.log", "x");
    out = item(flat);
    assert_int_equal(out->n_entries, 2);
    assert_string_equal(out->entries[1]->name, "sub");
    flux_future_next(flat);
    out = item(deep);
    assert_string_equal(out->key, "d.a");
    expect_item(deep, "2", 0);
    out = item(deep);
    assert_string_equal(out->key, "d.sub.log");
    expect_item(deep, "x", 0);
    commit(rig->h, FLUX_KVS_OP_UNLINK, "d.a", "");
    expect_item(deep, NULL, 0);
    flux_future_free(flat);
    flux_future_free(deep);
}

static void a_version_can_be_waited_for(void **state)
{
    struct rig *rig = *state;
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    const flux_kvs_get_root_response *out;
    struct flux_future *f, *g;

    in.wait_version = 2;
    in.version_only = true;
    f = flux_kvs_get_root_async(rig->h, FLUX_ANY, &in);
    g = flux_kvs_get_root_async(rig->h, FLUX_ANY, &in);
    commit(rig->h, FLUX_KVS_OP_PUT, "a", "1");
    assert_false(flux_future_ready(f));
    flux_future_free(g);
    commit(rig->h, FLUX_KVS_OP_PUT, "a", "2");
    assert_int_equal(flux_kvs_get_root_result(f, &out, NULL), 0);
    assert_int_equal(out->version, 2);
    flux_future_free(f);
}

static void a_snapshot_stays_what_it_was(void **state)
{
    struct rig *rig = *state;
    flux_kvs_get_root_request in = FLUX_KVS_GET_ROOT_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_root_response) root = NULL;
    flux_kvs_get_request get = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    flux_kvs_gc_request gc = FLUX_KVS_GC_REQUEST_INIT;

    commit(rig->h, FLUX_KVS_OP_PUT, "a", "old");
    assert_int_equal(flux_kvs_get_root(rig->h, FLUX_ANY, &in, &root, NULL), 0);
    assert_int_equal(root->version, 1);
    commit(rig->h, FLUX_KVS_OP_PUT, "a", "new");
    assert_int_equal(flux_kvs_gc(rig->h, FLUX_ANY, &gc, NULL, NULL), 0);
    get.key = "a";
    get.rootref = root->rootref;
    assert_int_equal(flux_kvs_get(rig->h, FLUX_ANY, &get, &out, NULL), 0);
    assert_memory_equal(out->value.data, "old", 3);
}

static void namespaces_come_and_go(void **state)
{
    struct rig *rig = *state;
    flux_kvs_namespace_create_request create = FLUX_KVS_NAMESPACE_CREATE_REQUEST_INIT;
    flux_kvs_namespace_remove_request removal = FLUX_KVS_NAMESPACE_REMOVE_REQUEST_INIT;
    flux_kvs_namespace_list_request list = FLUX_KVS_NAMESPACE_LIST_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_namespace_list_response) out = NULL;
    flux_kvs_watch_request in = FLUX_KVS_WATCH_REQUEST_INIT;
    const flux_kvs_watch_response *watched;
    struct flux_future *f;

    create.name = removal.name = "mine";
    create.owner = 1234;
    assert_int_equal(flux_kvs_namespace_create(rig->h, FLUX_ANY, &create, NULL, NULL), 0);
    assert_int_equal(flux_kvs_namespace_create(rig->h, FLUX_ANY, &create, NULL, NULL), -EEXIST);
    assert_int_equal(flux_kvs_namespace_list(rig->h, FLUX_ANY, &list, &out, NULL), 0);
    assert_int_equal(out->n_namespaces, 2);
    assert_string_equal(out->namespaces[0]->name, "mine");
    assert_int_equal(out->namespaces[0]->owner, 1234);
    in.namespace_ = "mine";
    in.key = "x";
    in.waitcreate = true;
    f = flux_kvs_watch_stream(rig->h, FLUX_ANY, &in);
    expect_item(f, NULL, 0);
    assert_int_equal(flux_kvs_namespace_remove(rig->h, FLUX_ANY, &removal, NULL, NULL), 0);
    assert_int_equal(flux_kvs_watch_result(f, &watched, NULL), -ENOTSUP);
    flux_future_free(f);
}

static void others_see_only_what_is_theirs(void **state)
{
    struct rig *rig = *state;
    flux_kvs_namespace_create_request create = FLUX_KVS_NAMESPACE_CREATE_REQUEST_INIT;
    flux_kvs_get_request get = FLUX_KVS_GET_REQUEST_INIT;
    flux_kvs_commit_request in = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT;
    flux_kvs_op *ops[] = {&op};

    create.name = "theirs";
    create.owner = 1234;
    flux_kvs_namespace_create(rig->h, FLUX_ANY, &create, NULL, NULL);
    commit(rig->h, FLUX_KVS_OP_PUT, "secret", "s");
    get.key = "secret";
    get.on_behalf = 1234 + 1;
    assert_int_equal(flux_kvs_get(rig->h, FLUX_ANY, &get, NULL, NULL), -EPERM);
    in.namespace_ = get.namespace_ = "theirs";
    in.ops = ops;
    in.n_ops = 1;
    op.kind = FLUX_KVS_OP_SYMLINK;
    op.key = "link";
    op.target = "secret";
    op.target_namespace = "primary";
    in.on_behalf = 1000 + 1;
    assert_int_equal(flux_kvs_commit(rig->h, FLUX_ANY, &in, NULL, NULL), -EPERM);
    in.on_behalf = 1234 + 1;
    assert_int_equal(flux_kvs_commit(rig->h, FLUX_ANY, &in, NULL, NULL), 0);
    get.key = "link";
    assert_int_equal(flux_kvs_get(rig->h, FLUX_ANY, &get, NULL, NULL), -EPERM);
    get.on_behalf = 0;
    assert_int_equal(flux_kvs_get(rig->h, FLUX_ANY, &get, NULL, NULL), 0);
    op.kind = FLUX_KVS_OP_COPY;
    assert_int_equal(flux_kvs_commit(rig->h, FLUX_ANY, &in, NULL, NULL), -EPERM);
}

static void content_comes_back(void **state)
{
    struct rig *rig = *state;
    flux_content_store_request in = FLUX_CONTENT_STORE_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_content_store_response) ref = NULL;
    flux_content_load_request load = FLUX_CONTENT_LOAD_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_content_load_response) out = NULL;
    flux_content_flush_request flush = FLUX_CONTENT_FLUSH_REQUEST_INIT;

    in.data.data = flux_alloc(KVS_CONTENT_MAX + 1);
    in.data.len = KVS_CONTENT_MAX + 1;
    assert_int_equal(flux_content_store(rig->h, FLUX_ANY, &in, NULL, NULL), -EFBIG);
    in.data.len--;
    assert_int_equal(flux_content_store(rig->h, FLUX_ANY, &in, &ref, NULL), 0);
    assert_int_equal(flux_content_flush(rig->h, FLUX_ANY, &flush, NULL, NULL), 0);
    load.ref = ref->ref;
    assert_int_equal(flux_content_load(rig->h, FLUX_ANY, &load, &out, NULL), 0);
    assert_int_equal(out->data.len, KVS_CONTENT_MAX);
    load.ref = "blake2b-0000000000000000000000000000000000000000000000000000000000000000";
    assert_int_equal(flux_content_load(rig->h, FLUX_ANY, &load, NULL, NULL), -ENOENT);
    load.ref = "nonsense";
    assert_int_equal(flux_content_load(rig->h, FLUX_ANY, &load, NULL, NULL), -EINVAL);
    free(in.data.data);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, setup, teardown),                                        \
        cmocka_unit_test_setup_teardown(test, setup_durable, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_commit_is_readable_when_answered),
        BOTH(commits_under_way_share_a_sync),
        BOTH(a_value_is_followed),
        BOTH(of_a_log_only_what_is_new_is_sent),
        BOTH(a_directory_is_followed),
        BOTH(a_version_can_be_waited_for),
        BOTH(a_snapshot_stays_what_it_was),
        BOTH(namespaces_come_and_go),
        BOTH(others_see_only_what_is_theirs),
        BOTH(content_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
