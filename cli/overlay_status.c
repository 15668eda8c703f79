// SPDX-License-Identifier: LGPL-3.0-only
/* flux overlay status: the tree as its brokers see it. A parent knows of its children; brokers are
 * asked one by one from the top. What is behind a broker that cannot be asked is presumed to be in
 * the state of that broker. */
#include <flux/fsd.h>
#include <flux/idset.h>
#include <flux/v1/overlay.h>

#include "color.h"
#include "handle.h"
#include "ranks.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_STR, "RANK", "Show the subtree of RANK (default 0)"},
    {"verbose", 'v', OPT_LEVEL, "LEVEL",
     "Show how long; -vv: how long brokers took to answer, too"},
    {"timeout", 't', OPT_STR, "FSD", "Wait this long for each broker (0.5s; 0: for ever)"},
    {"summary", 0, OPT_FLAG, NULL, "Show only the state of the subtree"},
    {"down", 0, OPT_FLAG, NULL, "Show only what is not full"},
    {"no-pretty", 0, OPT_FLAG, NULL, "Do not draw the tree"},
    {"no-ghost", 0, OPT_FLAG, NULL, "Do not show what is behind brokers that are down"},
    COLOR_OPTION('L'),
    {"highlight", 'H', OPT_STR, "TARGET", "Highlight a rank or host"},
    {"wait", 'w', OPT_STR, "STATE", "Wait until the subtree is in STATE"},
    {NULL},
};

struct view {
    struct cli *cli;
    struct flux *h;
    struct cli_ranks ranks;
    bool *inner; /* by rank: has children */
    struct flux_to to;
    int verbose;
    bool down, pretty, ghost, color;
    int64_t highlight;
};

static const char *const state_names[] = {"unknown",  "full", "partial",
                                          "degraded", "lost", "offline"};

static const char *state_name(flux_overlay_state st)
{
    return st < FLUX_ARRAY_SIZE(state_names) ? state_names[st] : state_names[0];
}

static const char *state_color(flux_overlay_state st)
{
    switch (st) {
    case FLUX_OVERLAY_STATE_PARTIAL:
    case FLUX_OVERLAY_STATE_OFFLINE:
        return COLOR_YELLOW;
    case FLUX_OVERLAY_STATE_DEGRADED:
    case FLUX_OVERLAY_STATE_LOST:
        return COLOR_RED;
    default:
        return "";
    }
}

/* One line of the tree. */
struct node {
    uint32_t rank;
    flux_overlay_state state;
    double duration; /* < 0: not known */
    double answered; /* seconds that the broker took; < 0: not asked */
    const char *error;
    bool torpid;
};

static void print_node(struct view *v, const struct node *n, const char *indent)
{
    char host[FLUX_HOST_SIZE], fsd[FLUX_FSD_MAX];
    bool marked = v->highlight == (int64_t)n->rank;

    if (v->down && n->state == FLUX_OVERLAY_STATE_FULL)
        return;
    printf("%s%s%u %s%s: %s%s%s", v->pretty ? indent : "",
           marked ? (v->color ? "\033[1m" : "<<") : "", n->rank,
           cli_ranks_host(&v->ranks, n->rank, host), marked ? (v->color ? "\033[0m" : ">>") : "",
           v->color ? state_color(n->state) : "", state_name(n->state),
           v->color && *state_color(n->state) ? "\033[0m" : "");
    if (n->torpid)
        printf(",torpid");
    if (v->verbose && n->duration >= 0)
        printf(" for %s", flux_fsd_round(n->duration, fsd));
    if (v->verbose > 1 && n->answered >= 0)
        printf(" (%.3g ms)", n->answered * 1e3);
    if (n->error && *n->error)
        printf(" (%s)", n->error);
    putchar('\n');
}

static bool is_up(flux_overlay_state st)
{
    return st == FLUX_OVERLAY_STATE_FULL || st == FLUX_OVERLAY_STATE_PARTIAL ||
           st == FLUX_OVERLAY_STATE_DEGRADED;
}

static char *deeper(const char *indent, bool last)
{
    return flux_printf("%s%s", indent, last ? "   " : "│  ");
}

static char *branch(const char *indent, bool last)
{
    return flux_printf("%s%s", indent, last ? "└─ " : "├─ ");
}

/* What is below a broker that is not there, or does not answer. */
static void show_ghosts(struct view *v, uint32_t rank, flux_overlay_state state, const char *indent)
{
    uint32_t last = 0;

    if (!v->inner[rank])
        return;
    for (uint32_t r = 1; r < v->ranks.size; r++)
        if (v->ranks.parents[r] == rank)
            last = r;
    for (uint32_t r = 1; v->ghost && r < v->ranks.size; r++) {
        struct node n = {.rank = r, .state = state, .duration = -1, .answered = -1};
        FLUX_AUTO_STR line = branch(indent, r == last);
        FLUX_AUTO_STR below = deeper(indent, r == last);
        if (v->ranks.parents[r] != rank)
            continue;
        print_node(v, &n, line);
        show_ghosts(v, r, state, below);
    }
}

static int ask(struct view *v, uint32_t rank, flux_overlay_status_response **out, double *took,
               struct flux_error *err)
{
    flux_overlay_status_request in = FLUX_OVERLAY_STATUS_REQUEST_INIT;
    struct flux_to to = v->to;
    double began = flux_monotime();
    int r;

    to.rank = rank;
    r = flux_overlay_status(v->h, to, &in, out, err);
    *took = flux_monotime() - began;
    return r;
}

static void show_children(struct view *v, const flux_overlay_status_response *st,
                          const char *indent);

static void show_child(struct view *v, const flux_overlay_child *c, const char *indent, bool last)
{
    struct node n = {.rank = c->rank,
                     .state = c->state,
                     .duration = c->duration,
                     .answered = -1,
                     .error = c->error,
                     .torpid = c->torpid};
    FLUX_AUTO_STR line = branch(indent, last);
    FLUX_AUTO_STR below = deeper(indent, last);
    flux_overlay_status_response *st = NULL;
    struct flux_error err = {""};

    if (is_up(c->state) && (v->verbose > 1 || v->inner[c->rank]) &&
        ask(v, c->rank, &st, &n.answered, &err) < 0)
        n.error = err.text;
    print_node(v, &n, line);
    if (st)
        show_children(v, st, below);
    else
        show_ghosts(v, c->rank, n.state, below);
    flux_overlay_status_response_free(st);
}

static void show_children(struct view *v, const flux_overlay_status_response *st,
                          const char *indent)
{
    for (size_t i = 0; i < st->n_children; i++)
        show_child(v, st->children[i], indent, i + 1 == st->n_children);
}

static int show(struct view *v, uint32_t rank)
{
    flux_overlay_status_response *st = NULL;
    struct node n = {.rank = rank};
    struct flux_error err = {""};

    if (ask(v, rank, &st, &n.answered, &err) < 0)
        return cli_fail(v->cli, "rank %u: %s", rank, err.text);
    n.state = st->state;
    n.duration = st->duration;
    if (cli_has(v->cli, "summary")) {
        puts(state_name(st->state));
    } else {
        print_node(v, &n, "");
        show_children(v, st, "");
    }
    flux_overlay_status_response_free(st);
    return 0;
}

static bool is_below(const struct view *v, uint32_t rank, uint32_t top)
{
    while (rank != top && rank != 0)
        rank = v->ranks.parents[rank];
    return rank == top;
}

/* A broker that has connected is full to its parent a moment before the instance counts it in. */
static bool all_online(const struct view *v, uint32_t top, const char *online)
{
    FLUX_AUTO(idset) set = NULL;

    if (flux_idset_decode(online, &set, NULL) < 0)
        return false;
    for (uint32_t r = 0; r < v->ranks.size; r++)
        if (is_below(v, r, top) && !flux_idset_contains(set, r))
            return false;
    return true;
}

/* Look again at each change of the set of brokers online, which rank 0 tells of. */
static int wait_for(struct view *v, uint32_t rank, const char *want)
{
    flux_overlay_online_request in = FLUX_OVERLAY_ONLINE_REQUEST_INIT;
    FLUX_AUTO(future) f = flux_overlay_online_stream(v->h, FLUX_RANK(0), &in);
    double limit = v->to.timeout, began = flux_monotime(), took;
    struct flux_error err = {""};

    v->to.timeout = 0;
    for (;;) {
        const flux_overlay_online_response *now;
        flux_overlay_status_response *st = NULL;
        bool there;

        if (flux_future_wait(f, limit > 0 ? limit - (flux_monotime() - began) : -1) < 0)
            return cli_fail(v->cli, "timed out");
        if (flux_overlay_online_result(f, &now, &err) < 0 || ask(v, rank, &st, &took, &err) < 0)
            return cli_fail(v->cli, "%s", err.text);
        there = !strcmp(state_name(st->state), want) &&
                (st->state != FLUX_OVERLAY_STATE_FULL || all_online(v, rank, now->online));
        flux_overlay_status_response_free(st);
        if (there)
            return 0;
        flux_future_next(f);
    }
}

static int prepare(struct cli *cli, struct view *v)
{
    const char *target = cli_str(cli, "highlight", NULL);
    const char *timeout = cli_str(cli, "timeout", cli_has(cli, "wait") ? "0" : "0.5s");
    struct flux_error err;

    v->to = FLUX_RANK(0);
    if (flux_fsd_parse(timeout, &v->to.timeout, &err) < 0)
        return cli_misused(cli, "--timeout: %s", err.text);
    cli_ranks_get(cli, &v->ranks);
    v->inner = flux_alloc(v->ranks.size * sizeof(*v->inner));
    for (uint32_t r = 1; r < v->ranks.size; r++)
        v->inner[v->ranks.parents[r]] = true;
    v->highlight = -1;
    if (target && (v->highlight = cli_ranks_find(cli, &v->ranks, target)) < 0)
        return 1;
    return 0;
}

static bool known_state(const char *s)
{
    for (size_t i = 1; i <= FLUX_OVERLAY_STATE_DEGRADED; i++)
        if (!strcmp(s, state_names[i]))
            return true;
    return false;
}

static int run(struct cli *cli)
{
    struct view v = {.cli = cli,
                     .h = cli_handle(cli),
                     .verbose = cli_count(cli, "verbose"),
                     .down = cli_has(cli, "down"),
                     .pretty = !cli_has(cli, "no-pretty"),
                     .ghost = !cli_has(cli, "no-ghost")};
    const char *want = cli_str(cli, "wait", NULL);
    struct flux_error err;
    int64_t rank;
    int code;

    if (cli_color(cli, &v.color, &err) < 0)
        return cli_misused(cli, "%s", err.text);
    if (want && !known_state(want))
        return cli_misused(cli, "--wait: '%s' is none of full, partial, degraded", want);
    if ((code = prepare(cli, &v)))
        return code;
    rank = cli_ranks_find(cli, &v.ranks, cli_str(cli, "rank", "0"));
    if (rank < 0)
        code = 1;
    else
        code = want ? wait_for(&v, rank, want) : show(&v, rank);
    free(v.inner);
    cli_ranks_done(&v.ranks);
    return code;
}

const struct flux_verb verb_overlay_status = {
    .path = "overlay status",
    .summary = "Show the status of the overlay network",
    .options = {options},
    .run = run,
};
