// SPDX-License-Identifier: LGPL-3.0-only
/* Service Collective: all-gather over a set of ranks. A broker waits for those who enter here and
 * for one message from each child with participants below it, then hands all parts on: to its
 * parent, or, if every participant is below it, back to all. A collective that fails is remembered
 * for a while, so that who comes late is told and does not wait for ever; all enter a persistent
 * one again, and its result is remembered for those who were cut off when it went round. */
#include <stdio.h>
#include <uthash.h>
#include <utlist.h>

#include <flux/v1/collective_service.h>

#include "overlay.h"

#define NAME_MAX_LEN 128
#define PER_USER_MAX 4096   /* collectives of one user in flight at a broker */
#define REMEMBER 60.        /* seconds that a failure is remembered, or a persistent one's result */
#define KEPT_MAX (1u << 20) /* bytes of such a result */
#define KEPT_USER_MAX (64u << 20) /* and of all those of a guest */

FLUX_COLLECTIVE_HANDLERS(collective);
static const struct flux_collective_ops ops = FLUX_COLLECTIVE_OPS(collective);

/* One call that waits for the end: of a process here, or of a child's broker. */
struct entrant {
    struct collective *c;
    struct flux_call *call;
    bool is_child;
    uint32_t rank; /* of the child */
    struct entrant *next, *prev;
};

struct part {
    uint32_t rank;
    struct flux_bytes *bytes;
};

struct collective {
    char key[NAME_MAX_LEN + 16]; /* "USERID/NAME" */
    char *name;
    uint32_t userid;
    struct flux_idset *ranks;
    struct flux_idset *below;   /* children with participants */
    struct flux_idset *waiting; /* of these, the ones that have not come yet */
    bool here, outside;         /* participants: this rank; ranks not below this one */
    unsigned local, entered;    /* processes that enter here: expected, come */
    struct entrant *entrants;
    struct part *parts;
    size_t nparts, bytes;
    struct flux_future *up; /* our subtree's entry at the parent */
    int failed;             /* errno, or 0 */
    char text[160];
    bool persistent, complete;
    double forget; /* monotonic; when failed or complete */
    UT_hash_handle hh;
};

static struct {
    struct broker *b;
    struct collective *table;
    unsigned remembered;
} co; /* one broker a process; its main thread alone */

/* --- records --- */

static void drop_parts(struct collective *c)
{
    for (size_t i = 0; i < c->nparts; i++)
        flux_bytes_unref(c->parts[i].bytes);
    free(c->parts);
    c->parts = NULL;
    c->nparts = c->bytes = 0;
}

static void free_collective(struct collective *c)
{
    HASH_DEL(co.table, c);
    if (c->failed || c->complete)
        co.remembered--;
    flux_future_free(c->up);
    flux_idset_free(c->ranks);
    flux_idset_free(c->below);
    flux_idset_free(c->waiting);
    drop_parts(c);
    free(c->name);
    free(c);
}

static void forget_old_ones(void)
{
    struct collective *c, *next;
    double now = flux_monotime();

    if (!co.remembered)
        return;
    HASH_ITER (hh, co.table, c, next)
        if ((c->failed || c->complete) && now > c->forget)
            free_collective(c);
}

static void remove_entrant(struct entrant *e)
{
    DL_DELETE(e->c->entrants, e);
    free(e);
}

static void tell_parent_of_failure(struct collective *c)
{
    flux_collective_gather_request in = FLUX_COLLECTIVE_GATHER_REQUEST_INIT;
    FLUX_AUTO_STR ranks = flux_idset_encode(c->ranks, FLUX_IDSET_RANGE);
    struct flux_to to = FLUX_UPSTREAM;

    to.no_answer = true;
    in.name = c->name;
    in.ranks = ranks;
    in.userid = c->userid;
    in.status = c->failed;
    in.text = c->text;
    in.persistent = c->persistent;
    flux_collective_gather_async(co.b->h, to, &in);
}

static void fail(struct collective *c, int errnum, const char *text)
{
    if (c->failed || c->complete)
        return;
    c->failed = errnum;
    snprintf(c->text, sizeof(c->text), "%s", text);
    c->forget = c->persistent ? 0 : flux_monotime() + REMEMBER;
    co.remembered++;
    while (c->entrants) {
        struct flux_call *call = c->entrants->call;
        remove_entrant(c->entrants);
        flux_call_error(call, errnum, "%s", text);
    }
    drop_parts(c); /* nobody gets them; their calls' quota is free again */
    if (c->up) {
        flux_future_free(c->up); /* which cancels it: the parent learns of it that way */
        c->up = NULL;
    } else if (c->outside) {
        tell_parent_of_failure(c);
    }
}

static int expect(uint32_t hop, const struct flux_idset *ranks, void *arg)
{
    struct collective *c = arg;

    if (hop == co.b->rank)
        c->here = true;
    else if (hop == flux_topology_parent(co.b->topo, co.b->rank))
        c->outside = true;
    else {
        flux_idset_add(c->below, hop);
        flux_idset_add(c->waiting, hop);
    }
    return 0;
}

/* A failure that is plain from the beginning: a neighbour is not there. */
static void check_reachable(struct collective *c)
{
    struct overlay *ov = co.b->overlay;

    FLUX_IDSET_FOREACH(c->below, rank)
    {
        struct overlay_child *child = overlay_child(ov, rank);
        char text[64];
        if (child && child->up)
            continue;
        snprintf(text, sizeof(text), "rank %u is offline", rank);
        fail(c, EHOSTUNREACH, text);
        return;
    }
    if (c->outside && !(ov && ov->parent_up))
        fail(c, EHOSTUNREACH, "the parent is not connected");
}

static unsigned count_of_user(uint32_t userid)
{
    struct collective *c, *next;
    unsigned n = 0;

    HASH_ITER (hh, co.table, c, next)
        n += c->userid == userid;
    return n;
}

/* The collective of that name; made if it is new. NULL with an error told to `call`. */
static struct collective *find(struct flux_call *call, uint32_t userid, const char *name,
                               const char *ranks, bool persistent, int *r)
{
    FLUX_AUTO(idset) set = NULL;
    struct collective *c = NULL;
    struct flux_error err;
    char key[sizeof(c->key)];

    forget_old_ones();
    if (!*name || strlen(name) > NAME_MAX_LEN)
        *r = flux_call_fail(call, EINVAL, "a collective's name has 1 to %d bytes", NAME_MAX_LEN);
    else if (flux_idset_decode(ranks, &set, &err) < 0)
        *r = flux_call_fail(call, EINVAL, "ranks: %s", err.text);
    else if (flux_idset_empty(set) || flux_idset_last(set) >= co.b->size)
        *r = flux_call_fail(call, EINVAL, "ranks '%.64s' are not in this instance", ranks);
    if (*r < 0)
        return NULL;
    snprintf(key, sizeof(key), "%u/%s", userid, name);
    HASH_FIND_STR(co.table, key, c);
    if (c && !flux_idset_equal(c->ranks, set)) {
        *r = flux_call_fail(call, EINVAL, "collective %s is in use with other ranks", name);
        return NULL;
    }
    if (c)
        return c;
    if (HASH_COUNT(co.table) >= PER_USER_MAX && count_of_user(userid) >= PER_USER_MAX) {
        *r = flux_call_fail(call, EMFILE, "too many collectives in flight");
        return NULL;
    }
    c = flux_alloc(sizeof(*c));
    snprintf(c->key, sizeof(c->key), "%s", key);
    c->name = flux_strdup(name);
    c->userid = userid;
    c->persistent = persistent;
    c->below = flux_idset_new();
    c->waiting = flux_idset_new();
    flux_topology_split(co.b->topo, co.b->rank, set, expect, c);
    c->ranks = FLUX_GIVE(set);
    HASH_ADD_STR(co.table, key, c);
    check_reachable(c);
    return c;
}

/* --- parts --- */

static void add_part(struct collective *c, uint32_t rank, const ProtobufCBinaryData *data)
{
    if ((c->nparts & (c->nparts - 1)) == 0)
        c->parts = flux_realloc(c->parts, c->nparts ? c->nparts * 2 : 1, sizeof(c->parts[0]));
    c->parts[c->nparts++] =
        (struct part){.rank = rank, .bytes = flux_bytes_copy(data->data, data->len)};
    c->bytes += data->len + 16;
}

/* Parts as messages: one allocation, to be freed by the caller. */
static flux_collective_part **part_messages(const struct collective *c)
{
    size_t n = c->nparts;
    flux_collective_part **list =
        flux_alloc(n * (sizeof(flux_collective_part *) + sizeof(flux_collective_part)) + 1);
    flux_collective_part *part = (flux_collective_part *)(list + n);

    for (size_t i = 0; i < n; i++) {
        part[i] = (flux_collective_part)FLUX_COLLECTIVE_PART_INIT;
        part[i].rank = c->parts[i].rank;
        part[i].data.data = c->parts[i].bytes->data;
        part[i].data.len = c->parts[i].bytes->len;
        list[i] = &part[i];
    }
    return list;
}

/* --- the end --- */

static bool is_too_much(uint32_t userid, size_t bytes)
{
    struct collective *c, *next;

    if (bytes > KEPT_MAX || userid == co.b->owner)
        return bytes > KEPT_MAX;
    HASH_ITER (hh, co.table, c, next)
        if (c->complete && c->userid == userid)
            bytes += c->bytes;
    return bytes > KEPT_USER_MAX;
}

/* The whole instead of what came from here; false if that is too much to keep. */
static bool keep_result(struct collective *c, flux_collective_part **parts, size_t n)
{
    struct part *whole = flux_alloc((n + 1) * sizeof(*whole));
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        bytes += parts[i]->data.len;
        whole[i] = (struct part){.rank = parts[i]->rank,
                                 .bytes = flux_bytes_copy(parts[i]->data.data, parts[i]->data.len)};
    }
    drop_parts(c);
    c->parts = whole;
    c->nparts = n;
    flux_future_free(FLUX_GIVE(c->up));
    if (is_too_much(c->userid, bytes))
        return false;
    c->bytes = bytes;
    c->complete = true;
    c->forget = flux_monotime() + REMEMBER;
    co.remembered++;
    return true;
}

/* The result, once more. */
static int tell_result(struct collective *c, struct flux_call *call, bool is_child)
{
    flux_collective_exchange_response mine = FLUX_COLLECTIVE_EXCHANGE_RESPONSE_INIT;
    flux_collective_gather_response theirs = FLUX_COLLECTIVE_GATHER_RESPONSE_INIT;
    flux_collective_part **parts = part_messages(c);

    mine.parts = theirs.parts = parts;
    mine.n_parts = theirs.n_parts = c->nparts;
    if (is_child)
        flux_collective_gather_reply(call, &theirs);
    else
        flux_collective_exchange_reply(call, &mine);
    free(parts);
    return FLUX_CALL_LATER;
}

static void finish(struct collective *c, flux_collective_part **parts, size_t n)
{
    flux_collective_exchange_response mine = FLUX_COLLECTIVE_EXCHANGE_RESPONSE_INIT;
    flux_collective_gather_response theirs = FLUX_COLLECTIVE_GATHER_RESPONSE_INIT;

    mine.parts = theirs.parts = parts;
    mine.n_parts = theirs.n_parts = n;
    while (c->entrants) {
        struct flux_call *call = c->entrants->call;
        bool is_child = c->entrants->is_child;
        remove_entrant(c->entrants);
        if (is_child)
            flux_collective_gather_reply(call, &theirs);
        else
            flux_collective_exchange_reply(call, &mine);
    }
    if (!c->persistent || !keep_result(c, parts, n))
        free_collective(c);
}

static void on_gathered(struct flux_future *f, void *arg)
{
    const flux_collective_gather_response *out;
    struct collective *c = arg;
    struct flux_error err;
    int r = flux_collective_gather_result(f, &out, &err);

    if (r < 0) {
        c->up = NULL; /* the parent knows */
        c->outside = false;
        fail(c, -r, err.text);
        flux_future_free(f);
        return;
    }
    finish(c, out->parts, out->n_parts); /* frees f, which the parts belong to, last */
}

static void send_up(struct collective *c)
{
    flux_collective_gather_request in = FLUX_COLLECTIVE_GATHER_REQUEST_INIT;
    FLUX_AUTO_STR ranks = flux_idset_encode(c->ranks, FLUX_IDSET_RANGE);

    in.name = c->name;
    in.ranks = ranks;
    in.userid = c->userid;
    in.persistent = c->persistent;
    in.parts = part_messages(c);
    in.n_parts = c->nparts;
    c->up = flux_collective_gather_async(co.b->h, FLUX_UPSTREAM, &in);
    free(in.parts);
    flux_future_then(c->up, on_gathered, c);
}

static void check_complete(struct collective *c)
{
    flux_collective_part **parts;

    if (c->failed || !flux_idset_empty(c->waiting) || (c->here && c->entered == 0) ||
        c->entered < c->local)
        return;
    if (c->bytes > FLUX_MESSAGE_MAX - 65536) {
        fail(c, EMSGSIZE, "the parts of a collective are too large together");
    } else if (c->outside) {
        send_up(c);
    } else {
        parts = part_messages(c);
        finish(c, parts, c->nparts);
        free(parts);
    }
}

/* --- entering --- */

static void on_cancel(struct flux_call *call, void *arg)
{
    struct entrant *e = arg;
    struct collective *c = e->c;
    char text[80];

    if (e->is_child)
        snprintf(text, sizeof(text), "a participant below rank %u has gone", e->rank);
    else
        snprintf(text, sizeof(text), "a participant at rank %u has gone", co.b->rank);
    remove_entrant(e);
    fail(c, EHOSTUNREACH, text);
}

static void add_entrant(struct collective *c, struct flux_call *call, bool is_child, uint32_t rank)
{
    struct entrant *e = flux_alloc(sizeof(*e));

    *e = (struct entrant){.c = c, .call = call, .is_child = is_child, .rank = rank};
    DL_APPEND(c->entrants, e);
    flux_call_on_cancel(call, on_cancel, e);
}

int collective_exchange(struct flux_call *call, const flux_collective_exchange_request *in,
                        flux_collective_exchange_response *out)
{
    unsigned local = in->local ? in->local : 1;
    struct collective *c;
    int r = 0;

    c = find(call, flux_call_userid(call), in->name, in->ranks, in->persistent, &r);
    if (!c)
        return r;
    if (c->failed)
        return flux_call_fail(call, c->failed, "%s", c->text);
    if (c->complete)
        return tell_result(c, call, false);
    if (!c->here)
        return flux_call_fail(call, EINVAL, "rank %u is not one of the ranks of %s", co.b->rank,
                              in->name);
    if ((c->local && c->local != local) || c->entered == local)
        return flux_call_fail(call, EEXIST, "too many enter %s at rank %u", in->name, co.b->rank);
    c->local = local;
    c->entered++;
    add_part(c, co.b->rank, &in->data);
    add_entrant(c, call, false, 0);
    check_complete(c);
    return FLUX_CALL_LATER;
}

int collective_gather(struct flux_call *call, const flux_collective_gather_request *in,
                      flux_collective_gather_response *out)
{
    struct collective *c;
    size_t n;
    const uint32_t *route = flux_call_route(call, &n);
    int r = 0;

    if (n != 2 || route[0] >= co.b->size ||
        flux_topology_parent(co.b->topo, route[0]) != co.b->rank)
        return flux_call_fail(call, EPERM, "only a child may enter for its subtree");
    c = find(call, in->userid, in->name, in->ranks, in->persistent, &r);
    if (!c)
        return r;
    if (c->complete)
        return tell_result(c, call, true);
    if (in->status)
        fail(c, in->status, in->text);
    if (c->failed)
        return flux_call_fail(call, c->failed, "%s", c->text);
    if (!flux_idset_contains(c->waiting, route[0]))
        return flux_call_fail(call, EEXIST, "rank %u has entered %s already", route[0], in->name);
    flux_idset_remove(c->waiting, route[0]);
    for (size_t i = 0; i < in->n_parts; i++)
        add_part(c, in->parts[i]->rank, &in->parts[i]->data);
    add_entrant(c, call, true, route[0]);
    check_complete(c);
    return FLUX_CALL_LATER;
}

void collective_service_lost(struct broker *b, uint32_t rank)
{
    bool parent = rank == flux_topology_parent(b->topo, b->rank);
    struct collective *c, *next;
    char text[64];

    snprintf(text, sizeof(text), "rank %u was lost", rank);
    HASH_ITER (hh, co.table, c, next)
        if (parent ? c->outside : flux_idset_contains(c->below, rank))
            fail(c, EHOSTUNREACH, text);
}

int collective_service_start(struct broker *b, struct flux_error *err)
{
    co.b = b;
    return flux_collective_serve(b->h, &ops, b, err);
}

void collective_service_stop(struct broker *b)
{
    struct collective *c, *next;

    HASH_ITER (hh, co.table, c, next) {
        while (c->entrants)
            remove_entrant(c->entrants);
        free_collective(c);
    }
}
