// SPDX-License-Identifier: LGPL-3.0-only
/* Templates: {{id}}, {{node.name}}, {{task.rank}} and their kin in arguments, file names and
 * variables. A tag that is not known, or not known yet, stays as it is. */
#include "shell.h"

#include <stdio.h>

#include <flux/fluid.h>

static void put_id(struct flux_shell *sh, const char *form, struct flux_buf *out)
{
    char text[FLUX_FLUID_MAX];
    int f = FLUX_FLUID_F58;

    if (form)
        f = flux_fluid_form(form);
    if (f >= 0 && flux_fluid_encode(sh->start->job_id, f, text, sizeof(text)) > 0)
        flux_buf_puts(out, text);
}

static void put_ids(const struct flux_idset *set, struct flux_buf *out)
{
    FLUX_AUTO_STR text = flux_idset_encode(set, FLUX_IDSET_RANGE);

    flux_buf_puts(out, text);
}

static bool render_node(struct flux_shell *sh, const char *tag, struct flux_buf *out)
{
    const struct flux_idset *cores = sh->node.ids[FLUX_RSET_CORE];
    const struct flux_idset *gpus = sh->node.ids[FLUX_RSET_GPU];

    if (!strcmp(tag, "id"))
        flux_buf_printf(out, "%u", sh->rank);
    else if (!strcmp(tag, "name"))
        flux_buf_puts(out, sh->hostname);
    else if (!strcmp(tag, "broker_rank"))
        flux_buf_printf(out, "%u", sh->start->broker_rank);
    else if (!strcmp(tag, "cores"))
        put_ids(cores, out);
    else if (!strcmp(tag, "gpus"))
        put_ids(gpus, out);
    else if (!strcmp(tag, "ncores"))
        flux_buf_printf(out, "%zu", flux_idset_count(cores));
    else if (!strcmp(tag, "ngpus"))
        flux_buf_printf(out, "%zu", flux_idset_count(gpus));
    else
        return false;
    return true;
}

static bool render_task(const struct flux_shell_task *t, const char *tag, struct flux_buf *out)
{
    if (!strcmp(tag, "id") || !strcmp(tag, "rank"))
        flux_buf_printf(out, "%u", t->rank);
    else if (!strcmp(tag, "index") || !strcmp(tag, "localid"))
        flux_buf_printf(out, "%u", t->index);
    else
        return false;
    return true;
}

static bool render_tag(struct flux_shell *sh, struct flux_shell_task *t, const char *tag,
                       struct flux_buf *out)
{
    if (!strcmp(tag, "id") || !strcmp(tag, "jobid"))
        put_id(sh, NULL, out);
    else if (!strncmp(tag, "id.", 3) && flux_fluid_form(tag + 3) >= 0)
        put_id(sh, tag + 3, out);
    else if (!strncmp(tag, "jobid.", 6) && flux_fluid_form(tag + 6) >= 0)
        put_id(sh, tag + 6, out);
    else if (!strcmp(tag, "name"))
        flux_buf_puts(out, sh->js->name ? sh->js->name : "");
    else if (!strcmp(tag, "nnodes"))
        flux_buf_printf(out, "%u", sh->size);
    else if (!strcmp(tag, "size") || !strcmp(tag, "ntasks"))
        flux_buf_printf(out, "%u", sh->ntasks);
    else if (!strcmp(tag, "tmpdir"))
        flux_buf_puts(out, flux_shell_tmpdir(sh));
    else if (!strncmp(tag, "node.", 5))
        return render_node(sh, tag + 5, out);
    else if (t && !strcmp(tag, "taskid"))
        flux_buf_printf(out, "%u", t->rank);
    else if (t && !strncmp(tag, "task.", 5))
        return render_task(t, tag + 5, out);
    else
        return false;
    return true;
}

char *mustache_render(struct flux_shell *sh, struct flux_shell_task *t, const char *text)
{
    FLUX_AUTO_BUF out = FLUX_BUF_INIT(0);

    while (*text) {
        const char *open = strstr(text, "{{");
        const char *close = open ? strstr(open + 2, "}}") : NULL;
        char tag[64];

        if (!close)
            break;
        flux_buf_add(&out, text, open - text);
        snprintf(tag, sizeof(tag), "%.*s", (int)(close - open - 2), open + 2);
        if (close - open - 2 >= (ssize_t)sizeof(tag) || !render_tag(sh, t, tag, &out))
            flux_buf_add(&out, open, close + 2 - open);
        text = close + 2;
    }
    flux_buf_puts(&out, text);
    return flux_buf_take(&out);
}

bool mustache_per_task(const char *text)
{
    return strstr(text, "{{task") != NULL;
}

bool mustache_per_node(const char *text)
{
    return strstr(text, "{{node.") != NULL || mustache_per_task(text);
}
