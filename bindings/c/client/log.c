// SPDX-License-Identifier: LGPL-3.0-only
/* Log lines: straight into the broker's log for modules, an rpc without answer for clients. */
#include "private.h"
#include "thread.h"

#include <stdio.h>

#include <flux/v1/log.h>

#define LINE_MAX_BYTES 4096

void flux_log_set_name(struct flux *h, const char *name)
{
    free(h->name);
    h->name = flux_strdup(name);
}

static void log_rpc(struct flux *h, int level, char *text)
{
    flux_log_entry entry = FLUX_LOG_ENTRY_INIT, *entries[] = {&entry};
    flux_log_append_request in = FLUX_LOG_APPEND_REQUEST_INIT;

    entry.level = level;
    entry.timestamp = flux_walltime();
    entry.appname = h->name;
    entry.text = text;
    in.entries = entries;
    in.n_entries = 1;
    flux_log_append_async(h, (struct flux_to){.no_answer = true}, &in);
}

void flux_log(struct flux *h, int level, const char *fmt, ...)
{
    char text[LINE_MAX_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (h->env)
        h->env->log(h->env->log_arg, h->name, level, text);
    else
        log_rpc(h, level, text);
}
