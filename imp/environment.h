// SPDX-License-Identifier: LGPL-3.0-only
/* Environments: built from nothing, by name. */
#ifndef IMP_ENVIRONMENT_H
#define IMP_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ENVIRONMENT_NAME_MAX = 128,    /* bytes of a name; longer ones are left out */
    ENVIRONMENT_VALUE_MAX = 65536, /* bytes of a value */
    ENVIRONMENT_VARS_MAX = 512,
};

struct environment {
    char *vars[ENVIRONMENT_VARS_MAX + 1]; /* NAME=value, NULL after the last */
    size_t n;
};

void environment_done(struct environment *env);
/* Sets or replaces. 0, -EINVAL (not a name), -E2BIG, -ENOMEM. */
int environment_set(struct environment *env, const char *name, const char *value);

/* Letters, digits and '_', not a digit first, not too long. */
bool environment_is_name(const char *name);
/* May a program that runs as root see a variable of this name from somebody else? Never those that
 * steer the dynamic linker, libc, shells, interpreters, or what `flux` itself loads. */
bool environment_is_harmless(const char *name);
/* The text of a job id or of a user id, as the variables that are always passed have it. */
bool environment_is_job_id(const char *value);
bool environment_is_userid(const char *value);

#endif
