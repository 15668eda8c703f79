// SPDX-License-Identifier: LGPL-3.0-only
/* flux-top uses parts of the command that can look through its verbs; here there are none. */
#include "verb.h"

const struct flux_verb *const cli_verbs[] = {NULL};
