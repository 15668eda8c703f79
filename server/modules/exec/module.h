// SPDX-License-Identifier: LGPL-3.0-only
/* The exec part, for the placement list. */
#ifndef EXEC_MODULE_H
#define EXEC_MODULE_H

#include <flux/module.h>

extern const struct flux_part exec_part;

#endif
