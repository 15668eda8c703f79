// SPDX-License-Identifier: LGPL-3.0-only
/* flux content store: standard input as blobs; their references on standard output. */
#include <unistd.h>

#include <flux/buf.h>
#include <flux/v1/content.h>

#include "handle.h"
#include "verb.h"

#define BLOB_MAX (1 << 20)

static const struct flux_option options[] = {
    {"bypass-cache", 'b', OPT_FLAG, NULL, "Ask rank 0"},
    {"chunksize", 0, OPT_INT, "BYTES", "Store blobs of at most this size, one reference a line"},
    {NULL},
};

static int read_full(char *data, size_t max, size_t *len)
{
    ssize_t n;

    *len = 0;
    do {
        n = read(STDIN_FILENO, data + *len, max - *len);
        if (n > 0)
            *len += n;
    } while (n > 0 && *len < max);
    return n < 0 ? -errno : 0;
}

static int store(struct cli *cli, const char *data, size_t len)
{
    flux_content_store_request in = FLUX_CONTENT_STORE_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_content_store_response) out = NULL;
    struct flux_to to = cli_has(cli, "bypass-cache") ? FLUX_RANK(0) : FLUX_ANY;
    struct flux_error err;

    in.data.data = (uint8_t *)data;
    in.data.len = len;
    if (flux_content_store(cli_handle(cli), to, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    puts(out->ref);
    return 0;
}

static int run(struct cli *cli)
{
    long long chunk = cli_int(cli, "chunksize", 0);
    size_t max = chunk > 0 ? chunk : BLOB_MAX + 1, len;
    FLUX_AUTO_MEM(char) data = NULL;
    bool first = true;
    int r;

    if (chunk < 0 || chunk > BLOB_MAX)
        return cli_misused(cli, "--chunksize: expected 1 to %d", BLOB_MAX);
    data = flux_alloc(max);
    do {
        r = read_full(data, max, &len);
        if (r < 0)
            return cli_fail(cli, "standard input: %s", strerror(-r));
        if (len > 0 || first)
            r = store(cli, data, len);
        first = false;
    } while (r == 0 && chunk > 0 && len == max);
    return r;
}

const struct flux_verb verb_content_store = {
    .path = "content store",
    .summary = "Store a blob from standard input",
    .options = {options},
    .run = run,
};
