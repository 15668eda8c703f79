// SPDX-License-Identifier: LGPL-3.0-only
/* The table of counters of rpc methods that `flux stats` and `flux module stats` print. */
#ifndef FLUX_CLI_METHODSTATS_H
#define FLUX_CLI_METHODSTATS_H

#include <flux/v1/broker.h>

#include "handle.h"

/* Start with all zero. */
struct method_stats {
    flux_broker_stats_response **answers; /* as they came, for their strings */
    size_t n_answers;
    flux_broker_method_stats **methods; /* of all of them */
    size_t n_methods;
};

/* Add the methods of a service ("" = of all) of the broker of `rank`, and set its counters to zero
 * if `clear`. -ENOENT: no such service there; other negative errors of the call. */
int method_stats_add(struct method_stats *s, struct flux *h, uint32_t rank, const char *service,
                     bool clear, struct flux_error *err);
/* The busiest methods first. */
void method_stats_print(struct method_stats *s);
void method_stats_done(struct method_stats *s);

#endif
