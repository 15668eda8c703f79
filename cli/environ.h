// SPDX-License-Identifier: LGPL-3.0-only
/* The environment that other programs of Flux expect, and where such programs are found. */
#ifndef FLUX_CLI_ENVIRON_H
#define FLUX_CLI_ENVIRON_H

#include "verb.h"

/* Put the search paths of this Flux into the environment: $X_PREPEND, its own directories, then
 * what $X had. Idempotent. Says what changed on stderr if `verbose`. */
void cli_environ_setup(bool verbose);
/* PATH alone: what jobs need to find this flux. */
void cli_environ_path(void);
/* Walk the variables that cli_environ_setup() manages: the i-th name, NULL past the last. */
const char *cli_environ_name(size_t i);
/* The program of `flux WORD`: flux-WORD on FLUX_EXEC_PATH, then on PATH. NULL if none. Caller
 * frees. */
char *cli_external_find(const char *word);

#endif
