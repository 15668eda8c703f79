// SPDX-License-Identifier: LGPL-3.0-only
/* The connection of a verb to its instance, opened when first asked for. */
#ifndef FLUX_CLI_HANDLE_H
#define FLUX_CLI_HANDLE_H

#include <flux/handle.h>

#include "verb.h"

/* The instance of $FLUX_URI, or the system instance. Ends the program with a message if it cannot
 * be reached. Closed by the driver. */
struct flux *cli_handle(struct cli *cli);

/* Make FLUX_URI name the instance `levels` up, or the outermost one, for what follows. -errno after
 * a message. */
int cli_enclosing_enter(struct cli *cli, int levels, bool root);

#endif
