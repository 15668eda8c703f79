// SPDX-License-Identifier: LGPL-3.0-only
/* Rows of resource status and of the drain list. */
#include "resstatus.h"

#include <flux/hostlist.h>
#include <flux/v1/resource.h>

#include "handle.h"
#include "listing.h"
#include "resview.h"

#define ROW ((const struct resstatus_row *)row)
#define GETTER(NAME)                                                                               \
    static void get_##NAME(const void *row, const char *name, struct format_value *v)

GETTER(state)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%s%s", ROW->state, ROW->online ? "" : "*");

    format_set_copy(v, text, (size_t)n);
}

GETTER(statex)
{
    format_set_string(v, ROW->state);
}

GETTER(status)
{
    format_set_string(v, ROW->online ? "online" : "offline");
}

GETTER(up)
{
    if (strchr(name, '.'))
        format_set_string(v, ROW->online ? "y" : "n");
    else
        format_set_string(v, ROW->online ? "✔" : "✗");
}

GETTER(nnodes)
{
    format_set_int(v, (long long)flux_idset_count(ROW->ranks));
}

GETTER(ranks)
{
    FLUX_AUTO_STR text = flux_idset_encode(ROW->ranks, FLUX_IDSET_RANGE);

    format_set_copy(v, text, strlen(text));
}

GETTER(nodelist)
{
    FLUX_AUTO(rset) part = flux_rset_copy_ranks(ROW->all, ROW->ranks);
    FLUX_AUTO(hostlist) hosts = flux_rset_hosts(part);
    FLUX_AUTO_STR text = NULL;

    flux_hostlist_sort(hosts);
    text = flux_hostlist_encode(hosts);
    format_set_copy(v, text, strlen(text));
}

GETTER(reason)
{
    format_set_string(v, ROW->reason);
}

GETTER(timestamp)
{
    if (ROW->timestamp > 0)
        format_set_real(v, ROW->timestamp);
}

const struct format_field resstatus_fields[] = {
    {"state", "STATE", get_state, false},
    {"statex", "STATE", get_statex, false},
    {"status", "STATUS", get_status, false},
    {"up", "UP", get_up, false},
    {"up.ascii", "UP", get_up, false},
    {"nnodes", "NNODES", get_nnodes, true},
    {"ranks", "RANK", get_ranks, true},
    {"nodelist", "NODELIST", get_nodelist, true},
    {"reason", "REASON", get_reason, false},
    {"timestamp", "TIMESTAMP", get_timestamp, false},
    {NULL},
};

/* The sets that rows are made of. */
struct sets {
    struct flux_idset *all, *online, *exclude, *torpid, *drained, *allocated;
};

static struct flux_idset *decode(const char *text)
{
    struct flux_idset *set = NULL;

    if (!text || flux_idset_decode(text, &set, NULL) < 0)
        set = flux_idset_new();
    return set;
}

static void sets_init(struct sets *s, const struct flux_rset *all,
                      const flux_resource_status_response *in)
{
    s->all = flux_rset_ranks(all);
    s->online = decode(in->online);
    s->exclude = decode(in->exclude);
    s->torpid = decode(in->torpid);
    s->allocated = decode(in->allocated);
    s->drained = flux_idset_new();
    for (size_t i = 0; i < in->n_drain; i++) {
        FLUX_AUTO(idset) one = decode(in->drain[i]->ranks);

        flux_idset_add_set(s->drained, one);
    }
}

static void sets_done(struct sets *s)
{
    struct flux_idset *list[] = {s->all,    s->online,  s->exclude,
                                 s->torpid, s->drained, s->allocated};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(list); i++)
        flux_idset_free(list[i]);
}

static void add_row(struct resstatus *s, struct resstatus_row row)
{
    if ((s->count & (s->count + 1)) == 0)
        s->rows = flux_realloc(s->rows, s->count * 2 + 1, sizeof(s->rows[0]));
    row.all = s->all;
    s->rows[s->count++] = row;
}

/* One row for the members that are online, one for the others. Takes `ranks`. */
static void add_halves(struct resstatus *s, const struct sets *sets, const char *state,
                       struct flux_idset *ranks, const char *reason, double timestamp, bool empty)
{
    struct flux_idset *on, *off;

    flux_idset_keep_set(ranks, sets->all);
    on = flux_idset_intersect(ranks, sets->online);
    off = flux_idset_difference(ranks, sets->online);
    flux_idset_free(ranks);
    if (!flux_idset_empty(on) || (empty && flux_idset_empty(off)))
        add_row(s, (struct resstatus_row){state, true, on, flux_strdup(reason), timestamp, NULL});
    else
        flux_idset_free(on);
    if (!flux_idset_empty(off))
        add_row(s, (struct resstatus_row){state, false, off, flux_strdup(reason), timestamp, NULL});
    else
        flux_idset_free(off);
}

/* Drained with work on it is draining. */
static void add_drain(struct resstatus *s, const struct sets *sets, const char *state,
                      const flux_resource_status_response *in, bool empty)
{
    bool draining = strcmp(state, "draining") == 0, either = strcmp(state, "drain") == 0;
    size_t before = s->count;

    for (size_t i = 0; i < in->n_drain; i++) {
        const flux_resource_drain_info *d = in->drain[i];
        struct flux_idset *ranks = decode(d->ranks);

        if (draining)
            flux_idset_keep_set(ranks, sets->allocated);
        else if (!either)
            flux_idset_remove_set(ranks, sets->allocated);
        if (either) {
            struct flux_idset *busy = flux_idset_intersect(ranks, sets->allocated);

            flux_idset_remove_set(ranks, sets->allocated);
            add_halves(s, sets, "draining", busy, d->reason, d->timestamp, false);
        }
        add_halves(s, sets, either ? "drained" : state, ranks, d->reason, d->timestamp, false);
    }
    if (empty && s->count == before)
        add_halves(s, sets, state, flux_idset_new(), "", 0, true);
}

static const char *const states_known[] = {"all",      "online",  "offline",   "avail",  "exclude",
                                           "draining", "drained", "allocated", "torpid", "drain"};

static int add_state(struct resstatus *s, const struct sets *sets, const char *state,
                     const flux_resource_status_response *in, bool empty)
{
    struct flux_idset *ranks;

    if (strncmp(state, "drain", 5) == 0) {
        add_drain(s, sets, state, in, empty);
        return 0;
    }
    ranks = flux_idset_copy(strcmp(state, "online") == 0      ? sets->online
                            : strcmp(state, "exclude") == 0   ? sets->exclude
                            : strcmp(state, "allocated") == 0 ? sets->allocated
                            : strcmp(state, "torpid") == 0    ? sets->torpid
                                                              : sets->all);
    if (strcmp(state, "offline") == 0)
        flux_idset_remove_set(ranks, sets->online);
    if (strcmp(state, "avail") == 0) {
        flux_idset_remove_set(ranks, sets->exclude);
        flux_idset_remove_set(ranks, sets->drained);
        flux_idset_remove_set(ranks, sets->torpid);
    }
    add_halves(s, sets, state, ranks, "", 0, empty);
    return 0;
}

static const char *known_state(const char *p, size_t n)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(states_known); i++)
        if (strlen(states_known[i]) == n && strncasecmp(states_known[i], p, n) == 0)
            return states_known[i];
    return NULL;
}

static bool in_list(const char *list, const char *state)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        if (known_state(p, n) == state)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* Rows stand in the order of the states, whatever the order they were asked for in. */
static int add_states(struct resstatus *s, const struct sets *sets, const char *states,
                      const flux_resource_status_response *in, bool empty, struct flux_error *err)
{
    for (const char *p = states; *p;) {
        size_t n = strcspn(p, ",");

        if (!known_state(p, n))
            return flux_error_set(err, -EINVAL, "Invalid resource state %.*s specified", (int)n, p);
        p += n + (p[n] == ',');
    }
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(states_known); i++)
        if (in_list(states, states_known[i]))
            add_state(s, sets, states_known[i], in, empty);
    return 0;
}

/* Leave what -q and -i select. */
static int select_ranks(struct cli *cli, const struct flux_rset *all, struct flux_idset *keep,
                        struct flux_error *err)
{
    const char *queue = cli_str(cli, "queue", NULL), *include = cli_str(cli, "include", NULL);
    struct resview v = {.all = (struct flux_rset *)all};
    FLUX_AUTO(idset) set = NULL;
    int r;

    if (include) {
        if (!(set = resview_targets(all, include, err)))
            return -EINVAL;
        flux_idset_keep_set(keep, set);
    }
    if (!queue)
        return 0;
    flux_idset_free(FLUX_GIVE(set));
    v.queues = resview_queues(cli);
    r = resview_queue_ranks(&v, queue, &set, err);
    json_decref(v.queues);
    if (r == 0)
        flux_idset_keep_set(keep, set);
    return r;
}

static int make_rows(struct resstatus *s, struct cli *cli, const char *states, bool empty,
                     const flux_resource_status_response *in, struct flux_error *err)
{
    struct sets sets;
    int r;

    if (!in->r || !*in->r)
        s->all = flux_rset_new();
    else if ((r = flux_rset_decode(in->r, &s->all, err)) < 0)
        return r;
    sets_init(&sets, s->all, in);
    r = select_ranks(cli, s->all, sets.all, err);
    if (r == 0)
        r = add_states(s, &sets, states ? states : "avail,exclude,draining,drained,torpid", in,
                       empty, err);
    sets_done(&sets);
    return r;
}

int resstatus_init(struct resstatus *s, struct cli *cli, const char *states, bool empty,
                   struct flux_error *err)
{
    flux_resource_status_request in = FLUX_RESOURCE_STATUS_REQUEST_INIT;
    flux_resource_status_response *out = NULL;
    int r;

    *s = (struct resstatus){.count = 0};
    r = flux_resource_status(cli_handle(cli), FLUX_ANY, &in, &out, err);
    if (r < 0)
        return r;
    r = make_rows(s, cli, states, empty, out, err);
    flux_resource_status_response_free(out);
    return r;
}

static void row_done(struct resstatus_row *row)
{
    flux_idset_free(row->ranks);
    free(row->reason);
}

void resstatus_done(struct resstatus *s)
{
    for (size_t i = 0; i < s->count; i++)
        row_done(&s->rows[i]);
    free(s->rows);
    if (s->all)
        flux_rset_free(s->all);
}

static void merge_rows(struct resstatus *s, const struct format *f)
{
    char **keys = flux_alloc(s->count * sizeof(keys[0]) + 1);
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        char *key = format_merge_key(f, &s->rows[i]);
        size_t k = 0;

        while (k < n && strcmp(keys[k], key) != 0)
            k++;
        if (k < n) {
            flux_idset_add_set(s->rows[k].ranks, s->rows[i].ranks);
            row_done(&s->rows[i]);
            free(key);
        } else {
            keys[n] = key;
            s->rows[n++] = s->rows[i];
        }
    }
    for (size_t i = 0; i < n; i++)
        free(keys[i]);
    free(keys);
    s->count = n;
}

const char *resstatus_color(const void *row)
{
    return !ROW->online                           ? COLOR_RED
           : strncmp(ROW->state, "drain", 5) == 0 ? COLOR_YELLOW
           : strcmp(ROW->state, "torpid") == 0    ? COLOR_YELLOW
                                                  : NULL;
}

int resstatus_print(struct resstatus *s, struct cli *cli, struct format *f, struct flux_error *err)
{
    merge_rows(s, f);
    return listing_print(f, s->rows, sizeof(s->rows[0]), s->count, NULL, !cli_has(cli, "no-header"),
                         err);
}
