// SPDX-License-Identifier: LGPL-3.0-only
/* Base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/base64.h>

static void the_vectors_of_the_rfc(void **state)
{
    static const struct {
        const char *plain, *coded;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        FLUX_AUTO_STR coded = flux_base64_encode(cases[i].plain, strlen(cases[i].plain));
        FLUX_AUTO_BUF plain = FLUX_BUF_INIT(0);

        assert_string_equal(coded, cases[i].coded);
        assert_int_equal(flux_base64_decode(coded, &plain), 0);
        assert_int_equal(plain.len, strlen(cases[i].plain));
        assert_memory_equal(plain.data ? plain.data : "", cases[i].plain, plain.len);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    static const char *const cases[] = {
        "A", "AA", "AAA", "A===", "====", "AA=A", "AAA\n", "AA-_", "AAAA=", "=AAA"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        FLUX_AUTO_BUF out = FLUX_BUF_INIT(0);

        assert_int_equal(flux_base64_decode(cases[i], &out), -EINVAL);
    }
}

static void the_ceiling_holds(void **state)
{
    FLUX_AUTO_BUF out = FLUX_BUF_INIT(5);

    assert_int_equal(flux_base64_decode("Zm9vYmFy", &out), -EMSGSIZE);
    assert_int_equal(out.len, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(the_ceiling_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
