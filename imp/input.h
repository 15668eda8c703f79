// SPDX-License-Identifier: LGPL-3.0-only
/* What `flux-imp exec` reads from its standard input: {"J": "..."}. */
#ifndef IMP_INPUT_H
#define IMP_INPUT_H

#include <stddef.h>

#include "conf/error.h"
#include "sign/sign.h"

enum { INPUT_MAX = SIGN_J_MAX + 4096 };

/* Take J out of a JSON object of `len` bytes, which is overwritten; a NUL must follow them. *ret
 * points into it. "options" may be there if it is empty: what it would ask for, and any other key,
 * is refused. -EINVAL. */
int input_parse(char *text, size_t len, const char **ret, struct imp_error *err);

#endif
