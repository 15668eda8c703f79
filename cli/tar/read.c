// SPDX-License-Identifier: LGPL-3.0-only
/* Reading tar archives: what comes from a file is checked block by block. */
#include "block.h"

#define EXTRA_MAX (1 << 20) /* bytes of a long name or a pax header */

static int get(struct tar *tar, void *data, size_t len, struct flux_error *err)
{
    if (len && fread(data, len, 1, tar->stream) != 1)
        return flux_error_set(err, -EPROTO, "%s: the archive ends too early", tar->name);
    return 0;
}

static int skip(struct tar *tar, uint64_t len, struct flux_error *err)
{
    char block[TAR_BLOCK];
    int r = 0;

    while (len > 0 && r == 0) {
        size_t n = len < sizeof(block) ? len : sizeof(block);

        r = get(tar, block, n, err);
        len -= n;
    }
    return r;
}

static uint64_t number(const char *field, size_t width)
{
    uint64_t n = 0;

    if (field[0] & 0x80) {
        for (size_t i = 1; i < width; i++)
            n = n << 8 | (unsigned char)field[i];
        return n;
    }
    for (size_t i = 0; i < width && field[i]; i++) {
        if (field[i] >= '0' && field[i] <= '7')
            n = n << 3 | (unsigned)(field[i] - '0');
    }
    return n;
}

static bool sum_is_right(const union tar_block *b)
{
    unsigned sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i++) {
        bool in_sum = i >= offsetof(union tar_block, h.sum) &&
                      i < offsetof(union tar_block, h.sum) + sizeof(b->h.sum);
        sum += in_sum ? ' ' : b->bytes[i];
    }
    return sum == number(b->h.sum, sizeof(b->h.sum));
}

static void set(struct flux_buf *b, const char *s, size_t len)
{
    flux_buf_reset(b);
    flux_buf_add(b, s, len);
}

/* Records "LENGTH KEY=VALUE\n". */
static void read_pax(struct tar_entry *e, const struct flux_buf *data)
{
    const char *p = data->data, *end = p + data->len;

    while (p < end) {
        char *rest;
        size_t len = strtoul(p, &rest, 10);
        const char *eq;

        if (len == 0 || len > (size_t)(end - p) || *rest != ' ')
            return;
        rest++;
        eq = memchr(rest, '=', p + len - rest);
        if (eq && strncmp(rest, "path=", 5) == 0)
            set(&e->path, eq + 1, p + len - 1 - (eq + 1));
        else if (eq && strncmp(rest, "linkpath=", 9) == 0)
            set(&e->target, eq + 1, p + len - 1 - (eq + 1));
        else if (eq && strncmp(rest, "size=", 5) == 0)
            e->size = strtoull(eq + 1, NULL, 10);
        p += len;
    }
}

static int read_extra(struct tar *tar, char type, uint64_t size, struct tar_entry *e,
                      struct flux_error *err)
{
    FLUX_AUTO_BUF data = FLUX_BUF_INIT(EXTRA_MAX);
    int r;

    if (size > EXTRA_MAX)
        return flux_error_set(err, -EPROTO, "%s: a name is too long", tar->name);
    e->size = size;
    r = tar_read_data(tar, e, &data, err);
    e->size = UINT64_MAX; /* as the header of the file says */
    if (r < 0)
        return r;
    if (type == 'x')
        read_pax(e, &data);
    else if (type == 'L' || type == 'K')
        set(type == 'L' ? &e->path : &e->target, data.data, strnlen(data.data, data.len));
    return 0;
}

static void read_names(const union tar_block *b, struct tar_entry *e)
{
    if (e->path.len == 0) {
        if (memcmp(b->h.magic, "ustar", 6) == 0 && b->h.prefix[0])
            flux_buf_printf(&e->path, "%.*s/", (int)sizeof(b->h.prefix), b->h.prefix);
        flux_buf_add(&e->path, b->h.name, strnlen(b->h.name, sizeof(b->h.name)));
    }
    if (e->target.len == 0)
        flux_buf_add(&e->target, b->h.target, strnlen(b->h.target, sizeof(b->h.target)));
}

int tar_read_entry(struct tar *tar, struct tar_entry *e, struct flux_error *err)
{
    union tar_block b;
    uint64_t size;
    int r;

    flux_buf_reset(&e->path);
    flux_buf_reset(&e->target);
    e->size = UINT64_MAX;
    for (;;) {
        if (fread(&b, sizeof(b), 1, tar->stream) != 1)
            return ferror(tar->stream)
                       ? flux_error_sys(err, -EIO, "%s", tar->name)
                       : flux_error_set(err, -EPROTO, "%s: no end of archive", tar->name);
        if (b.h.name[0] == '\0')
            return 0;
        if (!sum_is_right(&b))
            return flux_error_set(err, -EPROTO, "%s: this is not a tar archive, or it is damaged",
                                  tar->name);
        size = number(b.h.size, sizeof(b.h.size));
        e->type = b.h.type == '\0' || b.h.type == '7' ? '0' : b.h.type;
        if (strchr("LKxg", e->type)) {
            r = read_extra(tar, e->type, size, e, err);
            if (r < 0)
                return r;
            continue;
        }
        if (e->size == UINT64_MAX)
            e->size = e->type == '0' ? size : 0;
        read_names(&b, e);
        return 1;
    }
}

int tar_read_data(struct tar *tar, struct tar_entry *e, struct flux_buf *data,
                  struct flux_error *err)
{
    size_t pad = -e->size % TAR_BLOCK;
    char *room = flux_buf_reserve(data, e->size);
    int r;

    if (!room)
        return flux_error_set(err, -EFBIG, "%s: a file of the archive is too long", tar->name);
    r = get(tar, room, e->size, err);
    if (r < 0)
        return r;
    data->len += e->size;
    if (data->data)
        data->data[data->len] = '\0';
    return skip(tar, pad, err);
}

void tar_entry_done(struct tar_entry *e)
{
    flux_buf_done(&e->path);
    flux_buf_done(&e->target);
}
