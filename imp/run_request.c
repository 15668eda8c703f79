// SPDX-License-Identifier: LGPL-3.0-only
/* Request of `run`: cmd, command, IMP_RUN_ENV_NAME... and not a key more. The rule for variables is
 * written once and asked on both sides of the pipe. */
#include "run_request.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "IMP_RUN_ENV_"

static bool matches(const struct conf *allowed, const char *name)
{
    const struct conf *pattern;

    for (size_t i = 0; allowed && (pattern = conf_at(allowed, i)); i++)
        if (conf_type(pattern) == CONF_STRING && fnmatch(conf_string(pattern), name, 0) == 0)
            return true;
    return false;
}

bool run_request_passes(const struct conf *allowed, const char *name, const char *value)
{
    if (strcmp(name, "FLUX_JOB_ID") == 0)
        return environment_is_job_id(value);
    if (strcmp(name, "FLUX_JOB_USERID") == 0)
        return environment_is_userid(value);
    return environment_is_harmless(name) && strlen(value) <= ENVIRONMENT_VALUE_MAX &&
           matches(allowed, name);
}

static int put_variable(const char *var, const struct conf *allowed, struct kv *kv, size_t *n)
{
    char key[sizeof(PREFIX) + ENVIRONMENT_NAME_MAX];
    const char *value = strchr(var, '='), *name;

    if (!value || (size_t)(value - var) > ENVIRONMENT_NAME_MAX)
        return 0;
    snprintf(key, sizeof(key), PREFIX "%.*s", (int)(value - var), var);
    name = key + strlen(PREFIX);
    if (!run_request_passes(allowed, name, value + 1))
        return 0;
    return ++*n > ENVIRONMENT_VARS_MAX / 2 ? -E2BIG : kv_put_string(kv, key, value + 1);
}

int run_request_encode(const char *name, char **environment, const struct conf *allowed,
                       struct kv *kv, struct imp_error *err)
{
    size_t n = 0;
    int r = kv_put_string(kv, "cmd", "run");

    r = r < 0 ? r : kv_put_string(kv, "command", name);
    for (char **p = environment; r == 0 && *p; p++)
        r = put_variable(*p, allowed, kv, &n);
    return r < 0 ? imp_error_sys(err, r, "run: cannot make the request") : 0;
}

int run_request_decode(const struct kv *kv, const char **name, struct imp_error *err)
{
    struct kv_entry entry;
    size_t pos = 0;
    const char *cmd, *command;

    if (kv_get_string(kv, "cmd", &cmd) < 0 || strcmp(cmd, "run") != 0)
        return imp_error_set(err, -EINVAL, "run: the request is for something else");
    if (kv_get_string(kv, "command", &command) < 0)
        return imp_error_set(err, -EINVAL, "run: the request names no program");
    while (kv_next(kv, &pos, &entry)) {
        if (strcmp(entry.key, "cmd") == 0 || strcmp(entry.key, "command") == 0)
            continue;
        if (entry.type != 's' || strncmp(entry.key, PREFIX, strlen(PREFIX)) != 0)
            return imp_error_set(err, -EINVAL, "run: the request has keys that do not belong");
    }
    *name = command;
    return 0;
}

int run_request_environment(const struct kv *kv, const struct conf *allowed,
                            struct environment *env, struct imp_error *err)
{
    struct kv_entry entry;
    size_t pos = 0;

    while (kv_next(kv, &pos, &entry)) {
        const char *name = entry.key + strlen(PREFIX);
        int r;
        if (strncmp(entry.key, PREFIX, strlen(PREFIX)) != 0)
            continue;
        if (!run_request_passes(allowed, name, entry.value))
            return imp_error_set(err, -EPERM, "run: variable %.128s may not be passed", name);
        r = environment_set(env, name, entry.value);
        if (r < 0)
            return imp_error_sys(err, r, "run: cannot make the environment");
    }
    return 0;
}
