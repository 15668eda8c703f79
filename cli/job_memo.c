// SPDX-License-Identifier: LGPL-3.0-only
/* flux job memo: attach notes to a job. */
#include "jobargs.h"

#include <jansson.h>

#include <flux/v1/job_manager.h>

#include "handle.h"
#include "submit/submit.h"

static const struct flux_option options[] = {
    {"volatile", 0, OPT_FLAG, NULL, "Memo will not appear in eventlog (will be lost on restart)"},
    {NULL},
};

/* KEY=VAL with VAL JSON, or a string; "KEY=" removes. */
static int add_note(json_t *memo, const char *arg, struct flux_error *err)
{
    const char *eq = strchr(arg, '=');
    FLUX_AUTO_STR key = eq ? flux_strndup(arg, (size_t)(eq - arg)) : flux_strdup(arg);
    json_t *value = NULL;

    if (!eq || eq == arg)
        return flux_error_set(err, -EINVAL, "memo: '%s' is not KEY=VALUE", arg);
    if (eq[1]) {
        value = json_loads(eq + 1, JSON_DECODE_ANY, NULL);
        if (!value)
            value = json_string(eq + 1);
    } else {
        value = json_null();
    }
    return submit_set_path(memo, key, value, err);
}

static int run(struct cli *cli)
{
    flux_job_manager_memo_request in = FLUX_JOB_MANAGER_MEMO_REQUEST_INIT;
    struct flux_error err = {""};
    FLUX_AUTO_STR text = NULL;
    json_t *memo;
    int r = 0;

    if (cli->argc < 2)
        return cli_misused(cli, "expected a job id and KEY=VALUE");
    in.id = cli_jobid(cli, cli->argv[0]);
    memo = json_object();
    for (int i = 1; i < cli->argc && r == 0; i++)
        r = add_note(memo, cli->argv[i], &err);
    text = json_dumps(memo, JSON_COMPACT);
    json_decref(memo);
    in.memo = text;
    in.volatile_ = cli_has(cli, "volatile");
    if (r < 0 || flux_job_manager_memo(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s: %s", cli->argv[0], err.text);
    return 0;
}

const struct flux_verb verb_job_memo = {
    .path = "job memo",
    .args = "JOBID KEY=VALUE...",
    .summary = "Post an RFC 21 memo to a job",
    .options = {options},
    .run = run,
};
