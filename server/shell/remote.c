// SPDX-License-Identifier: LGPL-3.0-only
/* One file for the output of all nodes: the first shell follows the job's output and writes what
 * the others have marked FRAME_FOR_FILE. It stays until each of their tasks' streams has ended, or
 * the service says that the job's output has. */
#include "shell.h"

#include <flux/v1/job_io.h>

#define CREDIT (8u << 20)

struct remote {
    struct flux_shell *sh;
    struct flux_future *future;
    unsigned waits_for; /* streams of other nodes' tasks */
};

static void remote_end(struct remote *m)
{
    struct flux_shell *sh = m->sh;

    flux_future_free(m->future);
    free(m);
    sh->remote = NULL;
    flux_shell_release(sh);
}

static void take_frame(struct remote *m, const flux_job_io_frame *f)
{
    int which = f->stream == FLUX_JOB_IO_STREAM_STDERR ? STREAM_ERR : STREAM_OUT;

    if (strcmp(f->component, FRAME_FOR_FILE))
        return;
    sink_write_remote(m->sh, which, f->rank, (const char *)f->data.data, f->data.len, f->eof);
    if (f->eof && m->waits_for)
        m->waits_for--;
}

static void on_frames(struct flux_future *f, void *arg)
{
    struct remote *m = arg;
    const flux_job_io_read_response *in;
    struct flux_error err;
    int r = flux_job_io_read_result(f, &in, &err);

    if (r < 0) {
        if (r != -ENODATA)
            flux_shell_log(m->sh, FLUX_SHELL_ERROR, "output", "output of other nodes: %s",
                           err.text);
        remote_end(m);
        return;
    }
    for (size_t i = 0; i < in->n_frames; i++)
        take_frame(m, in->frames[i]);
    flux_future_credit(f, flux_future_size(f));
    if (!m->waits_for)
        remote_end(m);
}

int remote_start(struct flux_shell *sh)
{
    flux_job_io_read_request in = FLUX_JOB_IO_READ_REQUEST_INIT;
    struct flux_to to = FLUX_ANY;
    unsigned streams = 0;
    struct remote *m;
    struct flux *h;

    for (int i = 0; i < STREAMS; i++)
        streams += sink_is_gathered(sh, i);
    if (sh->standalone || sh->rank || sh->nlocal == sh->ntasks || !streams)
        return 0;
    h = flux_shell_handle(sh);
    if (!h)
        return 0; /* said already; our own tasks' output is not affected */
    m = sh->remote = flux_alloc(sizeof(*m));
    m->sh = sh;
    m->waits_for = streams * (sh->ntasks - sh->nlocal);
    in.id = sh->start->job_id;
    to.credit = CREDIT;
    m->future = flux_job_io_read_stream(h, to, &in);
    flux_future_then(m->future, on_frames, m);
    flux_shell_hold(sh);
    return 0;
}

void remote_stop(struct flux_shell *sh)
{
    if (sh->remote)
        remote_end(sh->remote);
}
