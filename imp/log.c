// SPDX-License-Identifier: LGPL-3.0-only
/* Log lines hold nothing but printable ASCII: imp_error_set() escapes the rest. Standard error was
 * opened by the caller, so nothing is written to it as root. */
#include "log.h"

#include <paths.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
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

/* As syslog(3) does it, but a logger that does not read holds us up for a bounded time only. */
static void send_line(int priority, const char *text)
{
    static const struct sockaddr_un logger = {AF_UNIX, _PATH_LOG};
    static const struct timeval patience = {.tv_sec = 2};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    time_t now = time(NULL);
    char line[1024], date[32];
    struct tm tm;
    int n;

    if (fd < 0)
        return;
    if (!localtime_r(&now, &tm) || strftime(date, sizeof(date), "%b %e %T", &tm) == 0)
        date[0] = '\0';
    n = snprintf(line, sizeof(line), "<%d>%s flux-imp[%d]: %s", LOG_AUTHPRIV | priority, date,
                 (int)getpid(), text);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&logger, sizeof(logger)) == 0)
        send(fd, line, n < (int)sizeof(line) ? n : (int)sizeof(line) - 1, MSG_NOSIGNAL);
    close(fd);
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
    send_line(priority, line.text);
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
