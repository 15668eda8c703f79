// SPDX-License-Identifier: LGPL-3.0-only
/* Tables of the job model's names. */
#include <flux/job.h>

#include <stdio.h>
#include <strings.h>

#include <flux/fluid.h>

struct name {
    int value;
    const char *name, *abbrev;
};

static const struct name states[] = {
    {FLUX_JOB_NEW, "NEW", "N"},           {FLUX_JOB_DEPEND, "DEPEND", "D"},
    {FLUX_JOB_PRIORITY, "PRIORITY", "P"}, {FLUX_JOB_SCHED, "SCHED", "S"},
    {FLUX_JOB_RUN, "RUN", "R"},           {FLUX_JOB_CLEANUP, "CLEANUP", "C"},
    {FLUX_JOB_INACTIVE, "INACTIVE", "I"}, {FLUX_JOB_PENDING, "PENDING", "PD"},
    {FLUX_JOB_RUNNING, "RUNNING", "RN"},  {FLUX_JOB_ACTIVE, "ACTIVE", "A"},
};

static const struct name results[] = {
    {FLUX_JOB_COMPLETED, "COMPLETED", "CD"},
    {FLUX_JOB_FAILED, "FAILED", "F"},
    {FLUX_JOB_CANCELED, "CANCELED", "CA"},
    {FLUX_JOB_TIMEOUT, "TIMEOUT", "TO"},
};

static const struct name *by_value(const struct name *table, size_t n, int value)
{
    static const struct name unknown = {0, "UNKNOWN", "?"};

    for (size_t i = 0; i < n; i++)
        if (table[i].value == value)
            return &table[i];
    return &unknown;
}

static int by_name(const struct name *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(table[i].name, name) == 0 || strcasecmp(table[i].abbrev, name) == 0)
            return table[i].value;
    return -EINVAL;
}

const char *flux_job_state_name(enum flux_job_state state)
{
    return by_value(states, FLUX_ARRAY_SIZE(states), state)->name;
}

const char *flux_job_state_letter(enum flux_job_state state)
{
    return by_value(states, FLUX_ARRAY_SIZE(states), state)->abbrev;
}

const char *flux_job_result_name(enum flux_job_result result)
{
    return by_value(results, FLUX_ARRAY_SIZE(results), result)->name;
}

const char *flux_job_result_abbrev(enum flux_job_result result)
{
    return by_value(results, FLUX_ARRAY_SIZE(results), result)->abbrev;
}

int flux_job_state_parse(const char *name)
{
    return by_name(states, FLUX_ARRAY_SIZE(states), name);
}

int flux_job_result_parse(const char *name)
{
    if (strcasecmp(name, "CANCELLED") == 0)
        return FLUX_JOB_CANCELED;
    return by_name(results, FLUX_ARRAY_SIZE(results), name);
}

const char *flux_job_key(char buf[FLUX_JOB_KEY_MAX], uint64_t id, const char *name)
{
    int n = flux_fluid_encode(id, FLUX_FLUID_KVS, buf, FLUX_JOB_KEY_MAX);

    if (name)
        snprintf(buf + n, FLUX_JOB_KEY_MAX - n, ".%s", name);
    return buf;
}

uint64_t flux_job_namespace_id(const char *name)
{
    char again[32];
    unsigned long long id;

    if (strncmp(name, "job-", 4) != 0)
        return 0;
    id = strtoull(name + 4, NULL, 10);
    snprintf(again, sizeof(again), FLUX_JOB_NAMESPACE, id);
    return strcmp(name, again) == 0 ? id : 0;
}
