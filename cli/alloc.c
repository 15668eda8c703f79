// SPDX-License-Identifier: LGPL-3.0-only
/* flux alloc: an instance of one's own, with a command or an interactive shell in it. */
#include "verb.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <flux/fluid.h>

#include "attach/attach.h"
#include "submit/instance.h"

static const struct flux_option options[] = {
    {"bg", 0, OPT_FLAG, NULL, "No program in it: print the job id once it is ready"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL", "Show the job id; -vv: events"},
    {"quiet", 0, OPT_FLAG, NULL, "Say nothing about how the job ended"},
    {NULL},
};

/* An instance is ready when it has told its address, as a memo of its job. */
static int follow(struct cli *cli, uint64_t id, bool terminal)
{
    bool background = cli_has(cli, "bg");
    struct attach_options how = {
        .output = !background,
        .input = !background,
        .signals = true,
        .status_line = true,
        .terminal = terminal,
        .quiet = cli_has(cli, "quiet"),
        .label = cli_has(cli, "label-io"),
        .show_events = cli_count(cli, "verbose") > 1,
        .wait_event = background ? "memo" : NULL,
        .wait_key = "uri",
    };
    struct attach *a = attach_new(cli, &how);
    int code;

    if (cli_count(cli, "verbose") > 0)
        fprintf(stderr, "jobid: %s\n", flux_fluid_f58(id));
    attach_add(a, id);
    code = attach_run(a);
    attach_free(a);
    if (background && code == 0)
        printf("%s\n", flux_fluid_f58(id));
    return code;
}

static void set_terminal(struct submission *s)
{
    struct winsize size;

    (void)submit_set_path(s->options, "pty.interactive", json_integer(1), NULL);
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
        return;
    (void)submit_set_path(s->options, "pty.rows", json_integer(size.ws_row), NULL);
    (void)submit_set_path(s->options, "pty.cols", json_integer(size.ws_col), NULL);
}

static int submit_and_follow(struct cli *cli, const struct submission *s, bool terminal,
                             struct flux_error *err)
{
    FLUX_AUTO_STR jobspec = NULL;
    uint64_t id;
    int r = submission_encode(s, &jobspec, err);

    if (r < 0)
        return r;
    if (cli_has(cli, "dry-run"))
        return puts(jobspec) < 0;
    r = submit_one(cli, s, jobspec, &id, err);
    return r < 0 ? r : follow(cli, id, terminal);
}

static int run(struct cli *cli)
{
    bool terminal = isatty(STDIN_FILENO) && !cli_has(cli, "bg");
    struct words command = {NULL, 0};
    struct flux_error err = {""};
    struct submission s;
    int r;

    if (!cli_has(cli, "nslots") && !cli_has(cli, "nodes"))
        return cli_fail(cli, "Number of slots to allocate must be specified");
    if (cli->argc == 0 && !terminal && !cli_has(cli, "bg"))
        return cli_fail(cli, "refusing to launch an interactive shell: stdin is not a terminal");
    instance_command(cli, &command);
    if (cli_has(cli, "bg"))
        words_add(&command, flux_strdup("-Sbroker.rc2_none=1"));
    for (int i = 0; i < cli->argc; i++)
        words_add(&command, flux_strdup(cli->argv[i]));
    r = submission_init(&s, cli, (const char *const *)command.list, &err);
    s.request.instance = true;
    if (!s.request.name && cli->argc == 0)
        s.request.name = "flux";
    else if (!s.request.name)
        s.request.name = strrchr(cli->argv[0], '/') ? strrchr(cli->argv[0], '/') + 1 : cli->argv[0];
    if (r == 0 && terminal)
        set_terminal(&s);
    if (r == 0)
        r = submit_and_follow(cli, &s, terminal, &err);
    submission_done(&s);
    words_done(&command);
    return r < 0 ? cli_fail(cli, "%s", err.text) : r;
}

const struct flux_verb verb_alloc = {
    .path = "alloc",
    .args = "[COMMAND [ARGS...]]",
    .summary = "Allocate resources: an instance with a command or a shell in it",
    .options = {submit_options_slots, submit_options_common, options},
    .stop_at_free = true,
    .tagged = true,
    .run = run,
};
