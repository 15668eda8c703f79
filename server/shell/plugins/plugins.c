// SPDX-License-Identifier: LGPL-3.0-only
/* The one list of built-in plugins. */
#include "plugins.h"

const struct flux_shell_plugin *const shell_builtins[] = {
    &shell_plugin_tmpdir,
    &shell_plugin_files,
    &shell_plugin_pmi,
    &shell_plugin_rlimit,
    &shell_plugin_affinity,
    &shell_plugin_gpubind,
    &shell_plugin_pty,
    &shell_plugin_doom,
    &shell_plugin_signal,
    &shell_plugin_oom,
    NULL,
};
