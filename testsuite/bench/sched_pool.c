// SPDX-License-Identifier: LGPL-3.0-only
/* Grants a second of the scheduler's engine on 4,096 nodes of 64 cores, R text included, at several
 * fills and job shapes. */
#include "pool.h"

#include <stdio.h>

#define NODES 4096
#define CORES 64

static struct pool *make_pool(void)
{
    FLUX_AUTO(rset) r = flux_rset_new();
    FLUX_AUTO(idset) ranks = NULL;
    struct pool *p;

    if (flux_rset_add_group(r, "0-4095", "node[0-4095]", "0-63", "0-3", NULL) < 0)
        abort();
    ranks = flux_rset_ranks(r);
    p = pool_new(r);
    pool_set_state(p, ranks, POOL_UP);
    return p;
}

/* Fill the machine with such jobs, then free and grant at random `rounds` times. */
static void run(const char *name, struct pool_request rq, size_t most, unsigned rounds)
{
    struct pool *p = make_pool();
    struct pool_alloc **held = flux_alloc(most * sizeof(*held));
    struct pool_mask *all;
    size_t n = 0;
    unsigned seed = 1;
    double start, fill;

    pool_mask(p, NULL, &all, NULL);
    rq.mask = all;
    start = flux_monotime();
    while (n < most && pool_alloc(p, &rq, NULL, &held[n]) == 0) {
        free(pool_encode(p, held[n], 1000, 2000, NULL));
        n++;
    }
    fill = flux_monotime() - start;
    start = flux_monotime();
    for (unsigned i = 0; i < rounds; i++) {
        size_t at = rand_r(&seed) % n;

        pool_release(p, held[at]);
        if (pool_alloc(p, &rq, NULL, &held[at]) < 0)
            abort();
        free(pool_encode(p, held[at], 1000, 2000, NULL));
    }
    printf("sched.pool.%s.fill %.0f /s\n", name, n / fill);
    printf("sched.pool.%s %.0f /s\n", name, rounds / (flux_monotime() - start));
    for (size_t i = 0; i < n; i++)
        pool_release(p, held[i]);
    free(held);
    pool_free(p);
}

int main(void)
{
    run("1core", (struct pool_request){.nslots = 1, .cores_per_slot = 1}, NODES * CORES, 200000);
    run("7cores", (struct pool_request){.nslots = 1, .cores_per_slot = 7}, NODES * 9, 200000);
    run("1core1gpu", (struct pool_request){.nslots = 1, .cores_per_slot = 1, .gpus_per_slot = 1},
        NODES * 4, 20000);
    run("16slots", (struct pool_request){.nslots = 16, .cores_per_slot = 1}, NODES * 4, 200000);
    run("1node",
        (struct pool_request){
            .nnodes = 1, .slots_per_node = 1, .cores_per_slot = 1, .exclusive = true},
        NODES, 200000);
    run("128nodes",
        (struct pool_request){
            .nnodes = 128, .slots_per_node = 1, .cores_per_slot = 1, .exclusive = true},
        NODES / 128, 5000);
    return 0;
}
