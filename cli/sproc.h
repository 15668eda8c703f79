// SPDX-License-Identifier: LGPL-3.0-only
/* What the sproc verbs share: naming a process, waiting for its end. */
#ifndef FLUX_CLI_SPROC_H
#define FLUX_CLI_SPROC_H

#include <flux/rpc.h>

#include "verb.h"

/* A number is a process id, anything else a label. */
void sproc_name(const char *text, uint32_t *pid, const char **label);
struct flux_future *sproc_wait_async(struct flux *h, struct flux_to to, const char *name);
/* Its exit code (128 + signal), or a message and 1. */
int sproc_wait_result(struct cli *cli, struct flux_future *f);

#endif
