// SPDX-License-Identifier: LGPL-3.0-only
/* What the tests of signing share: a directory, files, a clock of their own, a signer. */
#ifndef TEST_SIGN_SETUP_H
#define TEST_SIGN_SETUP_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../../imp/sign/sign.h"

time_t __real_time(time_t *t);
time_t __wrap_time(time_t *t);

/* Seconds by which time() is ahead in this program. */
static time_t clock_ahead;

time_t __wrap_time(time_t *t)
{
    time_t now = __real_time(NULL) + clock_ahead;

    if (t)
        *t = now;
    return now;
}

static char test_dir[64];

static inline int make_dir(void **state)
{
    strcpy(test_dir, "/tmp/flux-sign-XXXXXX");
    return mkdtemp(test_dir) ? chmod(test_dir, 0755) : -1;
}

static inline int remove_dir(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
    return system(command);
}

/* test_dir/NAME; up to four live at once. */
static inline const char *in_dir(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir, name);
    return path;
}

static inline void write_text(const char *path, mode_t mode, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline struct conf *parse_conf(const char *text)
{
    struct imp_error err = {""};
    struct conf *conf = NULL;

    if (conf_parse(text, strlen(text), "test.toml", &conf, &err) < 0 ||
        conf_check(conf, &conf_keys_security, &err) < 0)
        fail_msg("%s", err.text);
    return conf;
}

static inline struct sign *new_sign(const struct conf *conf)
{
    struct imp_error err = {""};
    struct sign *sign = NULL;

    if (sign_new(conf, &sign, &err) < 0)
        fail_msg("%s", err.text);
    return sign;
}

/* Not inline: the compiler would take the text for a pointer to a variable in here. */
__attribute__((noinline, unused)) static char *wrap(struct sign *sign, const char *payload,
                                                    const char *mechanism)
{
    struct sign_input in = {
        .payload = payload, .len = strlen(payload), .userid = geteuid(), .mechanism = mechanism};
    struct imp_error err = {""};
    char *j = NULL;

    if (sign_wrap(sign, &in, &j, &err) < 0)
        fail_msg("%s", err.text);
    return j;
}

static inline int unwrap(struct sign *sign, const char *j, struct imp_error *err)
{
    struct sign_request request = {0};
    int r = sign_unwrap(sign, j, 0, &request, err);

    sign_request_done(&request);
    return r;
}

#endif
