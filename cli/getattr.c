// SPDX-License-Identifier: LGPL-3.0-only
/* flux getattr: print one broker attribute. */
#include <flux/v1/broker.h>

#include "handle.h"

static int run(struct cli *cli)
{
    flux_broker_get_attr_request in = FLUX_BROKER_GET_ATTR_REQUEST_INIT;
    flux_broker_get_attr_response *out = NULL;
    struct flux_error err = {""};

    if (cli->argc != 1)
        return cli_misused(cli, "expected the name of one attribute");
    in.name = cli->argv[0];
    if (flux_broker_get_attr(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    puts(out->value);
    flux_broker_get_attr_response_free(out);
    return 0;
}

const struct flux_verb verb_getattr = {
    .path = "getattr",
    .args = "NAME",
    .summary = "Get broker attribute",
    .run = run,
};
