// SPDX-License-Identifier: LGPL-3.0-only
/* Eventlogs: encode and decode agree, and what RFC 18 forbids is refused with its line. */
#include <flux/eventlog.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>

#include "vectors.h"

static void line_has_microseconds_and_ends_in_newline(void **state)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    assert_int_equal(flux_eventlog_encode(&b, 1552593348.073045, "submit", NULL, NULL), 0);
    assert_string_equal(b.data, "{\"timestamp\":1552593348.073045,\"name\":\"submit\"}\n");
    flux_buf_reset(&b);
    assert_int_equal(flux_eventlog_encode_text(&b, 1.5, "a", "{\"b\":1}", 7, NULL), 0);
    assert_string_equal(b.data, "{\"timestamp\":1.500000,\"name\":\"a\",\"context\":{\"b\":1}}\n");
    flux_buf_reset(&b);
    assert_int_equal(flux_eventlog_encode(&b, 1.9999999, "a", NULL, NULL), 0);
    assert_string_equal(b.data, "{\"timestamp\":2.000000,\"name\":\"a\"}\n");
}

static void round_trip_keeps_everything(void **state)
{
    static const char *names[] = {"x", "debug.free-request", "a\"b\\c", "tab\there", "\xc6\x92"};
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);
    json_t *context = json_pack("{s:s s:{s:[i,i]}}", "k", "line\nbreak \x01", "d", "e", 1, 2);
    struct flux_eventlog_cursor c;
    struct flux_eventlog_entry e;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        assert_int_equal(flux_eventlog_encode(&b, 1000 + i, names[i], i ? context : NULL, NULL), 0);
    c = (struct flux_eventlog_cursor){b.data, b.data + b.len, 0};
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++) {
        assert_int_equal(flux_eventlog_next(&c, &e, NULL), 1);
        assert_string_equal(e.name, names[i]);
        assert_true(fabs(e.timestamp - (1000 + i)) < 1e-6);
        if (i)
            assert_true(json_equal(e.context, context));
        else
            assert_null(e.context);
        flux_eventlog_entry_done(&e);
    }
    assert_int_equal(flux_eventlog_next(&c, &e, NULL), 0);
    json_decref(context);
}

static void bad_utf8_is_replaced(void **state)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(0);

    assert_int_equal(flux_eventlog_put_string(&b, "a\xff\xc0\x80z\xe2\x82", 7), 0);
    assert_string_equal(b.data,
                        "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void failed_encode_leaves_buffer(void **state)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(60);
    struct flux_error err;

    assert_int_equal(flux_eventlog_encode(&b, 0, "a", NULL, &err), -EINVAL);
    assert_int_equal(flux_eventlog_encode(&b, NAN, "a", NULL, &err), -EINVAL);
    assert_int_equal(flux_eventlog_encode(&b, 1, "", NULL, &err), -EINVAL);
    assert_int_equal(flux_eventlog_encode(&b, 1, "a", NULL, &err), 0);
    assert_int_equal(flux_eventlog_encode(&b, 1, "bbbbbbbbbbbbbbbb", NULL, &err), -EMSGSIZE);
    assert_string_equal(b.data, "{\"timestamp\":1.000000,\"name\":\"a\"}\n");
}

static void bad_logs_are_refused_with_the_line(void **state)
{
    static const char *bad[] = {
        "\n",
        "{}\n",
        "[]\n",
        "{\"timestamp\":1,\"name\":\"a\"}",
        "{\"timestamp\":0,\"name\":\"a\"}\n",
        "{\"timestamp\":-1,\"name\":\"a\"}\n",
        "{\"timestamp\":\"1\",\"name\":\"a\"}\n",
        "{\"timestamp\":1,\"name\":\"\"}\n",
        "{\"timestamp\":1,\"name\":1}\n",
        "{\"timestamp\":1,\"name\":\"a\",\"context\":[]}\n",
        "{\"timestamp\":1,\"name\":\"a\",\"context\":\"x\"}\n",
        "{\"timestamp\":1,\"name\":\"a\"}{}\n",
        "{\"timestamp\":1,\n\"name\":\"a\"}\n",
        "{\"timestamp\":1,\"timestamp\":2,\"name\":\"a\"}\n",
    };
    static const char good[] = "{\"timestamp\":1,\"name\":\"a\"}\n";
    struct flux_error err;
    json_t *log;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++) {
        FLUX_AUTO_STR text = flux_printf("%s%s", good, bad[i]);
        assert_int_equal(flux_eventlog_decode(text, strlen(text), &log, &err), -EPROTO);
        assert_true(strncmp(err.text, "line 2: ", 8) == 0);
    }
    assert_int_equal(flux_eventlog_decode("", 0, &log, &err), 0);
    assert_int_equal(json_array_size(log), 0);
    json_decref(log);
}

static void rfc_examples_decode(void **state)
{
    json_t *table = vectors_load("rfc/json_examples.json"), *row;
    size_t i, n = 0;

    if (!table)
        skip();
    json_array_foreach (table, i, row) {
        json_t *o = json_object_get(row, "json");
        FLUX_AUTO_STR text = json_dumps(o, JSON_COMPACT);
        FLUX_AUTO_EVENT e = {0};

        if (!json_object_get(o, "timestamp"))
            continue;
        assert_int_equal(flux_eventlog_entry_decode(&e, text, strlen(text), NULL), 0);
        n++;
    }
    assert_true(n > 30);
    json_decref(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_microseconds_and_ends_in_newline),
        cmocka_unit_test(round_trip_keeps_everything),
        cmocka_unit_test(bad_utf8_is_replaced),
        cmocka_unit_test(failed_encode_leaves_buffer),
        cmocka_unit_test(bad_logs_are_refused_with_the_line),
        cmocka_unit_test(rfc_examples_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
