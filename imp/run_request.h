// SPDX-License-Identifier: LGPL-3.0-only
/* The request of `flux-imp run`: which program, and the variables that go with it. */
#ifndef IMP_RUN_REQUEST_H
#define IMP_RUN_REQUEST_H

#include <stdbool.h>

#include "conf/conf.h"
#include "environment.h"
#include "sign/kv.h"

/* Does `allowed`, an array of glob(7) patterns or NULL, or the rule for all programs let a variable
 * pass? */
bool run_request_passes(const struct conf *allowed, const char *name, const char *value);

/* The variables of the caller's environment that pass. 0, -E2BIG, -ENOMEM. */
int run_request_encode(const char *name, char **environment, const struct conf *allowed,
                       struct kv *kv, struct imp_error *err);
/* `*name` belongs to the kv. -EINVAL for anything that is not exactly such a request. */
int run_request_decode(const struct kv *kv, const char **name, struct imp_error *err);
/* What must be checked again, once the program's table is known. */
int run_request_environment(const struct kv *kv, const struct conf *allowed,
                            struct environment *env, struct imp_error *err);

#endif
