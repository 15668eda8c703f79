// SPDX-License-Identifier: LGPL-3.0-only
/* The exchange that makes a connection a link: protocol range, rank, size. A refusal is logged on
 * both sides with both versions in it. */
#include "overlay_peer.h"

#include <stdio.h>
#include <syslog.h>

#include <flux/v1/hello.pb-c.h>

#define REFUSED_LOG_SECONDS 60

static bool known_name(const char *s, size_t max)
{
    if (!*s || strlen(s) > max)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s == 0x7f)
            return false;
    return true;
}

void overlay_say_hello(struct overlay_link *l, const void *id, size_t id_len)
{
    Flux__V1__OverlayHello hello = FLUX__V1__OVERLAY_HELLO__INIT;
    struct flux_bytes *body;

    hello.protocol_min = l->conf.protocol_min;
    hello.protocol_max = l->conf.protocol_max;
    hello.version = l->version;
    hello.rank = l->conf.rank;
    hello.size = flux_topology_size(l->conf.topology);
    hello.hostname = l->hostname;
    hello.uuid = l->uuid;
    hello.hosts_digest = l->conf.hosts_digest;
    body = flux_bytes_new(protobuf_c_message_get_packed_size(&hello.base));
    protobuf_c_message_pack(&hello.base, body->data);
    overlay_send_control(l, id, id_len, FLUX_MSG_HELLO, 0, NULL, body);
}

static Flux__V1__OverlayHello *decode(const struct flux_msg *m)
{
    return (Flux__V1__OverlayHello *)protobuf_c_message_unpack(&flux__v1__overlay_hello__descriptor,
                                                               NULL, m->body_len, m->body);
}

/* What both sides check alike. 0, or a negative errno with the reason. */
static int check_common(struct overlay_link *l, const Flux__V1__OverlayHello *h,
                        struct flux_error *err)
{
    uint32_t size = flux_topology_size(l->conf.topology);

    if (!known_name(h->version, 64) || !known_name(h->hostname, 64) || !known_name(h->uuid, 63))
        return flux_error_set(err, -EPROTO, "its hello has no proper version, hostname or uuid");
    if (h->protocol_min > l->conf.protocol_max || h->protocol_max < l->conf.protocol_min)
        return flux_error_set(
            err, -EPROTO, "version %s (protocol %u-%u) does not fit version %s (protocol %u-%u)",
            h->version, h->protocol_min, h->protocol_max, l->version, l->conf.protocol_min,
            l->conf.protocol_max);
    if (h->size != size)
        return flux_error_set(
            err, -EINVAL,
            "it takes the instance for %u brokers, rank %u for %u (versions %s, %s)%s", h->size,
            l->conf.rank, size, h->version, l->version,
            h->hosts_digest ? ": is bootstrap.hosts the same on both?" : "");
    if (h->hosts_digest && l->conf.hosts_digest && h->hosts_digest != l->conf.hosts_digest)
        return flux_error_set(err, -EINVAL,
                              "its bootstrap.hosts names other hosts than that of rank %u, or in "
                              "another order: copy the same configuration to both",
                              l->conf.rank);
    return 0;
}

static int check_rank(struct overlay_link *l, const Flux__V1__OverlayHello *h, const char *key,
                      struct flux_error *err)
{
    const struct flux_topology *topo = l->conf.topology;
    struct overlay_key *known = NULL;

    if (h->rank >= flux_topology_size(topo) || flux_topology_parent(topo, h->rank) != l->conf.rank)
        return flux_error_set(err, -EINVAL, "rank %u is not a child of rank %u (versions %s, %s)",
                              h->rank, l->conf.rank, h->version, l->version);
    if (key)
        HASH_FIND_STR(l->keys, key, known);
    if (!known || (known->rank != OVERLAY_RANK_ANY && known->rank != h->rank))
        return flux_error_set(err, -EPERM, "its key is not that of rank %u (versions %s, %s)",
                              h->rank, h->version, l->version);
    return 0;
}

/* The same rank is connected already. An old connection that has long been silent gives way. */
static int check_duplicate(struct overlay_link *l, const Flux__V1__OverlayHello *h,
                           struct flux_error *err)
{
    double patience = l->conf.beat.torpid_max > 0 ? l->conf.beat.torpid_max : 60;
    struct overlay_peer *old = NULL;

    overlay_watch_monitor(l);
    overlay_reap(l);
    HASH_FIND(hh_rank, l->by_rank, &h->rank, sizeof(h->rank), old);
    if (!old)
        return 0;
    if (strcmp(old->uuid, h->uuid) && flux_monotime() - old->heard > patience) {
        overlay_send_control(l, old->id, old->id_len, FLUX_MSG_GOODBYE, EEXIST,
                             "another broker has taken this rank", NULL);
        overlay_drop(l, old, OVERLAY_PEER_LOST, "was silent, and has been replaced");
        return 0;
    }
    return flux_error_set(err, -EEXIST, "rank %u is connected already, from %s (versions %s, %s)",
                          h->rank, old->hostname, h->version, l->version);
}

static struct overlay_peer *peer_new(const Flux__V1__OverlayHello *h, int fd)
{
    struct overlay_peer *p = flux_alloc(sizeof(*p));

    p->rank = h->rank;
    p->fd = fd;
    p->gauge = overlay_gauge_new();
    p->heard = p->spoke = flux_monotime();
    snprintf(p->hostname, sizeof(p->hostname), "%s", h->hostname);
    snprintf(p->uuid, sizeof(p->uuid), "%s", h->uuid);
    return p;
}

/* systemd starts a refused broker again and again: the same line once a minute is enough. */
static void log_refused(struct overlay_link *l, const char *line)
{
    double now = flux_monotime();

    if (l->refused_line && !strcmp(l->refused_line, line) &&
        now - l->refused_at < REFUSED_LOG_SECONDS) {
        l->refused_again++;
        return;
    }
    if (l->refused_again)
        overlay_log(l, LOG_ERR, "%s (%u times more)", l->refused_line, l->refused_again);
    overlay_log(l, LOG_ERR, "%s", line);
    free(l->refused_line);
    l->refused_line = flux_strdup(line);
    l->refused_at = now;
    l->refused_again = 0;
}

static void refuse_child(struct overlay_link *l, const void *id, size_t id_len,
                         const Flux__V1__OverlayHello *h, int r, const struct flux_error *err)
{
    bool named = h && known_name(h->hostname, 64);
    FLUX_AUTO_STR line = flux_printf("refused %s (rank %u): %s", named ? h->hostname : "a broker",
                                     h ? h->rank : 0, err->text);

    log_refused(l, line);
    overlay_send_control(l, id, id_len, FLUX_MSG_GOODBYE, -r, err->text, NULL);
}

void overlay_hello_from_child(struct overlay_link *l, const void *id, size_t id_len, int fd,
                              const char *key, const struct flux_msg *m)
{
    Flux__V1__OverlayHello *h;
    struct overlay_peer *p;
    struct flux_error err;
    int r;

    h = decode(m);
    if (!h)
        r = flux_error_set(&err, -EPROTO, "its hello cannot be decoded");
    else if ((r = check_common(l, h, &err)) == 0 && (r = check_rank(l, h, key, &err)) == 0)
        r = check_duplicate(l, h, &err);
    if (r < 0) {
        refuse_child(l, id, id_len, h, r, &err);
    } else {
        p = peer_new(h, fd);
        memcpy(p->id, id, id_len);
        p->id_len = id_len;
        HASH_ADD(hh, l->by_id, id, p->id_len, p);
        HASH_ADD(hh_rank, l->by_rank, rank, sizeof(p->rank), p);
        overlay_say_hello(l, id, id_len);
        l->conf.ops.on_peer(l->conf.arg, p->rank, OVERLAY_PEER_UP, p->hostname, "");
    }
    if (h)
        protobuf_c_message_free_unpacked(&h->base, NULL);
}

void overlay_hello_from_parent(struct overlay_link *l, int fd, const struct flux_msg *m)
{
    Flux__V1__OverlayHello *h;
    struct flux_error err;
    int r;

    if (l->parent)
        return;
    h = decode(m);
    if (!h)
        r = flux_error_set(&err, -EPROTO, "its hello cannot be decoded");
    else if ((r = check_common(l, h, &err)) == 0 && h->rank != l->parent_rank)
        r = flux_error_set(&err, -EINVAL, "it is rank %u, rank %u was expected (versions %s, %s)",
                           h->rank, l->parent_rank, h->version, l->version);
    if (r < 0) {
        l->refused = true;
        l->conf.ops.on_peer(l->conf.arg, l->parent_rank, OVERLAY_PEER_REFUSED, h ? h->hostname : "",
                            err.text);
    } else {
        l->parent = peer_new(h, fd);
        l->parent->is_parent = true;
        l->conf.ops.on_peer(l->conf.arg, h->rank, OVERLAY_PEER_UP, h->hostname, "");
    }
    if (h)
        protobuf_c_message_free_unpacked(&h->base, NULL);
}
