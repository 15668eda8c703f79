// SPDX-License-Identifier: LGPL-3.0-only
/* job-io as a part of its module. */
#include "io.h"

static const struct flux_job_io_ops ops = FLUX_JOB_IO_OPS(job_io);

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

static void stop(struct flux *h, void *state)
{
    struct io *io = state;

    output_free_all(io);
    input_free_all(io);
    old_jobs_free(io);
    uv_close((uv_handle_t *)io->retry, free_timer);
    free(io);
}

static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    struct io *io = flux_alloc(sizeof(*io));
    const char *statedir = flux_attr(h, "statedir");
    int r;

    io->h = h;
    io->retry = flux_alloc(sizeof(*io->retry));
    uv_timer_init(flux_loop(h), io->retry);
    io->retry->data = io;
    io->survives = statedir && *statedir;
    if (io->survives)
        old_jobs_find(io);
    r = flux_job_io_serve(h, &ops, io, err);
    if (r < 0)
        stop(h, io);
    *state = r < 0 ? NULL : io;
    return r;
}

const struct flux_part job_io_part = {.name = "job-io", .start = start, .stop = stop};
