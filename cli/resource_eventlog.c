// SPDX-License-Identifier: LGPL-3.0-only
/* flux resource eventlog: what has happened to nodes (RFC 44), as it is stored. */
#include "kvs/kvs.h"

#include <flux/hostlist.h>
#include <flux/idset.h>

static const struct flux_option options[] = {
    EVENT_STYLE_OPTIONS,
    {"follow", 'F', OPT_FLAG, NULL, "Go on with new events"},
    {"wait", 'w', OPT_STR, "EVENT", "Print up to the first EVENT; wait for it if there is none"},
    {"match-context", 'm', OPT_MULTI, "KEY=VAL", "With --wait: only one with this in its context"},
    {"timeout", 't', OPT_FSD, "FSD", "With --wait: give up after this time"},
    {"include", 'i', OPT_STR, "HOSTS|RANKS", "Only events of these hosts or ranks, or of all"},
    {NULL},
};

struct targets {
    struct flux_idset *ranks;
    struct flux_hostlist *hosts;
};

static int targets_init(struct targets *t, const char *text, struct flux_error *err)
{
    *t = (struct targets){NULL};
    if (!text || flux_idset_decode(text, &t->ranks, NULL) == 0)
        return 0;
    return flux_hostlist_decode(text, &t->hosts, err);
}

static void targets_done(struct targets *t)
{
    flux_idset_free(t->ranks);
    flux_hostlist_free(t->hosts);
}

static bool names_host(const struct flux_hostlist *targets, const char *nodelist)
{
    FLUX_AUTO(hostlist) hosts = NULL;

    if (!nodelist || flux_hostlist_decode(nodelist, &hosts, NULL) < 0)
        return false;
    FLUX_HOSTLIST_FOREACH(hosts, it, name)
    if (flux_hostlist_find(targets, name) >= 0)
        return true;
    return false;
}

/* Events that name no ranks are about all. */
static bool concerns(const struct targets *t, const struct flux_eventlog_entry *e)
{
    const char *idset = json_string_value(json_object_get(e->context, "idset"));
    FLUX_AUTO(idset) ranks = NULL;

    if (!idset || (!t->ranks && !t->hosts))
        return true;
    if (t->hosts)
        return names_host(t->hosts, json_string_value(json_object_get(e->context, "nodelist")));
    if (flux_idset_decode(idset, &ranks, NULL) < 0)
        return false;
    flux_idset_keep_set(ranks, t->ranks);
    return !flux_idset_empty(ranks);
}

static int run(struct cli *cli)
{
    const char *want = cli_str(cli, "wait", NULL), *line;
    struct kvs_lines lines = {.timeout = cli_fsd(cli, "timeout", 0), .ns = (char *)""};
    struct event_style style;
    struct flux_error err;
    struct targets targets;
    bool found = false;
    size_t len;
    int r = 0;

    if (event_style_init(&style, cli, &err) < 0)
        return cli_misused(cli, "%s", err.text);
    if (targets_init(&targets, cli_str(cli, "include", NULL), &err) < 0)
        return cli_fail(cli, "%s", err.text);
    kvs_lines_open(&lines, cli, "resource.eventlog", false, want || cli_has(cli, "follow"));
    while (!found && (r = kvs_lines_next(&lines, &line, &len, &err)) > 0) {
        FLUX_AUTO_EVENT e = {0};

        if (flux_eventlog_entry_decode(&e, line, len, &err) < 0) {
            r = -EPROTO;
            break;
        }
        if (!concerns(&targets, &e))
            continue;
        event_print(stdout, &style, &e);
        fflush(stdout);
        found = want && strcmp(e.name, want) == 0 && event_matches(cli, &e);
    }
    kvs_lines_done(&lines);
    targets_done(&targets);
    if (found || r == 0)
        return 0;
    return r == -ETIMEDOUT ? cli_fail(cli, "timeout waiting for event '%s'", want)
                           : cli_fail(cli, "%s", err.text);
}

const struct flux_verb verb_resource_eventlog = {
    .path = "resource eventlog",
    .summary = "Show what has happened to nodes",
    .options = {options},
    .tagged = true,
    .run = run,
};
