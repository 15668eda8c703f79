// SPDX-License-Identifier: LGPL-3.0-only
/* Signs of life, both ways. A parent judges its children by them: who is silent for long is torpid.
 * A child gives its parent up in the end: a broker that hangs keeps its connections open. */
#include "overlay_peer.h"

#include <stdio.h>
#include <syslog.h>

static double shorter(double a, double b)
{
    return b > 0 && b < a ? b : a;
}

/* Our silence that calls for a sign of life to the parent, who judges us by its torpid_max. */
static double silence_up(const struct overlay_beat *beat)
{
    return shorter(beat->torpid_min > 0 ? beat->torpid_min : 5, beat->torpid_max / 2);
}

/* How often to look. Half of a limit, so that nothing is told much too late. */
static double interval(const struct overlay_link *l)
{
    const struct overlay_beat *beat = &l->conf.beat;
    double t = shorter(silence_up(beat), beat->timeout / 2);

    if (l->router.zsock)
        t = shorter(t, beat->period);
    return t > 0.01 ? t : 0.01;
}

static bool is_due(const struct overlay_peer *p, double now, double after)
{
    return after > 0 && now - p->spoke >= after * 0.9;
}

static void speak(struct overlay_link *l, struct overlay_peer *p, double now)
{
    p->spoke = now;
    overlay_send_control(l, p->is_parent ? NULL : p->id, p->is_parent ? 0 : p->id_len,
                         FLUX_MSG_KEEPALIVE, 0, NULL, NULL);
}

static void judge_parent(struct overlay_link *l, double now)
{
    const struct overlay_beat *beat = &l->conf.beat;
    struct overlay_peer *p = l->parent;
    double silent = now - p->heard;

    if (beat->timeout > 0 && silent > beat->timeout) {
        snprintf(l->silence, sizeof(l->silence), "silent for %.3gs", silent);
        overlay_drop(l, p, OVERLAY_PEER_LOST, l->silence);
    } else if (!l->warned && beat->warn > 0 && beat->period > 0 &&
               silent > beat->period * beat->warn) {
        l->warned = true;
        overlay_log(l, LOG_WARNING, "the parent, %s (rank %u), has been silent for %.3gs",
                    p->hostname, p->rank, silent);
    } else if (silent <= beat->period) {
        l->warned = false;
    }
}

static void judge_child(struct overlay_link *l, struct overlay_peer *p, double now)
{
    double max = l->conf.beat.torpid_max;

    if (max <= 0 || p->torpid || now - p->heard <= max)
        return;
    p->torpid = true;
    l->conf.ops.on_peer(l->conf.arg, p->rank, OVERLAY_PEER_TORPID, p->hostname, "");
}

/* How much later than it should this look comes. Who was stopped or had no processor for a while
 * has not heard others either: what they said meanwhile is still to be read, and is known at the
 * next look. */
static double lateness(const struct overlay_link *l, double now)
{
    double late = now - l->ticked - interval(l);

    return late > 0 ? late : 0;
}

static void on_tick(uv_timer_t *timer)
{
    struct overlay_link *l = timer->data;
    struct overlay_peer *p, *next;
    double now = flux_monotime();
    double heard_until = now - lateness(l, now);

    l->ticked = now;
    if (l->parent && is_due(l->parent, now, silence_up(&l->conf.beat)))
        speak(l, l->parent, now);
    if (l->parent)
        judge_parent(l, heard_until);
    HASH_ITER (hh, l->by_id, p, next) {
        if (is_due(p, now, l->conf.beat.period))
            speak(l, p, now);
        judge_child(l, p, heard_until);
    }
}

void overlay_beat_start(struct overlay_link *l)
{
    uint64_t ms = interval(l) * 1000;

    l->ticked = flux_monotime();
    uv_timer_start(&l->timer, on_tick, ms, ms);
}

void overlay_link_tune(struct overlay_link *l, const struct overlay_beat *beat)
{
    l->conf.beat = *beat;
    if (uv_is_active((uv_handle_t *)&l->timer))
        overlay_beat_start(l);
}
