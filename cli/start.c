// SPDX-License-Identifier: LGPL-3.0-only
/* flux start: one broker in our place (size 1, or one of many under a launcher's PMI), or with
 * --test-size several of them on this host. */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/fsd.h>
#include <flux/paths.h>

#include "environ.h"
#include "start/test_instance.h"
#include "verb.h"

static const struct flux_option options[] = {
    {"setattr", 'S', OPT_MULTI, "ATTR=VAL", "Set a broker attribute"},
    {"config-path", 'c', OPT_STR, "PATH", "Read broker configuration from PATH"},
    {"conf", 0, OPT_MULTI, "KEY=VAL", "Set a configuration key"},
    {"broker-opts", 'o', OPT_MULTI, "OPTS", "Add comma-separated broker options"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Show the commands; -vv: trace PMI, too"},
    {"noexec", 'X', OPT_FLAG, NULL, "Show the commands, do not run them"},
    {"rundir", 0, OPT_STR, "DIR", "Set the broker's run directory"},
    {"wrap", 0, OPT_MULTI, "ARGS", "Run brokers under this comma-separated command"},
    {"recovery", 'r', OPT_OPTSTR, "TARGET",
     "Only look at the state in this directory or dump; no job runs"},
    {"sysconfig", 0, OPT_FLAG, NULL, "Use the configuration of the system instance"},
    {NULL},
};

static const struct flux_option test_options[] = {
    {"test-size", 's', OPT_INT, "N", "Start N brokers on this host"},
    {"test-hosts", 0, OPT_STR, "HOSTLIST", "Pretend that the brokers run on these hosts"},
    {"test-exit-timeout", 0, OPT_STR, "FSD", "Kill brokers this long after the first exit (20s)"},
    {"test-exit-mode", 0, OPT_STR, "any|leader", "Whose exit counts for that (any)"},
    {"test-start-mode", 0, OPT_STR, "all|leader", "Start all brokers or only rank 0 (all)"},
    {"test-rundir", 0, OPT_STR, "DIR", "Use this run directory and leave it behind"},
    {"test-rundir-cleanup", 0, OPT_FLAG, NULL, "Remove the directory of --test-rundir at the end"},
    {"test-pmi-clique", 0, OPT_STR, "single|none|per-broker", "Node map given by PMI (single)"},
    {NULL},
};

/* A growing list of arguments, NULL-ended; it owns its strings. */
struct args {
    char **v;
    size_t n;
};

static void args_done(struct args *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->v[i]);
    free(a->v);
}

static void add_own(struct args *a, char *s)
{
    a->v = flux_realloc(a->v, a->n + 2, sizeof(*a->v));
    a->v[a->n++] = s;
    a->v[a->n] = NULL;
}

static void add(struct args *a, const char *s)
{
    add_own(a, flux_strdup(s));
}

static void add_list(struct args *a, const char *commas)
{
    FLUX_AUTO_STR copy = flux_strdup(commas);
    char *save = NULL;

    for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save))
        add(a, s);
}

static void add_each(struct cli *cli, struct args *a, const char *option)
{
    const char *s;
    size_t i = 0;

    while ((s = cli_next(cli, option, &i)))
        add_own(a, flux_printf("--%s=%s", option, s));
}

/* A directory is the statedir of an instance that does not run; a file is one that flux dump wrote,
 * which goes into an instance of its own. */
static void add_recovery(struct cli *cli, struct args *a)
{
    FLUX_AUTO_STR statedir = flux_path_get("statedir");
    const char *target = cli_str(cli, "recovery", statedir);
    struct stat st;

    if (stat(target, &st) < 0)
        cli_die(cli, "--recovery: cannot look at %s: %s", target, strerror(errno));
    add(a, "--setattr=broker.recovery-mode=1");
    add_own(a, flux_printf("--setattr=%s=%s", S_ISDIR(st.st_mode) ? "statedir" : "content.restore",
                           target));
}

static void broker_command(struct cli *cli, struct args *a)
{
    const char *s;
    size_t i = 0;

    while ((s = cli_next(cli, "wrap", &i)))
        add_list(a, s);
    add_own(a, flux_path_get("broker_path"));
    if (cli_has(cli, "sysconfig")) {
        FLUX_AUTO_STR confdir = flux_path_get("confdir");
        add_own(a, flux_printf("--config-path=%s/system/conf.d", confdir));
    }
    if (cli_has(cli, "config-path"))
        add_own(a, flux_printf("--config-path=%s", cli_str(cli, "config-path", "")));
    add_each(cli, a, "conf");
    add_each(cli, a, "setattr");
    if (cli_has(cli, "rundir"))
        add_own(a, flux_printf("--setattr=rundir=%s", cli_str(cli, "rundir", "")));
    if (cli_has(cli, "recovery"))
        add_recovery(cli, a);
    i = 0;
    while ((s = cli_next(cli, "broker-opts", &i)))
        add_list(a, s);
}

static int exec_broker(struct cli *cli, struct args *a)
{
    if (cli->argc > 0)
        add(a, "--");
    for (int i = 0; i < cli->argc; i++)
        add(a, cli->argv[i]);
    if (cli_count(cli, "verbose") > 0 || cli_has(cli, "noexec")) {
        fputs("flux-start:", stderr);
        for (size_t i = 0; i < a->n; i++)
            fprintf(stderr, " %s", a->v[i]);
        fputc('\n', stderr);
    }
    if (cli_has(cli, "noexec"))
        return 0;
    execvp(a->v[0], a->v);
    return cli_fail(cli, "%s: %s", a->v[0], strerror(errno));
}

static bool one_of(const char *s, const char *a, const char *b, const char *c)
{
    return !strcmp(s, a) || !strcmp(s, b) || (c && !strcmp(s, c));
}

static int parse_timeout(struct cli *cli, double *seconds)
{
    const char *s = cli_str(cli, "test-exit-timeout", "20s");

    *seconds = -1;
    if (!strcmp(s, "none"))
        return 0;
    if (flux_fsd_parse(s, seconds, NULL) < 0)
        return cli_misused(cli, "--test-exit-timeout: '%s' is not a duration", s);
    if (isinf(*seconds))
        *seconds = -1;
    return 0;
}

static int start_test(struct cli *cli, struct args *a)
{
    const char *exit_mode = cli_str(cli, "test-exit-mode", "any");
    const char *start_mode = cli_str(cli, "test-start-mode", "all");
    const char *rundir = cli_str(cli, "test-rundir", NULL);
    struct test_instance_conf conf = {
        .size = cli_int(cli, "test-size", 1),
        .broker = a->v,
        .command = cli->argv,
        .rundir = rundir ? rundir : cli_str(cli, "rundir", NULL),
        .rundir_cleanup = cli_has(cli, "test-rundir-cleanup"),
        .hosts = cli_str(cli, "test-hosts", NULL),
        .clique = cli_str(cli, "test-pmi-clique", "single"),
        .exit_leader = !strcmp(exit_mode, "leader"),
        .start_leader = !strcmp(start_mode, "leader"),
        .verbose = cli_count(cli, "verbose"),
        .noexec = cli_has(cli, "noexec"),
    };
    int r;

    if (cli_int(cli, "test-size", 1) < 1 || cli_int(cli, "test-size", 1) > 65536)
        return cli_misused(cli, "--test-size must be in 1..65536");
    if (!one_of(exit_mode, "any", "leader", NULL))
        return cli_misused(cli, "--test-exit-mode is any or leader");
    if (!one_of(start_mode, "all", "leader", NULL))
        return cli_misused(cli, "--test-start-mode is all or leader");
    if (!one_of(conf.clique, "single", "none", "per-broker"))
        return cli_misused(cli, "--test-pmi-clique is single, none or per-broker");
    if ((r = parse_timeout(cli, &conf.exit_timeout)))
        return r;
    return test_instance_run(cli, &conf);
}

static int start(struct cli *cli, struct args *a)
{
    if (cli_has(cli, "test-size"))
        return start_test(cli, a);
    for (const struct flux_option *o = test_options; o->name; o++)
        if (cli_has(cli, o->name))
            return cli_misused(cli, "--%s needs --test-size", o->name);
    return exec_broker(cli, a);
}

static int run(struct cli *cli)
{
    __attribute__((cleanup(args_done))) struct args a = {0};

    cli_environ_setup(false);
    broker_command(cli, &a);
    return start(cli, &a);
}

const struct flux_verb verb_start = {
    .path = "start",
    .args = "[COMMAND...]",
    .summary = "Start a Flux instance",
    .options = {options, test_options},
    .stop_at_free = true,
    .run = run,
};
