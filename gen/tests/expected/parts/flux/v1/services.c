// SPDX-License-Identifier: LGPL-3.0-only
/* Generated: every service that libflux knows, by name. */
#include <flux/services.h>


const struct flux_service *const flux_services[] = {
    NULL,
};
