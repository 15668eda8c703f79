// SPDX-License-Identifier: LGPL-3.0-only
/* flux lsattr: list broker attributes. */
#include <flux/v1/broker.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"values", 'v', OPT_FLAG, NULL, "Show values, too"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_broker_list_attr_request in = FLUX_BROKER_LIST_ATTR_REQUEST_INIT;
    flux_broker_list_attr_response *out = NULL;
    struct flux_error err = {""};

    if (flux_broker_list_attr(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    for (size_t i = 0; i < out->n_attrs; i++) {
        if (cli_has(cli, "values"))
            printf("%-40s%s\n", out->attrs[i]->name, out->attrs[i]->value);
        else
            puts(out->attrs[i]->name);
    }
    flux_broker_list_attr_response_free(out);
    return 0;
}

const struct flux_verb verb_lsattr = {
    .path = "lsattr",
    .summary = "List broker attributes",
    .options = {options},
    .run = run,
};
