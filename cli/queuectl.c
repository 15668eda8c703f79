// SPDX-License-Identifier: LGPL-3.0-only
/* Enabling, disabling, starting and stopping of queues. */
#include "queuectl.h"

#include "handle.h"
#include "jobargs.h"

const struct flux_option queuectl_options[] = {
    {"all", 'a', OPT_FLAG, NULL, "Apply to all queues"},
    {"queue", 'q', OPT_STR, "NAME", "The queue (same as the argument)"},
    {"verbose", 'v', OPT_FLAG, NULL, "Print the new status"},
    {"quiet", 0, OPT_FLAG, NULL, "Print only errors"},
    {NULL},
};

const struct flux_option queuectl_reason_options[] = {
    {"message", 'm', OPT_STR, "REASON", "Why"},
    {"nocheckpoint", 0, OPT_FLAG, NULL, "Forget it when the instance restarts"},
    {NULL},
};

static void prefix(const flux_job_manager_queue *q)
{
    if (q->name && *q->name)
        printf("%s: ", q->name);
}

void queuectl_print_submission(const flux_job_manager_queue *q)
{
    prefix(q);
    if (q->enabled)
        puts("Job submission is enabled");
    else
        printf("Job submission is disabled: %s\n", q->disable_reason ? q->disable_reason : "");
}

void queuectl_print_scheduling(const flux_job_manager_queue *q)
{
    prefix(q);
    if (q->started)
        puts("Scheduling is started");
    else if (q->stop_reason && *q->stop_reason)
        printf("Scheduling is stopped: %s\n", q->stop_reason);
    else
        puts("Scheduling is stopped");
}

static int print_new(struct cli *cli, const char *queue, bool submission)
{
    flux_job_manager_queue_status_request in = FLUX_JOB_MANAGER_QUEUE_STATUS_REQUEST_INIT;
    flux_job_manager_queue_status_response *out = NULL;
    struct flux_error err = {""};

    in.queue = (char *)(queue ? queue : "");
    if (flux_job_manager_queue_status(cli_handle(cli), FLUX_ANY, &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    for (size_t i = 0; i < out->n_queues; i++) {
        if (submission)
            queuectl_print_submission(out->queues[i]);
        else
            queuectl_print_scheduling(out->queues[i]);
    }
    flux_job_manager_queue_status_response_free(out);
    return 0;
}

static int control(struct cli *cli, flux_job_manager_queue_control_request *in)
{
    struct flux_error err = {""};

    if (flux_job_manager_queue_control(cli_handle(cli), FLUX_ANY, in, NULL, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    return 0;
}

/* The names: -q and the arguments. None: the only queue, or all. */
static int control_each(struct cli *cli, flux_job_manager_queue_control_request *in)
{
    const char *option = cli_str(cli, "queue", NULL);
    int r = 0;

    if (!option && cli->argc == 0)
        return control(cli, in);
    if (option) {
        in->queue = (char *)option;
        r = control(cli, in);
    }
    for (int i = 0; i < cli->argc && r == 0; i++) {
        in->queue = cli->argv[i];
        r = control(cli, in);
    }
    return r;
}

int queuectl_run(struct cli *cli, enum _Flux__V1__JobManagerQueueAction action)
{
    flux_job_manager_queue_control_request in = FLUX_JOB_MANAGER_QUEUE_CONTROL_REQUEST_INIT;
    bool closing = action == FLUX_JOB_MANAGER_QUEUE_ACTION_DISABLE ||
                   action == FLUX_JOB_MANAGER_QUEUE_ACTION_STOP;
    bool submission = action == FLUX_JOB_MANAGER_QUEUE_ACTION_DISABLE ||
                      action == FLUX_JOB_MANAGER_QUEUE_ACTION_ENABLE;
    const char *one = cli_str(cli, "queue", cli->argc == 1 ? cli->argv[0] : NULL);
    int r;

    if (cli_has(cli, "all") && (cli->argc > 0 || cli_has(cli, "queue")))
        return cli_misused(cli, "do not name queues together with --all");
    in.action = action;
    in.all = cli_has(cli, "all");
    if (closing) {
        in.reason = (char *)cli_str(cli, "message", "");
        in.nocheckpoint = cli_has(cli, "nocheckpoint");
    }
    r = control_each(cli, &in);
    return r || !cli_has(cli, "verbose") || cli_has(cli, "quiet") ? r
                                                                  : print_new(cli, one, submission);
}
