// SPDX-License-Identifier: LGPL-3.0-only
/* What Python believes about libflux, held against libflux's headers: functions by declaring them
 * again, structs by their size and the place of their last members. Compiling this is the test. */
#include <flux/fluid.h>
#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/jobspec.h>
#include <flux/rpc.h>
#include <flux/sign.h>

#define flux_error cdef_error
#define flux_to cdef_to
#define flux_method cdef_method
#define flux_hostlist_iter cdef_hostlist_iter
#include "types.cdef"
#undef flux_error
#undef flux_to
#undef flux_method
#undef flux_hostlist_iter

#define SAME_SIZE(name)                                                                            \
    _Static_assert(sizeof(struct cdef_##name) == sizeof(struct flux_##name), #name)
#define SAME_PLACE(name, member)                                                                   \
    _Static_assert(offsetof(struct cdef_##name, member) == offsetof(struct flux_##name, member),   \
                   #name "." #member)

SAME_SIZE(error);
SAME_SIZE(to);
SAME_PLACE(to, no_answer);
SAME_PLACE(to, credit);
SAME_PLACE(to, timeout);
SAME_SIZE(method);
SAME_PLACE(method, access);
SAME_PLACE(method, flow);
SAME_PLACE(method, max_open);
SAME_SIZE(hostlist_iter);
SAME_PLACE(hostlist_iter, name);

#include "functions.cdef"
