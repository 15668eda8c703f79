// SPDX-License-Identifier: LGPL-3.0-only
/* What goes between us and an IMP: the signed request on its standard input, and the line with
 * which it refuses on its standard error. That is a memory file and not a pipe, for a shell that
 * runs must not depend on a broker that reads. */
#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/fluid.h>

#include "exec.h"

#define REFUSAL "flux-imp: "
#define LOG_MAX 65536      /* bytes that it holds: the user can write there, too */
#define LOG_LINES_MAX 1024 /* bytes of it that are looked at */

int imp_make_input(const char *j)
{
    json_t *o = json_pack("{s:s}", "J", j);
    FLUX_AUTO_STR text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int fd = memfd_create("flux-imp-input", MFD_CLOEXEC);

    json_decref(o);
    if (fd < 0 || !text)
        return fd < 0 ? -errno : -EINVAL;
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        close(fd);
        return -ENOSPC;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

int imp_make_log(int *ours)
{
    int fd = memfd_create("flux-imp-log", MFD_CLOEXEC | MFD_ALLOW_SEALING), theirs;

    if (fd < 0)
        return -errno;
    theirs = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (theirs < 0 || ftruncate(fd, LOG_MAX) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
        int r = -errno;
        close(fd);
        if (theirs >= 0)
            close(theirs);
        return r;
    }
    *ours = fd;
    return theirs;
}

static void log_lines(struct exec *x, uint64_t id, char *text)
{
    char *rest = text, *line;

    while ((line = strsep(&rest, "\n")))
        if (*line)
            flux_log(x->h, LOG_WARNING, "%s: %s", flux_fluid_f58(id), line);
}

char *imp_read_log(struct exec *x, uint64_t id, int fd)
{
    char text[LOG_LINES_MAX + 1];
    ssize_t n = fd >= 0 ? pread(fd, text, LOG_LINES_MAX, 0) : 0;
    FLUX_AUTO_STR refusal = NULL;

    text[n > 0 ? n : 0] = '\0';
    if (strncmp(text, REFUSAL, strlen(REFUSAL)) == 0)
        refusal = flux_strndup(text, strcspn(text, "\n"));
    log_lines(x, id, text);
    return FLUX_GIVE(refusal);
}
