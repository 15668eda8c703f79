// SPDX-License-Identifier: LGPL-3.0-only
/* flux sproc wait: wait for the end of a process that a broker runs. */
#include <sys/wait.h>

#include <flux/v1/exec.h>

#include "handle.h"
#include "sproc.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "At this broker (default: the one we are connected to)"},
    {NULL},
};

void sproc_name(const char *text, uint32_t *pid, const char **label)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (end != text && !*end)
        *pid = n;
    else
        *label = text;
}

struct flux_future *sproc_wait_async(struct flux *h, struct flux_to to, const char *name)
{
    flux_exec_wait_request in = FLUX_EXEC_WAIT_REQUEST_INIT;

    sproc_name(name, &in.pid, &in.label);
    return flux_exec_wait_async(h, to, &in);
}

int sproc_wait_result(struct cli *cli, struct flux_future *f)
{
    const flux_exec_wait_response *out;
    struct flux_error err = {""};

    if (flux_exec_wait_result(f, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return WIFSIGNALED(out->status) ? 128 + WTERMSIG(out->status) : WEXITSTATUS(out->status);
}

static int run(struct cli *cli)
{
    struct flux_future *f;
    struct flux *h;
    int code;

    if (cli->argc != 1)
        return cli_misused(cli, "expected a process id or label");
    h = cli_handle(cli);
    f = sproc_wait_async(h, FLUX_RANK(cli_int(cli, "rank", flux_rank(h))), cli->argv[0]);
    code = sproc_wait_result(cli, f);
    flux_future_free(f);
    return code;
}

const struct flux_verb verb_sproc_wait = {
    .path = "sproc wait",
    .args = "PID|LABEL",
    .summary = "Wait for a process run by a broker",
    .options = {options},
    .run = run,
};
