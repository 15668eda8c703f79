// SPDX-License-Identifier: LGPL-3.0-only
/* A look at SQLite's write-ahead log before SQLite opens it. SQLite reads it up to the first frame
 * that does not verify and takes that for its end. So it is after a crash, for a tail that was
 * never acknowledged; but when a commit follows behind, what lies between has been damaged. */
#include "internal.h"

#include <endian.h>
#include <fcntl.h>
#include <unistd.h>

#define MAGIC 0x377f0682 /* with the lowest bit: sums of big-endian words */

static uint32_t be32_at(const uint8_t *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return be32toh(n);
}

struct sum {
    uint32_t a, b;
    bool big;
};

static void add(struct sum *s, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint32_t x, y;

        memcpy(&x, p + i, 4);
        memcpy(&y, p + i + 4, 4);
        s->a += (s->big ? be32toh(x) : le32toh(x)) + s->b;
        s->b += (s->big ? be32toh(y) : le32toh(y)) + s->a;
    }
}

static bool read_header(struct store_wal *w, struct sum *sum, uint8_t salt[8])
{
    uint8_t h[STORE_WAL_HEADER];

    if (pread(w->fd, h, sizeof(h), 0) != sizeof(h))
        return false;
    sum->big = be32_at(h) & 1;
    add(sum, h, 24);
    memcpy(salt, h + 16, 8);
    return (be32_at(h) & ~1u) == MAGIC && be32_at(h + 8) == STORE_PAGE &&
           sum->a == be32_at(h + 24) && sum->b == be32_at(h + 28);
}

/* Does frame i verify, going on from the sum in *sum? Leaves there what the frame itself says. */
static bool read_frame(struct store_wal *w, uint32_t i, struct sum *sum, const uint8_t *salt)
{
    uint8_t f[STORE_WAL_FRAME];
    struct store_wal_frame *out = &w->frames[i];
    bool ok;

    if (pread(w->fd, f, sizeof(f), STORE_WAL_HEADER + (off_t)i * sizeof(f)) != sizeof(f))
        return false;
    add(sum, f, 8);
    add(sum, f + 24, STORE_PAGE);
    ok = memcmp(f + 8, salt, 8) == 0 && sum->a == be32_at(f + 16) && sum->b == be32_at(f + 20);
    out->page = be32_at(f);
    out->commit = be32_at(f + 4) != 0;
    sum->a = be32_at(f + 16);
    sum->b = be32_at(f + 20);
    return ok;
}

/* A frame counts if a commit is reached from it without a break. */
static void accept_committed(struct store_wal *w)
{
    bool reached = false;

    for (uint32_t i = w->count; i-- > 0;) {
        struct store_wal_frame *f = &w->frames[i];

        reached = f->whole && (f->commit || reached);
        f->committed = reached;
    }
}

static void judge(struct store_wal *w, bool header)
{
    uint32_t i = 0;

    while (i < w->count && w->frames[i].whole)
        i++;
    w->damaged = !header && w->count > 0;
    for (; i < w->count; i++)
        w->damaged |= w->frames[i].committed;
}

void store_wal_inspect(struct store_wal *w, const char *store)
{
    FLUX_AUTO_STR path = flux_printf("%s-wal", store);
    struct sum sum = {0};
    uint8_t salt[8];
    bool header;
    off_t size;

    *w = (struct store_wal){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    size = w->fd < 0 ? 0 : lseek(w->fd, 0, SEEK_END);
    if (size <= STORE_WAL_HEADER)
        return;
    w->count = (size - STORE_WAL_HEADER) / STORE_WAL_FRAME;
    w->frames = flux_alloc((w->count + 1) * sizeof(*w->frames));
    header = read_header(w, &sum, salt);
    if (!header && pread(w->fd, salt, sizeof(salt), STORE_WAL_HEADER + 8) != sizeof(salt))
        return;
    for (uint32_t i = 0; i < w->count; i++)
        w->frames[i].whole = read_frame(w, i, &sum, salt);
    accept_committed(w);
    judge(w, header);
}

void store_wal_done(struct store_wal *w)
{
    if (w->fd >= 0)
        close(w->fd);
    free(w->frames);
    *w = (struct store_wal){.fd = -1};
}
