// SPDX-License-Identifier: LGPL-3.0-only
/* The environment of the tasks: a map from name to the whole NAME=VALUE string, so that making a
 * task's array copies pointers only. */
#include "shell.h"

#include <stdio.h>

#include <flux/fluid.h>
#include <flux/job.h>
#include <flux/paths.h>

#include <uthash.h>

struct var {
    UT_hash_handle hh;
    size_t name_len;
    char *text; /* NAME=VALUE */
};

struct env {
    struct var *vars;
};

struct env *env_new(void)
{
    return flux_alloc(sizeof(struct env));
}

static struct var *find(const struct env *e, const char *name, size_t len)
{
    struct var *v;

    HASH_FIND(hh, e->vars, name, len, v);
    return v;
}

static void drop(struct env *e, struct var *v)
{
    HASH_DEL(e->vars, v);
    free(v->text);
    free(v);
}

void env_unset(struct env *e, const char *name)
{
    struct var *v = find(e, name, strlen(name));

    if (v)
        drop(e, v);
}

void env_set(struct env *e, const char *name, const char *value)
{
    size_t len = strlen(name);
    struct var *v;

    if (!len || strchr(name, '='))
        return; /* such a name cannot be in an environment */
    env_unset(e, name);
    v = flux_alloc(sizeof(*v));
    v->name_len = len;
    v->text = flux_printf("%s=%s", name, value);
    HASH_ADD_KEYPTR(hh, e->vars, v->text, v->name_len, v);
}

const char *env_get(const struct env *e, const char *name)
{
    struct var *v = find(e, name, strlen(name));

    return v ? v->text + v->name_len + 1 : NULL;
}

static bool replaced(const struct var *v, char **extra, unsigned nextra)
{
    for (unsigned i = 0; i < nextra; i++)
        if (!strncmp(extra[i], v->text, v->name_len + 1))
            return true;
    return false;
}

char **env_array(struct env *e, char **extra, unsigned nextra)
{
    char **array = flux_alloc((HASH_COUNT(e->vars) + nextra + 1) * sizeof(*array));
    struct var *v, *tmp;
    size_t n = 0;

    HASH_ITER (hh, e->vars, v, tmp) {
        if (!replaced(v, extra, nextra))
            array[n++] = v->text;
    }
    for (unsigned i = 0; i < nextra; i++)
        array[n++] = extra[i];
    return array;
}

/* Variables of an enclosing launcher would be taken for ours by the tasks. */
static void clean(struct flux_shell *sh)
{
    static const char *const names[] = {"PMI_FD",         "PMI_RANK",          "PMI_SIZE",
                                        "PMI_SPAWNED",    "PMI_PORT",          "FLUX_PROXY_REMOTE",
                                        "FLUX_TASK_RANK", "FLUX_TASK_LOCAL_ID"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(names); i++)
        env_unset(sh->env, names[i]);
}

static void set_job(struct flux_shell *sh)
{
    const flux_shell_start *start = sh->start;
    const char *id = flux_fluid_f58(start->job_id);

    flux_shell_setenv(sh, "FLUX_JOB_ID", "%s", id);
    flux_shell_setenv(sh, "FLUX_JOB_SIZE", "%u", sh->ntasks);
    flux_shell_setenv(sh, "FLUX_JOB_NNODES", "%u", sh->size);
    flux_shell_setenv(sh, "FLUX_KVS_NAMESPACE", FLUX_JOB_NAMESPACE,
                      (unsigned long long)start->job_id);
    if (start->job_id_path[0])
        flux_shell_setenv(sh, "FLUX_JOB_ID_PATH", "%s", start->job_id_path);
    if (start->enclosing_id[0])
        flux_shell_setenv(sh, "FLUX_ENCLOSING_ID", "%s", start->enclosing_id);
    else
        env_unset(sh->env, "FLUX_ENCLOSING_ID");
    if (start->local_uri[0])
        flux_shell_setenv(sh, "FLUX_URI", "%s", start->local_uri);
}

void env_fill(struct flux_shell *sh)
{
    const char *name;
    json_t *value;

    for (size_t i = 0; i < sh->start->n_variables && !sh->through_imp; i++)
        env_set(sh->env, sh->start->variables[i]->name, sh->start->variables[i]->value);
    json_object_foreach ((json_t *)sh->js->environment, name, value) {
        if (json_is_string(value))
            env_set(sh->env, name, json_string_value(value));
    }
    clean(sh);
    set_job(sh);
}

const char *flux_shell_getenv(struct flux_shell *sh, const char *name)
{
    return env_get(sh->env, name);
}

void flux_shell_setenv(struct flux_shell *sh, const char *name, const char *fmt, ...)
{
    FLUX_AUTO_STR value = NULL;
    va_list ap;

    va_start(ap, fmt);
    value = flux_vprintf(fmt, ap);
    va_end(ap);
    env_set(sh->env, name, value);
}

void flux_shell_unsetenv(struct flux_shell *sh, const char *name)
{
    env_unset(sh->env, name);
}

void flux_shell_task_setenv(struct flux_shell_task *t, const char *name, const char *fmt, ...)
{
    FLUX_AUTO_STR value = NULL;
    va_list ap;

    va_start(ap, fmt);
    value = flux_vprintf(fmt, ap);
    va_end(ap);
    for (unsigned i = 0; i < t->nenv_extra; i++) {
        size_t n = strlen(name);

        if (strncmp(t->env_extra[i], name, n) || t->env_extra[i][n] != '=')
            continue;
        free(t->env_extra[i]);
        t->env_extra[i] = flux_printf("%s=%s", name, value);
        return;
    }
    t->env_extra = flux_realloc(t->env_extra, t->nenv_extra + 1, sizeof(char *));
    t->env_extra[t->nenv_extra++] = flux_printf("%s=%s", name, value);
}
