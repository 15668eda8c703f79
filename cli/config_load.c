// SPDX-License-Identifier: LGPL-3.0-only
/* flux config load: replace the instance's configuration by a JSON object. */
#include <flux/v1/config_rpc.h>

#include "handle.h"
#include "readfile.h"

static int run(struct cli *cli)
{
    flux_config_load_response *out = NULL;
    flux_config_load_request in = FLUX_CONFIG_LOAD_REQUEST_INIT;
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(8 << 20);
    struct flux *h = cli_handle(cli);
    struct flux_error err = {""};

    if (cli->argc > 1)
        return cli_misused(cli, "expected at most one file");
    if (cli_read_file(cli->argc ? cli->argv[0] : "-", &text, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    in.json = text.data;
    if (flux_config_load(h, FLUX_RANK(flux_rank(h)), &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    for (size_t i = 0; i < out->n_needs_restart; i++)
        cli_warn(cli, "needs a restart: %s", out->needs_restart[i]);
    flux_config_load_response_free(out);
    return 0;
}

const struct flux_verb verb_config_load = {
    .path = "config load",
    .args = "[PATH]",
    .summary = "Load broker configuration from a JSON file or standard input",
    .run = run,
};
