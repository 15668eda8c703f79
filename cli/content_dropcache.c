// SPDX-License-Identifier: LGPL-3.0-only
/* flux content dropcache: free what can be read again. */
#include <flux/v1/content.h>

#include "handle.h"
#include "verb.h"

static int run(struct cli *cli)
{
    flux_content_dropcache_request in = FLUX_CONTENT_DROPCACHE_REQUEST_INIT;
    struct flux_error err;

    if (flux_content_dropcache(cli_handle(cli), FLUX_ANY, &in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

const struct flux_verb verb_content_dropcache = {
    .path = "content dropcache",
    .summary = "Drop non-essential entries from the cache",
    .run = run,
};
