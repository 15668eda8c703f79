// SPDX-License-Identifier: LGPL-3.0-only
/* For the broker's placement list. */
#ifndef MODULES_KVS_MODULE_H
#define MODULES_KVS_MODULE_H

#include <flux/module.h>

extern const struct flux_part kvs_part;

#endif
