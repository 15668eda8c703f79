// SPDX-License-Identifier: LGPL-3.0-only
/* flux uri: the address of an instance, from what it is known by: a job, or a path of jobs in jobs.
 */
#include "uriresolve.h"

static const struct flux_option options[] = {
    {"local", 0, OPT_FLAG, NULL, "Print the local form of the address"},
    {"remote", 0, OPT_FLAG, NULL, "Print the remote form of the address"},
    {"wait", 0, OPT_FLAG, NULL, "Wait until the job tells its address"},
    {NULL},
};

static int run(struct cli *cli)
{
    struct flux_error err = {""};
    FLUX_AUTO_STR uri = NULL;

    if (cli->argc != 1)
        return cli_misused(cli, "expected one target");
    if (uri_resolve(cli->argv[0], cli_has(cli, "wait"), &uri, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "local") || (getenv("FLUX_URI_RESOLVE_LOCAL") && !cli_has(cli, "remote"))) {
        FLUX_AUTO_STR local = uri_local_form(uri);

        puts(local);
    } else if (cli_has(cli, "remote")) {
        FLUX_AUTO_STR remote = uri_remote_form(uri);

        puts(remote);
    } else {
        puts(uri);
    }
    return 0;
}

const struct flux_verb verb_uri = {
    .path = "uri",
    .args = "TARGET",
    .summary = "Resolve TARGET to a Flux URI",
    .options = {options},
    .more = "A TARGET is a URI, jobid:ID or ID, ID/ID for a job in a job, '/' for the outermost "
            "and '..'\n"
            "for the enclosing instance, or pid:PID.",
    .tagged = true,
    .run = run,
};
