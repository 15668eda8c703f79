// SPDX-License-Identifier: LGPL-3.0-only
/* The rpc Fsck: the file, the trees, and what is in quarantine. It holds up writing while it reads;
 * a start that finds damage looks through the structure in the same way. */
#include "check.h"
#include "leader.h"

#include <syslog.h>

#define DAMAGES_MAX 10000

struct fsck {
    struct flux_call *call;
    flux_kvs_fsck_response *out;
    size_t room;
};

static flux_kvs_damage *add(struct fsck *f, const char *what)
{
    flux_kvs_damage *d;

    if (f->out->n_damages == DAMAGES_MAX)
        return NULL;
    if (f->out->n_damages == f->room) {
        f->room = f->room ? f->room * 2 : 16;
        f->out->damages = flux_realloc(f->out->damages, f->room, sizeof(*f->out->damages));
    }
    d = flux_call_alloc(f->call, sizeof(*d));
    *d = (flux_kvs_damage)FLUX_KVS_DAMAGE_INIT;
    d->what = (char *)what;
    f->out->damages[f->out->n_damages++] = d;
    return d;
}

static void on_damage(void *arg, const struct kvs_damage *found)
{
    char ref[STORE_REF_TEXT_SIZE];
    struct fsck *f = arg;
    flux_kvs_damage *d = add(f, found->what);

    if (!d)
        return;
    store_ref_format(found->ref.hash, ref);
    d->namespace_ = flux_call_strdup(f->call, found->ns);
    d->key = flux_call_strdup(f->call, found->key);
    d->from = flux_call_strdup(f->call, found->from);
    d->to = flux_call_strdup(f->call, found->to);
    d->text = flux_call_strdup(f->call, found->text);
    d->ref = flux_call_strdup(f->call, ref);
}

static void on_problem(void *arg, const char *text)
{
    struct fsck *f = arg;
    flux_kvs_damage *d = add(f, "store");

    f->out->damaged++;
    if (d)
        d->text = flux_call_strdup(f->call, text);
}

static void on_quarantined(void *arg, double time, const char *kind, uint64_t id,
                           const char *reason)
{
    FLUX_AUTO_STR text = flux_printf("%s %llu: %s", kind, (unsigned long long)id, reason);
    struct fsck *f = arg;
    flux_kvs_damage *d = add(f, "quarantine");

    if (d)
        d->text = flux_call_strdup(f->call, text);
}

int kvs_leader_fsck(struct flux_call *call, const flux_kvs_fsck_request *in,
                    flux_kvs_fsck_response *out)
{
    struct kvs_leader *l = flux_call_data(call);
    struct fsck f = {.call = call, .out = out};
    struct kvs_check c = {.rootref = *in->rootref ? in->rootref : NULL,
                          .values = !in->structure_only,
                          .repair = in->repair,
                          .damage = on_damage,
                          .arg = &f};
    flux_kvs_damage **damages;
    struct flux_error err;
    int r = 0;

    kvs_leader_drain(l);
    if (!c.rootref && !in->structure_only)
        r = store_verify(l->store, on_problem, &f, &err);
    if (r == 0)
        r = kvs_check_run(l->kvs, &c, &err);
    if (r == 0 && !c.rootref)
        r = store_quarantine_each(l->store, on_quarantined, &f, &err);
    kvs_leader_drain(l); /* what was repaired is visible when we answer */
    out->damaged += c.damaged;
    out->repaired = c.repaired;
    out->directories = c.directories;
    out->values = c.values_seen;
    out->nodes = c.nodes;
    out->bytes = c.bytes;
    damages = out->damages; /* the reply ends the call, and `out` with it */
    if (r < 0)
        r = flux_call_fail(call, kvs_leader_errno(r), "%s", err.text);
    else {
        flux_kvs_fsck_reply(call, out);
        r = FLUX_CALL_LATER;
    }
    free(damages);
    return r;
}

static void on_check(uv_work_t *work)
{
    struct kvs_leader *l = work->data;

    l->check_result = store_check_beside(l->store, &l->check_stop, &l->check_error);
}

static void on_checked(uv_work_t *work, int status)
{
    struct kvs_leader *l = work->data;

    l->checking = false;
    if (l->check_result != 1)
        return;
    store_set_suspect(l->store);
    flux_log(l->h, LOG_ERR,
             "%s: %s; each record is verified when it is read, and the next start repairs the file",
             l->path, l->check_error.text);
}

void kvs_leader_check_file(struct kvs_leader *l)
{
    if (l->checked || !store_wants_check(l->store))
        return;
    l->checked = l->checking = true;
    l->check_work.data = l;
    uv_queue_work(flux_loop(l->h), &l->check_work, on_check, on_checked);
}

void kvs_leader_check_stop(struct kvs_leader *l)
{
    atomic_store(&l->check_stop, true);
    while (l->checking)
        uv_run(flux_loop(l->h), UV_RUN_ONCE);
}
