// SPDX-License-Identifier: LGPL-3.0-only
/* What is around an instance, and the search for commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/environ.h>

static void variables_of_what_is_around_are_known(void **state)
{
    assert_true(flux_environ_is_outer("FLUX_URI=local:///x"));
    assert_true(flux_environ_is_outer("PMI_RANK=0"));
    assert_false(flux_environ_is_outer("FLUX_URI_RESOLVE_LOCAL=1"));
    assert_false(flux_environ_is_outer("PATH=/bin"));
}

static void commands_are_looked_for_in_the_path(void **state)
{
    static const struct {
        const char *command, *path, *files[4];
    } cases[] = {
        {"ls", "/bin:/usr/bin", {"/bin/ls", "/usr/bin/ls"}},
        {"ls", "/bin::/x:", {"/bin/ls", "ls", "/x/ls", "ls"}},
        {"ls", "", {"ls"}},
        {"ls", NULL, {"/usr/local/bin/ls", "/usr/bin/ls", "/bin/ls"}},
        {"./ls", "/bin:/usr/bin", {"./ls"}},
        {"/x/ls", "", {"/x/ls"}},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        char **files = flux_search_files(cases[i].command, cases[i].path);
        size_t n = 0;

        for (; n < 4 && cases[i].files[n]; n++)
            assert_string_equal(files[n], cases[i].files[n]);
        assert_null(files[n]);
        flux_search_free(files);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_of_what_is_around_are_known),
        cmocka_unit_test(commands_are_looked_for_in_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
