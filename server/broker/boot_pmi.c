// SPDX-License-Identifier: LGPL-3.0-only
/* Boot under PMI-1. Each broker puts one value (its public key, host and endpoint) and after one
 * barrier gets those of its parent and its children alone. Rank 0 also gets one name a node, for
 * the hostlist. */
#include "boot.h"

#include <stdio.h>
#include <syslog.h>
#include <zmq.h>

#include <flux/hostlist.h>
#include <flux/pmi.h>

#include "overlay.h"

#define CARD_MAX 1024 /* PMI-1's largest value */

/* What a broker tells the others. No blanks: not every PMI server passes them on. */
struct card {
    char key[CERT_KEY_SIZE];
    char host[65];
    char endpoint[CARD_MAX];
};

struct exchange {
    struct broker *b;
    struct flux_pmi_client *pmi;
    struct flux_pmi_block *map; /* where the ranks are; nmap <= 0: unknown */
    int nmap;
    struct cert cert;
};

static void card_key(char *out, size_t size, uint32_t rank)
{
    snprintf(out, size, "flux-card-%u", rank);
}

static int card_put(struct exchange *x, const char *endpoint, struct flux_error *err)
{
    const char *host = attrs_get(x->b->attrs, "hostname");
    FLUX_AUTO_STR value = NULL;
    char hex[65], key[32];
    uint8_t raw[32];

    zmq_z85_decode(raw, x->cert.public_key);
    for (size_t i = 0; i < sizeof(raw); i++)
        snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    value = flux_printf("%s,%s,%s", hex, host, endpoint);
    card_key(key, sizeof(key), x->b->rank);
    return flux_pmi_client_put(x->pmi, key, value, err);
}

static int card_parse(struct card *c, char *value)
{
    char *host = strchr(value, ','), *endpoint = host ? strchr(host + 1, ',') : NULL;
    uint8_t raw[32];

    if (!endpoint || host - value != 64 || endpoint - host > (ssize_t)sizeof(c->host))
        return -EPROTO;
    *host++ = *endpoint++ = '\0';
    for (size_t i = 0; i < sizeof(raw); i++) {
        unsigned byte;
        if (sscanf(value + 2 * i, "%2x", &byte) != 1)
            return -EPROTO;
        raw[i] = byte;
    }
    zmq_z85_encode(c->key, raw, sizeof(raw));
    snprintf(c->host, sizeof(c->host), "%s", host);
    snprintf(c->endpoint, sizeof(c->endpoint), "%s", endpoint);
    return 0;
}

static int card_get(struct exchange *x, uint32_t rank, struct card *c, struct flux_error *err)
{
    char key[32], value[CARD_MAX + 1];
    int r;

    card_key(key, sizeof(key), rank);
    if ((r = flux_pmi_client_get(x->pmi, key, value, sizeof(value), err)) < 0)
        return flux_error_prefix(err, r, "pmi: rank %u", rank);
    if (card_parse(c, value) < 0)
        return flux_error_set(err, -EPROTO, "pmi: rank %u sent no proper card", rank);
    return 0;
}

/* --- where the ranks are --- */

static void get_mapping(struct exchange *x)
{
    char value[CARD_MAX + 1];

    x->nmap = -ENOENT;
    if (flux_pmi_client_get(x->pmi, "PMI_process_mapping", value, sizeof(value), NULL) == 0)
        x->nmap = flux_pmi_mapping_decode(value, &x->map);
}

static int node_of(const struct exchange *x, uint32_t rank)
{
    return x->nmap > 0 ? flux_pmi_mapping_node(x->map, x->nmap, rank) : -ENOENT;
}

static bool children_are_local(const struct exchange *x)
{
    const struct broker *b = x->b;
    int here = node_of(x, b->rank);

    for (uint32_t i = 0; i < flux_topology_child_count(b->topo, b->rank); i++)
        if (here < 0 || node_of(x, flux_topology_child(b->topo, b->rank, i)) != here)
            return false;
    return true;
}

/* RFC 34 task map: blocks of [first node, nodes, ranks per node, repeat]. */
static void set_mapping(struct exchange *x)
{
    FLUX_AUTO_BUF out = FLUX_BUF_INIT(0);

    flux_buf_puts(&out, "[");
    for (int i = 0; i < x->nmap; i++)
        flux_buf_printf(&out, "%s[%u,%u,%u,1]", i ? "," : "", x->map[i].node, x->map[i].nodes,
                        x->map[i].ppn);
    flux_buf_puts(&out, "]");
    attrs_set(x->b->attrs, "broker.mapping", x->nmap > 0 ? out.data : "[]", ATTR_READONLY);
}

/* Rank 0: the names of all hosts in rank order, asked for once a node. */
static int set_hostlist(struct exchange *x, struct flux_error *err)
{
    struct broker *b = x->b;
    FLUX_AUTO(hostlist) hl = flux_hostlist_new();
    FLUX_AUTO_STR text = NULL;
    struct card c = {0};
    int node = -1, r;

    for (uint32_t rank = 0; rank < b->size; rank++) {
        int n = node_of(x, rank);
        if ((n < 0 || n != node) && (r = card_get(x, rank, &c, err)) < 0)
            return r;
        node = n;
        flux_hostlist_append_host(hl, c.host);
    }
    text = flux_hostlist_encode(hl);
    attrs_set(b->attrs, "hostlist", text, 0);
    return 0;
}

/* A test launcher may give the brokers names of its own. */
static void take_test_hosts(struct exchange *x)
{
    char value[CARD_MAX + 1], name[FLUX_HOST_SIZE];
    FLUX_AUTO(hostlist) hl = NULL;

    if (flux_pmi_client_get(x->pmi, "flux.hostlist", value, sizeof(value), NULL) < 0 ||
        flux_hostlist_decode(value, &hl, NULL) < 0 || !flux_hostlist_nth(hl, x->b->rank, name))
        return;
    attrs_set(x->b->attrs, "hostname", name, 0);
    attrs_set(x->b->attrs, "hostlist", value, 0);
}

static void take_level(struct exchange *x)
{
    char value[64];

    if (getenv("FLUX_JOB_ID") &&
        flux_pmi_client_get(x->pmi, "flux.instance-level", value, sizeof(value), NULL) == 0)
        attrs_setf(x->b->attrs, "instance-level", ATTR_READONLY, "%d", atoi(value) + 1);
}

/* --- the exchange --- */

static int listen_for_children(struct exchange *x, char **endpoint, struct flux_error *err)
{
    struct broker *b = x->b;
    const char *hint = attrs_get(b->attrs, "tbon.interface-hint");
    FLUX_AUTO_STR where = NULL;
    FLUX_AUTO_STR addr = NULL;

    if (flux_topology_child_count(b->topo, b->rank) == 0) {
        *endpoint = flux_strdup("-");
        return 0;
    }
    if (children_are_local(x) && attrs_get_int(b->attrs, "tbon.prefertcp", 0) == 0)
        where = flux_printf("ipc://%s/tbon-%u", attrs_get(b->attrs, "rundir"), b->rank);
    else {
        addr = boot_address(hint);
        if (!addr)
            return flux_error_set(err, -EADDRNOTAVAIL,
                                  "no address of this host fits tbon.interface-hint '%s'", hint);
        where = flux_printf("tcp://%s:*", addr);
    }
    return overlay_listen(b, where, endpoint, err);
}

static int meet_neighbours(struct exchange *x, struct flux_error *err)
{
    struct broker *b = x->b;
    struct card c;
    int r;

    for (uint32_t i = 0; i < flux_topology_child_count(b->topo, b->rank); i++) {
        uint32_t rank = flux_topology_child(b->topo, b->rank, i);
        if ((r = card_get(x, rank, &c, err)) < 0)
            return r;
        overlay_allow(b, c.key, rank);
    }
    if (b->rank > 0) {
        if ((r = card_get(x, flux_topology_parent(b->topo, b->rank), &c, err)) < 0)
            return r;
        overlay_set_parent(b, c.endpoint, c.key);
    }
    if (b->rank == 0 && !attrs_get(b->attrs, "hostlist"))
        return set_hostlist(x, err);
    return 0;
}

static int exchange_cards(struct exchange *x, struct flux_error *err)
{
    FLUX_AUTO_STR endpoint = NULL;
    int r;

    if ((r = cert_generate(&x->cert, err)) < 0 || (r = overlay_open(x->b, &x->cert, 0, err)) < 0 ||
        (r = listen_for_children(x, &endpoint, err)) < 0 || (r = card_put(x, endpoint, err)) < 0 ||
        (r = flux_pmi_client_barrier(x->pmi, err)) < 0)
        return r;
    return meet_neighbours(x, err);
}

static int boot_with(struct exchange *x, struct flux_error *err)
{
    struct broker *b = x->b;
    const char *topo = attrs_get(b->attrs, "tbon.topo");
    int r;

    b->rank = flux_pmi_client_rank(x->pmi);
    b->size = flux_pmi_client_size(x->pmi);
    if ((r = flux_topology_new(topo ? topo : "kary:32", b->size, &b->topo, err)) < 0)
        return flux_error_prefix(err, r, "tbon.topo");
    take_level(x);
    take_test_hosts(x);
    get_mapping(x);
    set_mapping(x);
    if (b->size == 1) {
        if (!attrs_get(b->attrs, "hostlist"))
            attrs_set(b->attrs, "hostlist", attrs_get(b->attrs, "hostname"), 0);
        return 0;
    }
    return exchange_cards(x, err);
}

int boot_pmi(struct broker *b, struct flux_error *err)
{
    struct exchange x = {.b = b};
    int r = flux_pmi_client_open(&x.pmi, err);

    if (r < 0)
        return r;
    r = boot_with(&x, err);
    if (r == 0)
        r = flux_pmi_client_finalize(x.pmi, err);
    attrs_set(b->attrs, "broker.boot-method", "simple", ATTR_READONLY);
    flux_pmi_client_free(x.pmi);
    cert_done(&x.cert);
    free(x.map);
    return r;
}
