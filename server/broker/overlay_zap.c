// SPDX-License-Identifier: LGPL-3.0-only
/* Who gets past the CURVE handshake (ZeroMQ's RFC 27, in process): only holders of a key that was
 * authorized. This socket opens before any that listens and closes after it: without it ZeroMQ
 * would let everybody in who speaks CURVE. */
#include "overlay_peer.h"

#include <stdio.h>
#include <syslog.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_FRAMES 7 /* version, request, domain, address, routing id, mechanism, key */

struct zap_request {
    char frame[ZAP_FRAMES][256];
    size_t len[ZAP_FRAMES];
    int count;
};

/* One whole request off the socket; false if there is none. Frames past the last known, and bytes
 * past what fits, are thrown away. */
static bool zap_receive(void *zsock, struct zap_request *req)
{
    int more = 1;
    size_t more_len = sizeof(more);

    req->count = 0;
    while (more) {
        char buf[sizeof(req->frame[0])];
        int n = zmq_recv(zsock, buf, sizeof(buf), ZMQ_DONTWAIT);
        if (n < 0)
            return false;
        if (req->count < ZAP_FRAMES) {
            req->len[req->count] = (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1;
            memcpy(req->frame[req->count], buf, req->len[req->count]);
            req->frame[req->count][req->len[req->count]] = '\0';
        }
        req->count++;
        zmq_getsockopt(zsock, ZMQ_RCVMORE, &more, &more_len);
    }
    return true;
}

static void zap_reply(void *zsock, const struct zap_request *req, bool ok, const char *user)
{
    const char *parts[] = {ok ? "200" : "400", ok ? "OK" : "unknown key", user, ""};

    zmq_send(zsock, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(zsock, req->frame[1], req->len[1], ZMQ_SNDMORE);
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(parts); i++)
        zmq_send(zsock, parts[i], strlen(parts[i]),
                 i + 1 < FLUX_ARRAY_SIZE(parts) ? ZMQ_SNDMORE : 0);
}

/* At most one line a second, with the number that it stands for. */
static void log_refusal(struct overlay_link *l, const char *address, const char *key)
{
    double now = flux_monotime();

    l->refusals++;
    if (now - l->refusal_logged < 1.0 && l->refusal_logged > 0)
        return;
    overlay_log(l, LOG_WARNING, "refused %u connection%s, last from %s: unknown public key %s",
                l->refusals, l->refusals == 1 ? "" : "s", *address ? address : "this host", key);
    l->refusals = 0;
    l->refusal_logged = now;
}

static int zap_pump(struct overlay_sock *s)
{
    struct overlay_link *l = s->link;
    struct overlay_key *known = NULL;
    struct zap_request req;
    char key[CERT_KEY_SIZE] = "?";

    if (!zap_receive(s->zsock, &req))
        return 0;
    if (req.count == ZAP_FRAMES && !strcmp(req.frame[0], "1.0") && !strcmp(req.frame[5], "CURVE") &&
        req.len[6] == 32 && zmq_z85_encode(key, (const uint8_t *)req.frame[6], 32))
        HASH_FIND_STR(l->keys, key, known);
    if (!known)
        log_refusal(l, req.count > 3 ? req.frame[3] : "", key);
    zap_reply(s->zsock, &req, known != NULL, known ? key : "");
    return 1;
}

int overlay_zap_open(struct overlay_link *l, struct flux_error *err)
{
    l->zap.zsock = zmq_socket(l->zctx, ZMQ_REP);
    if (!l->zap.zsock || zmq_bind(l->zap.zsock, ZAP_ENDPOINT) < 0)
        return flux_error_set(err, -errno, "overlay: cannot bind " ZAP_ENDPOINT ": %s",
                              zmq_strerror(errno));
    l->zap.pump = zap_pump;
    return 0;
}
