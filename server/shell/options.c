// SPDX-License-Identifier: LGPL-3.0-only
/* Shell options, and the other questions that plugins ask about the job. */
#include "shell.h"

#include <stdio.h>
#include <unistd.h>

const json_t *flux_shell_option(struct flux_shell *sh, const char *name)
{
    return sh->js->shell_options ? flux_jobspec_get(sh->js->shell_options, name) : NULL;
}

const char *flux_shell_option_text(struct flux_shell *sh, const char *name, const char *value)
{
    static char text[4][32];
    static unsigned turn;
    const json_t *o = flux_shell_option(sh, name);
    char *s = text[turn++ % 4];

    if (json_is_string(o))
        return json_string_value(o);
    if (json_is_integer(o))
        snprintf(s, sizeof(text[0]), "%lld", (long long)json_integer_value(o));
    else if (json_is_real(o))
        snprintf(s, sizeof(text[0]), "%.10g", json_real_value(o));
    else if (json_is_boolean(o))
        snprintf(s, sizeof(text[0]), "%s", json_is_true(o) ? "on" : "off");
    else
        return value;
    return s;
}

bool flux_shell_option_on(struct flux_shell *sh, const char *name, bool value)
{
    const json_t *o = flux_shell_option(sh, name);

    if (json_is_boolean(o))
        return json_is_true(o);
    if (json_is_number(o))
        return json_number_value(o) != 0;
    if (json_is_string(o)) {
        const char *s = json_string_value(o);

        return strcmp(s, "off") && strcmp(s, "false") && strcmp(s, "0");
    }
    return o ? json_is_object(o) || json_is_array(o) : value;
}

uint64_t flux_shell_job_id(struct flux_shell *sh)
{
    return sh->start->job_id;
}

unsigned flux_shell_rank(struct flux_shell *sh)
{
    return sh->rank;
}

unsigned flux_shell_size(struct flux_shell *sh)
{
    return sh->size;
}

unsigned flux_shell_ntasks(struct flux_shell *sh)
{
    return sh->ntasks;
}

unsigned flux_shell_local_tasks(struct flux_shell *sh)
{
    return sh->nlocal;
}

const char *flux_shell_hostname(struct flux_shell *sh)
{
    return sh->hostname;
}

const json_t *flux_shell_jobspec(struct flux_shell *sh)
{
    return sh->js->json;
}

struct flux_shell_task *flux_shell_task(struct flux_shell *sh, unsigned local)
{
    return local < sh->nlocal ? &sh->tasks[local] : NULL;
}

unsigned flux_shell_task_rank(const struct flux_shell_task *t)
{
    return t->rank;
}

unsigned flux_shell_task_index(const struct flux_shell_task *t)
{
    return t->index;
}

pid_t flux_shell_task_pid(const struct flux_shell_task *t)
{
    return t->pid;
}

int flux_shell_task_status(const struct flux_shell_task *t)
{
    return t->status;
}

void flux_shell_task_pass_fd(struct flux_shell_task *t, int fd)
{
    if (t->npass < TASK_PASS_MAX)
        t->pass[t->npass++] = fd;
    else
        close(fd);
}

uv_loop_t *flux_shell_loop(struct flux_shell *sh)
{
    return &sh->loop;
}

struct flux *flux_shell_handle(struct flux_shell *sh)
{
    return link_handle(sh->link);
}

void flux_shell_hold(struct flux_shell *sh)
{
    sh->holds++;
}

void flux_shell_release(struct flux_shell *sh)
{
    sh->holds--;
    tasks_maybe_finished(sh);
}
