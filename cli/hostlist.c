// SPDX-License-Identifier: LGPL-3.0-only
/* flux hostlist: fetch, combine and print lists of hosts. */
#include <flux/fluid.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/rset.h>
#include <flux/v1/job_list.h>
#include <flux/v1/resource.h>

#include "handle.h"
#include "readfile.h"

static const struct flux_option options[] = {
    {"expand", 'e', OPT_FLAG, NULL, "Print each host, separated by the delimiter"},
    {"delimiter", 'd', OPT_STR, "STR", "Delimiter of --expand (default a blank)"},
    {"count", 'c', OPT_FLAG, NULL, "Print the number of hosts"},
    {"nth", 'n', OPT_STR, "IDS", "Only the hosts at these places (0 is the first, -1 the last)"},
    {"find", 'F', OPT_STR, "HOSTS", "Print the places of these hosts"},
    {"limit", 'L', OPT_INT, "N", "At most N hosts (negative: from the end)"},
    {"sort", 'S', OPT_FLAG, NULL, "Sort"},
    {"unique", 'u', OPT_FLAG, NULL, "Sort and drop repeats"},
    {"exclude", 'x', OPT_STR, "HOSTS|IDS", "Without these hosts or places"},
    {"union", 'U', OPT_FLAG, NULL, "Hosts of any list, sorted (the same as -u)"},
    {"intersect", 'i', OPT_FLAG, NULL, "Hosts that are in all lists"},
    {"minus", 'm', OPT_FLAG, NULL, "Hosts of the first list without those of the others"},
    {"xor", 'X', OPT_FLAG, NULL, "Hosts that are in an odd number of lists"},
    {"fallback", 'f', OPT_FLAG, NULL, "Take what is no job id as a host name"},
    {"local", 'l', OPT_FLAG, NULL, "The default list is this host's job, or the instance"},
    {"quiet", 'q', OPT_FLAG, NULL, "No output; exit 1 if the result is empty"},
    {NULL},
};

static struct flux_hostlist *decode(struct cli *cli, const char *text)
{
    struct flux_hostlist *hl = NULL;
    struct flux_error err = {""};

    if (flux_hostlist_decode(text, &hl, &err) < 0)
        cli_die(cli, "%s", err.text);
    return hl;
}

static struct flux_hostlist *hosts_of_instance(struct cli *cli)
{
    const char *hosts = flux_attr(cli_handle(cli), "hostlist");

    if (!hosts)
        cli_die(cli, "the instance does not tell its hosts");
    return decode(cli, hosts);
}

/* Hosts that are available for work: not drained, not excluded, online. */
static struct flux_hostlist *hosts_available(struct cli *cli)
{
    flux_resource_status_request in = FLUX_RESOURCE_STATUS_REQUEST_INIT;
    flux_resource_status_response *out = NULL;
    FLUX_AUTO(idset) online = NULL;
    FLUX_AUTO(idset) exclude = NULL;
    FLUX_AUTO(rset) all = NULL;
    FLUX_AUTO(rset) part = NULL;
    struct flux_error err = {""};

    if (flux_resource_status(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0 ||
        flux_rset_decode(out->r, &all, &err) < 0 ||
        flux_idset_decode(out->online, &online, &err) < 0 ||
        flux_idset_decode(out->exclude, &exclude, &err) < 0)
        cli_die(cli, "%s", err.text);
    flux_idset_remove_set(online, exclude);
    for (size_t i = 0; i < out->n_drain; i++) {
        FLUX_AUTO(idset) drained = NULL;

        if (flux_idset_decode(out->drain[i]->ranks, &drained, NULL) == 0)
            flux_idset_remove_set(online, drained);
    }
    flux_resource_status_response_free(out);
    part = flux_rset_copy_ranks(all, online);
    return flux_rset_hosts(part);
}

static struct flux_hostlist *hosts_of_job(struct cli *cli, uint64_t id)
{
    flux_job_list_ids_request in = FLUX_JOB_LIST_IDS_REQUEST_INIT;
    flux_job_list_ids_response *out = NULL;
    struct flux_error err = {""};
    struct flux_hostlist *hl;

    in.ids = &id;
    in.n_ids = 1;
    if (flux_job_list_ids(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        cli_die(cli, "%s", err.text);
    if (out->n_jobs == 0 || !*out->jobs[0]->nodelist)
        cli_die(cli, "%s: the job has no hosts yet", flux_fluid_f58(id));
    hl = decode(cli, out->jobs[0]->nodelist);
    flux_job_list_ids_response_free(out);
    return hl;
}

static struct flux_hostlist *hosts_of_input(struct cli *cli)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(64 << 20);
    FLUX_AUTO(hostlist) hl = flux_hostlist_new();
    struct flux_error err = {""};

    if (cli_read_file("-", &text, &err) < 0)
        cli_die(cli, "%s", err.text);
    for (char *save = NULL, *word = strtok_r(text.data, " \t\n", &save); word;
         word = strtok_r(NULL, " \t\n", &save))
        if (flux_hostlist_append(hl, word, &err) < 0)
            cli_die(cli, "%s", err.text);
    return FLUX_GIVE(hl);
}

/* instance, avail, local, stdin or -, a job id, or a literal list. */
static struct flux_hostlist *get_source(struct cli *cli, const char *source)
{
    uint64_t id;

    if (strcmp(source, "instance") == 0)
        return hosts_of_instance(cli);
    if (strcmp(source, "avail") == 0)
        return hosts_available(cli);
    if (strcmp(source, "stdin") == 0 || strcmp(source, "-") == 0)
        return hosts_of_input(cli);
    if (strcmp(source, "local") == 0)
        return getenv("FLUX_JOB_ID") && flux_fluid_parse(getenv("FLUX_JOB_ID"), &id, NULL) == 0
                   ? hosts_of_job(cli, id)
                   : hosts_of_instance(cli);
    if (!cli_has(cli, "fallback") && flux_fluid_parse(source, &id, NULL) == 0)
        return hosts_of_job(cli, id);
    return decode(cli, source);
}

static void replace(struct flux_hostlist **a, struct flux_hostlist *b)
{
    flux_hostlist_free(*a);
    *a = b;
}

/* Hosts in exactly one of both. */
static struct flux_hostlist *exclusive_or(struct flux_hostlist *a, struct flux_hostlist *b)
{
    struct flux_hostlist *left = flux_hostlist_exclude(a, b);
    FLUX_AUTO(hostlist) right = flux_hostlist_exclude(b, a);

    flux_hostlist_append_list(left, right);
    return left;
}

static struct flux_hostlist *combine(struct cli *cli)
{
    const char *dflt = cli_has(cli, "local") ? "local" : "stdin";
    struct flux_hostlist *sum = get_source(cli, cli->argc > 0 ? cli->argv[0] : dflt);

    for (int i = 1; i < cli->argc; i++) {
        FLUX_AUTO(hostlist) next = get_source(cli, cli->argv[i]);

        if (cli_has(cli, "intersect"))
            replace(&sum, flux_hostlist_intersect(sum, next));
        else if (cli_has(cli, "minus"))
            replace(&sum, flux_hostlist_minus(sum, next));
        else if (cli_has(cli, "xor"))
            replace(&sum, exclusive_or(sum, next));
        else
            flux_hostlist_append_list(sum, next);
    }
    if (cli_has(cli, "intersect") || cli_has(cli, "xor") || cli_has(cli, "unique") ||
        cli_has(cli, "union"))
        flux_hostlist_sort(sum), flux_hostlist_uniq(sum);
    else if (cli_has(cli, "sort"))
        flux_hostlist_sort(sum);
    return sum;
}

static void exclude(struct cli *cli, struct flux_hostlist **hl, const char *text)
{
    FLUX_AUTO(idset) places = NULL;
    FLUX_AUTO(hostlist) hosts = NULL;
    FLUX_AUTO(idset) keep = flux_idset_new();

    if (flux_idset_decode(text, &places, NULL) < 0) {
        hosts = decode(cli, text);
        replace(hl, flux_hostlist_exclude(*hl, hosts));
        return;
    }
    if (flux_hostlist_count(*hl) > 0)
        flux_idset_add_range(keep, 0, (unsigned)flux_hostlist_count(*hl) - 1);
    flux_idset_remove_set(keep, places);
    replace(hl, flux_hostlist_pick(*hl, keep));
}

static void pick_nth(struct cli *cli, struct flux_hostlist **hl, const char *text)
{
    size_t count = flux_hostlist_count(*hl);
    FLUX_AUTO(idset) places = NULL;
    struct flux_error err = {""};
    long n = strtol(text, NULL, 10);

    if (n < 0) {
        if ((size_t)-n > count)
            cli_die(cli, "invalid index %ld: the list has %zu hosts", n, count);
        places = flux_idset_new();
        flux_idset_add(places, (unsigned)((long)count + n));
    } else if (flux_idset_decode(text, &places, &err) < 0) {
        cli_die(cli, "%s", err.text);
    }
    if (!flux_idset_empty(places) && flux_idset_last(places) >= count)
        cli_die(cli, "invalid index %u: the list has %zu hosts", flux_idset_last(places), count);
    replace(hl, flux_hostlist_pick(*hl, places));
}

static void limit(struct flux_hostlist **hl, long long n)
{
    size_t count = flux_hostlist_count(*hl), keep = (size_t)(n < 0 ? -n : n);
    FLUX_AUTO(idset) places = flux_idset_new();

    if (keep >= count)
        return;
    if (keep > 0)
        flux_idset_add_range(places, n < 0 ? (unsigned)(count - keep) : 0,
                             (unsigned)(n < 0 ? count : keep) - 1);
    replace(hl, flux_hostlist_pick(*hl, places));
}

static int find(struct cli *cli, const struct flux_hostlist *hl, const char *text)
{
    FLUX_AUTO(hostlist) wanted = decode(cli, text);
    FLUX_AUTO(idset) places = NULL;
    struct flux_error err = {""};
    FLUX_AUTO_STR out = NULL;

    if (flux_hostlist_positions(hl, wanted, &places, &err) < 0)
        return cli_has(cli, "quiet") ? 1 : cli_fail(cli, "%s", err.text);
    out = flux_idset_encode(places, FLUX_IDSET_RANGE);
    if (!cli_has(cli, "quiet"))
        puts(out);
    return 0;
}

static void print(struct cli *cli, const struct flux_hostlist *hl)
{
    const char *delimiter = cli_str(cli, "delimiter", " ");
    FLUX_AUTO_STR text = NULL;
    bool first = true;

    if (cli_has(cli, "count")) {
        printf("%zu\n", flux_hostlist_count(hl));
    } else if (cli_has(cli, "expand")) {
        FLUX_HOSTLIST_FOREACH(hl, it, name)
        {
            printf("%s%s", first ? "" : strcmp(delimiter, "\\n") == 0 ? "\n" : delimiter, name);
            first = false;
        }
        putchar('\n');
    } else {
        text = flux_hostlist_encode(hl);
        puts(text);
    }
}

static int run(struct cli *cli)
{
    FLUX_AUTO(hostlist) hl = combine(cli);

    if (cli_has(cli, "exclude"))
        exclude(cli, &hl, cli_str(cli, "exclude", ""));
    if (cli_has(cli, "nth"))
        pick_nth(cli, &hl, cli_str(cli, "nth", ""));
    if (cli_has(cli, "limit"))
        limit(&hl, cli_int(cli, "limit", 0));
    if (cli_has(cli, "find"))
        return find(cli, hl, cli_str(cli, "find", ""));
    if (!cli_has(cli, "quiet"))
        print(cli, hl);
    return cli_has(cli, "quiet") && flux_hostlist_count(hl) == 0;
}

const struct flux_verb verb_hostlist = {
    .path = "hostlist",
    .args = "[SOURCE...]",
    .summary = "Fetch, combine and print lists of hosts",
    .options = {options},
    .more = "A SOURCE is instance, avail, local, stdin (or -), a job id, or a hostlist.",
    .tagged = true,
    .run = run,
};
