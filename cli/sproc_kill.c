// SPDX-License-Identifier: LGPL-3.0-only
/* flux sproc kill: signal a process that a broker runs, and its group. */
#include <sys/wait.h>

#include <flux/v1/exec.h>

#include "handle.h"
#include <flux/signame.h>
#include "sproc.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "At this broker (default: the one we are connected to)"},
    {"wait", 'w', OPT_FLAG, NULL, "Wait for its end; its exit code is ours"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_exec_signal_request in = FLUX_EXEC_SIGNAL_REQUEST_INIT;
    struct flux_error err = {""};
    struct flux_future *ended = NULL;
    struct flux_to to;
    struct flux *h;
    int signum, code = 0;

    if (cli->argc != 2)
        return cli_misused(cli, "expected a signal and a process id or label");
    if ((signum = flux_signame_parse(cli->argv[0])) < 0)
        return cli_fail(cli, "Invalid signal %s", cli->argv[0]);
    h = cli_handle(cli);
    to = FLUX_RANK(cli_int(cli, "rank", flux_rank(h)));
    if (cli_has(cli, "wait")) /* asked for first, so that the end cannot be missed */
        ended = sproc_wait_async(h, to, cli->argv[1]);
    sproc_name(cli->argv[1], &in.pid, &in.label);
    in.signum = signum;
    if (flux_exec_signal(h, to, &in, NULL, &err) < 0)
        code = cli_fail(cli, "%s", err.text);
    else if (ended)
        code = sproc_wait_result(cli, ended);
    flux_future_free(ended);
    return code;
}

const struct flux_verb verb_sproc_kill = {
    .path = "sproc kill",
    .args = "SIGNAL PID|LABEL",
    .summary = "Signal a process run by a broker",
    .options = {options},
    .run = run,
};
