// SPDX-License-Identifier: LGPL-3.0-only
/* Writing tar archives: ustar headers, GNU entries before them for long names. */
#include <time.h>

#include "block.h"

static int put(struct tar *tar, const void *data, size_t len, struct flux_error *err)
{
    static const char zeros[TAR_BLOCK];
    size_t pad = -len % TAR_BLOCK;

    if ((len && fwrite(data, len, 1, tar->stream) != 1) ||
        (pad && fwrite(zeros, pad, 1, tar->stream) != 1))
        return flux_error_sys(err, -errno, "%s", tar->name);
    return 0;
}

/* Octal, or for what does not fit the binary form of GNU. */
static void put_number(char *field, size_t width, uint64_t n)
{
    if (n < 1ull << (3 * (width - 1))) {
        snprintf(field, width, "%0*llo", (int)width - 1, (unsigned long long)n);
        return;
    }
    for (size_t i = width; i-- > 0; n >>= 8)
        field[i] = n & 0xff;
    field[0] |= 0x80;
}

static int put_header(struct tar *tar, char type, const char *path, const char *target, size_t size,
                      struct flux_error *err)
{
    union tar_block b = {0};
    unsigned sum = 0;

    /* Cut names are those that a long entry came before. */
    memcpy(b.h.name, path, strnlen(path, sizeof(b.h.name)));
    memcpy(b.h.target, target, strnlen(target, sizeof(b.h.target)));
    put_number(b.h.mode, sizeof(b.h.mode), type == '5' ? 0755 : 0644);
    put_number(b.h.uid, sizeof(b.h.uid), 0);
    put_number(b.h.gid, sizeof(b.h.gid), 0);
    put_number(b.h.size, sizeof(b.h.size), size);
    put_number(b.h.mtime, sizeof(b.h.mtime), time(NULL));
    b.h.type = type;
    memcpy(b.h.magic, "ustar  ", 8);
    memset(b.h.sum, ' ', sizeof(b.h.sum));
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += b.bytes[i];
    snprintf(b.h.sum, sizeof(b.h.sum), "%06o", sum);
    return put(tar, &b, sizeof(b), err);
}

static int put_long(struct tar *tar, char type, const char *name, struct flux_error *err)
{
    size_t len = strlen(name) + 1;
    int r;

    if (len <= 100)
        return 0;
    r = put_header(tar, type, "././@LongLink", "", len, err);
    return r < 0 ? r : put(tar, name, len, err);
}

static int put_entry(struct tar *tar, char type, const char *path, const char *target, size_t size,
                     struct flux_error *err)
{
    int r;

    if ((r = put_long(tar, 'K', target, err)) < 0 || (r = put_long(tar, 'L', path, err)) < 0)
        return r;
    return put_header(tar, type, path, target, size, err);
}

int tar_write_file(struct tar *tar, const char *path, const void *data, size_t len,
                   struct flux_error *err)
{
    int r = put_entry(tar, '0', path, "", len, err);

    return r < 0 ? r : put(tar, data, len, err);
}

int tar_write_dir(struct tar *tar, const char *path, struct flux_error *err)
{
    return put_entry(tar, '5', path, "", 0, err);
}

int tar_write_symlink(struct tar *tar, const char *path, const char *target, struct flux_error *err)
{
    return put_entry(tar, '2', path, target, 0, err);
}

int tar_write_end(struct tar *tar, struct flux_error *err)
{
    static const char zeros[2 * TAR_BLOCK];

    return put(tar, zeros, sizeof(zeros), err);
}
