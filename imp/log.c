// SPDX-License-Identifier: LGPL-3.0-only
/* Log lines hold nothing but printable ASCII: imp_error_set() escapes the rest. Standard error was
 * opened by the caller, so nothing is written to it as root. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int level = LOG_INFO;

int log_set_level(const char *name)
{
    static const struct {
        const char *name;
        int level;
    } levels[] = {{"err", LOG_ERR},     {"error", LOG_ERR}, {"warning", LOG_WARNING},
                  {"notice", LOG_INFO}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            level = levels[i].level;
            return 0;
        }
    }
    return -EINVAL;
}

void log_write(int priority, const char *fmt, ...)
{
    struct imp_error line; /* also escapes */
    char text[sizeof(line.text)];
    va_list ap;

    if (priority > level)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    imp_error_set(&line, 0, "%s", text);
    openlog("flux-imp", LOG_PID, LOG_AUTHPRIV);
    syslog(LOG_AUTHPRIV | priority, "%s", line.text);
    closelog(); /* no descriptor stays open */
}

noreturn void log_refuse(struct entry *entry, const char *text)
{
    struct imp_error line;

    if (entry->privileged)
        log_write(LOG_ERR, "refused to uid %u: %s", (unsigned)entry->uid, text);
    if (entry_drop(entry) == 0) {
        imp_error_set(&line, 0, "%s", text);
        dprintf(STDERR_FILENO, "flux-imp: %s\n", line.text);
    }
    _exit(1);
}
