// SPDX-License-Identifier: LGPL-3.0-only
/* The table [exec]: read as a whole, at the start and on each reload. */
#include <math.h>
#include <signal.h>

#include <flux/fsd.h>
#include <flux/signame.h>

#include "exec.h"

static int get_fsd(const json_t *table, const char *key, double *ret, struct flux_error *err)
{
    const json_t *o = json_object_get(table, key);

    if (!o)
        return 0;
    if (json_is_number(o))
        *ret = json_number_value(o);
    else if (json_is_string(o) && strcmp(json_string_value(o), "none") == 0)
        *ret = -1;
    else if (!json_is_string(o) || flux_fsd_parse(json_string_value(o), ret, err) < 0)
        return flux_error_set(err, -EINVAL, "config: exec.%s must be a duration", key);
    if (isinf(*ret))
        *ret = -1;
    return 0;
}

static int get_signal(const json_t *table, const char *key, int *ret, struct flux_error *err)
{
    const char *name = json_string_value(json_object_get(table, key));

    if (name && (*ret = flux_signame_parse(name)) < 0)
        return flux_error_set(err, -EINVAL, "config: exec.%s must be a signal", key);
    return 0;
}

static int read_killing(struct jobexec_killing *k, const json_t *table, struct flux_error *err)
{
    const json_t *most = json_object_get(table, "max-kill-count");

    *k = (struct jobexec_killing){
        .timeout = 5, .most = 8, .time_limit = -1, .first = SIGTERM, .last = SIGKILL};
    if (most)
        k->most = json_integer_value(most);
    if (get_fsd(table, "kill-timeout", &k->timeout, err) < 0 ||
        get_fsd(table, "max-kill-timeout", &k->time_limit, err) < 0 ||
        get_signal(table, "term-signal", &k->first, err) < 0 ||
        get_signal(table, "kill-signal", &k->last, err) < 0)
        return -EINVAL;
    if (k->timeout < 0)
        return flux_error_set(err, -EINVAL, "config: exec.kill-timeout must have an end");
    return 0;
}

int jobexec_configure(struct jobexec *je, const json_t *conf, bool apply, struct flux_error *err)
{
    const json_t *table = json_object_get(conf, "exec"), *access = json_object_get(conf, "access");
    double exit_timeout = 30;
    struct jobexec_killing killing;

    if (read_killing(&killing, table, err) < 0 ||
        get_fsd(table, "shell-exit-timeout", &exit_timeout, err) < 0)
        return -EINVAL;
    if (!apply)
        return 0;
    free(je->shell);
    free(je->imp);
    je->shell = flux_strdup(json_string_value(json_object_get(table, "job-shell")));
    je->imp = flux_strdup(json_string_value(json_object_get(table, "imp")));
    je->killing = killing;
    je->exit_timeout = exit_timeout;
    je->lost_timeout = flux_lost_timeout(je->h, conf);
    je->guests = json_is_true(json_object_get(access, "allow-guest-user"));
    je->guests_simulate =
        json_is_true(json_object_get(json_object_get(table, "testexec"), "allow-guests"));
    return 0;
}
