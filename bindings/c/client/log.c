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

static void log_rpc(struct flux *h, const char *name, int level, char *text)
{
    flux_log_entry entry = FLUX_LOG_ENTRY_INIT, *entries[] = {&entry};
    flux_log_append_request in = FLUX_LOG_APPEND_REQUEST_INIT;

    entry.level = level;
    entry.timestamp = flux_walltime();
    entry.appname = name;
    entry.text = text;
    in.entries = entries;
    in.n_entries = 1;
    flux_log_append_async(h, (struct flux_to){.no_answer = true}, &in);
}

static void vlog(struct flux *h, const char *name, int level, const char *fmt, va_list ap)
{
    char text[LINE_MAX_BYTES];

    vsnprintf(text, sizeof(text), fmt, ap);
    if (h->env)
        h->env->log(h->env->log_arg, name, level, text);
    else
        log_rpc(h, name, level, text);
}

void flux_log(struct flux *h, int level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vlog(h, h->name, level, fmt, ap);
    va_end(ap);
}

void flux_log_as(struct flux *h, const char *name, int level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vlog(h, name, level, fmt, ap);
    va_end(ap);
}
