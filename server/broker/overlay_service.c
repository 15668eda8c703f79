// SPDX-License-Identifier: LGPL-3.0-only
/* Service Overlay: what this broker knows of the tree, without asking anybody. */
#include <utlist.h>

#include <flux/hostlist.h>
#include <flux/v1/overlay_service.h>

#include "overlay.h"

FLUX_OVERLAY_HANDLERS(overlay);
static const struct flux_overlay_ops ops = FLUX_OVERLAY_OPS(overlay);

struct follower {
    struct flux_call *call;
    struct follower *next, *prev;
};
static struct follower *followers; /* one broker a process; its main thread alone */

/* Host name of a rank by attribute hostlist; "" if that is not known here. Lives with the call. */
static const char *host_of(struct flux_call *call, struct broker *b, uint32_t rank)
{
    const char *all = attrs_get(b->attrs, "hostlist");
    FLUX_AUTO(hostlist) hl = NULL;
    char name[FLUX_HOST_SIZE];

    if (!all || flux_hostlist_decode(all, &hl, NULL) < 0 || !flux_hostlist_nth(hl, rank, name))
        return "";
    return flux_call_strdup(call, name);
}

static flux_overlay_child *describe_child(struct flux_call *call, struct broker *b,
                                          const struct overlay_child *c)
{
    flux_overlay_child *out = flux_call_alloc(call, sizeof(*out));

    *out = (flux_overlay_child)FLUX_OVERLAY_CHILD_INIT;
    out->rank = c->rank;
    out->state = c->state;
    out->duration = flux_monotime() - c->since;
    out->torpid = c->torpid;
    out->hostname =
        *c->hostname ? flux_call_strdup(call, c->hostname) : (char *)host_of(call, b, c->rank);
    out->error = flux_call_strdup(call, c->error);
    return out;
}

int overlay_status(struct flux_call *call, const flux_overlay_status_request *in,
                   flux_overlay_status_response *out)
{
    struct broker *b = flux_call_data(call);
    struct overlay *ov = b->overlay;
    double since = b->started;

    out->rank = b->rank;
    out->state = overlay_own_state(ov);
    out->hostname = (char *)attrs_get(b->attrs, "hostname");
    out->n_children = ov ? ov->nchildren : 0;
    out->children = flux_call_alloc(call, (out->n_children + 1) * sizeof(out->children[0]));
    for (size_t i = 0; i < out->n_children; i++) {
        if (ov->children[i].since > since)
            since = ov->children[i].since;
        out->children[i] = describe_child(call, b, &ov->children[i]);
    }
    out->duration = flux_monotime() - since;
    return 0;
}

int overlay_disconnect(struct flux_call *call, const flux_overlay_disconnect_request *in,
                       flux_overlay_disconnect_response *out)
{
    struct broker *b = flux_call_data(call);

    if (in->rank >= b->size || flux_topology_parent(b->topo, in->rank) != b->rank)
        return flux_call_fail(call, ENOENT, "rank %u is not a child of rank %u", in->rank, b->rank);
    if (overlay_link_disconnect(b->overlay->link, in->rank, "disconnected by request") < 0)
        return flux_call_fail(call, ENOENT, "rank %u is not connected", in->rank);
    return 0;
}

int overlay_topology(struct flux_call *call, const flux_overlay_topology_request *in,
                     flux_overlay_topology_response *out)
{
    struct broker *b = flux_call_data(call);
    const char *hosts = attrs_get(b->attrs, "hostlist"), *topo = attrs_get(b->attrs, "tbon.topo");

    out->n_parents = b->size;
    out->parents = flux_call_alloc(call, b->size * sizeof(out->parents[0]));
    for (uint32_t r = 1; r < b->size; r++)
        out->parents[r] = flux_topology_parent(b->topo, r);
    out->hostlist = (char *)(hosts ? hosts : "");
    out->topo = (char *)(topo ? topo : "");
    return 0;
}

/* --- who is online --- */

static void send_online(struct broker *b, struct flux_call *call)
{
    flux_overlay_online_response item = FLUX_OVERLAY_ONLINE_RESPONSE_INIT;
    struct overlay *ov = b->overlay;
    FLUX_AUTO_STR online = flux_idset_encode(broker_online(b), FLUX_IDSET_RANGE);
    FLUX_AUTO_STR torpid = ov ? flux_idset_encode(ov->torpids, FLUX_IDSET_RANGE) : NULL;
    FLUX_AUTO_STR lost = ov ? flux_idset_encode(ov->lost, FLUX_IDSET_RANGE) : NULL;

    item.online = online;
    item.torpid = torpid ? torpid : "";
    item.lost = lost ? lost : "";
    flux_overlay_online_send(call, &item);
}

static void on_cancel(struct flux_call *call, void *arg)
{
    struct follower *f = arg;

    DL_DELETE(followers, f);
    free(f);
}

int overlay_online(struct flux_call *call, const flux_overlay_online_request *in)
{
    struct follower *f = flux_alloc(sizeof(*f));

    f->call = call;
    DL_APPEND(followers, f);
    flux_call_on_cancel(call, on_cancel, f);
    send_online(flux_call_data(call), call);
    return FLUX_CALL_LATER;
}

void overlay_service_changed(struct broker *b)
{
    struct follower *f;

    DL_FOREACH(followers, f)
    send_online(b, f->call);
}

/* --- a child's report --- */

static int decode_below(struct broker *b, uint32_t child, const char *s, struct flux_idset **set,
                        struct flux_error *err)
{
    int r = flux_idset_decode(s, set, err);

    if (r < 0)
        return r;
    FLUX_IDSET_FOREACH(*set, rank)
    if (rank >= b->size || !flux_topology_contains(b->topo, child, rank))
        return flux_error_set(err, -EINVAL, "rank %u is not below rank %u", rank, child);
    return 0;
}

int overlay_report(struct flux_call *call, const flux_overlay_report_request *in,
                   flux_overlay_report_response *out)
{
    struct broker *b = flux_call_data(call);
    FLUX_AUTO(idset) online = NULL;
    FLUX_AUTO(idset) torpid = NULL;
    FLUX_AUTO(idset) lost = NULL;
    struct overlay_child *c;
    struct flux_error err;
    size_t n;
    const uint32_t *route = flux_call_route(call, &n);

    c = b->overlay && n == 2 ? overlay_child(b->overlay, route[0]) : NULL;
    if (!c || !c->up)
        return flux_call_fail(call, EPERM, "reports are taken from connected children only");
    if (in->state < FLUX_OVERLAY_STATE_FULL || in->state > FLUX_OVERLAY_STATE_DEGRADED)
        return flux_call_fail(call, EINVAL, "a report of an impossible state");
    if (decode_below(b, c->rank, in->online, &online, &err) < 0 ||
        decode_below(b, c->rank, in->torpid, &torpid, &err) < 0 ||
        decode_below(b, c->rank, in->lost, &lost, &err) < 0)
        return flux_call_fail(call, EINVAL, "report of rank %u: %s", c->rank, err.text);
    overlay_child_reported(b->overlay, c, in->state, FLUX_GIVE(online), FLUX_GIVE(torpid),
                           FLUX_GIVE(lost));
    return 0;
}

int overlay_service_start(struct broker *b, struct flux_error *err)
{
    return flux_overlay_serve(b->h, &ops, b, err);
}

void overlay_service_stop(struct broker *b)
{
    struct follower *f, *next;

    DL_FOREACH_SAFE(followers, f, next)
    {
        DL_DELETE(followers, f);
        free(f);
    }
}
