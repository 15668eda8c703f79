// SPDX-License-Identifier: LGPL-3.0-only
/* Run calls: output of this rank and of the children goes up as far as the caller gave credit, in
 * one message a turn; what does not fit waits, and with it those who make it. The end of a rank is
 * told after all of its output. */
#include <signal.h>
#include <syslog.h>

#include <flux/topology.h>

#include "run.h"

#define QUEUE_MAX (256u << 10) /* bytes waiting, at which this rank's own pipes are not read */
#define ITEM_MAX (256u << 10)  /* bytes of output in one message, about */
#define WINDOWS (4u << 20)     /* shared by the children */
#define WINDOW_MAX (256u << 10)
#define WINDOW_MIN (32u << 10)
#define LABEL_MAX 64
#define INPUT_MAX (1u << 20) /* of one RunInput */

struct run *run_find(struct exec *x, const char *label)
{
    struct run *run;

    HASH_FIND_STR(x->runs, label, run);
    return run;
}

static void chunk_free(struct chunk *ch)
{
    free(ch->data);
    free(ch);
}

static void run_free(struct run *run)
{
    struct chunk *ch;

    if (run->command)
        command_orphan(run->command);
    while ((ch = STAILQ_FIRST(&run->queue))) {
        STAILQ_REMOVE_HEAD(&run->queue, link);
        chunk_free(ch);
    }
    if (run->label)
        HASH_DELETE(hh, run->exec->runs, run);
    TAILQ_REMOVE(&run->exec->all_runs, run, link);
    free(run->label);
    free(run);
}

/* --- output --- */

static struct chunk *enqueue(struct run *run, uint32_t rank, uint32_t stream, uint8_t *data,
                             size_t len)
{
    struct chunk *ch = flux_alloc(sizeof(*ch));

    ch->rank = rank;
    ch->stream = stream;
    ch->data = data;
    ch->len = len;
    run->queued += len;
    STAILQ_INSERT_TAIL(&run->queue, ch, link);
    fan_touch(&run->fan);
    return ch;
}

void run_output(struct run *run, uint32_t stream, uint8_t *data, size_t len)
{
    enqueue(run, run->exec->rank, stream, data, len)->eof = !data;
}

bool run_can_take(const struct run *run)
{
    return run->queued < QUEUE_MAX && flux_call_credit(run->fan.call) > 0;
}

/* Its room is free again: let the child send as much more. */
static void chunk_sent(struct run *run, struct chunk *ch)
{
    if (ch->child > 0 && ch->cost > 0 && run->fan.children[ch->child - 1].future)
        flux_future_credit(run->fan.children[ch->child - 1].future, ch->cost);
    STAILQ_REMOVE_HEAD(&run->queue, link);
    run->queued -= ch->len;
    chunk_free(ch);
}

static void add_items(flux_exec_run_response *out, const struct fan_items *items)
{
    out->started = items->started;
    out->n_exits = items->n_exits;
    out->exits = items->exits;
    out->n_failures = items->n_failures;
    out->failures = items->failures;
}

/* As many chunks as make a message; the collection rides with the last ones. */
static void send_some(struct run *run, const struct fan_items *items)
{
    flux_exec_run_response out = FLUX_EXEC_RUN_RESPONSE_INIT;
    size_t n = 0, bytes = 0, i = 0;
    struct chunk *ch;

    STAILQ_FOREACH (ch, &run->queue, link) {
        if (n > 0 && bytes + ch->len > ITEM_MAX)
            break;
        bytes += ch->len;
        n++;
    }
    FLUX_AUTO_MEM(flux_exec_run_output) outputs = flux_realloc(NULL, n + 1, sizeof(*outputs));
    FLUX_AUTO_MEM(flux_exec_run_output *) list = flux_realloc(NULL, n + 1, sizeof(*list));
    STAILQ_FOREACH (ch, &run->queue, link) {
        if (i == n)
            break;
        outputs[i] = (flux_exec_run_output)FLUX_EXEC_RUN_OUTPUT_INIT;
        outputs[i].rank = ch->rank;
        outputs[i].stream = ch->stream;
        outputs[i].eof = ch->eof;
        outputs[i].data = (ProtobufCBinaryData){.len = ch->len, .data = ch->data};
        list[i] = &outputs[i];
        i++;
    }
    out.n_output = n;
    out.output = list;
    if (!ch)
        add_items(&out, items);
    else
        out.started = "";
    flux_exec_run_send(run->fan.call, &out);
    while (n-- > 0)
        chunk_sent(run, STAILQ_FIRST(&run->queue));
}

/* Ends must wait for output that came before them; who has started need not. */
static enum fan_sent send_started(struct run *run, const char *ranks)
{
    flux_exec_run_response out = FLUX_EXEC_RUN_RESPONSE_INIT;

    if (!ranks[0])
        return FAN_SENT_NOTHING;
    out.started = ranks;
    flux_exec_run_send(run->fan.call, &out);
    return FAN_SENT_STARTED;
}

static enum fan_sent send_items(struct fan *f, const struct fan_items *items)
{
    struct run *run = (struct run *)f;

    if (STAILQ_EMPTY(&run->queue)) {
        if (items->started[0] || items->n_exits + items->n_failures > 0)
            send_some(run, items);
        return FAN_SENT_ALL;
    }
    while (!STAILQ_EMPTY(&run->queue) && flux_call_credit(f->call) > 0)
        send_some(run, items);
    if (run->command)
        command_flow(run->command);
    return STAILQ_EMPTY(&run->queue) ? FAN_SENT_ALL : send_started(run, items->started);
}

static void on_credit(struct flux_call *call, void *arg)
{
    struct run *run = arg;

    fan_touch(&run->fan);
    if (run->command)
        command_flow(run->command);
}

/* --- children --- */

static struct flux_future *call_child(struct fan *f, uint32_t child, const char *ranks)
{
    struct run *run = (struct run *)f;
    flux_exec_run_request in = *run->request;
    struct flux_to to = FLUX_RANK(child);

    in.ranks = ranks;
    to.credit = run->window;
    return flux_exec_run_stream(run->exec->h, to, &in);
}

static int take_item(struct fan *f, struct fan_child *c, struct flux_error *err)
{
    struct run *run = (struct run *)f;
    const flux_exec_run_response *item = NULL;
    int r = flux_exec_run_result(c->future, &item, err);
    struct chunk *last = NULL;

    if (r < 0)
        return r;
    struct fan_items items = {.started = item->started,
                              .n_exits = item->n_exits,
                              .exits = item->exits,
                              .n_failures = item->n_failures,
                              .failures = item->failures};
    fan_merge(f, c, &items);
    for (size_t i = 0; i < item->n_output; i++) {
        const flux_exec_run_output *o = item->output[i];
        last =
            enqueue(run, o->rank, o->stream, flux_memdup(o->data.data, o->data.len), o->data.len);
        last->eof = o->eof;
    }
    if (last) {
        last->child = c - f->children + 1;
        last->cost = flux_future_size(c->future);
    } else {
        flux_future_credit(c->future, flux_future_size(c->future));
    }
    return 0;
}

/* --- the call --- */

static void run_end(struct fan *f)
{
    run_free((struct run *)f);
}

static void run_gone(struct fan *f)
{
    fan_cancel(f); /* the children's calls with it, and so on down */
    run_free((struct run *)f);
}

static const struct fan_ops run_ops = {.call_child = call_child,
                                       .take_item = take_item,
                                       .send = send_items,
                                       .end = run_end,
                                       .gone = run_gone};

static uint32_t window(const struct exec *x)
{
    const struct flux_topology *t = flux_topology(x->h);
    uint32_t n = t ? flux_topology_child_count(t, x->rank) : 0, w = WINDOWS / (n > 0 ? n : 1);

    return w > WINDOW_MAX ? WINDOW_MAX : w < WINDOW_MIN ? WINDOW_MIN : w;
}

static int check(struct flux_call *call, const flux_exec_run_request *in)
{
    if (in->n_argv == 0 || !in->argv[0][0])
        return flux_call_fail(call, EINVAL, "there is no command to run");
    if (strlen(in->label) > LABEL_MAX)
        return flux_call_fail(call, EINVAL, "label is longer than %d bytes", LABEL_MAX);
    if (in->label[0] && run_find(flux_call_data(call), in->label))
        return flux_call_fail(call, EEXIST, "a command labelled '%s' runs already", in->label);
    return 0;
}

int exec_run(struct flux_call *call, const flux_exec_run_request *in)
{
    struct exec *x = flux_call_data(call);
    int r = check(call, in);
    struct run *run;

    if (r < 0)
        return r;
    run = flux_alloc(sizeof(*run));
    run->exec = x;
    run->request = in;
    run->fan.hosts = x->hosts;
    run->window = window(x);
    STAILQ_INIT(&run->queue);
    r = fan_start(&run->fan, x->fans, &run_ops, call, in->ranks);
    if (r < 0) {
        free(run);
        return r;
    }
    flux_call_on_credit(call, on_credit, run);
    TAILQ_INSERT_TAIL(&x->all_runs, run, link);
    if (in->label[0]) {
        run->label = flux_strdup(in->label);
        HASH_ADD_STR(x->runs, label, run);
    }
    if (run->fan.local_pending)
        command_start(run);
    return FLUX_CALL_LATER;
}

void run_free_all(struct exec *x)
{
    struct run *run;

    while ((run = TAILQ_FIRST(&x->all_runs))) {
        struct flux_call *call = run->fan.call;
        fan_cancel(&run->fan);
        run_free(run);
        flux_call_error(call, ECANCELED, "rank %u is going down", x->rank);
    }
}

/* --- input and signals --- */

static int find_for(struct flux_call *call, const char *label, const char *ranks, struct run **run,
                    struct flux_idset **set)
{
    struct flux_error err;

    *run = run_find(flux_call_data(call), label);
    if (!*run)
        return flux_call_fail(call, ENOENT, "no command labelled '%s' runs", label);
    if (ranks[0] && flux_idset_decode(ranks, set, &err) < 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    return 0;
}

static bool concerns_us(const struct run *run, const struct flux_idset *set)
{
    return run->command && (!set || flux_idset_contains(set, run->exec->rank));
}

static void input_done(void *arg)
{
    gather_part(arg);
}

int exec_run_input(struct flux_call *call, const flux_exec_run_input_request *in,
                   flux_exec_run_input_response *out)
{
    FLUX_AUTO(idset) set = NULL;
    struct run *run;
    int r = find_for(call, in->label, in->ranks, &run, &set);

    if (r < 0)
        return r;
    if (in->data.len > INPUT_MAX)
        return flux_call_fail(call, EMSGSIZE, "more than %u bytes of input at once", INPUT_MAX);
    struct gather *g = gather_new(call);
    for (size_t i = 0; i < run->fan.nchildren; i++) {
        FLUX_AUTO_STR part = fan_child_part(&run->fan, i, set);
        flux_exec_run_input_request next = *in;
        if (!part)
            continue;
        next.ranks = part;
        gather_future(g, flux_exec_run_input_async(run->exec->h,
                                                   FLUX_RANK(run->fan.children[i].rank), &next));
    }
    if (concerns_us(run, set)) {
        gather_expect(g);
        command_input(run->command, in->data.data, in->data.len, in->eof, input_done, g);
    }
    return gather_go(g);
}

int exec_run_kill(struct flux_call *call, const flux_exec_run_kill_request *in,
                  flux_exec_run_kill_response *out)
{
    FLUX_AUTO(idset) set = NULL;
    struct run *run;
    int r = find_for(call, in->label, in->ranks, &run, &set);

    if (r < 0)
        return r;
    struct gather *g = gather_new(call);
    for (size_t i = 0; i < run->fan.nchildren; i++) {
        FLUX_AUTO_STR part = fan_child_part(&run->fan, i, set);
        flux_exec_run_kill_request next = *in;
        if (!part)
            continue;
        next.ranks = part;
        gather_future(
            g, flux_exec_run_kill_async(run->exec->h, FLUX_RANK(run->fan.children[i].rank), &next));
    }
    if (concerns_us(run, set))
        local_kill(&run->command->l, in->signum, true);
    return gather_go(g);
}
