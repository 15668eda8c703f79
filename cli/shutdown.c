// SPDX-License-Identifier: LGPL-3.0-only
/* flux shutdown: end the instance, and show its log until it has ended. */
#include <syslog.h>

#include <flux/v1/broker.h>
#include <flux/v1/log.h>

#include "handle.h"
#include "severity.h"
#include "uriresolve.h"

static const struct flux_option options[] = {
    {"background", 0, OPT_FLAG, NULL, "Do not wait until the instance has ended"},
    {"quiet", 0, OPT_FLAG, NULL, "Show errors only"},
    {"verbose", 'v', OPT_FLAG, NULL, "Show more of the log; -vv: all of it"},
    {NULL},
};

static unsigned level_shown(const struct cli *cli)
{
    if (cli_has(cli, "quiet"))
        return LOG_ERR;
    return cli_count(cli, "verbose") > 1 ? LOG_DEBUG
           : cli_has(cli, "verbose")     ? LOG_INFO
                                         : LOG_NOTICE;
}

/* Until the connection ends, as it does with the broker. */
static void show_log(struct cli *cli, struct flux_future *f)
{
    const flux_log_read_response *out;
    unsigned level = level_shown(cli);

    for (; flux_log_read_result(f, &out, NULL) == 0; flux_future_next(f)) {
        for (size_t i = 0; i < out->n_entries; i++) {
            const flux_log_entry *e = out->entries[i];
            if (e->level <= level)
                fprintf(stderr, "%s.%s[%u]: %s\n", e->appname, cli_severity_name(e->level), e->rank,
                        e->text);
        }
    }
}

/* The instance may be named in any way that `flux uri` knows. */
static void choose_instance(struct cli *cli)
{
    struct flux_error err = {""};
    FLUX_AUTO_STR uri = NULL;
    FLUX_AUTO_STR local = NULL;

    if (uri_resolve(cli->argv[0], false, &uri, &err) < 0)
        cli_die(cli, "%s", err.text);
    local = uri_local_form(uri);
    setenv("FLUX_URI", local, 1);
}

static int run(struct cli *cli)
{
    flux_broker_shutdown_request in = FLUX_BROKER_SHUTDOWN_REQUEST_INIT;
    flux_log_read_request log = FLUX_LOG_READ_REQUEST_INIT;
    FLUX_AUTO(future) f = NULL;
    struct flux_error err = {""};

    if (cli->argc > 1)
        return cli_misused(cli, "expected at most one URI");
    if (cli->argc == 1)
        choose_instance(cli);
    if (flux_rank(cli_handle(cli)) != 0)
        return cli_fail(cli, "this is rank %u: the instance is shut down at rank 0",
                        flux_rank(cli_handle(cli)));
    if (!cli_has(cli, "background")) {
        log.follow = log.only_new = true;
        f = flux_log_read_stream(cli_handle(cli), FLUX_RANK(0), &log);
    }
    if (flux_broker_shutdown(cli_handle(cli), FLUX_RANK(0), &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (f)
        show_log(cli, f);
    return 0;
}

const struct flux_verb verb_shutdown = {
    .path = "shutdown",
    .args = "[INSTANCE]",
    .summary = "Shut down a Flux instance",
    .options = {options},
    .run = run,
};
