// SPDX-License-Identifier: LGPL-3.0-only
/* flux ping: reachability of a broker, and how long the way there and back takes. */
#include <time.h>

#include <flux/fsd.h>
#include <flux/v1/broker.h>

#include "handle.h"
#include "ranks.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_STR, "N|any|upstream", "Where to send it"},
    {"pad", 'p', OPT_INT, "SIZE", "Add SIZE bytes of padding"},
    {"interval", 'i', OPT_STR, "SEC", "Wait between pings (1.0)"},
    {"count", 'c', OPT_INT, "N", "Send N pings (no end)"},
    {"batch", 'b', OPT_FLAG, NULL, "Send all at once (needs --count)"},
    {"userid", 'u', OPT_FLAG, NULL, "Show user id and roles"},
    {NULL},
};

#define PAD_MAX (8u << 20)

struct ping {
    struct cli *cli;
    struct flux_to to;
    char prefix[300]; /* "3!" */
    uint8_t *pad;
    size_t pad_len;
};

static int set_rank(struct ping *p, const char *rank)
{
    struct cli_ranks ranks;
    int64_t n;

    snprintf(p->prefix, sizeof(p->prefix), "%.255s!", rank);
    if (!strcmp(rank, "any")) {
        p->to = FLUX_ANY;
        p->prefix[0] = '\0';
        return 0;
    }
    if (!strcmp(rank, "upstream")) {
        p->to = FLUX_UPSTREAM;
        return 0;
    }
    if (strspn(rank, "0123456789") == strlen(rank)) {
        p->to = FLUX_RANK(strtoul(rank, NULL, 10));
        return 0;
    }
    cli_ranks_get(p->cli, &ranks);
    n = cli_ranks_find(p->cli, &ranks, rank);
    cli_ranks_done(&ranks);
    p->to = FLUX_RANK(n);
    return n < 0 ? 1 : 0;
}

/* TARGET is RANK, HOST, RANK!broker, HOST!broker or broker. */
static int set_target(struct ping *p, char *target)
{
    const char *service, *rank = cli_str(p->cli, "rank", NULL);
    char *bang = strchr(target, '!');

    if (bang)
        *bang = '\0';
    service = bang ? bang + 1 : strcmp(target, "broker") ? NULL : target;
    if (service && strcmp(service, "broker"))
        return cli_fail(p->cli, "service %s does not answer pings: ping the broker", service);
    if (rank && (bang || !service))
        return cli_misused(p->cli, "the target names a rank already");
    return set_rank(p, rank ? rank : bang || !service ? target : "any");
}

static struct flux_future *send_one(struct ping *p, uint64_t seq)
{
    flux_broker_ping_request in = FLUX_BROKER_PING_REQUEST_INIT;

    in.seq = seq;
    in.pad.data = p->pad;
    in.pad.len = p->pad_len;
    return flux_broker_ping_async(cli_handle(p->cli), p->to, &in);
}

static int receive_one(struct ping *p, struct flux_future *f, double began)
{
    const flux_broker_ping_response *out;
    struct flux_error err = {""};

    if (flux_broker_ping_result(f, &out, &err) < 0)
        return cli_fail(p->cli, "%sbroker.ping: %s", p->prefix, err.text);
    printf("%sbroker.ping pad=%zu seq=%llu ", p->prefix, p->pad_len, (unsigned long long)out->seq);
    if (cli_has(p->cli, "userid"))
        printf("userid=%u rolemask=0x%x ", out->userid, out->roles);
    printf("time=%0.3f ms (%s)\n", (flux_monotime() - began) * 1e3, out->route);
    fflush(stdout);
    return 0;
}

static int ping_batch(struct ping *p, long long count)
{
    struct flux_future **f = flux_alloc(count * sizeof(struct flux_future *));
    double began = flux_monotime();
    int code = 0;

    for (long long i = 0; i < count; i++)
        f[i] = send_one(p, i);
    for (long long i = 0; i < count; i++) {
        if (code == 0)
            code = receive_one(p, f[i], began);
        flux_future_free(f[i]);
    }
    free(f);
    return code;
}

static int ping_each(struct ping *p, long long count, double interval)
{
    struct timespec pause = {.tv_sec = (time_t)interval,
                             .tv_nsec = (long)((interval - (time_t)interval) * 1e9)};
    int code = 0;

    for (long long i = 0; code == 0 && (count < 0 || i < count); i++) {
        FLUX_AUTO(future) f = NULL;
        if (i > 0 && interval > 0)
            nanosleep(&pause, NULL);
        double began = flux_monotime();
        f = send_one(p, i);
        code = receive_one(p, f, began);
    }
    return code;
}

static int run(struct cli *cli)
{
    long long count = cli_int(cli, "count", -1), pad = cli_int(cli, "pad", 0);
    struct ping p = {.cli = cli};
    struct flux_error err;
    double interval;
    int code;

    if (cli->argc > 1)
        return cli_misused(cli, "expected one target");
    if (cli->argc == 0 && !cli_has(cli, "rank"))
        return cli_misused(cli, "expected a rank or host");
    if (cli_has(cli, "batch") && (count < 1 || count > 1000000))
        return cli_misused(cli, "--batch needs --count");
    if (pad < 0 || pad > PAD_MAX)
        return cli_misused(cli, "--pad must be in 0..%u", PAD_MAX);
    if (flux_fsd_parse(cli_str(cli, "interval", "1.0"), &interval, &err) < 0)
        return cli_misused(cli, "--interval: %s", err.text);
    code = cli->argc ? set_target(&p, cli->argv[0]) : set_rank(&p, cli_str(cli, "rank", "any"));
    if (code)
        return code;
    p.pad = flux_alloc(pad + 1);
    p.pad_len = pad;
    memset(p.pad, 'p', pad);
    code = cli_has(cli, "batch") ? ping_batch(&p, count) : ping_each(&p, count, interval);
    free(p.pad);
    return code;
}

const struct flux_verb verb_ping = {
    .path = "ping",
    .args = "TARGET",
    .summary = "Measure round-trip latency to a Flux broker",
    .options = {options},
    .run = run,
};
