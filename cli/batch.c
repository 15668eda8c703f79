// SPDX-License-Identifier: LGPL-3.0-only
/* flux batch: submit a script that runs as the initial program of an instance of its own. The
 * script is copied now; changing the file later changes nothing. */
#include "verb.h"

#include <flux/fluid.h>

#include "readfile.h"
#include "submit/instance.h"

enum { SCRIPT_MAX = 8 << 20 };

static const struct flux_option options[] = {
    {"wrap", 0, OPT_FLAG, NULL, "The arguments are a command, not a script"},
    {"quiet", 0, OPT_FLAG, NULL, "Do not print the job id"},
    {NULL},
};

static int read_script(const struct cli *cli, struct flux_buf *script, struct flux_error *err)
{
    const char *name = cli->argc > 0 ? cli->argv[0] : "-";
    int r;

    if (cli_has(cli, "wrap")) {
        flux_buf_puts(script, "#!/bin/sh\n");
        for (int i = 0; i < cli->argc; i++)
            flux_buf_printf(script, "%s%s", i ? " " : "", cli->argv[i]);
        return flux_buf_putc(script, '\n');
    }
    r = cli_read_file(name, script, err);
    if (r < 0)
        return r;
    if (strncmp(script->data, "#!", 2) != 0)
        return flux_error_set(err, -EINVAL, "%s does not appear to be a script",
                              strcmp(name, "-") == 0 ? "stdin" : name);
    if (strlen(script->data) != script->len)
        return flux_error_set(err, -EINVAL, "%s: has NUL characters: not a script", name);
    return 0;
}

/* What the script asks for comes first, so that the command line overrides it. The command line's
 * options are those given so far, in order; both lists are read by the same tables. */
static int merge_directives(struct cli *cli, const struct words *w, struct cli *script,
                            struct flux_error *err)
{
    struct cli_given *all;
    size_t count;
    int r = cli_options_parse(script, cli->verb, (int)w->count, w->list, err);

    if (r < 0)
        return flux_error_prefix(err, r, "argument parsing failed in the script's directives");
    if (script->argc > 0)
        return flux_error_set(err, -EINVAL, "unknown text in the script's directives: %s",
                              script->argv[0]);
    count = script->given_count + cli->given_count;
    all = flux_realloc(NULL, 2 * count + 2, sizeof(all[0]));
    for (size_t i = 0; i < count; i++)
        all[i] = i < script->given_count ? script->given[i] : cli->given[i - script->given_count];
    free(cli->given);
    cli->given = all;
    cli->given_count = count;
    return 0;
}

/* The script's arguments are the brokers' initial program's. */
static void add_command(const struct cli *cli, struct words *w)
{
    instance_command(cli, w);
    words_add(w, flux_strdup("{{tmpdir}}/script"));
    for (int i = 1; i < cli->argc && !cli_has(cli, "wrap"); i++)
        words_add(w, flux_strdup(cli->argv[i]));
}

static const char *script_name(const struct cli *cli)
{
    const char *path = cli->argc > 0 ? cli->argv[0] : "batch";
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int submit_script(struct cli *cli, const struct flux_buf *script, struct flux_error *err)
{
    struct words command = {NULL, 0};
    FLUX_AUTO_STR jobspec = NULL;
    struct submission s;
    uint64_t id;
    int r;

    add_command(cli, &command);
    r = submission_init(&s, cli, (const char *const *)command.list, err);
    s.request.instance = true;
    if (!s.request.name)
        s.request.name = script_name(cli);
    if (r == 0 && !cli_has(cli, "output")) {
        (void)submit_set_path(s.options, "output.stdout.type", json_string("file"), NULL);
        (void)submit_set_path(s.options, "output.stdout.path", json_string("flux-{{id}}.out"),
                              NULL);
    }
    if (r == 0)
        r = submit_add_file(s.attributes, "script", 0700, script->data, script->len, err);
    if (r == 0)
        r = submission_encode(&s, &jobspec, err);
    if (r == 0 && cli_has(cli, "dry-run"))
        puts(jobspec);
    else if (r == 0 && (r = submit_one(cli, &s, jobspec, &id, err)) == 0 && !cli_has(cli, "quiet"))
        printf("%s\n", flux_fluid_f58(id));
    submission_done(&s);
    words_done(&command);
    return r;
}

static int run(struct cli *cli)
{
    FLUX_AUTO_BUF script = FLUX_BUF_INIT(SCRIPT_MAX);
    struct words directives = {NULL, 0};
    struct cli from_script = {.argc = 0};
    struct flux_error err = {""};
    int r;

    if (cli_has(cli, "wrap") && cli->argc == 0)
        return cli_misused(cli, "no command given for --wrap");
    r = read_script(cli, &script, &err);
    if (r == 0)
        r = directives_parse(script.data, &directives, &err);
    if (r == 0)
        r = merge_directives(cli, &directives, &from_script, &err);
    if (r == 0 && !cli_has(cli, "nslots") && !cli_has(cli, "nodes"))
        r = flux_error_set(&err, -EINVAL, "Number of slots to allocate must be specified");
    if (r == 0)
        r = submit_script(cli, &script, &err);
    cli_options_done(&from_script);
    words_done(&directives);
    return r < 0 ? cli_fail(cli, "%s", err.text) : 0;
}

const struct flux_verb verb_batch = {
    .path = "batch",
    .args = "[SCRIPT [ARGS...]]",
    .summary = "Submit a script that runs in an instance of its own",
    .options = {submit_options_slots, submit_options_common, options},
    .stop_at_free = true,
    .tagged = true,
    .run = run,
};
