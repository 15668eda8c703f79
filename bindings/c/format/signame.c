// SPDX-License-Identifier: LGPL-3.0-only
/* Signals by name or number; the C library holds the names. */
#include <flux/signame.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int flux_signame_parse(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (end != text && !*end)
        return n > 0 && n < NSIG ? (int)n : -EINVAL;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *name = sigabbrev_np(i);

        if (name && strcasecmp(name, text) == 0)
            return i;
    }
    return -EINVAL;
}
