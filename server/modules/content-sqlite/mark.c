// SPDX-License-Identifier: LGPL-3.0-only
/* The mark: a small file beside the store that tells how far it had come, so that a store which has
 * lost its end (a missing -wal, a file cut at a record) is told from one that never had it. It is
 * written after a batch is durable, never before, so what it claims was acknowledged.
 *
 * Two slots are written in turn, each with a sum: one of them is always whole. */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { OPEN, CLEAN, SUSPECT };

struct slot {
    char magic[8];
    uint64_t generation;
    uint64_t log_seq, last_id;
    uint64_t file_bytes;
    uint64_t collected, live;
    uint32_t format, state;
    uint8_t sum[STORE_SUM_SIZE];
};

static const char magic[8] = "FluxMrk1";

static bool slot_whole(const struct slot *s)
{
    uint8_t sum[STORE_SUM_SIZE];

    store_sum(0, 0, s, offsetof(struct slot, sum), sum);
    return memcmp(s->magic, magic, sizeof(magic)) == 0 && memcmp(sum, s->sum, sizeof(sum)) == 0;
}

static void take(struct store_mark *m, const struct slot *s)
{
    if (!slot_whole(s) || (m->valid && s->generation < m->generation))
        return;
    m->valid = true;
    m->generation = s->generation;
    m->log_seq = s->log_seq;
    m->last_id = s->last_id;
    m->file_bytes = s->file_bytes;
    m->collected = s->collected;
    m->live = s->live;
    m->format = s->format;
    m->clean = s->state == CLEAN;
    m->suspect = s->state == SUSPECT;
}

int store_mark_open(struct store_mark *m, const char *store, struct flux_error *err)
{
    FLUX_AUTO_STR path = flux_printf("%s-mark", store);
    struct slot slots[2] = {0};

    m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (m->fd < 0)
        return flux_error_sys(err, -errno, "content store: cannot open %s", path);
    if (pread(m->fd, slots, sizeof(slots), 0) > 0) {
        take(m, &slots[0]);
        take(m, &slots[1]);
    }
    return 0;
}

void store_mark_write(struct store_mark *m)
{
    struct slot s = {
        .generation = ++m->generation,
        .log_seq = m->log_seq,
        .last_id = m->last_id,
        .file_bytes = m->file_bytes,
        .collected = m->collected,
        .live = m->live,
        .format = STORE_FORMAT,
        .state = m->suspect ? SUSPECT
                 : m->clean ? CLEAN
                            : OPEN,
    };

    memcpy(s.magic, magic, sizeof(magic));
    store_sum(0, 0, &s, offsetof(struct slot, sum), s.sum);
    /* Best effort: an old mark claims less, which is no lie. */
    if (pwrite(m->fd, &s, sizeof(s), (s.generation & 1) * sizeof(s)) < 0)
        m->generation--;
}

void store_mark_close(struct store_mark *m)
{
    if (m->fd < 0)
        return;
    fsync(m->fd);
    close(m->fd);
    m->fd = -1;
}
