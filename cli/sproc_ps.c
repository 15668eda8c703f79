// SPDX-License-Identifier: LGPL-3.0-only
/* flux sproc ps: processes that a broker runs: commands and job shells. */
#include <flux/fluid.h>
#include <flux/v1/exec.h>

#include "handle.h"
#include "listing.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "Of this broker (default: the one we are connected to)"},
    LISTING_OPTIONS,
    {NULL},
};

struct row {
    const flux_exec_process *p;
    uint32_t rank;
};

static void get_pid(const void *row, const char *name, struct format_value *v)
{
    format_set_int(v, ((const struct row *)row)->p->pid);
}

static void get_rank(const void *row, const char *name, struct format_value *v)
{
    format_set_int(v, ((const struct row *)row)->rank);
}

static void get_state(const void *row, const char *name, struct format_value *v)
{
    format_set_string(v, "R");
}

static void get_label(const void *row, const char *name, struct format_value *v)
{
    const flux_exec_process *p = ((const struct row *)row)->p;

    format_set_string(v, p->id ? flux_fluid_f58(p->id) : p->label);
}

static void get_command(const void *row, const char *name, struct format_value *v)
{
    format_set_string(v, ((const struct row *)row)->p->command);
}

static void get_userid(const void *row, const char *name, struct format_value *v)
{
    format_set_int(v, ((const struct row *)row)->p->userid);
}

static void get_started(const void *row, const char *name, struct format_value *v)
{
    format_set_real(v, ((const struct row *)row)->p->started);
}

static const struct format_field fields[] = {
    {"pid", "PID", get_pid},
    {"rank", "RANK", get_rank},
    {"state", "ST", get_state},
    {"label", "LABEL", get_label},
    {"cmd", "COMMAND", get_command},
    {"userid", "UID", get_userid},
    {"t_start", "T_START", get_started},
    {NULL},
};

static const struct format_named formats[] = {
    {"default", "Default flux sproc ps format", "{pid:>8} {state:>2} {label:<16.16h+} {cmd}"},
    {"long", "With rank, user and start time",
     "{rank:>5} {pid:>8} {state:>2} {userid:>6} {t_start!d:%b%d %R::<12} {label:<16.16h+} {cmd}"},
    {NULL},
};

static const struct listing listing = {"flux-sproc", "FLUX_SPROC_FORMAT_DEFAULT", fields, formats};

static int print(struct cli *cli, struct format *f, const flux_exec_list_response *out,
                 uint32_t rank)
{
    FLUX_AUTO_MEM(struct row) rows = flux_realloc(NULL, out->n_processes + 1, sizeof(*rows));
    struct flux_error err;

    for (size_t i = 0; i < out->n_processes; i++)
        rows[i] = (struct row){.p = out->processes[i], .rank = rank};
    if (listing_print(f, rows, sizeof(rows[0]), out->n_processes, NULL, !cli_has(cli, "no-header"),
                      &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

static int run(struct cli *cli)
{
    flux_exec_list_request in = FLUX_EXEC_LIST_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_exec_list_response) out = NULL;
    struct flux_error err = {""};
    struct format *f = NULL;
    struct flux *h;
    uint32_t rank;
    int r;

    r = listing_format(cli, &listing, &f, &err);
    if (r > 0)
        return 0;
    if (r < 0)
        return cli_fail(cli, "%s", err.text);
    h = cli_handle(cli);
    rank = cli_int(cli, "rank", flux_rank(h));
    if (flux_exec_list(h, FLUX_RANK(rank), &in, &out, &err) < 0)
        r = cli_fail(cli, "%s", err.text);
    else
        r = print(cli, f, out, rank);
    format_free(f);
    return r;
}

const struct flux_verb verb_sproc_ps = {
    .path = "sproc ps",
    .summary = "List processes run by a broker",
    .options = {options},
    .run = run,
};
