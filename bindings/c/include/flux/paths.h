// SPDX-License-Identifier: LGPL-3.0-only
/* Where the parts of Flux are found: under the prefix it was installed to, or, for a program that
 * runs from its build directory, there. The table of names is in base/paths.c. */
#ifndef FLUX_PATHS_H
#define FLUX_PATHS_H

#include <flux/base.h>

#pragma GCC visibility push(default)

/* Where the spawn helper of a broker listens, for printf: the run directory, the rank. */
#define FLUX_SPAWND_SOCKET "%s/spawnd-%u.sock"

/* The path called `name` ("shell_path", "exec_path", "rc1_path", ...; see `flux config builtin`)
 * for the program that calls. Search paths have their directories joined by ':'. NULL: unknown
 * name. Caller frees. */
char *flux_path_get(const char *name);
/* The same, asking for the installed (true) or the build tree's (false) form. */
char *flux_path_get_form(const char *name, bool installed);
/* The i-th name, for listings; NULL past the last. */
const char *flux_path_name(size_t i);
/* Whether this program runs from its build directory. */
bool flux_path_in_build(void);

#pragma GCC visibility pop
#endif
