// SPDX-License-Identifier: LGPL-3.0-only
/* Every service that this libflux knows: the tables behind generated stubs, for programs that take
 * the name of an rpc at run time. */
#ifndef FLUX_SERVICES_H
#define FLUX_SERVICES_H

#include <flux/service.h>

#pragma GCC visibility push(default)

/* Ends with NULL; sorted by C name. */
extern const struct flux_service *const flux_services[];

#pragma GCC visibility pop
#endif
