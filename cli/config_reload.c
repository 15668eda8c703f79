// SPDX-License-Identifier: LGPL-3.0-only
/* flux config reload: a broker reads its configuration files again; with -a, all of them do, once
 * each has found its own files to be good. */
#include <flux/buf.h>
#include <flux/idset.h>
#include <flux/v1/config_rpc.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Reload on all brokers, not only this one"},
    {NULL},
};

struct round {
    struct cli *cli;
    uint32_t first, count;
    bool check_only;
    char **restart; /* per rank: the keys that need one, or NULL */
    struct flux_idset *offline;
};

/* A broker that is away reads its files when it starts. */
static int judge(struct round *r, uint32_t i, int result, const struct flux_error *err)
{
    if (result == 0)
        return 0;
    if (r->count > 1 && (result == -EHOSTUNREACH || result == -ECONNRESET)) {
        flux_idset_add(r->offline, r->first + i);
        return 0;
    }
    return r->count > 1 ? cli_fail(r->cli, "rank %u: %s", r->first + i, err->text)
                        : cli_fail(r->cli, "%s", err->text);
}

static char *join(const flux_config_reload_response *out)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(65536);

    for (size_t i = 0; i < out->n_needs_restart; i++)
        flux_buf_printf(&b, "%s%s", i ? ", " : "", out->needs_restart[i]);
    return b.len ? flux_buf_take(&b) : NULL;
}

/* Ask all at once. The exit code. */
static int ask(struct round *r)
{
    flux_config_reload_request in = FLUX_CONFIG_RELOAD_REQUEST_INIT;
    FLUX_AUTO_MEM(struct flux_future *) calls = flux_alloc(r->count * sizeof(calls[0]));
    struct flux *h = cli_handle(r->cli);
    int code = 0;

    in.check_only = r->check_only;
    for (uint32_t i = 0; i < r->count; i++)
        calls[i] = flux_config_reload_async(h, FLUX_RANK(r->first + i), &in);
    for (uint32_t i = 0; i < r->count; i++) {
        const flux_config_reload_response *out;
        struct flux_error err = {""};
        int result = flux_config_reload_result(calls[i], &out, &err);
        code |= judge(r, i, result, &err);
        if (result == 0 && !r->check_only)
            r->restart[i] = join(out);
        flux_future_free(calls[i]);
    }
    return code;
}

/* The same keys are told of once, for all ranks that say so. */
static void tell_restart(struct round *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        FLUX_AUTO(idset) ranks = flux_idset_new();
        FLUX_AUTO_STR text = NULL;
        if (!r->restart[i])
            continue;
        for (uint32_t k = r->count; k-- > i;)
            if (r->restart[k] && strcmp(r->restart[k], r->restart[i]) == 0) {
                flux_idset_add(ranks, r->first + k);
                if (k > i)
                    free(FLUX_GIVE(r->restart[k]));
            }
        text = flux_idset_encode(ranks, FLUX_IDSET_RANGE);
        if (r->count > 1)
            cli_warn(r->cli, "rank %s: needs a restart: %s", text, r->restart[i]);
        else
            cli_warn(r->cli, "needs a restart: %s", r->restart[i]);
    }
}

static int reload(struct round *r)
{
    int code;

    if (r->count > 1) {
        r->check_only = true;
        if (ask(r))
            return cli_fail(r->cli, "nothing was changed");
        r->check_only = false;
    }
    code = ask(r);
    tell_restart(r);
    if (flux_idset_count(r->offline)) {
        FLUX_AUTO_STR ranks = flux_idset_encode(r->offline, FLUX_IDSET_RANGE);
        cli_warn(r->cli, "rank %s: offline, reads its files when it starts", ranks);
    }
    return code;
}

static int run(struct cli *cli)
{
    struct flux *h = cli_handle(cli);
    bool all = cli_has(cli, "all");
    struct round r = {.cli = cli, .first = all ? 0 : flux_rank(h), .count = all ? flux_size(h) : 1};
    int code;

    r.restart = flux_alloc(r.count * sizeof(r.restart[0]));
    r.offline = flux_idset_new();
    code = reload(&r);
    for (uint32_t i = 0; i < r.count; i++)
        free(r.restart[i]);
    free(r.restart);
    flux_idset_free(r.offline);
    return code;
}

const struct flux_verb verb_config_reload = {
    .path = "config reload",
    .summary = "Reload broker configuration from files",
    .options = {options},
    .run = run,
};
