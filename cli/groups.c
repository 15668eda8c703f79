// SPDX-License-Identifier: LGPL-3.0-only
/* What the first word of two-word verbs stands for. */
#include "verb.h"

static const struct {
    const char *name, *summary;
} groups[] = {
    {"R", "Read, write and combine resource sets"},
    {"config", "Query and reload configuration"},
    {"content", "Access instance content storage"},
    {"event", "Send and receive events"},
    {"job", "Get job status, info, etc (see: flux help job)"},
    {"kvs", "Access instance key-value store"},
    {"module", "List, load, and remove broker modules"},
    {"overlay", "Show and change the overlay network"},
    {"pmi", "Talk to the PMI server of a job"},
    {"queue", "Manipulate queues"},
    {"resource", "List and change the state of resources"},
    {"sproc", "List and signal background processes of brokers"},
};

const char *cli_group_summary(const char *name)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(groups); i++)
        if (strcmp(groups[i].name, name) == 0)
            return groups[i].summary;
    return NULL;
}
