// SPDX-License-Identifier: LGPL-3.0-only
/* flux overlay errors: why brokers are not there, as their parents noted it; each reason once, with
 * the hosts that it applies to. */
#include <flux/fsd.h>
#include <flux/v1/overlay.h>

#include "handle.h"
#include "ranks.h"

static const struct flux_option options[] = {
    {"timeout", 't', OPT_STR, "FSD", "Wait this long for each broker (0.5s; 0: for ever)"},
    {NULL},
};

/* By rank: its parent's answer is awaited, and what that said of it. */
struct survey {
    struct cli_ranks ranks;
    struct flux_future **asked;
    char **errors;
};

static void ask_parents(struct survey *s, struct flux *h, double timeout)
{
    flux_overlay_status_request in = FLUX_OVERLAY_STATUS_REQUEST_INIT;

    for (uint32_t r = 1; r < s->ranks.size; r++) {
        uint32_t parent = s->ranks.parents[r];
        struct flux_to to = FLUX_RANK(parent);

        to.timeout = timeout;
        if (!s->asked[parent])
            s->asked[parent] = flux_overlay_status_async(h, to, &in);
    }
}

/* A parent that cannot be asked is somebody's child itself, and told of there. */
static void take_answer(struct survey *s, struct flux_future *f)
{
    const flux_overlay_status_response *out;

    if (flux_overlay_status_result(f, &out, NULL) < 0)
        return;
    for (size_t i = 0; i < out->n_children; i++) {
        const flux_overlay_child *c = out->children[i];

        if (*c->error && c->rank < s->ranks.size && !s->errors[c->rank])
            s->errors[c->rank] = flux_strdup(c->error);
    }
}

static void print_alike(struct survey *s, uint32_t first)
{
    FLUX_AUTO(hostlist) hosts = flux_hostlist_new();
    FLUX_AUTO_STR text = NULL;
    char buf[FLUX_HOST_SIZE];

    for (uint32_t r = s->ranks.size; r-- > first;)
        if (s->errors[r] && strcmp(s->errors[r], s->errors[first]) == 0) {
            flux_hostlist_append_host(hosts, cli_ranks_host(&s->ranks, r, buf));
            if (r > first)
                free(FLUX_GIVE(s->errors[r]));
        }
    flux_hostlist_sort(hosts);
    text = flux_hostlist_encode(hosts);
    printf("%s: %s\n", text, s->errors[first]);
}

static int run(struct cli *cli)
{
    struct survey s;
    struct flux_error err;
    double timeout;

    if (flux_fsd_parse(cli_str(cli, "timeout", "0.5s"), &timeout, &err) < 0)
        return cli_misused(cli, "--timeout: %s", err.text);
    cli_ranks_get(cli, &s.ranks);
    s.asked = flux_alloc(s.ranks.size * sizeof(s.asked[0]));
    s.errors = flux_alloc(s.ranks.size * sizeof(s.errors[0]));
    ask_parents(&s, cli_handle(cli), timeout);
    for (uint32_t r = 0; r < s.ranks.size; r++)
        if (s.asked[r]) {
            take_answer(&s, s.asked[r]);
            flux_future_free(s.asked[r]);
        }
    for (uint32_t r = 0; r < s.ranks.size; r++)
        if (s.errors[r])
            print_alike(&s, r);
    for (uint32_t r = 0; r < s.ranks.size; r++)
        free(s.errors[r]);
    free(s.errors);
    free(s.asked);
    cli_ranks_done(&s.ranks);
    return 0;
}

const struct flux_verb verb_overlay_errors = {
    .path = "overlay errors",
    .summary = "Show why brokers are not there",
    .options = {options},
    .run = run,
};
