// SPDX-License-Identifier: LGPL-3.0-only
/* flux pgrep: find jobs by name. Exit 0: found, 1: none, 2: bad pattern. */
#include "handle.h"
#include "jobfields.h"
#include "pgrepargs.h"

static const struct flux_option options[] = {
    PGREP_OPTIONS,
    {"no-header", 'n', OPT_FLAG, NULL, "Suppress printing of header line (the default)"},
    {"format", 'o', OPT_STR, "FORMAT", "Output format, or its name (help: list them)"},
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

static int run(struct cli *cli)
{
    flux_job_list_list_response *out = NULL;
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(1 << 28);
    struct flux_error err = {""};
    FLUX_AUTO_STR spec = NULL;
    struct format *f = NULL;
    struct job_rows rows;
    size_t count;
    bool header;
    int r;

    r = format_choose("flux-pgrep", cli_str(cli, "format", NULL), formats,
                      "FLUX_PGREP_FORMAT_DEFAULT", &spec, &err);
    if (r > 0)
        return 0;
    if (r < 0 || format_compile(job_fields, spec, &f, &err) < 0) {
        cli_fail(cli, "%s", err.text);
        return 2;
    }
    header = cli_has(cli, "format") && !cli_has(cli, "no-header");
    r = pgrep_find(cli, &out, &count);
    if (r == 0) {
        job_rows_init(&rows, out->jobs, count);
        format_rows(f, rows.pointers, count, NULL, header, &text, &err);
        job_rows_done(&rows);
        if (text.len)
            fwrite(text.data, 1, text.len, stdout);
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
