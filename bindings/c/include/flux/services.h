// SPDX-License-Identifier: LGPL-3.0-only
/* Every service that this libflux knows: the tables behind generated stubs, for programs that take
 * the name of an rpc at run time. */
#ifndef FLUX_SERVICES_H
#define FLUX_SERVICES_H

#include <flux/service.h>

#pragma GCC visibility push(default)

/* Ends with NULL; sorted by C name. */
extern const struct flux_service *const flux_services[];

/* By short name ("job-manager"), plain ("JobManager") or full ("flux.v1.JobManager"). NULL: none.
 */
const struct flux_service *flux_service_find(const char *name);

/* "kvs.Get", "kvs.get", "job-manager.set-urgency", "flux.v1.Kvs/Get". 0, or -ENOENT with a text
 * that names what there is. */
int flux_method_find(const char *name, const struct flux_method **ret, struct flux_error *err);
/* "Get" of "flux.v1.Kvs/Get". */
const char *flux_method_short_name(const struct flux_method *m);

#pragma GCC visibility pop
#endif
