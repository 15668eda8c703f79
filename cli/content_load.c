// SPDX-License-Identifier: LGPL-3.0-only
/* flux content load: blobs by reference, on standard output one after the other. */
#include <flux/v1/content.h>

#include "handle.h"
#include "verb.h"

static const struct flux_option options[] = {
    {"bypass-cache", 'b', OPT_FLAG, NULL, "Ask rank 0"},
    {NULL},
};

static int load(struct cli *cli, const char *ref)
{
    flux_content_load_request in = FLUX_CONTENT_LOAD_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_content_load_response) out = NULL;
    struct flux_to to = cli_has(cli, "bypass-cache") ? FLUX_RANK(0) : FLUX_ANY;
    struct flux_error err;

    in.ref = (char *)ref;
    if (flux_content_load(cli_handle(cli), to, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (out->data.len)
        fwrite(out->data.data, 1, out->data.len, stdout);
    return 0;
}

/* References as arguments, or one a line on standard input. */
static int run(struct cli *cli)
{
    char line[256];
    int r = 0;

    for (int i = 0; i < cli->argc && r == 0; i++)
        r = load(cli, cli->argv[i]);
    while (cli->argc == 0 && r == 0 && fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        r = load(cli, line);
    }
    return r;
}

const struct flux_verb verb_content_load = {
    .path = "content load",
    .args = "[BLOBREF...]",
    .summary = "Load blobs to standard output",
    .options = {options},
    .run = run,
};
