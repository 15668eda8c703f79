// SPDX-License-Identifier: LGPL-3.0-only
/* Where jobs come in. A request may hold many jobs, each with its own outcome; those that pass
 * validation get ids and go to the job manager in batches, and the answer comes when they are
 * stored. */
#include "ingest.h"

#include <syslog.h>

#include <flux/v1/kvs.h>

static const struct flux_job_ingest_ops ops = FLUX_JOB_INGEST_OPS(job_ingest);

/* A damaged store: what cannot be read is taken out. Ids go on above the highest one. */
static bool repair(struct flux *h)
{
    flux_kvs_fsck_request in = FLUX_KVS_FSCK_REQUEST_INIT;

    in.repair = in.structure_only = true;
    return flux_kvs_fsck(h, FLUX_ANY, &in, NULL, NULL) == 0;
}

/* The instance's epoch: kept, so that ids of one instance never repeat, restarts or not. */
static int load_epoch(struct flux *h, double *epoch, struct flux_error *err)
{
    flux_kvs_get_request get = FLUX_KVS_GET_REQUEST_INIT;
    flux_kvs_commit_request put = FLUX_KVS_COMMIT_REQUEST_INIT;
    flux_kvs_op op = FLUX_KVS_OP_INIT, *list[] = {&op};
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    FLUX_AUTO_STR text = NULL;
    int r;

    get.key = FLUX_JOBS_KEY_EPOCH;
    r = flux_kvs_get(h, FLUX_ANY, &get, &out, err);
    if (r == -EIO && repair(h))
        r = flux_kvs_get(h, FLUX_ANY, &get, &out, err);
    if (r == 0) {
        text = flux_strndup((char *)out->value.data, out->value.len);
        *epoch = strtod(text, NULL);
        return 0;
    }
    if (r != -ENOENT)
        return r;
    *epoch = flux_walltime();
    text = flux_printf("%.3f", *epoch);
    op.kind = FLUX_KVS_OP_PUT;
    op.key = FLUX_JOBS_KEY_EPOCH;
    op.value.data = (uint8_t *)text;
    op.value.len = strlen(text);
    put.ops = list;
    put.n_ops = 1;
    return flux_kvs_commit(h, FLUX_ANY, &put, NULL, err);
}

static void seed(struct flux *h, struct flux_fluid_gen *gen)
{
    flux_kvs_get_request get = FLUX_KVS_GET_REQUEST_INIT;
    FLUX_AUTO_MSG(flux_kvs_get_response) out = NULL;
    FLUX_AUTO_STR text = NULL;

    get.key = FLUX_JOBS_KEY_MAX_ID;
    if (flux_kvs_get(h, FLUX_ANY, &get, &out, NULL) < 0)
        return;
    text = flux_strndup((char *)out->value.data, out->value.len);
    flux_fluid_seed(gen, strtoull(text, NULL, 10));
}

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct ingest *ing = flux_alloc(sizeof(*ing));
    double epoch;
    int r = load_epoch(h, &epoch, err);

    ing->h = h;
    if (r == 0)
        r = flux_fluid_init(&ing->gen, 0, epoch);
    if (r == 0) {
        seed(h, &ing->gen);
        r = flux_job_ingest_serve(h, &ops, ing, err);
    }
    if (r < 0)
        free(ing);
    *state = r < 0 ? NULL : ing;
    return r;
}

static void stop(struct flux *h, void *state)
{
    free(state);
}

const struct flux_part job_ingest_part = {.name = "job-ingest", .start = start, .stop = stop};
