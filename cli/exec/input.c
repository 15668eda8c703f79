// SPDX-License-Identifier: LGPL-3.0-only
/* Standard input of flux exec: a piece is read when the one before has been taken by all ranks, so
 * nothing piles up behind a command that does not read. */
#include "exec.h"

#include <unistd.h>

#define PIECE 65536

struct exec_input {
    struct flux *h;
    char *label;
    uv_poll_t *poll; /* NULL: a file, which can always be read */
    struct flux_future *sent;
    bool ended;
    uint8_t piece[PIECE];
};

static void want_more(struct exec_input *in);

static void on_taken(struct flux_future *f, void *arg)
{
    struct exec_input *in = arg;
    int r = flux_exec_run_input_result(f, NULL, NULL);

    flux_future_free(in->sent);
    in->sent = NULL;
    if (r == 0 && !in->ended)
        want_more(in);
}

static void read_piece(struct exec_input *in)
{
    flux_exec_run_input_request req = FLUX_EXEC_RUN_INPUT_REQUEST_INIT;
    ssize_t n = read(0, in->piece, sizeof(in->piece));

    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        want_more(in);
        return;
    }
    in->ended = n <= 0;
    req.label = in->label;
    req.data = (ProtobufCBinaryData){.data = in->piece, .len = n > 0 ? n : 0};
    req.eof = in->ended;
    in->sent = flux_exec_run_input_async(in->h, FLUX_RANK(0), &req);
    flux_future_then(in->sent, on_taken, in);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    uv_poll_stop(poll);
    read_piece(poll->data);
}

static void want_more(struct exec_input *in)
{
    if (in->poll)
        uv_poll_start(in->poll, UV_READABLE, on_readable);
    else
        read_piece(in);
}

struct exec_input *exec_input_new(struct flux *h, const char *label)
{
    struct exec_input *in = flux_alloc(sizeof(*in));

    in->h = h;
    in->label = flux_strdup(label);
    in->poll = flux_alloc(sizeof(*in->poll));
    in->poll->data = in;
    if (uv_poll_init(flux_loop(h), in->poll, 0) < 0) {
        free(in->poll);
        in->poll = NULL;
    }
    want_more(in);
    return in;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void exec_input_free(struct exec_input *in)
{
    if (!in)
        return;
    if (in->poll)
        uv_close((uv_handle_t *)in->poll, on_closed);
    flux_future_free(in->sent);
    free(in->label);
    free(in);
}
