// SPDX-License-Identifier: LGPL-3.0-only
/* Time limits, dates, and the directives and inputs of submitting verbs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include <flux/buf.h>

#include "submit/inputs.h"
#include "submit/instance.h"

static void time_limits(void **state)
{
    static const struct {
        const char *text;
        double want; /* -1: refused */
    } cases[] = {{"5", 300}, {"0.5", 30}, {"1h", 3600}, {"90s", 90}, {"0", 0},
                 {"inf", 0}, {"-1", -1},  {"x", -1},    {"", -1},    {"1w", -1}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        double seconds = 0;
        int r = submit_time_limit(cases[i].text, &seconds, NULL);

        if (r < 0 ? cases[i].want != -1 : seconds != cases[i].want)
            fail_msg("'%s': %d, %g", cases[i].text, r, seconds);
    }
}

static void dates(void **state)
{
    const double now = 1608109165; /* 2020-12-16 08:59:25 UTC, a Wednesday */
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        {"+1h", 1608112765},
        {"now", 1608109165},
        {"1700000000", 1700000000},
        {"2020-12-17", 1608163200},
        {"2020-12-17 10:30", 1608201000},
        {"2020-12-17T10:30:15", 1608201015},
        {"10:30", 1608114600},
        {"3pm", 1608130800},
        {"3:15 PM", 1608131700},
        {"tomorrow", 1608163200},
        {"tomorrow 10:30", 1608201000},
        {"today 10:30", 1608114600},
        {"12/17/2020", 1608163200},
        {"never", -1},
        {"+soon", -1},
        {"tomorrowish", -1},
        {"2020-12-17 junk", -1},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        double when = 0;
        int r = submit_date_parse(cases[i].text, now, &when, NULL);

        if (r < 0 ? cases[i].want != -1 : when != cases[i].want)
            fail_msg("'%s': %d, %.0f", cases[i].text, r, when);
    }
}

static char *joined(const struct words *w)
{
    struct flux_buf b = FLUX_BUF_INIT(0);

    for (size_t i = 0; i < w->count; i++)
        flux_buf_printf(&b, "%s%s", i ? "|" : "", w->list[i]);
    return flux_buf_take(&b);
}

static void directives(void **state)
{
    static const struct {
        const char *script, *want;
    } cases[] = {
        {"#!/bin/sh\ntrue\n", ""},
        {"#!/bin/sh\n# flux: -N4 -x\n# FLUX: --queue=q\ntrue\n", "!sentinel changed"},
        {"#!/bin/sh\n# flux: -N4 -x\n# flux: --queue=q\ntrue\n", "-N4|-x|--queue=q"},
        {"#!/bin/sh\n#flux: --job-name='a b' # comment\n", "--job-name=a b"},
        {"#!/bin/sh\n# flux: --job-name=\"a \\\"b\\\"\"\n", "--job-name=a \"b\""},
        {"#!/bin/sh\n# flux: --x='''line one\n# flux: line two'''\n", "--x=line one\n line two"},
        {"-- lua\n-- flux: -n1\n", "-n1"},
        {"#!/bin/sh\n# flux: -N4\ntrue\n# flux: -x\n", "!orphan"},
        {"#!/bin/sh\n# flux: --a='x\n", "!No closing quotation"},
        {"#!/bin/sh\n# flux: word\n", "!not an option"},
        {"#!/bin/sh\nreflux: -N4\n", ""},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(cases); i++) {
        struct words w = {NULL, 0};
        struct flux_error err = {""};
        int r = directives_parse(cases[i].script, &w, &err);
        FLUX_AUTO_STR got = joined(&w);
        bool refused = cases[i].want[0] == '!';

        if (refused ? r == 0 || !strstr(err.text, cases[i].want + 1)
                    : r < 0 || strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %d '%s' %s", cases[i].script, r, got, err.text);
        words_done(&w);
    }
}

static void urgencies(void **state)
{
    assert_int_equal(submit_urgency_parse("HOLD", NULL), 0);
    assert_int_equal(submit_urgency_parse("default", NULL), 16);
    assert_int_equal(submit_urgency_parse("Expedite", NULL), 31);
    assert_int_equal(submit_urgency_parse("7", NULL), 7);
    assert_int_equal(submit_urgency_parse("32", NULL), -EINVAL);
    assert_int_equal(submit_urgency_parse("-1", NULL), -EINVAL);
    assert_int_equal(submit_urgency_parse("7x", NULL), -EINVAL);
}

static void empty_list_of_inputs_makes_no_jobs(void **state)
{
    char *words[] = {"echo", ":::", "a", ":::", NULL};
    struct inputs in;
    int argc = 4;

    assert_int_equal(inputs_init(&in, words, &argc, NULL, NULL), 0);
    assert_int_equal(argc, 1);
    assert_int_equal(in.rows, 0);
    inputs_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_limits),
        cmocka_unit_test(dates),
        cmocka_unit_test(directives),
        cmocka_unit_test(urgencies),
        cmocka_unit_test(empty_list_of_inputs_makes_no_jobs),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
