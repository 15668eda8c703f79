// SPDX-License-Identifier: LGPL-3.0-only
/* Configuration files as JSON, read by the program flux-configfile. */
#ifndef FLUX_CLI_CONFFILE_H
#define FLUX_CLI_CONFFILE_H

#include <stdbool.h>

#include <jansson.h>

#include <flux/error.h>

/* A .toml or .json file, or a directory of *.toml; "system", "security" and "imp" stand for those
 * of the installation. 0, or -EINVAL with the reader's own words. */
int cli_configfile_read(const char *path, json_t **ret, struct flux_error *err);
/* What is wrong with it goes to stderr. The exit code (0: nothing), or a negative errno. */
int cli_configfile_check(const char *space, const char *path, bool quiet);

#endif
