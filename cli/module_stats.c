// SPDX-License-Identifier: LGPL-3.0-only
/* flux module stats: the counters of the methods of one module, by its name or that of a service.
 */
#include <flux/v1/module.h>

#include "methodstats.h"

static const struct flux_option options[] = {
    {"rank", 'r', OPT_INT, "RANK", "Ask this broker (default: the one connected to)"},
    {"clear", 'c', OPT_FLAG, NULL, "Set the counters to zero"},
    {NULL},
};

static const flux_module_info *find(const flux_module_list_response *list, const char *name)
{
    for (size_t i = 0; i < list->n_modules; i++) {
        if (strcmp(list->modules[i]->name, name) == 0)
            return list->modules[i];
    }
    return NULL;
}

/* What is not the name of a module is that of a service, or nothing is called so. */
static int add_named(struct cli *cli, struct method_stats *s, uint32_t rank, const char *name,
                     struct flux_error *err)
{
    flux_module_list_request in = FLUX_MODULE_LIST_REQUEST_INIT;
    flux_module_list_response *list = NULL;
    struct flux *h = cli_handle(cli);
    bool clear = cli_has(cli, "clear");
    const flux_module_info *m;
    int r = flux_module_list(h, FLUX_RANK(rank), &in, &list, err);

    if (r < 0)
        return r;
    m = find(list, name);
    for (size_t i = 0; m && r == 0 && i < m->n_services; i++)
        r = method_stats_add(s, h, rank, m->services[i], clear, err);
    if (!m)
        r = method_stats_add(s, h, rank, name, clear, err);
    if (r == -ENOENT && !m)
        flux_error_set(err, r, "rank %u has no module and no service named '%s'", rank, name);
    flux_module_list_response_free(list);
    return r;
}

static int run(struct cli *cli)
{
    struct flux *h = cli_handle(cli);
    struct flux_error err = {""};
    uint32_t rank = (uint32_t)cli_int(cli, "rank", flux_rank(h));
    struct method_stats s = {0};
    int r, code = 0;

    if (cli->argc > 1)
        return cli_misused(cli, "expected at most one name");
    if (cli->argc > 0)
        r = add_named(cli, &s, rank, cli->argv[0], &err);
    else
        r = method_stats_add(&s, h, rank, "", cli_has(cli, "clear"), &err);
    if (r < 0)
        code = cli_fail(cli, "%s", err.text);
    else
        method_stats_print(&s);
    method_stats_done(&s);
    return code;
}

const struct flux_verb verb_module_stats = {
    .path = "module stats",
    .args = "[NAME]",
    .summary = "Show counters of the methods of a module or service",
    .options = {options},
    .run = run,
};
