// SPDX-License-Identifier: LGPL-3.0-only
/* The plugins of a shell: built-in ones from a table, then shared objects from the plugin path; a
 * later one replaces an earlier one of its name. Nothing is opened where no directory has any. */
#include "shell.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>

#include <flux/paths.h>
#include "plugins/plugins.h"

static void add(struct flux_shell *sh, const struct flux_shell_plugin *ops)
{
    for (size_t i = 0; i < sh->nplugins; i++)
        if (!strcmp(sh->plugins[i].ops->name, ops->name)) {
            sh->plugins[i].ops = ops;
            return;
        }
    sh->plugins = flux_realloc(sh->plugins, sh->nplugins + 1, sizeof(*sh->plugins));
    sh->plugins[sh->nplugins++] = (struct plugin){.ops = ops};
}

static int open_object(struct flux_shell *sh, const char *path, struct flux_error *err)
{
    void *dso = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct flux_shell_plugin *ops = dso ? dlsym(dso, "flux_shell_plugin") : NULL;

    if (!ops)
        return flux_error_set(err, -ENOEXEC, "plugin %s: %s", path, dlerror());
    if (ops->api != FLUX_SHELL_API || !ops->name)
        return flux_error_set(err, -ENOEXEC, "plugin %s: made for another version", path);
    add(sh, ops);
    return 0;
}

static int is_object(const struct dirent *d)
{
    return fnmatch("*.so", d->d_name, 0) == 0;
}

static int open_directory(struct flux_shell *sh, const char *dir, struct flux_error *err)
{
    struct dirent **list;
    int n = scandir(dir, &list, is_object, alphasort), r = 0;

    for (int i = 0; i < n; i++) {
        FLUX_AUTO_STR path = flux_printf("%s/%s", dir, list[i]->d_name);

        if (r == 0)
            r = open_object(sh, path, err);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return r;
}

static int open_named(struct flux_shell *sh, struct flux_error *err)
{
    const json_t *load = flux_shell_option(sh, "plugins"), *o;
    size_t i;
    int r;

    if (json_is_string(load))
        return open_object(sh, json_string_value(load), err);
    json_array_foreach ((json_t *)load, i, o) {
        if (!json_is_string(o))
            return flux_error_set(err, -EINVAL, "option plugins: not a list of paths");
        r = open_object(sh, json_string_value(o), err);
        if (r < 0)
            return r;
    }
    return 0;
}

int plugins_load(struct flux_shell *sh, struct flux_error *err)
{
    FLUX_AUTO_STR installed = flux_path_in_build() ? NULL : flux_path_get("shell_pluginpath");
    int r = 0;

    for (size_t i = 0; shell_builtins[i]; i++)
        add(sh, shell_builtins[i]);
    if (installed)
        r = open_directory(sh, installed, err);
    for (size_t i = 0; i < sh->start->n_plugin_path && r == 0 && !sh->through_imp; i++)
        r = open_directory(sh, sh->start->plugin_path[i], err);
    return r < 0 ? r : open_named(sh, err);
}

#define EACH(sh, p) for (struct plugin *p = (sh)->plugins; p < (sh)->plugins + (sh)->nplugins; p++)

int plugins_init(struct flux_shell *sh, struct flux_error *err)
{
    EACH(sh, p)
    {
        int r;

        p->inited = true;
        r = p->ops->init ? p->ops->init(sh, &p->data, err) : 0;

        if (r < 0)
            return flux_error_prefix(err, r, "%s", p->ops->name);
    }
    return 0;
}

int plugins_post_init(struct flux_shell *sh, struct flux_error *err)
{
    EACH(sh, p)
    {
        int r = p->ops->post_init ? p->ops->post_init(sh, &p->data, err) : 0;

        if (r < 0)
            return flux_error_prefix(err, r, "%s", p->ops->name);
    }
    return 0;
}

int plugins_task_init(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err)
{
    EACH(sh, p)
    {
        int r = p->ops->task_init ? p->ops->task_init(sh, t, &p->data, err) : 0;

        if (r < 0)
            return flux_error_prefix(err, r, "%s", p->ops->name);
    }
    return 0;
}

int plugins_task_exec(struct flux_shell *sh, struct flux_shell_task *t)
{
    EACH(sh, p)
    {
        int r = p->ops->task_exec ? p->ops->task_exec(sh, t, p->data) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

void plugins_task_fork(struct flux_shell *sh, struct flux_shell_task *t)
{
    EACH(sh, p)
    {
        if (p->ops->task_fork)
            p->ops->task_fork(sh, t, &p->data);
    }
}

int plugins_start(struct flux_shell *sh, struct flux_error *err)
{
    EACH(sh, p)
    {
        int r = p->ops->start ? p->ops->start(sh, &p->data, err) : 0;

        if (r < 0)
            return flux_error_prefix(err, r, "%s", p->ops->name);
    }
    return 0;
}

void plugins_task_exit(struct flux_shell *sh, struct flux_shell_task *t)
{
    EACH(sh, p)
    {
        if (p->ops->task_exit)
            p->ops->task_exit(sh, t, &p->data);
    }
}

void plugins_finish(struct flux_shell *sh)
{
    EACH(sh, p)
    {
        if (p->inited && p->ops->finish)
            p->ops->finish(sh, &p->data);
    }
}

void plugins_exit(struct flux_shell *sh)
{
    EACH(sh, p)
    {
        if (p->inited && p->ops->exit)
            p->ops->exit(sh, &p->data);
    }
    free(sh->plugins);
    sh->plugins = NULL;
    sh->nplugins = 0;
}
