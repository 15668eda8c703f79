// SPDX-License-Identifier: LGPL-3.0-only
/* What a client may ask. The newest connection that said hello is the client; the one before it
 * (a broker that hangs or is being replaced) is cut off, so that two never steer the same node. */
#include <stdio.h>

#include "spawnd.h"

static void hello(struct spawnd *d, struct conn *c, const Flux__V1__SpawnHello *in)
{
    if (in->version != SPAWND_VERSION) {
        fprintf(stderr, "flux-spawnd: client speaks protocol %u, this helper %u: refused\n",
                in->version, SPAWND_VERSION);
        c->dead = true;
        return;
    }
    if (in->orphan_grace != 0)
        d->orphan_grace = in->orphan_grace;
    if (d->client == c)
        return;
    if (d->client)
        d->client->dead = true;
    d->client = c;
    c->greeted = true;
    spawnd_adopted(d);
    process_welcome(d, c);
}

static void kill_one(struct spawnd *d, struct conn *c, const Flux__V1__SpawnKill *in)
{
    Flux__V1__SpawnReply reply = FLUX__V1__SPAWN_REPLY__INIT;
    Flux__V1__SpawnKilled killed = FLUX__V1__SPAWN_KILLED__INIT;
    struct process *p = process_find(d, in->id);

    killed.id = in->id;
    killed.code = ESRCH;
    if (p && !p->ended)
        killed.code = in->value ? -process_queue(p, in->signal, in->value)
                                : -process_kill(p, in->signal, in->leader_only, in->cgroup);
    reply.what_case = FLUX__V1__SPAWN_REPLY__WHAT_KILLED;
    reply.killed = &killed;
    conn_reply(d, c, &reply);
}

void spawnd_request(struct spawnd *d, struct conn *c, const Flux__V1__SpawnRequest *in)
{
    if (!c->greeted && in->what_case != FLUX__V1__SPAWN_REQUEST__WHAT_HELLO) {
        c->dead = true;
        return;
    }
    switch (in->what_case) {
    case FLUX__V1__SPAWN_REQUEST__WHAT_HELLO:
        hello(d, c, in->hello);
        break;
    case FLUX__V1__SPAWN_REQUEST__WHAT_START:
        spawnd_start(d, c, in->start);
        break;
    case FLUX__V1__SPAWN_REQUEST__WHAT_KILL:
        kill_one(d, c, in->kill);
        break;
    case FLUX__V1__SPAWN_REQUEST__WHAT_ACK:
        for (size_t i = 0; i < in->ack->n_ids; i++)
            process_ack(d, in->ack->ids[i]);
        break;
    case FLUX__V1__SPAWN_REQUEST__WHAT_SHUTDOWN:
        spawnd_stop(d, in->shutdown->grace_ms / 1000.);
        break;
    default:
        break; /* of a later version: not for us */
    }
}
