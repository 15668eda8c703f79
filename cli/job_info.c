// SPDX-License-Identifier: LGPL-3.0-only
/* flux job info: one document of a job: jobspec, R, J, an eventlog. */
#include "jobargs.h"

#include <flux/v1/job_info.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"original", 'o', OPT_FLAG, NULL, "As it was submitted: without later updates"},
    {"base", 'b', OPT_FLAG, NULL, "The stored value: without updates from the eventlog"},
    {NULL},
};

static const char *full_key(const char *key)
{
    static const char *const guest[] = {"exec.eventlog", "input", "output"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(guest); i++)
        if (strcmp(key, guest[i]) == 0)
            return i == 0 ? "guest.exec.eventlog" : i == 1 ? "guest.input" : "guest.output";
    return key;
}

static int run(struct cli *cli)
{
    flux_job_info_lookup_request in = FLUX_JOB_INFO_LOOKUP_REQUEST_INIT;
    flux_job_info_lookup_response *out = NULL;
    struct flux_error err = {""};
    const char *key;
    int r = 0;

    if (cli->argc != 2)
        return cli_misused(cli, "expected a job id and a key");
    key = full_key(cli->argv[1]);
    in.id = cli_jobid(cli, cli->argv[0]);
    in.keys = &key;
    in.n_keys = 1;
    in.current = !cli_has(cli, "original") && !cli_has(cli, "base");
    if (flux_job_info_lookup(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (out->n_values == 1) {
        const ProtobufCBinaryData *v = &out->values[0];

        fwrite(v->len ? v->data : (const uint8_t *)"", 1, v->len, stdout);
        if (v->len > 0 && v->data[v->len - 1] != '\n')
            putchar('\n');
    } else {
        r = cli_fail(cli, "%s: no answer for key '%s'", cli->argv[0], key);
    }
    flux_job_info_lookup_response_free(out);
    return r;
}

const struct flux_verb verb_job_info = {
    .path = "job info",
    .args = "JOBID KEY",
    .summary = "Display info for a job",
    .options = {options},
    .more = "Keys: jobspec, R, J, eventlog, guest.exec.eventlog, guest.input, guest.output",
    .run = run,
};
