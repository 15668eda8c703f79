// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource undrain: give drained nodes back to the scheduler. */
#include <flux/v1/resource.h>

#include "handle.h"
#include "jobargs.h"

static const struct flux_option options[] = {
    {"force", 'f', OPT_FLAG, NULL, "Do not fail for nodes that are not drained"},
    {"update", 'u', OPT_FLAG, NULL, "The same: leave those that are not drained as they are"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_resource_undrain_request in = FLUX_RESOURCE_UNDRAIN_REQUEST_INIT;
    FLUX_AUTO_STR reason = cli_join_args(cli, 1);
    struct flux_error err = {""};

    if (cli->argc == 0)
        return cli_misused(cli, "expected hosts or ranks");
    in.targets = cli->argv[0];
    in.reason = reason ? reason : (char *)"";
    in.force = cli_has(cli, "force") || cli_has(cli, "update");
    if (flux_resource_undrain(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_resource_undrain = {
    .path = "resource undrain",
    .args = "TARGETS [REASON...]",
    .summary = "Return drained nodes",
    .options = {options},
    .tagged = true,
    .run = run,
};
