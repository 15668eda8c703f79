// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource reload: replace the instance's inventory by an R file. */
#include <flux/v1/resource.h>

#include "handle.h"
#include "readfile.h"

static const struct flux_option options[] = {
    {"force", 'f', OPT_FLAG, NULL, "Even though jobs are running"},
    {NULL},
};

static int run(struct cli *cli)
{
    flux_resource_reload_request in = FLUX_RESOURCE_RELOAD_REQUEST_INIT;
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(8 << 20);
    struct flux_error err = {""};

    if (cli->argc != 1)
        return cli_misused(cli, "expected one file");
    if (cli_read_file(cli->argv[0], &text, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    in.r = text.data;
    in.force = cli_has(cli, "force");
    if (flux_resource_reload(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_resource_reload = {
    .path = "resource reload",
    .args = "PATH",
    .summary = "Replace the resource inventory by an R file",
    .options = {options},
    .tagged = true,
    .run = run,
};
