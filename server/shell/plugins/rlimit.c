// SPDX-License-Identifier: LGPL-3.0-only
/* Option rlimit: soft limits of the submitter, set in each task. A value above the hard limit is
 * taken as the hard limit. */
#include "plugins.h"

#include <sys/resource.h>

static const struct {
    const char *name;
    int resource;
} names[] = {
    {"cpu", RLIMIT_CPU},
    {"fsize", RLIMIT_FSIZE},
    {"data", RLIMIT_DATA},
    {"stack", RLIMIT_STACK},
    {"core", RLIMIT_CORE},
    {"rss", RLIMIT_RSS},
    {"nproc", RLIMIT_NPROC},
    {"nofile", RLIMIT_NOFILE},
    {"ofile", RLIMIT_NOFILE},
    {"memlock", RLIMIT_MEMLOCK},
    {"as", RLIMIT_AS},
    {"locks", RLIMIT_LOCKS},
    {"sigpending", RLIMIT_SIGPENDING},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
};

struct limits {
    size_t count;
    struct {
        int resource;
        struct rlimit value;
    } set[RLIM_NLIMITS];
};

static int resource_of(const char *name)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        if (!strcasecmp(names[i].name, name))
            return names[i].resource;
    return -ENOENT;
}

static int add(struct flux_shell *sh, struct limits *l, const char *name, const json_t *value,
               struct flux_error *err)
{
    int resource = resource_of(name);
    struct rlimit lim;
    rlim_t want;

    if (resource < 0)
        return flux_error_set(err, -EINVAL, "unknown limit '%.32s'", name);
    if (!json_is_integer(value))
        return flux_error_set(err, -EINVAL, "%s: not an integer", name);
    if (getrlimit(resource, &lim) < 0 || l->count == FLUX_ARRAY_SIZE(l->set))
        return 0;
    want = json_integer_value(value) < 0 ? RLIM_INFINITY : (rlim_t)json_integer_value(value);
    if (want > lim.rlim_max) {
        flux_shell_log(sh, FLUX_SHELL_WARN, "rlimit",
                       "%s exceeds current max, raising value to hard limit", name);
        want = lim.rlim_max;
    }
    if (lim.rlim_cur == want)
        return 0;
    lim.rlim_cur = want;
    l->set[l->count].resource = resource;
    l->set[l->count++].value = lim;
    return 0;
}

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const json_t *o = flux_shell_option(sh, "rlimit");
    struct limits *l = NULL;
    const char *name;
    json_t *value;

    if (!o)
        return 0;
    if (!json_is_object(o))
        return flux_error_set(err, -EINVAL, "not an object");
    *data = l = flux_alloc(sizeof(*l));
    json_object_foreach ((json_t *)o, name, value) {
        int r = add(sh, l, name, value, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static int task_exec(struct flux_shell *sh, struct flux_shell_task *t, void *data)
{
    struct limits *l = data;

    for (size_t i = 0; l && i < l->count; i++)
        if (setrlimit(l->set[i].resource, &l->set[i].value) < 0)
            return -errno;
    return 0;
}

static void done(struct flux_shell *sh, void **data)
{
    free(*data);
}

const struct flux_shell_plugin shell_plugin_rlimit = {
    .api = FLUX_SHELL_API,
    .name = "rlimit",
    .init = init,
    .task_exec = task_exec,
    .exit = done,
};
