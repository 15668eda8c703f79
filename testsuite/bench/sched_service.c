// SPDX-License-Identifier: LGPL-3.0-only
/* Jobs a second through service Sched on 4,096 nodes of 64 cores, messages included: enqueue in
 * batches, take the grants, free them. Both sides run in this one thread. */
#include "part.h"

#include <stdio.h>

#include <flux/rset.h>
#include <flux/v1/resource_service.h>
#include <flux/v1/sched.h>

#define JOBS 200000
#define BATCH 64

static const char jobspec[] = "{\"resources\":[{\"type\":\"slot\",\"count\":1,\"label\":\"task\","
                              "\"with\":[{\"type\":\"core\","
                              "\"count\":1}]}],\"attributes\":{\"system\":{\"duration\":60}}}";

struct bench {
    struct flux *h;
    unsigned sent, granted, freed;
    uint64_t ids[JOBS];
};

static int acquire(struct flux_call *call, const flux_resource_acquire_request *in)
{
    flux_resource_acquire_response item = FLUX_RESOURCE_ACQUIRE_RESPONSE_INIT;
    FLUX_AUTO(rset) r = flux_rset_new();
    FLUX_AUTO_STR text = NULL;

    if (flux_rset_add_group(r, "0-4095", "node[0-4095]", "0-63", NULL, NULL) < 0)
        return -EINVAL;
    text = flux_rset_encode(r);
    item.r = text;
    item.up = "0-4095";
    flux_resource_acquire_send(call, &item);
    return FLUX_CALL_LATER;
}

static const struct flux_resource_ops ops = {.acquire = acquire};

static void enqueue(struct bench *b)
{
    flux_sched_enqueue_request in = FLUX_SCHED_ENQUEUE_REQUEST_INIT;
    flux_sched_job jobs[BATCH], *list[BATCH];

    for (int i = 0; i < BATCH; i++) {
        jobs[i] = (flux_sched_job)FLUX_SCHED_JOB_INIT;
        jobs[i].id = ++b->sent;
        jobs[i].priority = 16;
        jobs[i].t_submit = b->sent;
        jobs[i].jobspec = (char *)jobspec;
        list[i] = &jobs[i];
    }
    in.jobs = list;
    in.n_jobs = BATCH;
    flux_future_free(flux_sched_enqueue_async(b->h, FLUX_ANY, &in));
}

static void release(struct bench *b)
{
    flux_sched_free_request in = FLUX_SCHED_FREE_REQUEST_INIT;
    flux_sched_release rels[BATCH], *list[BATCH];
    int n = 0;

    for (; n < BATCH && b->freed < b->granted; n++) {
        rels[n] = (flux_sched_release)FLUX_SCHED_RELEASE_INIT;
        rels[n].id = b->ids[b->freed++];
        rels[n].ranks = "";
        list[n] = &rels[n];
    }
    in.releases = list;
    in.n_releases = n;
    flux_future_free(flux_sched_free_async(b->h, FLUX_ANY, &in));
}

static void on_grants(struct flux_future *f, void *arg)
{
    struct bench *b = arg;
    const flux_sched_attach_response *item;

    if (flux_sched_attach_result(f, &item, NULL) < 0)
        return;
    for (size_t i = 0; i < item->n_grants; i++)
        b->ids[b->granted++] = item->grants[i]->id;
    while (b->freed < b->granted)
        release(b);
    if (b->granted >= JOBS - BATCH)
        flux_stop(b->h);
    else
        enqueue(b);
}

int main(void)
{
    static struct bench b;
    flux_sched_attach_request in = FLUX_SCHED_ATTACH_REQUEST_INIT;
    FLUX_AUTO(future) attach = NULL;
    void *sched;
    double start;

    b.h = flux_open_loop();
    if (flux_resource_serve(b.h, &ops, &b, NULL) < 0 ||
        sched_simple_part.start(b.h, 0, NULL, &sched, NULL) < 0)
        return 1;
    attach = flux_sched_attach_stream(b.h, FLUX_ANY, &in);
    flux_future_then(attach, on_grants, &b);
    start = flux_monotime();
    flux_run(b.h);
    printf("sched.service %.0f /s\n", b.granted / (flux_monotime() - start));
    flux_future_free(FLUX_GIVE(attach));
    sched_simple_part.stop(b.h, sched);
    flux_close(b.h);
    return 0;
}
