// SPDX-License-Identifier: LGPL-3.0-only
/* The system calls that the unprivileged half is left with. */
#ifndef IMP_FILTER_H
#define IMP_FILTER_H

/* From here on this process can read and write what it has open, get memory, and end. Anything
 * else kills it. Wants no-new-privs. 0 or a negative errno. */
int filter_install(void);

#endif
