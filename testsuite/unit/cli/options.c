// SPDX-License-Identifier: LGPL-3.0-only
/* Reading of option tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include <flux/idset.h>

#include "verb.h"

static const struct flux_option first[] = {
    {"verbose", 'v', OPT_FLAG, NULL, "x"},
    {"name", 'n', OPT_STR, "S", "x"},
    {"color", 'L', OPT_OPTSTR, "W", "x"},
    {"number", 'c', OPT_INT, "N", "x"},
    {"numbers", 0, OPT_MULTI, "N", "x"},
    {"debug", 'd', OPT_LEVEL, "N", "x"},
    {NULL},
};
static const struct flux_option second[] = {
    {"time", 't', OPT_FSD, "T", "x"},
    {"ranks", 'r', OPT_IDSET, "I", "x"},
    {NULL},
};
static const struct flux_verb loose = {.path = "x", .args = "A", .options = {first, second}};
static const struct flux_verb strict = {
    .path = "x", .args = "A", .options = {first, second}, .stop_at_free = true};
static const struct flux_verb raw = {.path = "x", .options = {first}, .raw = true};
static const struct flux_verb bare = {.path = "x", .options = {first}};

static struct flux_error err;

/* `line` is split at blanks; the words must outlive the result. */
static int parse(struct cli *cli, const struct flux_verb *verb, const char *line)
{
    static char text[512];
    static char *words[64];
    int n = 0;

    snprintf(text, sizeof(text), "%s", line);
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[n++] = w;
    words[n] = NULL;
    memset(cli, 0, sizeof(*cli));
    err.text[0] = '\0';
    return cli_options_parse(cli, verb, n, words, &err);
}

static void levels_by_number_or_repetition(void **state)
{
    static const struct {
        const char *line;
        int level;
    } cases[] = {{"a", 0},           {"-d a", 1}, {"-ddd", 3},          {"-d2 a", 2}, {"-vdv", 1},
                 {"--debug=3 a", 3}, {"-d=2", 2}, {"--debug -d2 a", 3}, {"-d0", 0}};
    struct cli cli;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        assert_int_equal(parse(&cli, &loose, cases[i].line), 0);
        assert_int_equal(cli_count(&cli, "debug"), cases[i].level);
        assert_int_equal(cli.argc, strchr(cases[i].line, 'a') ? 1 : 0);
        cli_options_done(&cli);
    }
    assert_int_equal(parse(&cli, &loose, "--debug=much"), -EINVAL);
    assert_string_equal(err.text, "option '--debug': 'much' is not an integer");
    cli_options_done(&cli);
}

static void forms_of_options(void **state)
{
    struct cli cli;

    assert_int_equal(parse(&cli, &loose, "a -vvn foo --number=7 b -c8 --color --time 1m -r0-3 c"),
                     0);
    assert_int_equal(cli_count(&cli, "verbose"), 2);
    assert_string_equal(cli_str(&cli, "name", NULL), "foo");
    assert_int_equal(cli_int(&cli, "number", 0), 8); /* the last one counts */
    assert_true(cli_has(&cli, "color"));
    assert_string_equal(cli_str(&cli, "color", "x"), "x");
    assert_true(cli_fsd(&cli, "time", 0) == 60);
    {
        FLUX_AUTO(idset) ranks = cli_idset(&cli, "ranks");

        assert_int_equal(flux_idset_count(ranks), 4);
    }
    assert_int_equal(cli.argc, 3);
    assert_string_equal(cli.argv[2], "c");
    assert_null(cli.argv[3]);
    cli_options_done(&cli);
}

static void defaults_where_nothing_is_given(void **state)
{
    struct cli cli;

    assert_int_equal(parse(&cli, &loose, ""), 0);
    assert_string_equal(cli_str(&cli, "name", "d"), "d");
    assert_int_equal(cli_int(&cli, "number", -1), -1);
    assert_true(cli_fsd(&cli, "time", 2.5) == 2.5);
    assert_null(cli_idset(&cli, "ranks"));
    assert_false(cli_has(&cli, "help"));
    cli_options_done(&cli);
}

static void all_values_in_order(void **state)
{
    struct cli cli;
    size_t i = 0;

    assert_int_equal(parse(&cli, &loose, "--numbers=1 --name=x --numbers 2"), 0);
    assert_string_equal(cli_next(&cli, "numbers", &i), "1");
    assert_string_equal(cli_next(&cli, "numbers", &i), "2");
    assert_null(cli_next(&cli, "numbers", &i));
    cli_options_done(&cli);
}

static void a_command_keeps_its_options(void **state)
{
    struct cli cli;

    assert_int_equal(parse(&cli, &strict, "-v command -v --help -- x"), 0);
    assert_int_equal(cli_count(&cli, "verbose"), 1);
    assert_int_equal(cli.argc, 5);
    assert_string_equal(cli.argv[3], "--");
    cli_options_done(&cli);
    assert_int_equal(parse(&cli, &strict, "-- -v"), 0);
    assert_int_equal(cli.argc, 1);
    cli_options_done(&cli);
    assert_int_equal(parse(&cli, &raw, "-v --name"), 0);
    assert_int_equal(cli.argc, 2);
    cli_options_done(&cli);
}

static void dashes_that_are_no_options(void **state)
{
    struct cli cli;

    assert_int_equal(parse(&cli, &loose, "- -1 -v"), 0);
    assert_int_equal(cli.argc, 2);
    cli_options_done(&cli);
}

static void abbreviations(void **state)
{
    struct cli cli;

    assert_int_equal(parse(&cli, &loose, "--verb --number=1"), 0); /* exact beats "numbers" */
    assert_int_equal(cli_int(&cli, "number", 0), 1);
    cli_options_done(&cli);
    assert_int_equal(parse(&cli, &loose, "--num=1"), -EINVAL);
    assert_string_equal(err.text, "option '--num' is ambiguous");
    cli_options_done(&cli);
    assert_int_equal(parse(&cli, &strict, "--verb"), -EINVAL);
    cli_options_done(&cli);
}

static void a_verb_without_arguments_takes_none(void **state)
{
    struct cli cli;

    assert_int_equal(parse(&cli, &bare, "-v foo bar"), -EINVAL);
    assert_string_equal(err.text, "unexpected argument 'foo'");
    cli_options_done(&cli);
    assert_int_equal(parse(&cli, &bare, "-v --"), 0);
    cli_options_done(&cli);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"--nope", "unrecognized option '--nope'"},
        {"-x", "invalid option -- 'x'"},
        {"--name", "option '--name' requires an argument"},
        {"-n", "option requires an argument -- 'n'"},
        {"--verbose=1", "option '--verbose' takes no argument"},
        {"--number=7x", "option '--number': '7x' is not an integer"},
        {"-c 99999999999999999999", "option '--number': '99999999999999999999' is not an integer"},
    };
    struct cli cli;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        assert_int_equal(parse(&cli, &loose, cases[i].line), -EINVAL);
        assert_string_equal(err.text, cases[i].text);
        cli_options_done(&cli);
    }
    assert_int_equal(parse(&cli, &loose, "-t soon"), -EINVAL);
    assert_non_null(strstr(err.text, "option '--time': "));
    cli_options_done(&cli);
    assert_int_equal(parse(&cli, &loose, "-r 3-1"), -EINVAL);
    cli_options_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_options),
        cmocka_unit_test(levels_by_number_or_repetition),
        cmocka_unit_test(defaults_where_nothing_is_given),
        cmocka_unit_test(all_values_in_order),
        cmocka_unit_test(a_command_keeps_its_options),
        cmocka_unit_test(dashes_that_are_no_options),
        cmocka_unit_test(abbreviations),
        cmocka_unit_test(a_verb_without_arguments_takes_none),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
