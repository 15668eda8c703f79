// SPDX-License-Identifier: LGPL-3.0-only
/* Whole files for verbs that take a document. */
#include "readfile.h"

#include <fcntl.h>
#include <unistd.h>

enum { STEP = 64 << 10 };

static int read_fd(int fd, struct flux_buf *out)
{
    for (;;) {
        char *room = flux_buf_reserve(out, STEP);
        ssize_t n;

        if (!room)
            return -EFBIG;
        n = read(fd, room, STEP);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        if (n > 0)
            out->len += (size_t)n;
    }
    out->data[out->len] = '\0';
    return 0;
}

int cli_read_file(const char *path, struct flux_buf *out, struct flux_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    FLUX_AUTO_FD int fd = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int r = standard ? read_fd(STDIN_FILENO, out) : fd < 0 ? -errno : read_fd(fd, out);

    return r < 0 ? flux_error_sys(err, r, "%s", standard ? "standard input" : path) : 0;
}
