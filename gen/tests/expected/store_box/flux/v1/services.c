// SPDX-License-Identifier: LGPL-3.0-only
/* Generated: every service that libflux knows, by name. */
#include <flux/services.h>

extern const struct flux_service golden_store_box_service;

const struct flux_service *const flux_services[] = {
    &golden_store_box_service,
    NULL,
};
