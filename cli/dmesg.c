// SPDX-License-Identifier: LGPL-3.0-only
/* flux dmesg: read the log of the instance (that of rank 0, or of the broker that is asked). */
#include <flux/v1/log.h>

#include "color.h"
#include "handle.h"
#include "severity.h"
#include "stamp.h"

static const struct flux_option options[] = {
    {"clear", 'C', OPT_FLAG, NULL, "Clear the ring"},
    {"read-clear", 'c', OPT_FLAG, NULL, "Clear the ring after printing it"},
    {"follow", 'f', OPT_FLAG, NULL, "Go on with new entries"},
    {"new", 'n', OPT_FLAG, NULL, "Follow new entries only"},
    {"human", 'H', OPT_FLAG, NULL, "Print times for people"},
    {"delta", 'd', OPT_FLAG, NULL, "With --human: time since the line before"},
    {"decode", 'x', OPT_FLAG, NULL, "With --human: show severities, too"},
    COLOR_OPTION('L'),
    {NULL},
};

struct printer {
    struct cli *cli;
    bool decode, color;
    struct stamp stamp;
};

/* Text from elsewhere: control characters would act on the terminal. */
static void print_text(const char *s)
{
    for (; *s; s++) {
        unsigned char c = *s;
        if ((c < ' ' && c != '\t') || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

static const char *color_of(unsigned level)
{
    return level <= 3 ? COLOR_RED : level == 4 ? COLOR_YELLOW : level == 7 ? "\033[2m" : "";
}

static void print_entry(struct printer *p, const flux_log_entry *e)
{
    bool colored = p->color && *color_of(e->level);

    stamp_print(&p->stamp, e->timestamp);
    print_text(e->appname);
    if (!p->stamp.human || p->decode)
        printf(".%s", cli_severity_name(e->level));
    printf("[%u]: %s", e->rank, colored ? color_of(e->level) : "");
    print_text(e->text);
    printf("%s\n", colored ? "\033[0m" : "");
}

static int read_log(struct printer *p)
{
    flux_log_read_request in = FLUX_LOG_READ_REQUEST_INIT;
    const flux_log_read_response *out;
    FLUX_AUTO(future) f = NULL;
    struct flux_error err = {""};
    int r;

    in.only_new = cli_has(p->cli, "new");
    in.follow = in.only_new || cli_has(p->cli, "follow");
    f = flux_log_read_stream(cli_handle(p->cli), FLUX_ANY, &in);
    while ((r = flux_log_read_result(f, &out, &err)) == 0) {
        for (size_t i = 0; i < out->n_entries; i++)
            print_entry(p, out->entries[i]);
        if (in.follow)
            fflush(stdout);
        flux_future_next(f);
    }
    return r == -ENODATA ? 0 : cli_fail(p->cli, "%s", err.text);
}

static int run(struct cli *cli)
{
    flux_log_clear_request clear = FLUX_LOG_CLEAR_REQUEST_INIT;
    struct printer p = {.cli = cli,
                        .stamp.human = cli_has(cli, "human"),
                        .stamp.delta = cli_has(cli, "delta"),
                        .decode = cli_has(cli, "decode")};
    struct flux_error err = {""};
    int code = 0;

    if (cli_color(cli, &p.color, &err) < 0)
        return cli_misused(cli, "%s", err.text);
    if (!cli_has(cli, "clear"))
        code = read_log(&p);
    if (code == 0 && (cli_has(cli, "clear") || cli_has(cli, "read-clear")) &&
        flux_log_clear(cli_handle(cli), FLUX_ANY, &clear, NULL, &err) < 0)
        code = cli_fail(cli, "%s", err.text);
    return code;
}

const struct flux_verb verb_dmesg = {
    .path = "dmesg",
    .summary = "Print or clear the broker log",
    .options = {options},
    .run = run,
};
