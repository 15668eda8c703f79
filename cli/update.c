// SPDX-License-Identifier: LGPL-3.0-only
/* flux update: change attributes of an active job. */
#include "jobargs.h"

#include <jansson.h>

#include <flux/fsd.h>
#include <flux/v1/job_list.h>
#include <flux/v1/job_manager.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"dry-run", 'n', OPT_FLAG, NULL, "Print the updates and do not send them"},
    {"verbose", 'v', OPT_FLAG, NULL, "Print the updates"},
    {NULL},
};

static double current_duration(struct cli *cli, uint64_t id)
{
    flux_job_list_ids_request in = FLUX_JOB_LIST_IDS_REQUEST_INIT;
    flux_job_list_ids_response *out = NULL;
    struct flux_error err = {""};
    double duration;

    in.ids = &id;
    in.n_ids = 1;
    if (flux_job_list_ids(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        cli_die(cli, "%s", err.text);
    duration = out->n_jobs ? out->jobs[0]->duration : 0;
    flux_job_list_ids_response_free(out);
    return duration;
}

/* FSD, or +FSD and -FSD relative to what it is. */
static json_t *duration_value(struct cli *cli, uint64_t id, const char *text)
{
    char sign = *text == '+' || *text == '-' ? *text : '\0';
    struct flux_error err = {""};
    double seconds, now;

    if (flux_fsd_parse(text + (sign != '\0'), &seconds, &err) < 0)
        cli_die(cli, "%s", err.text);
    if (!sign)
        return json_real(seconds);
    now = current_duration(cli, id);
    if (now <= 0)
        cli_die(cli, "can't adjust duration by %s: the job has no limit", text);
    seconds = sign == '+' ? now + seconds : now - seconds;
    if (seconds <= 0)
        cli_die(cli, "duration %s: nothing would be left of %.1fs", text, now);
    return json_real(seconds);
}

static char *full_key(const char *key)
{
    if (strcmp(key, "name") == 0)
        return flux_strdup("attributes.system.job.name");
    if (strncmp(key, "attributes.", 11) == 0)
        return flux_strdup(key);
    if (strchr(key, '.'))
        return flux_printf("attributes.%s", key);
    return flux_printf("attributes.system.%s", key);
}

static void add_update(struct cli *cli, json_t *updates, uint64_t id, const char *arg)
{
    const char *eq = strchr(arg, '=');
    FLUX_AUTO_STR key = eq ? flux_strndup(arg, (size_t)(eq - arg)) : NULL;
    FLUX_AUTO_STR full = NULL;
    json_t *value;

    if (!eq || eq == arg)
        cli_die(cli, "'%s' is not KEY=VALUE", arg);
    full = full_key(key);
    if (strcmp(full, "attributes.system.duration") == 0)
        value = duration_value(cli, id, eq + 1);
    else if (!(value = json_loads(eq + 1, JSON_DECODE_ANY, NULL)))
        value = json_string(eq + 1);
    json_object_set_new(updates, full, value);
}

static int run(struct cli *cli)
{
    flux_job_manager_update_request in = FLUX_JOB_MANAGER_UPDATE_REQUEST_INIT;
    struct flux_error err = {""};
    FLUX_AUTO_STR text = NULL;
    json_t *updates;

    if (cli->argc < 2)
        return cli_misused(cli, "expected a job id and KEY=VALUE");
    in.id = cli_jobid(cli, cli->argv[0]);
    updates = json_object();
    for (int i = 1; i < cli->argc; i++)
        add_update(cli, updates, in.id, cli->argv[i]);
    text = json_dumps(updates, JSON_COMPACT);
    json_decref(updates);
    if (cli_has(cli, "verbose") || cli_has(cli, "dry-run"))
        printf("updating %s with %s\n", cli->argv[0], text);
    if (cli_has(cli, "dry-run"))
        return 0;
    in.updates = text;
    if (flux_job_manager_update(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s: %s", cli->argv[0], err.text);
    return 0;
}

const struct flux_verb verb_update = {
    .path = "update",
    .args = "JOBID KEY=VALUE...",
    .summary = "Update active jobs",
    .options = {options},
    .tagged = true,
    .run = run,
};
