// SPDX-License-Identifier: LGPL-3.0-only
/* What the files of flux-config share. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <flux/config.h>

#define CONFIG_FILE_MAX ((size_t)16 << 20)
#define CONFIG_PATH_MAX 512 /* longest dotted path */

#ifdef __cplusplus
extern "C" {
#endif

/* Remember that the value at `path` stands at name:line (line 0: not known). */
void config_mark(struct flux_configfile *cfg, const char *path, const char *name, int line);

/* Lists of tables that took the place of those of an earlier file of the directory: an object from
 * dotted paths to where those were. Belongs to cfg. */
json_t *config_replaced(const struct flux_configfile *cfg);

/* Parse a TOML document: a new object, and a mark for every value. 0 or -EINVAL. (toml.cpp) */
int config_parse_toml(struct flux_configfile *cfg, const char *text, const char *name, json_t **ret,
                      struct flux_error *err);

#ifdef __cplusplus
}
#endif
#endif
