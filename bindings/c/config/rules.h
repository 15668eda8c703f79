// SPDX-License-Identifier: LGPL-3.0-only
/* What keys mean together. */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include <flux/config.h>

/* `path` is the value at fault, for its place in the files. */
typedef void (*config_rule_f)(void *arg, const char *path, const char *text);

/* Check what no single key shows. Every key must have its type. */
void config_rules_check(const json_t *conf, enum flux_configfile_space space, config_rule_f report,
                        void *arg);

#endif
