// SPDX-License-Identifier: LGPL-3.0-only
/* The broker's configuration: read, checked, in force. */
#ifndef BROKER_SETTINGS_H
#define BROKER_SETTINGS_H

#include <flux/config.h>

#include "broker.h"

/* The files of --config-path, and what --conf lays over them. */
struct settings {
    char *path;                        /* NULL = none */
    struct flux_configfile *overrides; /* what --conf said */
    struct flux_configfile *at_start;  /* what keys that need a restart go by */
};

struct settings *settings_new(void);
void settings_free(struct settings *s);
/* --config-path */
void settings_set_path(struct settings *s, const char *path);
/* --conf: KEY=VALUE, a TOML or JSON document, or a file. */
int settings_override(struct settings *s, const char *text, struct flux_error *err);
/* Read the files again, lay overrides over them, check. Nothing is in force by that. */
int settings_read(struct broker *b, struct flux_configfile **ret, struct flux_error *err);
/* Check what came from elsewhere. */
int settings_check(struct broker *b, const struct flux_configfile *cfg, struct flux_error *err);
/* Put a checked configuration in force: b->conf, and what the broker itself takes from it. */
void settings_apply(struct broker *b, const struct flux_configfile *cfg);
/* At the start of the broker: read, check, put in force. */
int settings_start(struct broker *b, struct flux_error *err);
/* Keys of `cfg` that differ from those at start and act only after a restart: a new array. */
json_t *settings_needs_restart(const struct broker *b, const struct flux_configfile *cfg);

#endif
