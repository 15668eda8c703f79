// SPDX-License-Identifier: LGPL-3.0-only
/* What runs at this rank, and one of these by process id or label. */
#include "exec.h"

int exec_list(struct flux_call *call, const flux_exec_list_request *in,
              flux_exec_list_response *out)
{
    struct exec *x = flux_call_data(call);
    struct local *l;
    size_t n = 0;

    TAILQ_FOREACH (l, &x->locals, link)
        n++;
    out->processes = flux_call_alloc(call, (n + 1) * sizeof(*out->processes));
    TAILQ_FOREACH (l, &x->locals, link) {
        if (!l->process || l->process->pid == 0)
            continue; /* being started */
        flux_exec_process *p = flux_call_alloc(call, sizeof(*p));
        *p = (flux_exec_process)FLUX_EXEC_PROCESS_INIT;
        p->pid = l->process->pid;
        p->started = l->process->started;
        p->id = l->id;
        p->userid = l->userid;
        p->label = flux_call_strdup(call, l->label ? l->label : "");
        p->command = flux_call_strdup(call, l->command ? l->command : "");
        out->processes[out->n_processes++] = p;
    }
    return 0;
}

static struct local *find(struct exec *x, uint32_t pid, const char *label)
{
    struct local *l;

    TAILQ_FOREACH (l, &x->locals, link) {
        if (!l->process || l->process->pid == 0)
            continue;
        if (pid ? (uint32_t)l->process->pid == pid : l->label && strcmp(l->label, label) == 0)
            return l;
    }
    return NULL;
}

static int no_such(struct flux_call *call, struct exec *x, uint32_t pid, const char *label)
{
    if (pid)
        return flux_call_fail(call, ENOENT, "rank %u runs no process %u", x->rank, pid);
    return flux_call_fail(call, ENOENT, "rank %u runs no process labelled '%s'", x->rank, label);
}

int exec_signal(struct flux_call *call, const flux_exec_signal_request *in,
                flux_exec_signal_response *out)
{
    struct exec *x = flux_call_data(call);
    struct local *l = find(x, in->pid, in->label);

    if (!l)
        return no_such(call, x, in->pid, in->label);
    local_kill(l, in->signum, true);
    return 0;
}

/* --- waiting --- */

struct waiter {
    struct flux_call *call;
    struct local *local;
    TAILQ_ENTRY(waiter) link;
};

static void waiter_free(struct exec *x, struct waiter *w)
{
    TAILQ_REMOVE(&x->waiters, w, link);
    free(w);
}

static void on_gone(struct flux_call *call, void *arg)
{
    waiter_free(flux_call_data(call), arg);
}

int exec_wait(struct flux_call *call, const flux_exec_wait_request *in,
              flux_exec_wait_response *out)
{
    struct exec *x = flux_call_data(call);
    struct local *l = find(x, in->pid, in->label);
    struct waiter *w;

    if (!l)
        return no_such(call, x, in->pid, in->label);
    w = flux_alloc(sizeof(*w));
    w->call = call;
    w->local = l;
    TAILQ_INSERT_TAIL(&x->waiters, w, link);
    flux_call_on_cancel(call, on_gone, w);
    return FLUX_CALL_LATER;
}

void list_tell_exit(struct local *l, const struct spawn_exit *e)
{
    struct exec *x = l->exec;
    struct waiter *w, *next;

    for (w = TAILQ_FIRST(&x->waiters); w; w = next) {
        next = TAILQ_NEXT(w, link);
        if (w->local != l)
            continue;
        flux_exec_wait_response out = FLUX_EXEC_WAIT_RESPONSE_INIT;
        struct flux_call *call = w->call;
        out.status = e->status;
        waiter_free(x, w);
        flux_exec_wait_reply(call, &out);
    }
}

void list_free_all(struct exec *x)
{
    while (!TAILQ_EMPTY(&x->waiters))
        waiter_free(x, TAILQ_FIRST(&x->waiters));
}
