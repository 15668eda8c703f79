// SPDX-License-Identifier: LGPL-3.0-only
/* The built-in plugins. They use <flux/shell.h> like any other, and of the inside only what is
 * declared in ../shell.h for them. */
#ifndef SHELL_PLUGINS_H
#define SHELL_PLUGINS_H

#include <flux/shell.h>

extern const struct flux_shell_plugin shell_plugin_tmpdir;
extern const struct flux_shell_plugin shell_plugin_files;
extern const struct flux_shell_plugin shell_plugin_pmi;
extern const struct flux_shell_plugin shell_plugin_rlimit;
extern const struct flux_shell_plugin shell_plugin_affinity;
extern const struct flux_shell_plugin shell_plugin_gpubind;
extern const struct flux_shell_plugin shell_plugin_pty;
extern const struct flux_shell_plugin shell_plugin_doom;
extern const struct flux_shell_plugin shell_plugin_signal;
extern const struct flux_shell_plugin shell_plugin_oom;

/* In the order of their calls; NULL ends it. */
extern const struct flux_shell_plugin *const shell_builtins[];

#endif
