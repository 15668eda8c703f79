// SPDX-License-Identifier: LGPL-3.0-only
/* The JSON that flux-imp exec reads: one way in, many ways to be refused. */
#include "../../../imp/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Parse a copy that ends where the allocation ends, so that a sanitizer sees a byte too far. */
static int parse(const char *text, size_t len, char *j, size_t size)
{
    struct imp_error err = {{0}};
    char *copy = malloc(len + 1);
    const char *found = NULL;
    int r;

    memcpy(copy, text, len);
    copy[len] = '\0';
    r = input_parse(copy, len, &found, &err);
    if (r == 0)
        strncpy(j, found, size - 1);
    else if (!err.text[0])
        fail_msg("%s: refused without a word", text);
    free(copy);
    return r;
}

static void accepted(void **state)
{
    static const struct {
        const char *text, *j;
    } rows[] = {
        {"{\"J\":\"a.b.c\"}", "a.b.c"},        {" \t\r\n{ \"J\" : \"x\" } \n", "x"},
        {"{\"J\":\"x\",\"options\":{}}", "x"}, {"{\"options\":{ },\"J\":\"x\"}", "x"},
        {"{\"J\":\"a\\/b+c=\"}", "a/b+c="},    {"{\"\\u004a\":\"\\u0041\\\\\\\"\"}", "A\\\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char j[64] = "";
        if (parse(rows[i].text, strlen(rows[i].text), j, sizeof(j)) != 0)
            fail_msg("refused: %s", rows[i].text);
        assert_string_equal(j, rows[i].j);
    }
}

static void refused(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "}",
        "{}",
        "[]",
        "J",
        "\"J\"",
        "{\"J\"",
        "{\"J\":",
        "{\"J\":\"",
        "{\"J\":\"a",
        "{\"J\":\"a\"",
        "{\"J\":\"\"}",
        "{\"J\":null}",
        "{\"J\":1}",
        "{\"J\":{}}",
        "{\"J\":[\"a\"]}",
        "{\"j\":\"a\"}",
        "{\"J\":\"a\"}}",
        "{\"J\":\"a\"}{\"J\":\"a\"}",
        "{\"J\":\"a\",}",
        "{,}",
        "{\"J\":\"a\" \"K\":\"b\"}",
        "{\"J\":\"a\",\"J\":\"a\"}",
        "{\"J\":\"a\",\"other\":\"b\"}",
        "{\"J\":\"a\",\"options\":{\"a\":1}}",
        "{\"J\":\"a\",\"options\":[]}",
        "{\"J\":\"a\",\"options\":\"\"}",
        "{\"J\":\"\\x\"}",
        "{\"J\":\"\\u12\"}",
        "{\"J\":\"\\u0000\"}",
        "{\"J\":\"\\u0080\"}",
        "{\"J\":\"\\ud83d\\ude00\"}",
        "{\"J\":\"\\",
        "{\"J\":\"\\u",
        "{\"J\":\"\\u00",
        "{\"J\":\"a\nb\"}",
        "{\"J\":\"a\tb\"}",
        "{\"J\":\"\x7f\"}",
        "{\"J\":\"\xc3\xa4\"}",
        "{'J':'a'}",
        "{J:\"a\"}",
        "\xef\xbb\xbf{\"J\":\"a\"}",
        "{\"J\":\"a\"} /* */",
        "{\"J\":\"a\"}x",
    };
    char j[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (parse(rows[i], strlen(rows[i]), j, sizeof(j)) == 0)
            fail_msg("accepted: %s", rows[i]);
    assert_int_not_equal(parse("{\"J\":\"a\0b\"}", 11, j, sizeof(j)), 0);
    assert_int_not_equal(parse("{\"J\":\"a\"}\0", 10, j, sizeof(j)), 0);
}

/* Every beginning of a good text, and every good text with one byte changed, ends well or badly but
 * within its bytes. */
static void cut_and_bent(void **state)
{
    static const char text[] = "{\"options\":{},\"J\":\"a\\u0041\\n\\/b\"}";
    size_t n = strlen(text);
    char j[64], bent[sizeof(text)];

    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(parse(text, i, j, sizeof(j)), 0);
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < 256; c++) {
            memcpy(bent, text, n);
            bent[i] = (char)c;
            parse(bent, n, j, sizeof(j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(cut_and_bent),
    };

    return cmocka_run_group_tests_name("imp_input", tests, NULL, NULL);
}
