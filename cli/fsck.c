// SPDX-License-Identifier: LGPL-3.0-only
/* flux fsck: read and verify all that is stored, and move aside what is damaged. */
#include <jansson.h>

#include <flux/v1/kvs.h>

#include "handle.h"

static const struct flux_option options[] = {
    {"verbose", 'v', OPT_FLAG, NULL, "Tell also what was looked at, and what is in quarantine"},
    {"quiet", 'q', OPT_FLAG, NULL, "Print nothing: the exit code tells"},
    {"rootref", 'r', OPT_STR, "BLOBREF", "Check this snapshot, not the present contents"},
    {"repair", 'R', OPT_FLAG, NULL, "Move what is damaged to lost+found"},
    {"json", 'j', OPT_FLAG, NULL, "Print the result as a JSON object"},
    {NULL},
};

static bool in_quarantine(const flux_kvs_damage *d)
{
    return strcmp(d->what, "quarantine") == 0;
}

static json_t *damage_json(const flux_kvs_damage *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "namespace", d->namespace_, "key",
                     d->key, "what", d->what, "from", d->from, "to", d->to, "text", d->text, "ref",
                     d->ref);
}

static void print_json(const flux_kvs_fsck_response *out)
{
    json_t *damages = json_array(), *o;
    char *text;

    for (size_t i = 0; i < out->n_damages; i++)
        json_array_append_new(damages, damage_json(out->damages[i]));
    o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "damaged", (json_int_t)out->damaged,
                  "repaired", (json_int_t)out->repaired, "directories",
                  (json_int_t)out->directories, "values", (json_int_t)out->values, "nodes",
                  (json_int_t)out->nodes, "bytes", (json_int_t)out->bytes, "damages", damages);
    text = json_dumps(o, JSON_COMPACT);
    puts(text);
    free(text);
    json_decref(o);
}

static void print_damage(struct cli *cli, const flux_kvs_damage *d)
{
    bool primary = !*d->namespace_ || strcmp(d->namespace_, "primary") == 0;

    if (in_quarantine(d) && !cli_has(cli, "verbose"))
        return;
    if (!*d->key)
        fprintf(stderr, "%s: %s: %s\n", cli->tool, d->what, d->text);
    else if (strcmp(d->what, "entries") == 0)
        fprintf(stderr, "%s: %s%s%s: the entries from '%s' to %s%s%s cannot be read: %s\n",
                cli->tool, primary ? "" : d->namespace_, primary ? "" : "::", d->key, d->from,
                *d->to ? "before '" : "the end", d->to, *d->to ? "'" : "", d->text);
    else
        fprintf(stderr, "%s: %s%s%s: the %s cannot be read: %s\n", cli->tool,
                primary ? "" : d->namespace_, primary ? "" : "::", d->key, d->what, d->text);
}

static size_t count_quarantine(const flux_kvs_fsck_response *out)
{
    size_t n = 0;

    for (size_t i = 0; i < out->n_damages; i++)
        n += in_quarantine(out->damages[i]);
    return n;
}

static void print(struct cli *cli, const flux_kvs_fsck_response *out)
{
    size_t quarantined = count_quarantine(out);

    for (size_t i = 0; i < out->n_damages; i++)
        print_damage(cli, out->damages[i]);
    if (cli_has(cli, "verbose"))
        fprintf(stderr, "%s: %llu directories, %llu values, %llu nodes, %llu bytes\n", cli->tool,
                (unsigned long long)out->directories, (unsigned long long)out->values,
                (unsigned long long)out->nodes, (unsigned long long)out->bytes);
    if (quarantined)
        fprintf(stderr, "%s: %zu records are in quarantine since they were found damaged%s\n",
                cli->tool, quarantined, cli_has(cli, "verbose") ? "" : " (-v lists them)");
    if (out->repaired)
        fprintf(stderr, "%s: %llu were moved to lost+found\n", cli->tool,
                (unsigned long long)out->repaired);
    fprintf(stderr, "%s: %llu damaged\n", cli->tool, (unsigned long long)out->damaged);
}

static int run(struct cli *cli)
{
    flux_kvs_fsck_request in = FLUX_KVS_FSCK_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_fsck_response) out = NULL;
    struct flux_error err;

    if (cli_has(cli, "repair") && cli_has(cli, "rootref"))
        return cli_misused(cli, "a snapshot cannot be repaired: --repair and --rootref exclude "
                                "each other");
    in.rootref = (char *)cli_str(cli, "rootref", "");
    in.repair = cli_has(cli, "repair");
    if (flux_kvs_fsck(cli_handle(cli), FLUX_RANK(0), &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (cli_has(cli, "json"))
        print_json(out);
    else if (!cli_has(cli, "quiet"))
        print(cli, out);
    return out->damaged > out->repaired;
}

const struct flux_verb verb_fsck = {
    .path = "fsck",
    .summary = "Check what the instance has stored, and repair it",
    .options = {options},
    .run = run,
};
