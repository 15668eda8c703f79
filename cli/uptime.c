// SPDX-License-Identifier: LGPL-3.0-only
/* flux uptime: the state of the instance in a line or two. */
#include <pwd.h>
#include <time.h>

#include <flux/fsd.h>
#include <flux/idset.h>
#include <flux/v1/broker.h>
#include <flux/v1/job_manager.h>
#include <flux/v1/kvs.h>
#include <flux/v1/resource.h>

#include "handle.h"

static size_t count_drained(struct cli *cli)
{
    flux_resource_status_request in = FLUX_RESOURCE_STATUS_REQUEST_INIT;
    flux_resource_status_response *out = NULL;
    size_t n = 0;

    /* Without a resource service nothing is drained. */
    if (flux_resource_status(cli_handle(cli), FLUX_ANY, &in, &out, NULL) < 0)
        return 0;
    for (size_t i = 0; i < out->n_drain; i++) {
        FLUX_AUTO(idset) set = NULL;
        if (flux_idset_decode(out->drain[i]->ranks, &set, NULL) == 0)
            n += flux_idset_count(set);
    }
    flux_resource_status_response_free(out);
    return n;
}

static size_t count_offline(const flux_broker_info_response *info)
{
    FLUX_AUTO(idset) online = NULL;

    if (flux_idset_decode(info->online, &online, NULL) < 0)
        return 0;
    return info->size - flux_idset_count(online);
}

/* A second line only if every queue is disabled, or stopped. */
static void print_queues(struct cli *cli)
{
    flux_job_manager_queue_status_request in = FLUX_JOB_MANAGER_QUEUE_STATUS_REQUEST_INIT;
    flux_job_manager_queue_status_response *out = NULL;
    bool enabled = false, started = false;

    if (flux_job_manager_queue_status(cli_handle(cli), FLUX_ANY, &in, &out, NULL) < 0)
        return;
    for (size_t i = 0; i < out->n_queues; i++) {
        enabled |= out->queues[i]->enabled;
        started |= out->queues[i]->started;
    }
    if (out->n_queues && !(enabled && started))
        printf("  %s%s%s\n", enabled ? "" : "submit disabled", enabled || started ? "" : ",  ",
               started ? "" : "scheduler stopped");
    flux_job_manager_queue_status_response_free(out);
}

/* Only if there is something to say, and only to who may know. */
static void print_damage(struct cli *cli)
{
    flux_kvs_stats_request in = FLUX_KVS_STATS_REQUEST_INIT;
    flux_kvs_stats_response *out = NULL;

    if (flux_kvs_stats(cli_handle(cli), FLUX_RANK(0), &in, &out, NULL) < 0)
        return;
    if (out->damaged || out->quarantined)
        printf("  stored state damaged,  %llu records in quarantine,  see flux fsck\n",
               (unsigned long long)out->quarantined);
    flux_kvs_stats_response_free(out);
}

static void print_info(struct cli *cli, const flux_broker_info_response *info)
{
    bool running = !strcmp(info->state, "run");
    size_t drained = count_drained(cli), offline = count_offline(info);
    const struct passwd *pw = getpwuid(info->owner);
    char clock[16], fsd[FLUX_FSD_MAX];
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    printf(" %s %s %s,", clock, info->state,
           flux_fsd_round(running ? info->uptime : info->duration, fsd));
    if (pw)
        printf("  owner %s,", pw->pw_name);
    else
        printf("  owner %u,", info->owner);
    printf("  depth %u,  size %u", info->level, info->size);
    if (drained)
        printf(",  %zu drained", drained);
    if (offline)
        printf(",  %zu offline", offline);
    putchar('\n');
}

static int run(struct cli *cli)
{
    flux_broker_info_request in = FLUX_BROKER_INFO_REQUEST_INIT;
    flux_broker_info_response *out = NULL;
    struct flux_error err = {""};

    if (flux_broker_info(cli_handle(cli), FLUX_RANK(0), &in, &out, &err) < 0)
        return cli_fail(cli, "%s", err.text);
    print_info(cli, out);
    print_queues(cli);
    print_damage(cli);
    flux_broker_info_response_free(out);
    return 0;
}

const struct flux_verb verb_uptime = {
    .path = "uptime",
    .summary = "Show how long the instance has been running",
    .run = run,
};
