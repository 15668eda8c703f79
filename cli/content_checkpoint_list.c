// SPDX-License-Identifier: LGPL-3.0-only
/* flux content checkpoint list: the checkpoints that the store keeps, newest first. */
#include <jansson.h>
#include <time.h>

#include <flux/v1/content.h>

#include "handle.h"
#include "verb.h"

static const struct flux_option options[] = {
    {"no-header", 'n', OPT_FLAG, NULL, "Do not print the header"},
    {"json", 'j', OPT_FLAG, NULL, "Print each checkpoint as a JSON object"},
    {NULL},
};

static void print_json(const flux_content_checkpoint *c)
{
    json_t *o = json_pack("{s:f, s:I, s:s}", "timestamp", c->timestamp, "sequence",
                          (json_int_t)c->version, "rootref", c->rootref);
    char *text = json_dumps(o, JSON_COMPACT);

    puts(text);
    free(text);
    json_decref(o);
}

static int run(struct cli *cli)
{
    flux_content_checkpoints_request in = FLUX_CONTENT_CHECKPOINTS_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_content_checkpoints_response) out = NULL;
    struct flux_error err;
    char stamp[32];
    struct tm tm;

    if (flux_content_checkpoints(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (!cli_has(cli, "no-header") && !cli_has(cli, "json"))
        printf("%-4s %-20s %-10s %s\n", "IDX", "TIMESTAMP", "SEQUENCE", "ROOTREF");
    for (size_t i = 0; i < out->n_checkpoints; i++) {
        const flux_content_checkpoint *c = out->checkpoints[i];
        time_t t = c->timestamp;

        if (cli_has(cli, "json")) {
            print_json(c);
            continue;
        }
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", localtime_r(&t, &tm));
        printf("%-4zu %-20s %-10llu %s\n", i, stamp, (unsigned long long)c->version, c->rootref);
    }
    return 0;
}

const struct flux_verb verb_content_checkpoint_list = {
    .path = "content checkpoint list",
    .summary = "List the checkpoints of the KVS",
    .options = {options},
    .run = run,
};
