// SPDX-License-Identifier: LGPL-3.0-only
/* Rows of the store's tables in SQLite's format. The first column is the row's id and has the type
 * NULL; the last is a blob. */
#include "salvage.h"

#include <string.h>

#define TYPE_REAL 7
#define TYPE_BLOB 12 /* even numbers from here on: (type - 12) / 2 bytes */

/* SQLite's varint: big-endian, seven bits a byte, the ninth byte whole. Returns bytes read or 0. */
static size_t read_varint(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
    uint64_t n = 0;

    for (size_t i = 0; i < 9 && p + i < end; i++) {
        if (i == 8) {
            *ret = n << 8 | p[i];
            return 9;
        }
        n = n << 7 | (p[i] & 0x7f);
        if (!(p[i] & 0x80)) {
            *ret = n;
            return i + 1;
        }
    }
    return 0;
}

/* Bytes of a column, or -1 for a type that these tables never have. */
static int64_t column_size(uint64_t type)
{
    static const int8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};

    if (type < sizeof(sizes))
        return sizes[type];
    return type >= TYPE_BLOB && type % 2 == 0 ? (int64_t)((type - TYPE_BLOB) / 2) : -1;
}

static bool parse_header(const uint8_t *p, const uint8_t *end, struct salvage_cell *c)
{
    const uint8_t *stop = p + c->header;
    uint64_t total = c->header;

    for (p++, c->columns = 0; p < stop; c->columns++) {
        size_t n = c->columns < 4 ? read_varint(p, stop, &c->type[c->columns]) : 0;

        if (n == 0 || column_size(c->type[c->columns]) < 0)
            return false;
        total += column_size(c->type[c->columns]);
        p += n;
    }
    return total == c->size && (c->columns == 2 || c->columns == 4) && c->type[0] == 0 &&
           c->type[c->columns - 1] >= TYPE_BLOB &&
           (c->columns == 2 || (c->type[1] < 10 && c->type[2] < 10 && c->type[2] != TYPE_REAL));
}

bool salvage_cell_parse(const uint8_t *page, size_t page_size, size_t offset,
                        struct salvage_cell *c)
{
    const uint8_t *p = page + offset, *end = page + page_size;
    uint64_t size;
    size_t n = read_varint(p, end, &size);

    if (n == 0 || size < 4)
        return false;
    p += n;
    n = read_varint(p, end, &c->id);
    if (n == 0 || c->id == 0)
        return false;
    p += n;
    if (p + 3 > end || p[0] < 3 || p[0] > 24 || p[1] != 0 || p + p[0] > end)
        return false;
    c->size = size;
    c->at = p - page;
    c->header = p[0];
    return parse_header(p, end, c);
}

static int64_t read_integer(const uint8_t *p, uint64_t type)
{
    int64_t size = column_size(type);
    uint64_t n = size && p[0] & 0x80 ? UINT64_MAX : 0;

    if (type == 8 || type == 9)
        return (int64_t)(type - 8);
    for (int64_t i = 0; i < size; i++)
        n = n << 8 | p[i];
    return (int64_t)n;
}

bool salvage_row_parse(const uint8_t *payload, const struct salvage_cell *c,
                       struct salvage_row *row)
{
    const uint8_t *p = payload + c->header;
    uint64_t bits;

    *row = (struct salvage_row){.id = c->id, .columns = c->columns};
    if (c->columns == 4) {
        row->real = c->type[1] == TYPE_REAL;
        row->key = read_integer(p, c->type[1]);
        bits = (uint64_t)row->key;
        memcpy(&row->time, &bits, sizeof(bits));
        p += column_size(c->type[1]);
        row->number = read_integer(p, c->type[2]);
        p += column_size(c->type[2]);
    }
    row->data = p;
    row->len = column_size(c->type[c->columns - 1]);
    return true;
}
