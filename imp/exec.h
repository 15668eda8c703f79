// SPDX-License-Identifier: LGPL-3.0-only
/* The request of `flux-imp exec`, as the unprivileged half makes it and the privileged reads it. */
#ifndef IMP_EXEC_H
#define IMP_EXEC_H

#include "conf/error.h"
#include "sign/kv.h"

enum {
    EXEC_ARGS_MAX = 32,
    EXEC_PATH_MAX = 4096, /* bytes of the shell's path, and of an argument */
};

struct exec_request {
    const char *j;
    const char *shell;
    const char *args[EXEC_ARGS_MAX + 1]; /* after argv[0]; NULL after the last */
    size_t nargs;
};

/* `argv`: SHELL ARG...; `j` of standard input. 0 or -EINVAL, -E2BIG, -ENOMEM. */
int exec_request_encode(int argc, char **argv, const char *j, struct kv *kv, struct imp_error *err);
/* Strings belong to the kv. -EINVAL for anything that is not exactly such a request. */
int exec_request_decode(const struct kv *kv, struct exec_request *ret, struct imp_error *err);

#endif
