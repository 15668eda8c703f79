// SPDX-License-Identifier: LGPL-3.0-only
/* flux queue status: whether jobs may be submitted and are scheduled. */
#include "queuectl.h"

#include "handle.h"

static const struct flux_option options[] = {
    {"queue", 'q', OPT_STR, "NAME", "Only this queue (same as the argument)"},
    {"verbose", 'v', OPT_FLAG, NULL, "Scheduling of each queue, and counters"},
    {NULL},
};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(flux_job_manager_queue *const *)a)->name,
                  (*(flux_job_manager_queue *const *)b)->name);
}

static bool agree(const flux_job_manager_queue_status_response *s)
{
    for (size_t i = 1; i < s->n_queues; i++)
        if (s->queues[i]->started != s->queues[0]->started ||
            strcmp(s->queues[i]->stop_reason, s->queues[0]->stop_reason) != 0)
            return false;
    return s->n_queues > 0;
}

/* One line when all queues agree (as they mostly do), else a line for each. */
static void print_scheduling(const flux_job_manager_queue_status_response *s)
{
    if (!agree(s)) {
        for (size_t i = 0; i < s->n_queues; i++)
            queuectl_print_scheduling(s->queues[i]);
        return;
    }
    if (s->queues[0]->started)
        puts("Scheduling is enabled");
    else if (*s->queues[0]->stop_reason)
        printf("Scheduling is disabled: %s\n", s->queues[0]->stop_reason);
    else
        puts("Scheduling is disabled");
}

static void print_counters(const flux_job_manager_queue_status_response *s)
{
    printf("%u alloc requests queued\n"
           "%u alloc requests pending to scheduler\n"
           "%u free requests pending to scheduler\n"
           "%u running jobs\n",
           s->alloc_queued, s->alloc_pending, s->free_pending, s->running);
}

static int run(struct cli *cli)
{
    flux_job_manager_queue_status_request in = FLUX_JOB_MANAGER_QUEUE_STATUS_REQUEST_INIT;
    flux_job_manager_queue_status_response *out = NULL;
    bool verbose = cli_has(cli, "verbose");
    struct flux_error err = {""};

    if (cli->argc > 1)
        return cli_misused(cli, "expected at most one queue");
    in.queue = (char *)(cli->argc ? cli->argv[0] : cli_str(cli, "queue", ""));
    if (flux_job_manager_queue_status(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    if (out->n_queues > 1)
        qsort(out->queues, out->n_queues, sizeof(out->queues[0]), by_name);
    for (size_t i = 0; i < out->n_queues; i++) {
        queuectl_print_submission(out->queues[i]);
        if (verbose)
            queuectl_print_scheduling(out->queues[i]);
    }
    if (verbose)
        print_counters(out);
    else
        print_scheduling(out);
    flux_job_manager_queue_status_response_free(out);
    return 0;
}

const struct flux_verb verb_queue_status = {
    .path = "queue status",
    .args = "[QUEUE]",
    .summary = "Get queue status",
    .options = {options},
    .tagged = true,
    .run = run,
};
