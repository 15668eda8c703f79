// SPDX-License-Identifier: LGPL-3.0-only
/* flux content flush: until all that was stored before is on disk. */
#include <flux/v1/content.h>

#include "handle.h"
#include "verb.h"

static int run(struct cli *cli)
{
    flux_content_flush_request in = FLUX_CONTENT_FLUSH_REQUEST_INIT;
    struct flux_error err;

    if (flux_content_flush(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_content_flush = {
    .path = "content flush",
    .summary = "Flush dirty entries from the cache",
    .run = run,
};
