// SPDX-License-Identifier: LGPL-3.0-only
/* Output files. A path that is opened twice (stdout and stderr, or several tasks) is one file with
 * one position, so that nothing overwrites anything. */
#include "shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <utlist.h>

struct file {
    struct file *next;
    char *path;
    int fd;
    unsigned refs;
    bool failed;
};

static struct file *files;

struct file *file_open(const char *path, bool append, struct flux_error *err)
{
    struct file *f;
    int fd;

    LL_FOREACH(files, f)
    {
        if (!strcmp(f->path, path)) {
            f->refs++;
            return f;
        }
    }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (append ? 0 : O_TRUNC), 0666);
    if (fd < 0) {
        flux_error_sys(err, -errno, "%.200s", path);
        return NULL;
    }
    f = flux_alloc(sizeof(*f));
    f->path = flux_strdup(path);
    f->fd = fd;
    f->refs = 1;
    LL_PREPEND(files, f);
    return f;
}

void file_close(struct file *f)
{
    if (!f || --f->refs)
        return;
    LL_DELETE(files, f);
    close(f->fd);
    free(f->path);
    free(f);
}

static int write_all(struct file *f, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(f->fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            f->failed = true;
            return -errno;
        }
        data += n;
        len -= n;
    }
    return 0;
}

static int write_labelled(struct file *f, const char *data, size_t len, long label)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(64u << 20);

    while (len) {
        const char *nl = memchr(data, '\n', len);
        size_t n = nl ? (size_t)(nl + 1 - data) : len;

        flux_buf_printf(&b, "%ld: ", label);
        flux_buf_add(&b, data, n);
        if (!nl)
            flux_buf_putc(&b, '\n');
        data += n;
        len -= n;
    }
    return write_all(f, b.data, b.len);
}

int file_write(struct file *f, const char *data, size_t len, long label)
{
    if (f->failed || !len)
        return 0; /* said once */
    return label < 0 ? write_all(f, data, len) : write_labelled(f, data, len, label);
}
