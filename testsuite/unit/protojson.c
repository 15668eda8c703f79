// SPDX-License-Identifier: LGPL-3.0-only
/* Messages as JSON and back; names of services and rpcs as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/protojson.h>
#include <flux/services.h>
#include <flux/v1/broker.h>
#include <flux/v1/job_list.h>
#include <flux/v1/kvs.h>
#include <flux/v1/shell.h>

/* JSON text to message to JSON text. */
static char *there_and_back(const ProtobufCMessageDescriptor *d, const char *text)
{
    json_t *o = json_loads(text, 0, NULL);
    ProtobufCMessage *msg = NULL;
    struct flux_error err = {""};
    char *out;

    assert_non_null(o);
    if (flux_proto_from_json(d, o, &msg, &err) < 0)
        fail_msg("%s", err.text);
    json_decref(o);
    o = flux_proto_to_json(msg);
    protobuf_c_message_free_unpacked(msg, NULL);
    out = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return out;
}

static void check_same(const ProtobufCMessageDescriptor *d, const char *text)
{
    FLUX_AUTO_STR out = there_and_back(d, text);

    assert_string_equal(out, text);
}

static void test_fields_of_every_kind_survive(void **state)
{
    check_same(flux_broker_get_attr_method.response, "{\"value\":\"x\",\"settable\":true}");
    check_same(flux_kvs_commit_method.request,
               "{\"namespace\":\"n\",\"ops\":[{\"kind\":\"KVS_OP_PUT\",\"key\":\"a\",\"value\":"
               "\"text\",\"target\":\"\",\"target_namespace\":\"\"},{\"kind\":\"KVS_OP_UNLINK\","
               "\"key\":\"b\",\"value\":{\"base64\":\"AP8=\"},\"target\":\"\",\"target_namespace\":"
               "\"\"}],\"on_behalf\":0}");
    check_same(flux_job_list_ids_method.request, "{\"ids\":[1,\"18446744073709551615\",3]}");
}

static void test_what_is_left_out_has_its_default(void **state)
{
    FLUX_AUTO_STR out = there_and_back(flux_broker_ping_method.request, "{\"seq\":\"7\"}");

    assert_string_equal(out, "{\"seq\":7,\"pad\":\"\"}");
}

static void test_base64_of_every_length(void **state)
{
    static const char *const forms[] = {"AA==", "AAE=", "AAEC", "AAECAw=="};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(forms); i++) {
        FLUX_AUTO_STR text = flux_printf("{\"seq\":0,\"pad\":{\"base64\":\"%s\"}}", forms[i]);
        check_same(flux_broker_ping_method.request, text);
    }
}

static void check_refused(const ProtobufCMessageDescriptor *d, const char *text, const char *why)
{
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
    ProtobufCMessage *msg = NULL;
    struct flux_error err = {""};

    assert_int_equal(flux_proto_from_json(d, o, &msg, &err), -EINVAL);
    assert_string_equal(err.text, why);
    assert_null(msg);
    json_decref(o);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    const ProtobufCMessageDescriptor *ping = flux_broker_ping_method.request;
    const ProtobufCMessageDescriptor *commit = flux_kvs_commit_method.request;

    check_refused(ping, "[]", "BrokerPingRequest: expected an object");
    check_refused(ping, "{\"sek\":1}", "BrokerPingRequest: no field 'sek'; it has: seq pad");
    check_refused(ping, "{\"seq\":-1}", "BrokerPingRequest.seq: expected a number in range");
    check_refused(ping, "{\"seq\":\"1x\"}", "BrokerPingRequest.seq: expected a number in range");
    check_refused(ping, "{\"seq\":1.5}", "BrokerPingRequest.seq: expected a number in range");
    check_refused(ping, "{\"pad\":{\"base64\":\"A\"}}",
                  "BrokerPingRequest.pad: expected a string or {\"base64\": ...}");
    check_refused(commit, "{\"ops\":{}}", "KvsCommitRequest.ops: expected an array");
    check_refused(commit, "{\"ops\":[{\"key\":\"a\",\"value\":\"b\"},{\"kind\":\"KVS_OP_SING\"}]}",
                  "KvsOp.kind: expected KvsOpKind");
    check_refused(flux_broker_get_attr_method.response, "{\"settable\":1}",
                  "BrokerGetAttrResponse.settable: expected true or false");
}

static char *assigned(const ProtobufCMessageDescriptor *d, ...)
{
    json_t *o = json_object();
    struct flux_error err = {""};
    const char *s;
    char *out;
    va_list ap;

    va_start(ap, d);
    while ((s = va_arg(ap, const char *)))
        if (flux_proto_set_json(d, o, s, &err) < 0)
            fail_msg("%s", err.text);
    va_end(ap);
    out = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    return out;
}

static void test_fields_can_be_assigned_from_a_shell(void **state)
{
    FLUX_AUTO_STR get =
        assigned(flux_kvs_get_method.request, "key=a=b", "offset=12", "list=true", NULL);
    FLUX_AUTO_STR ids = assigned(flux_job_list_ids_method.request, "ids=1", "ids=2", NULL);
    FLUX_AUTO_STR all = assigned(flux_job_list_ids_method.request, "ids=[1,2]", NULL);
    FLUX_AUTO_STR keys = assigned(flux_kvs_get_many_method.request, "keys=1", "keys=b", NULL);
    struct flux_error err;
    json_t *o = json_object();

    assert_string_equal(get, "{\"key\":\"a=b\",\"list\":true,\"offset\":12}");
    assert_string_equal(ids, "{\"ids\":[1,2]}");
    assert_string_equal(all, "{\"ids\":[1,2]}");
    assert_string_equal(keys, "{\"keys\":[\"1\",\"b\"]}");
    assert_int_equal(flux_proto_set_json(flux_kvs_get_method.request, o, "key", &err), -EINVAL);
    assert_int_equal(flux_proto_set_json(flux_kvs_get_method.request, o, "x=1", &err), -EINVAL);
    json_decref(o);
}

static void test_services_and_rpcs_have_many_names(void **state)
{
    static const char *const names[] = {"job-manager.SetUrgency", "job-manager.set-urgency",
                                        "job_manager.set_urgency", "JobManager.SetUrgency",
                                        "flux.v1.JobManager/SetUrgency"};
    const struct flux_method *m;
    struct flux_error err;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++) {
        m = NULL;
        assert_int_equal(flux_method_find(names[i], &m, &err), 0);
        assert_string_equal(m->name, "flux.v1.JobManager/SetUrgency");
    }
    assert_string_equal(flux_method_short_name(m), "SetUrgency");
    assert_int_equal(flux_method_find("kvs", &m, &err), -ENOENT);
    assert_int_equal(flux_method_find("kvs.Sing", &m, &err), -ENOENT);
    assert_non_null(strstr(err.text, "GetMany"));
    assert_int_equal(flux_method_find("opera.Sing", &m, &err), -ENOENT);
    assert_non_null(strstr(err.text, "job-manager"));
    assert_null(flux_service_find("opera"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_every_kind_survive),
        cmocka_unit_test(test_what_is_left_out_has_its_default),
        cmocka_unit_test(test_base64_of_every_length),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_fields_can_be_assigned_from_a_shell),
        cmocka_unit_test(test_services_and_rpcs_have_many_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
