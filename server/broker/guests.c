// SPDX-License-Identifier: LGPL-3.0-only
/* Bounds for users other than the owner. A row of the table lives while its user is connected. */
#include "guests.h"

#include <sys/resource.h>
#include <uthash.h>
#include <utlist.h>

#define CONNECTIONS_MAX 1024             /* of one user */
#define DESCRIPTORS_KEPT 512             /* never taken by guests */
#define BACKLOG_MAX ((size_t)64 << 20)   /* bytes waiting for one client, whoever it is */
#define BACKLOGS_MAX ((size_t)128 << 20) /* for all of a user */
#define BACKLOG_FAIR ((size_t)128 << 10) /* no client is cut off for less */
#define FRAMES_MAX ((size_t)64 << 20)    /* bytes of unfinished frames of a user */

struct guest {
    uint32_t userid;
    unsigned connections;
    size_t partial; /* of all links */
    bool squeezed;  /* that is too much: only `turn` is read from until there is less */
    struct guest_link *links, *turn;
    UT_hash_handle hh;
};

void guests_init(struct guests *gs)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur < 2 * DESCRIPTORS_KEPT)
        gs->max = DESCRIPTORS_KEPT / 2;
    else
        gs->max = lim.rlim_cur < 1u << 30 ? lim.rlim_cur - DESCRIPTORS_KEPT : 1u << 30;
}

static struct guest *find(const struct guests *gs, uint32_t userid)
{
    struct guest *g;

    HASH_FIND_INT(gs->table, &userid, g);
    return g;
}

int guests_check(const struct guests *gs, uint32_t userid, struct flux_error *err)
{
    const struct guest *g = find(gs, userid);

    if (g && g->connections >= CONNECTIONS_MAX)
        return flux_error_set(err, -EAGAIN, "user %u has %u connections, which is the limit",
                              userid, g->connections);
    if (gs->connections >= gs->max)
        return flux_error_set(err, -EAGAIN, "guests have %u connections, which is the limit",
                              gs->connections);
    return 0;
}

static void apply_pause(struct guest_link *link)
{
    const struct guest *g = link->guest;

    flux_stream_pause(link->stream, link->paused || (g && g->squeezed && g->turn != link));
}

static struct guest_link *whose_turn(const struct guest *g)
{
    if (g->turn && g->turn->partial)
        return g->turn;
    for (struct guest_link *link = g->links; link; link = link->next)
        if (link->partial)
            return link;
    return NULL;
}

/* Frames that have begun take turns, one at a time, where they would take too much memory
 * together. Who does not finish its frame keeps nobody waiting but other programs of its user. */
static void squeeze(struct guest *g)
{
    bool squeezed = g->partial > FRAMES_MAX;
    struct guest_link *turn = squeezed ? whose_turn(g) : NULL, *link;

    if (squeezed == g->squeezed && turn == g->turn)
        return;
    g->squeezed = squeezed;
    g->turn = turn;
    DL_FOREACH(g->links, link)
    apply_pause(link);
}

void guest_enter(struct guests *gs, struct guest_link *link, uint32_t userid)
{
    struct guest *g = find(gs, userid);

    if (!g) {
        g = flux_alloc(sizeof(*g));
        g->userid = userid;
        HASH_ADD_INT(gs->table, userid, g);
    }
    g->connections++;
    gs->connections++;
    link->guest = g;
    DL_APPEND(g->links, link);
    apply_pause(link);
}

void guest_leave(struct guests *gs, struct guest_link *link)
{
    struct guest *g = link->guest;

    if (!g)
        return;
    DL_DELETE(g->links, link);
    g->partial -= link->partial;
    if (g->turn == link)
        g->turn = NULL;
    link->partial = 0;
    link->guest = NULL;
    apply_pause(link);
    squeeze(g);
    gs->connections--;
    if (--g->connections)
        return;
    HASH_DEL(gs->table, g);
    free(g);
}

void guest_partial(struct guest_link *link, size_t have)
{
    struct guest *g = link->guest;

    if (!g || link->partial == have)
        return;
    g->partial += have - link->partial;
    link->partial = have;
    squeeze(g);
}

void guest_pause(struct guest_link *link, bool on)
{
    link->paused = on;
    apply_pause(link);
}

bool guest_reads_too_slowly(const struct guest_link *link)
{
    size_t mine = flux_stream_backlog(link->stream), sum = 0;
    const struct guest_link *other;

    if (mine > BACKLOG_MAX || !link->guest || mine < BACKLOG_FAIR)
        return mine > BACKLOG_MAX;
    DL_FOREACH(link->guest->links, other)
    sum += flux_stream_backlog(other->stream);
    return sum > BACKLOGS_MAX;
}
