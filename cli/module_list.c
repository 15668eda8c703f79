// SPDX-License-Identifier: LGPL-3.0-only
/* flux module list: the modules of this broker. */
#include <flux/buf.h>
#include <flux/v1/module.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"long", 'l', OPT_FLAG, NULL, "Include full DSO path for each module"},
    {NULL},
};

static void print_module(const flux_module_info *m, bool with_path)
{
    FLUX_AUTO_BUF services = FLUX_BUF_INIT(0);
    char idle[32];

    for (size_t i = 0; i < m->n_services; i++)
        flux_buf_printf(&services, "%s%s", i ? "," : "", m->services[i]);
    if (m->idle < 100)
        snprintf(idle, sizeof(idle), "%d", (int)m->idle);
    else
        snprintf(idle, sizeof(idle), "idle");
    printf("%-24s %5s  %s %6u %6u %s%s%s\n", m->name, idle, m->state, m->sendq, m->recvq,
           services.data ? services.data : "", with_path ? " " : "", with_path ? m->path : "");
}

static int run(struct cli *cli)
{
    flux_module_list_request in = FLUX_MODULE_LIST_REQUEST_INIT;
    flux_module_list_response *out = NULL;
    struct flux *h = cli_handle(cli);
    struct flux_error err = {""};
    bool with_path = cli_has(cli, "long");

    if (flux_module_list(h, FLUX_RANK(flux_rank(h)), &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    printf("%-24s %5s  %s %6s %6s %s%s\n", "Module", "Idle", "S", "Sendq", "Recvq", "Service",
           with_path ? " Path" : "");
    for (size_t i = 0; i < out->n_modules; i++)
        print_module(out->modules[i], with_path);
    flux_module_list_response_free(out);
    return 0;
}

const struct flux_verb verb_module_list = {
    .path = "module list",
    .summary = "List loaded modules",
    .options = {options},
    .run = run,
};
