// SPDX-License-Identifier: LGPL-3.0-only
/* flux pgrep: find jobs by name. Exit 0: found, 1: none, 2: bad pattern. */
#include "handle.h"
#include "jobfields.h"
#include "listing.h"
#include "pgrepargs.h"

static const struct flux_option options[] = {
    PGREP_OPTIONS,
    LISTING_OPTIONS,
    {NULL},
};

static const struct format_named formats[] = {
    {"default", "Default flux-pgrep format string: job ids", "{id.f58}"},
    {"full", "Job ids and names", "{id.f58:>12} {name:<.32+}"},
    {"long", "The columns of flux-jobs",
     "{id.f58:>12} ?:{queue:<8.8} +:{username:<8} {name:<10.10+} {status_abbrev:>2.2} "
     "{ntasks:>6} {nnodes:>6h} {contextual_time!F:>8h} {contextual_info}"},
    {NULL},
};

static const struct listing listing = {"flux-pgrep", "FLUX_PGREP_FORMAT_DEFAULT", job_fields,
                                       formats};

static int run(struct cli *cli)
{
    flux_job_list_list_response *out = NULL;
    struct flux_error err = {""};
    struct format *f = NULL;
    struct job_rows rows;
    size_t count;
    bool header;
    int r;

    r = listing_format(cli, &listing, &f, &err);
    if (r > 0)
        return 0;
    if (r < 0) {
        cli_fail(cli, "%s", err.text);
        return 2;
    }
    header = cli_has(cli, "format") && !cli_has(cli, "no-header");
    r = pgrep_find(cli, &out, &count);
    if (r == 0) {
        job_rows_init(&rows, out->jobs, count);
        if (listing_print(f, rows.rows, sizeof(rows.rows[0]), count, NULL, header, &err) < 0)
            r = cli_fail(cli, "%s", err.text);
        job_rows_done(&rows);
    }
    if (out)
        flux_job_list_list_response_free(out);
    format_free(f);
    return r;
}

const struct flux_verb verb_pgrep = {
    .path = "pgrep",
    .args = "PATTERN|ID1..ID2",
    .summary = "Find jobs by name",
    .options = {options},
    .tagged = true,
    .run = run,
};
