// SPDX-License-Identifier: LGPL-3.0-only
/* flux config reload: a broker reads its configuration files again; with -a, all of them do. */
#include <flux/v1/config_rpc.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Reload on all brokers, not only this one"},
    {NULL},
};

static int collect(struct cli *cli, struct flux_future *f, uint32_t rank, bool named)
{
    const flux_config_reload_response *out;
    struct flux_error err = {""};
    int r = flux_config_reload_result(f, &out, &err);

    if (r < 0)
        return named ? cli_fail(cli, "rank %u: %s", rank, err.text) : cli_fail(cli, "%s", err.text);
    for (size_t i = 0; i < out->n_needs_restart; i++)
        cli_warn(cli, "%s: the change acts after a restart", out->needs_restart[i]);
    return 0;
}

static int run(struct cli *cli)
{
    flux_config_reload_request in = FLUX_CONFIG_RELOAD_REQUEST_INIT;
    struct flux *h = cli_handle(cli);
    bool all = cli_has(cli, "all");
    uint32_t first = all ? 0 : flux_rank(h), count = all ? flux_size(h) : 1;
    FLUX_AUTO_MEM(struct flux_future *) calls = flux_alloc(count * sizeof(calls[0]));
    int code = 0;

    for (uint32_t i = 0; i < count; i++)
        calls[i] = flux_config_reload_async(h, FLUX_RANK(first + i), &in);
    for (uint32_t i = 0; i < count; i++) {
        code |= collect(cli, calls[i], first + i, all);
        flux_future_free(calls[i]);
    }
    return code;
}

const struct flux_verb verb_config_reload = {
    .path = "config reload",
    .summary = "Reload broker configuration from files",
    .options = {options},
    .run = run,
};
