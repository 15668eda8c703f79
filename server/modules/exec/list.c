// SPDX-License-Identifier: LGPL-3.0-only
/* What runs at this rank. */
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
