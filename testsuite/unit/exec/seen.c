// SPDX-License-Identifier: LGPL-3.0-only
/* What calls of the exec service have told, and waiting for it. */
#include "seen.h"

#include <signal.h>
#include <stdio.h>

static void on_exits(struct seen *s, size_t n, flux_exec_exit **exits)
{
    for (size_t i = 0; i < n; i++) {
        FLUX_AUTO(idset) set = NULL;
        assert_int_equal(flux_idset_decode(exits[i]->ranks, &set, NULL), 0);
        assert_false(flux_idset_intersects(set, s->exited));
        assert_false(flux_idset_intersects(set, s->failed));
        flux_idset_add_set(s->exited, set);
        s->status = exits[i]->status;
        size_t len = strlen(s->exits);
        snprintf(s->exits + len, sizeof(s->exits) - len, "%s:%d ", exits[i]->ranks, s->status);
    }
}

static void on_failures(struct seen *s, size_t n, flux_exec_failure **failures)
{
    for (size_t i = 0; i < n; i++) {
        FLUX_AUTO(idset) set = NULL;
        assert_int_equal(flux_idset_decode(failures[i]->ranks, &set, NULL), 0);
        assert_false(flux_idset_intersects(set, s->exited));
        assert_false(flux_idset_intersects(set, s->failed));
        flux_idset_add_set(s->failed, set);
        s->errnum = failures[i]->errnum;
        snprintf(s->text, sizeof(s->text), "%s", failures[i]->text);
    }
}

static void on_started(struct seen *s, const char *ranks)
{
    FLUX_AUTO(idset) set = NULL;

    assert_int_equal(flux_idset_decode(ranks, &set, NULL), 0);
    flux_idset_add_set(s->started, set);
}

static void on_end(struct seen *s, int r, const struct flux_error *err)
{
    s->ended = true;
    s->r = r == -ENODATA ? 0 : r;
    snprintf(s->err, sizeof(s->err), "%s", err->text);
}

void seen_start_item(struct flux_future *f, void *arg)
{
    struct seen *s = arg;
    const flux_exec_start_response *item;
    struct flux_error err;
    int r = flux_exec_start_result(f, &item, &err);

    if (r < 0) {
        on_end(s, r, &err);
        return;
    }
    s->items++;
    on_started(s, item->started);
    on_exits(s, item->n_exits, item->exits);
    on_failures(s, item->n_failures, item->failures);
}

void seen_attach_item(struct flux_future *f, void *arg)
{
    struct seen *s = arg;
    const flux_exec_attach_response *item;
    struct flux_error err;
    int r = flux_exec_attach_result(f, &item, &err);

    if (r < 0) {
        on_end(s, r, &err);
        return;
    }
    on_started(s, item->progress->started);
    on_exits(s, item->progress->n_exits, item->progress->exits);
    on_failures(s, item->progress->n_failures, item->progress->failures);
}

void seen_run_item(struct flux_future *f, void *arg)
{
    struct seen *s = arg;
    const flux_exec_run_response *item;
    struct flux_error err;
    int r = flux_exec_run_result(f, &item, &err);

    if (r < 0) {
        on_end(s, r, &err);
        return;
    }
    s->items++;
    for (size_t i = 0; i < item->n_output; i++) {
        const flux_exec_run_output *o = item->output[i];
        assert_true(o->stream == 1 || o->stream == 2);
        assert_false(flux_idset_contains(s->exited, o->rank));
        flux_buf_add(&s->out[o->stream], o->data.data, o->data.len);
    }
    on_started(s, item->started);
    on_exits(s, item->n_exits, item->exits);
    on_failures(s, item->n_failures, item->failures);
    if (!s->stingy)
        flux_future_credit(f, flux_future_size(f));
}

struct seen *seen_new(struct fabric *f)
{
    struct seen *s = flux_alloc(sizeof(*s));

    s->fabric = f;
    s->started = flux_idset_new();
    s->exited = flux_idset_new();
    s->failed = flux_idset_new();
    s->out[1].max = s->out[2].max = 64 << 20;
    return s;
}

void seen_free(struct seen *s)
{
    flux_future_free(s->future);
    flux_idset_free(s->started);
    flux_idset_free(s->exited);
    flux_idset_free(s->failed);
    flux_buf_done(&s->out[1]);
    flux_buf_done(&s->out[2]);
    free(s);
}

void until_end(struct seen *s)
{
    while (!s->ended)
        fabric_step(s->fabric);
}

void until_started(struct seen *s, size_t n)
{
    while (flux_idset_count(s->started) < n)
        fabric_step(s->fabric);
}

void assert_ranks(const struct flux_idset *set, const char *want)
{
    FLUX_AUTO_STR s = flux_idset_encode(set, FLUX_IDSET_RANGE);

    assert_string_equal(s, want);
}

void seen_answer(struct flux_future *f, void *arg)
{
    struct answer *a = arg;

    a->r = flux_rpc_result(f, NULL, NULL);
    a->done = true;
    flux_future_free(f);
}

void until_answered(struct fabric *f, struct answer *a)
{
    while (!a->done)
        fabric_step(f);
}

int setup(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    *state = fabric_new(SIZE, "kary:2");
    return 0;
}

int teardown(void **state)
{
    fabric_free(*state);
    return 0;
}
