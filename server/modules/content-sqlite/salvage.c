// SPDX-License-Identifier: LGPL-3.0-only
/* Reading a store whose structure cannot be trusted: every place of every page is tried as the
 * beginning of a row, and a row is taken if it proves itself: a blob by its key (the begin of its
 * hash), a record by its sum. So nothing depends on headers, trees and free lists. Rows that had
 * been deleted come back, too; they are garbage of the next collection, or older than the last
 * checkpoint. */
#include "internal.h"
#include "salvage.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ROW_MAX (320u << 20)
#define LOCAL_MAX (STORE_PAGE - 35)
#define LOCAL_MIN ((STORE_PAGE - 12) * 32 / 255 - 23)
#define OVERFLOW_ROOM (STORE_PAGE - 4)

enum table { BLOBS, LOG, CHECKPOINT };

/* Where a row that proved itself lies. */
struct found {
    uint8_t table, rank; /* of two with the same id, the lower rank is right */
    bool main_only;      /* its overflow pages are those of the main file */
    uint16_t offset;
    uint32_t unit; /* page of the main file, or `pages` + frame of the log */
    uint64_t id;
};

struct salvage {
    int fd;
    uint32_t pages;
    struct store_wal wal;
    uint32_t *latest; /* by page: frame + 1 that has it last; 0 = none */
    uint32_t latest_count;
    uint64_t acknowledged;
    struct found *found;
    size_t count, cap;
};

static bool read_unit(struct salvage *s, uint32_t unit, uint8_t *page)
{
    off_t at = (off_t)unit * STORE_PAGE;
    int fd = s->fd;
    ssize_t n;

    if (unit >= s->pages) {
        at = STORE_WAL_HEADER + 24 + (off_t)(unit - s->pages) * STORE_WAL_FRAME;
        fd = s->wal.fd;
    }
    n = pread(fd, page, STORE_PAGE, at);
    if (n <= 0)
        return false;
    memset(page + n, 0, STORE_PAGE - n); /* cut off within a page */
    return true;
}

/* Page by its number (from 1), as it was last. */
static bool read_page(struct salvage *s, uint32_t number, bool main_only, uint8_t *page)
{
    if (number == 0)
        return false;
    if (!main_only && number < s->latest_count && s->latest[number])
        return read_unit(s, s->pages + s->latest[number] - 1, page);
    return number <= s->pages && read_unit(s, number - 1, page);
}

/* Bytes of the row's payload into *data (caller frees). */
static bool gather(struct salvage *s, const uint8_t *page, const struct salvage_cell *c,
                   bool main_only, uint8_t **data)
{
    uint8_t next_page[STORE_PAGE];
    size_t local = c->size, have;
    uint32_t next = 0;

    if (c->size > LOCAL_MAX) {
        local = LOCAL_MIN + (c->size - LOCAL_MIN) % OVERFLOW_ROOM;
        local = local > LOCAL_MAX ? LOCAL_MIN : local;
        if (c->at + local + 4 > STORE_PAGE)
            return false;
        next = salvage_be32(page + c->at + local);
    }
    if (c->at + local > STORE_PAGE)
        return false;
    *data = flux_alloc(c->size);
    memcpy(*data, page + c->at, local);
    for (have = local; have < c->size; next = salvage_be32(next_page)) {
        size_t n = c->size - have < OVERFLOW_ROOM ? c->size - have : OVERFLOW_ROOM;

        if (!read_page(s, next, main_only, next_page)) {
            free(FLUX_GIVE(*data));
            return false;
        }
        memcpy(*data + have, next_page + 4, n);
        have += n;
    }
    return true;
}

static bool proves_itself(const struct salvage_row *r)
{
    uint8_t hash[STORE_HASH_SIZE];
    int64_t key;

    if (r->columns == 2)
        return store_log_whole(r->id, r->data, r->len);
    if (r->real)
        return store_checkpoint_whole(r->number, r->time, r->data, r->len);
    store_hash(r->data, r->len, hash);
    memcpy(&key, hash, sizeof(key));
    return key == r->key && r->number >= 0 && r->number <= STORE_CLIENT;
}

static enum table table_of(const struct salvage_row *r)
{
    return r->columns == 2 ? LOG : r->real ? CHECKPOINT : BLOBS;
}

/* The row at `offset` of the page, if there is one. Caller frees *payload, which row points to. */
static bool read_row(struct salvage *s, const uint8_t *page, unsigned offset, bool main_only,
                     struct salvage_row *row, uint8_t **payload)
{
    struct salvage_cell c;

    *payload = NULL;
    if (!salvage_cell_parse(page, STORE_PAGE, offset, &c) || c.size > ROW_MAX)
        return false;
    return gather(s, page, &c, main_only, payload) && salvage_row_parse(*payload, &c, row) &&
           proves_itself(row);
}

static void note(struct salvage *s, const struct salvage_row *row, uint32_t unit, unsigned offset,
                 bool main_only)
{
    bool log = unit >= s->pages;
    bool committed = log && s->wal.frames[unit - s->pages].committed;

    if (log && !committed && !(table_of(row) == BLOBS && row->id <= s->acknowledged))
        return;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->found = flux_realloc(s->found, s->cap, sizeof(*s->found));
    }
    s->found[s->count++] = (struct found){
        .table = table_of(row),
        .rank = committed ? 0
                : log     ? 2
                          : 1,
        .main_only = main_only,
        .offset = offset,
        .unit = unit,
        .id = row->id,
    };
}

static void scan_page(struct salvage *s, uint32_t unit)
{
    uint8_t page[STORE_PAGE];
    struct salvage_row row;

    if (!read_unit(s, unit, page))
        return;
    for (unsigned at = 0; at + 8 < STORE_PAGE; at++) {
        for (int main_only = 0; main_only < 2; main_only++) {
            FLUX_AUTO_MEM(uint8_t) payload = NULL;
            bool ok = read_row(s, page, at, main_only, &row, &payload);

            if (ok)
                note(s, &row, unit, at, main_only);
            if (ok || !payload)
                break;
        }
    }
}

static int by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (int)x->rank - y->rank;
}

/* --- writing what was found --- */

static const char *const inserts[] = {
    [BLOBS] = "INSERT INTO blobs(id, key, kind, data) VALUES(?1, ?2, ?3, ?4)",
    [LOG] = "INSERT INTO log(seq, data) VALUES(?1, ?4)",
    [CHECKPOINT] = "INSERT INTO checkpoint(id, time, log_seq, data) VALUES(?1, ?2, ?3, ?4)",
};

static int insert(struct salvage *s, sqlite3 *db, sqlite3_stmt *st, const struct found *f,
                  struct flux_error *err)
{
    FLUX_AUTO_MEM(uint8_t) payload = NULL;
    uint8_t page[STORE_PAGE];
    struct salvage_row row;
    int r = 0;

    if (!read_unit(s, f->unit, page) || !read_row(s, page, f->offset, f->main_only, &row, &payload))
        return 0; /* the disk has changed its mind */
    sqlite3_bind_int64(st, 1, row.id);
    if (f->table == CHECKPOINT)
        sqlite3_bind_double(st, 2, row.time);
    else if (f->table == BLOBS)
        sqlite3_bind_int64(st, 2, row.key);
    if (f->table != LOG)
        sqlite3_bind_int64(st, 3, row.number);
    sqlite3_bind_blob64(st, 4, row.data, row.len, SQLITE_STATIC);
    if (sqlite3_step(st) != SQLITE_DONE)
        r = store_sqlite_error(db, "write what was salvaged", err);
    sqlite3_reset(st);
    return r;
}

static int insert_table(struct salvage *s, sqlite3 *db, enum table table, uint64_t *written,
                        struct flux_error *err)
{
    sqlite3_stmt *st = NULL;
    uint64_t last = 0;
    int r = 0;

    if (sqlite3_prepare_v2(db, inserts[table], -1, &st, NULL) != SQLITE_OK)
        return store_sqlite_error(db, inserts[table], err);
    for (size_t i = 0; i < s->count && r == 0; i++) {
        if (s->found[i].table != table || s->found[i].id == last)
            continue;
        last = s->found[i].id;
        r = insert(s, db, st, &s->found[i], err);
        *written += r == 0;
    }
    sqlite3_finalize(st);
    return r;
}

static int write_all(struct salvage *s, sqlite3 *db, struct store_salvaged *out,
                     struct flux_error *err)
{
    int r = store_schema_create(db, err);

    if (r == 0 && sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        r = store_sqlite_error(db, "begin", err);
    if (r == 0)
        r = insert_table(s, db, BLOBS, &out->blobs, err);
    if (r == 0)
        r = insert_table(s, db, LOG, &out->logs, err);
    if (r == 0)
        r = insert_table(s, db, CHECKPOINT, &out->checkpoints, err);
    if (r == 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        r = store_sqlite_error(db, "commit", err);
    return r;
}

static int sync_file(const char *path, struct flux_error *err)
{
    FLUX_AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0
               ? flux_error_sys(err, -errno, "content store: cannot sync %s", path)
               : 0;
}

static int write_store(struct salvage *s, const char *to, struct store_salvaged *out,
                       struct flux_error *err)
{
    FLUX_AUTO_FD int fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    sqlite3 *db = NULL;
    int r = 0;

    if (fd < 0)
        return flux_error_sys(err, -errno, "content store: cannot make %s", to);
    if (sqlite3_open_v2(to, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL) !=
            SQLITE_OK)
        r = store_sqlite_error(db, to, err);
    if (r == 0)
        r = write_all(s, db, out, err);
    sqlite3_close(db);
    return r < 0 ? r : sync_file(to, err);
}

static void index_wal(struct salvage *s)
{
    for (uint32_t i = 0; i < s->wal.count; i++) {
        const struct store_wal_frame *f = &s->wal.frames[i];

        /* A number that large is damaged itself. */
        if (!f->committed || f->page > s->pages + s->wal.count + 1)
            continue;
        if (f->page >= s->latest_count) {
            s->latest = flux_realloc(s->latest, f->page + 1, sizeof(*s->latest));
            memset(s->latest + s->latest_count, 0,
                   (f->page + 1 - s->latest_count) * sizeof(*s->latest));
            s->latest_count = f->page + 1;
        }
        s->latest[f->page] = i + 1;
    }
}

int store_salvage(const char *path, const char *to, uint64_t acknowledged,
                  struct store_salvaged *out, struct flux_error *err)
{
    struct salvage s = {.acknowledged = acknowledged};
    off_t size;
    int r;

    *out = (struct store_salvaged){0};
    s.fd = open(path, O_RDONLY | O_CLOEXEC);
    size = s.fd < 0 ? 0 : lseek(s.fd, 0, SEEK_END);
    s.pages = (size + STORE_PAGE - 1) / STORE_PAGE;
    store_wal_inspect(&s.wal, path);
    index_wal(&s);
    for (uint32_t unit = 0; unit < s.pages + s.wal.count; unit++)
        scan_page(&s, unit);
    if (s.count)
        qsort(s.found, s.count, sizeof(*s.found), by_id);
    r = write_store(&s, to, out, err);
    store_wal_done(&s.wal);
    free(s.latest);
    free(s.found);
    if (s.fd >= 0)
        close(s.fd);
    return r;
}
