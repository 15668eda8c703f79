// SPDX-License-Identifier: LGPL-3.0-only
/* flux setattr: change a broker attribute that may be changed while it runs. */
#include <flux/v1/broker.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"force", 'f', OPT_FLAG, NULL, "Set the attribute even if it does not exist yet"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_broker_set_attr_request in = FLUX_BROKER_SET_ATTR_REQUEST_INIT;
    struct flux_error err = {""};

    if (cli->argc != 2)
        return cli_misused(cli, "expected a name and a value");
    in.name = cli->argv[0];
    in.value = cli->argv[1];
    in.force = cli_has(cli, "force");
    if (flux_broker_set_attr(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_setattr = {
    .path = "setattr",
    .args = "NAME VALUE",
    .summary = "Set broker attribute",
    .options = {options},
    .run = run,
};
