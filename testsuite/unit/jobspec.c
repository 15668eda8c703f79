// SPDX-License-Identifier: LGPL-3.0-only
/* Jobspecs: the tables of RFC 14 and 25, the compact view, and what the builder makes. */
#include <flux/jobspec.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "vectors.h"

static enum flux_jobspec_rules rules_of(const json_t *row)
{
    const char *schema = json_string_value(json_object_get(row, "schema"));

    return strcmp(schema, "v1") == 0 ? FLUX_JOBSPEC_V1 : FLUX_JOBSPEC_CANONICAL;
}

static void check_row(const json_t *row, const json_t *o, int r, struct flux_error *err)
{
    bool valid = strcmp(json_string_value(json_object_get(row, "expect")), "valid") == 0;

    if (r == 0)
        r = flux_jobspec_validate(o, rules_of(row), err);
    if ((r == 0) != valid)
        fail_msg("%s: %s", json_string_value(json_object_get(row, "file")), err->text);
    assert_true(r == 0 || strncmp(err->text, "jobspec: ", 9) == 0);
}

static void core_table(void **state)
{
    json_t *table = vectors_load("core/jobspec.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "files"), i, row) {
        const char *text = json_string_value(json_object_get(row, "text"));
        struct flux_error err = {""};
        json_t *o = NULL;
        int r = flux_jobspec_parse(text, strlen(text), &o, &err);

        check_row(row, o, r, &err);
        json_decref(o);
    }
    assert_true(i > 90);
    json_decref(table);
}

static void rfc_table(void **state)
{
    json_t *table = vectors_load("rfc/jobspec.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "files"), i, row) {
        struct flux_error err = {""};

        check_row(row, json_object_get(row, "jobspec"), 0, &err);
    }
    json_decref(table);
}

static const char v1[] = "version: 1\n"
                         "resources:\n"
                         "- type: node\n"
                         "  count: 4\n"
                         "  exclusive: true\n"
                         "  with:\n"
                         "  - type: slot\n"
                         "    count: 2\n"
                         "    label: task\n"
                         "    with:\n"
                         "    - {type: core, count: 3}\n"
                         "    - {type: gpu, count: 1}\n"
                         "tasks:\n"
                         "- {command: [/bin/app, '-x', \"7\"], slot: task, count: {per_slot: 1}}\n"
                         "attributes:\n"
                         "  system:\n"
                         "    duration: 3600.\n"
                         "    queue: debug\n"
                         "    constraints: {properties: [big]}\n"
                         "    environment: {A: on, B: 1.5, C: ~}\n";

static void compact_view(void **state)
{
    FLUX_AUTO(jobspec) js = NULL;

    assert_int_equal(flux_jobspec_decode(v1, sizeof(v1) - 1, &js, NULL), 0);
    assert_null(js->beyond);
    assert_int_equal(js->nnodes, 4);
    assert_int_equal(js->slots_per_node, 2);
    assert_int_equal(js->nslots, 8);
    assert_int_equal(js->cores_per_slot, 3);
    assert_int_equal(js->gpus_per_slot, 1);
    assert_true(js->exclusive);
    assert_int_equal(js->ntasks, 8);
    assert_string_equal(js->name, "app");
    assert_string_equal(js->queue, "debug");
    assert_true(js->duration == 3600);
    assert_int_equal(json_array_size(js->command), 3);
    assert_string_equal(json_string_value(json_object_get(js->environment, "A")), "on");
    assert_true(json_is_real(json_object_get(js->environment, "B")));
    assert_true(json_is_null(json_object_get(js->environment, "C")));
    assert_non_null(js->constraints);
    assert_null(js->node_count);
}

static void canonical_requests_that_fit_are_understood(void **state)
{
    static const struct {
        const char *resources;
        unsigned nnodes, nslots, cores;
        bool exclusive, beyond;
    } rows[] = {
        {"[{'type':'slot','count':4,'label':'a','with':[{'type':'node','count':1}]}]", 4, 4, 0,
         true, false},
        {"[{'type':'slot','count':'2-8:2:*','label':'a','with':[{'type':'core','count':2}]}]", 0, 2,
         2, false, false},
        {"[{'type':'node','count':'3+','with':[{'type':'slot','count':2,'label':'a','with':["
         "{'type':'core','count':1}]}]}]",
         3, 6, 1, false, false},
        {"[{'type':'rack','count':1}]", 0, 0, 0, false, true},
        {"[{'type':'slot','count':2,'label':'a','with':[{'type':'memory','count':2}]}]", 0, 2, 0,
         false, true},
        {"[{'type':'slot','count':1,'label':'a','with':[{'type':'gpu','count':2}]}]", 0, 1, 0,
         false, true},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++) {
        FLUX_AUTO(jobspec) js = NULL;
        FLUX_AUTO_STR text = flux_printf("{'version':2,'resources':%s,'attributes':{},'tasks':[{"
                                         "'command':['a'],'slot':'a','count':{'per_slot':1}}]}",
                                         rows[i].resources);
        struct flux_error err;

        for (char *p = text; *p; p++)
            if (*p == '\'')
                *p = '"';
        if (flux_jobspec_decode(text, strlen(text), &js, &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(js->nnodes, rows[i].nnodes);
        assert_int_equal(js->nslots, rows[i].nslots);
        assert_int_equal(js->cores_per_slot, rows[i].cores);
        assert_int_equal(js->exclusive, rows[i].exclusive);
        assert_int_equal(js->beyond != NULL, rows[i].beyond);
    }
}

static void error_names_the_field(void **state)
{
    static const struct {
        const char *from, *to, *text;
    } rows[] = {
        {"count: 1}\ntasks", "count: -1}\ntasks",
         "jobspec: resources[0].with[0].with[1].count: must be a positive integer"},
        {"type: gpu", "type: fpga",
         "jobspec: resources[0].with[0].with[1].type: must be core or gpu within a slot in "
         "version 1"},
        {"per_slot: 1", "per_slot: 2", "jobspec: tasks[0].count.per_slot: must be 1 in version 1"},
        {"[big]", "[7]",
         "jobspec: attributes.system.constraints: values of 'properties' must be strings"},
        {"3600.", "soon",
         "jobspec: attributes.system.duration: must be a number of seconds, not negative"},
        {"version: 1", "version: 1\nversion: 1", "jobspec: line 2: repeated key"},
        {"debug", "*a", "jobspec: line 18: aliases are not allowed"},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++) {
        FLUX_AUTO(jobspec) js = NULL;
        const char *at = strstr(v1, rows[i].from);
        FLUX_AUTO_STR text =
            flux_printf("%.*s%s%s", (int)(at - v1), v1, rows[i].to, at + strlen(rows[i].from));
        struct flux_error err = {""};

        assert_true(flux_jobspec_decode(text, strlen(text), &js, &err) < 0);
        assert_string_equal(err.text, rows[i].text);
    }
}

static void update_is_all_or_nothing(void **state)
{
    FLUX_AUTO(jobspec) js = NULL;
    json_t *good = json_integer(60), *bad = json_string("x"), *none = json_null();

    assert_int_equal(flux_jobspec_decode(v1, sizeof(v1) - 1, &js, NULL), 0);
    assert_int_equal(flux_jobspec_update(js, "attributes.system.duration", good, NULL), 0);
    assert_true(js->duration == 60);
    assert_int_equal(flux_jobspec_update(js, "attributes.system.duration", bad, NULL), -EINVAL);
    assert_true(js->duration == 60);
    assert_int_equal(flux_jobspec_update(js, "resources", good, NULL), -EINVAL);
    assert_int_equal(flux_jobspec_update(js, "attributes.system.queue", none, NULL), 0);
    assert_null(js->queue);
    assert_int_equal(flux_jobspec_update(js, "attributes.system.job.name", bad, NULL), 0);
    assert_string_equal(js->name, "x");
    json_decref(good);
    json_decref(bad);
    json_decref(none);
}

static void products_are_bounded(void **state)
{
    static const char big[] =
        "{\"version\":1,\"resources\":[{\"type\":\"node\",\"count\":2000000000,\"with\":[{\"type\":"
        "\"slot\",\"count\":2000000000,\"label\":\"a\",\"with\":[{\"type\":\"core\",\"count\":"
        "2000000000}]}]}],\"tasks\":[{\"command\":[\"a\"],\"slot\":\"a\",\"count\":{\"per_slot\":1}"
        "}],\"attributes\":{\"system\":{\"duration\":1}}}";
    FLUX_AUTO(jobspec) js = NULL;
    FLUX_AUTO_STR deep = flux_alloc(20001);
    json_t *o;

    assert_int_equal(flux_jobspec_decode(big, sizeof(big) - 1, &js, NULL), -EINVAL);
    memset(deep, '[', 20000);
    assert_true(flux_jobspec_parse(deep, 20000, &o, NULL) < 0);
}

static const char *const argv_true[] = {"true"};

static void check_built(struct flux_jobspec_request rq, unsigned nnodes, unsigned nslots,
                        unsigned cores, unsigned ntasks, bool exclusive)
{
    FLUX_AUTO(jobspec) js = NULL;
    struct flux_error err;
    json_t *o;

    rq.command = argv_true;
    rq.ncommand = 1;
    if (flux_jobspec_from_command(&rq, &o, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(flux_jobspec_from_json(o, &js, NULL), 0);
    json_decref(o);
    assert_int_equal(js->nnodes, nnodes);
    assert_int_equal(js->nslots, nslots);
    assert_int_equal(js->cores_per_slot, cores);
    assert_int_equal(js->ntasks, ntasks);
    assert_int_equal(js->exclusive, exclusive);
}

static void builder_shapes(void **state)
{
    check_built((struct flux_jobspec_request){0}, 0, 1, 1, 1, false);
    check_built((struct flux_jobspec_request){.ntasks = 4, .cores_per_task = 2}, 0, 4, 2, 4, false);
    check_built((struct flux_jobspec_request){.nnodes = 3}, 3, 3, 1, 3, true);
    check_built((struct flux_jobspec_request){.nnodes = 2, .ntasks = 8}, 2, 8, 1, 8, false);
    check_built((struct flux_jobspec_request){.nnodes = 2, .ntasks = 5}, 2, 6, 1, 5, false);
    check_built((struct flux_jobspec_request){.cores = 16}, 0, 16, 1, 16, false);
    check_built((struct flux_jobspec_request){.nnodes = 2, .cores = 8}, 2, 2, 4, 8, false);
    check_built((struct flux_jobspec_request){.nnodes = 2, .tasks_per_node = 3}, 2, 2, 1, 6, true);
    check_built((struct flux_jobspec_request){.nnodes = 2, .tasks_per_core = 1}, 2, 2, 1, 0, true);
    check_built((struct flux_jobspec_request){.nnodes = 2, .ntasks = 4, .instance = true}, 2, 4, 1,
                2, false);
}

static void builder_refuses_what_does_not_go_together(void **state)
{
    const struct flux_jobspec_request rows[] = {
        {.command = argv_true, .ncommand = 1, .ntasks = 2, .cores = 4},
        {.command = argv_true, .ncommand = 1, .nnodes = 2, .ntasks = 1},
        {.command = argv_true, .ncommand = 1, .exclusive = true},
        {.command = argv_true, .ncommand = 1, .nnodes = 3, .cores = 4},
        {.command = argv_true, .ncommand = 1, .gpus_per_node = 1},
        {.command = argv_true, .ncommand = 1, .tasks_per_node = 1},
        {.nnodes = 1},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++) {
        struct flux_error err = {""};
        json_t *o;

        assert_int_equal(flux_jobspec_from_command(&rows[i], &o, &err), -EINVAL);
        assert_true(*err.text);
    }
}

static void builder_sets_attributes(void **state)
{
    json_t *env = json_pack("{s:s}", "HOME", "/root"), *limits = json_pack("{s:i}", "nofile", 10);
    json_t *extra = json_pack("{s:i s:b}", "system.foo", 7, "user.x.y", 1);
    struct flux_jobspec_request rq = {
        .command = argv_true,
        .ncommand = 1,
        .environment = env,
        .rlimits = limits,
        .attributes = extra,
        .queue = "q",
        .cwd = "/",
        .name = "n",
        .duration = 2.5,
    };
    json_t *o;

    assert_int_equal(flux_jobspec_from_command(&rq, &o, NULL), 0);
    assert_int_equal(json_integer_value(flux_jobspec_get(o, "attributes.system.foo")), 7);
    assert_true(json_is_true(flux_jobspec_get(o, "attributes.user.x.y")));
    assert_int_equal(
        json_integer_value(flux_jobspec_get(o, "attributes.system.shell.options.rlimit.nofile")),
        10);
    assert_string_equal(json_string_value(flux_jobspec_get(o, "attributes.system.job.name")), "n");
    assert_null(flux_jobspec_get(o, "attributes.system.foo.bar"));
    json_decref(o);
    json_decref(env);
    json_decref(limits);
    json_decref(extra);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_table),
        cmocka_unit_test(rfc_table),
        cmocka_unit_test(compact_view),
        cmocka_unit_test(canonical_requests_that_fit_are_understood),
        cmocka_unit_test(error_names_the_field),
        cmocka_unit_test(update_is_all_or_nothing),
        cmocka_unit_test(products_are_bounded),
        cmocka_unit_test(builder_shapes),
        cmocka_unit_test(builder_refuses_what_does_not_go_together),
        cmocka_unit_test(builder_sets_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
