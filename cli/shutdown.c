// SPDX-License-Identifier: LGPL-3.0-only
/* flux shutdown: end the instance, and show its log until it has ended. */
#include <syslog.h>
#include <unistd.h>

#include <flux/v1/broker.h>
#include <flux/v1/config_rpc.h>
#include <flux/v1/kvs.h>
#include <flux/v1/log.h>

#include "handle.h"
#include "severity.h"
#include "uriresolve.h"

static const struct flux_option options[] = {
    {"background", 0, OPT_FLAG, NULL, "Do not wait until the instance has ended"},
    {"quiet", 0, OPT_FLAG, NULL, "Show warnings and errors only"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Show all of the log"},
    {"gc", 0, OPT_FLAG, NULL, "Collect garbage offline, so that content.sqlite shrinks"},
    {"skip-gc", 0, OPT_FLAG, NULL, "Do not collect garbage, and do not offer it"},
    {"dump", 0, OPT_STR, "PATH", "Archive the KVS to PATH (auto: to restore it at the next start)"},
    {"yes", 'y', OPT_FLAG, NULL, "Answer yes to questions"},
    {"no", 'n', OPT_FLAG, NULL, "Answer no to questions"},
    {NULL},
};

static unsigned level_shown(const struct cli *cli)
{
    if (cli_has(cli, "quiet"))
        return LOG_WARNING;
    return cli_count(cli, "verbose") > 0 ? LOG_DEBUG : LOG_INFO;
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

    if (uri_resolve(cli->argv[0], false, &uri, &err) < 0)
        cli_die(cli, "%s", err.text);
    setenv("FLUX_URI", uri, 1);
}

/* Commits after which a collection is offered; 0: never. */
static unsigned long long threshold(struct cli *cli)
{
    flux_config_get_request in = FLUX_CONFIG_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_config_get_response) out = NULL;

    in.key = (char *)"kvs.gc-threshold";
    if (flux_config_get(cli_handle(cli), FLUX_RANK(0), &in, &out, NULL) < 0)
        return 0;
    return strtoull(out->json, NULL, 10);
}

static unsigned long long commits(struct cli *cli)
{
    flux_kvs_stats_request in = FLUX_KVS_STATS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_stats_response) out = NULL;

    if (flux_kvs_stats(cli_handle(cli), FLUX_RANK(0), &in, &out, NULL) < 0)
        return 0;
    return out->commits_since_gc;
}

static bool ask(const char *question)
{
    char line[16];

    fprintf(stderr, "%s [Y/n]? ", question);
    return fgets(line, sizeof(line), stdin) && strchr("yY\n", line[0]);
}

/* Shall garbage be collected? Without a terminal nobody is asked. */
static bool wants_gc(struct cli *cli)
{
    unsigned long long limit, n;

    if (cli_has(cli, "gc") || cli_has(cli, "skip-gc") || cli_has(cli, "no"))
        return cli_has(cli, "gc");
    limit = threshold(cli);
    n = limit ? commits(cli) : 0;
    if (!limit || n < limit)
        return false;
    if (cli_has(cli, "yes"))
        return true;
    if (isatty(STDIN_FILENO)) {
        FLUX_AUTO_STR question = flux_printf("%llu commits since the last garbage collection "
                                             "(kvs.gc-threshold is %llu): collect now",
                                             n, limit);
        return ask(question);
    }
    cli_warn(cli, "%llu commits since the last garbage collection: use --gc", n);
    return false;
}

static char *dump_path(struct cli *cli)
{
    const char *path = cli_str(cli, "dump", "");

    if (!*path || *path == '/' || strcmp(path, "auto") == 0)
        return flux_strdup(path);
    FLUX_AUTO_STR cwd = getcwd(NULL, 0);
    return flux_printf("%s/%s", cwd ? cwd : ".", path);
}

static int run(struct cli *cli)
{
    FLUX_AUTO_STR dump = dump_path(cli);
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
    if (cli_has(cli, "gc") + cli_has(cli, "skip-gc") > 1 ||
        cli_has(cli, "yes") + cli_has(cli, "no") > 1)
        return cli_misused(cli, "--gc and --skip-gc, --yes and --no exclude each other");
    in.gc = wants_gc(cli);
    in.skip_gc = cli_has(cli, "skip-gc");
    in.dump = dump;
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
