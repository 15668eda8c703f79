// SPDX-License-Identifier: LGPL-3.0-only
/* SQLite's row format, as far as the store's tables use it
 * (https://www.sqlite.org/fileformat2.html): a cell of a table leaf is the payload's size, the
 * row's id, and the payload; the payload is a header of column types and then the columns. */
#ifndef MODULES_CONTENT_SQLITE_SALVAGE_H
#define MODULES_CONTENT_SQLITE_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct salvage_cell {
    uint64_t id;
    size_t size;              /* of the payload */
    size_t at;                /* where it begins in the page */
    unsigned columns, header; /* 2 or 4; bytes of the header */
    uint64_t type[4];
};

struct salvage_row {
    uint64_t id;
    unsigned columns;
    bool real;   /* the second column is a real number */
    int64_t key; /* else: the second column */
    double time;
    int64_t number; /* the third */
    const uint8_t *data;
    size_t len;
};

static inline uint32_t salvage_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Could there be a row of ours at `offset`? Looks at lengths and types only, which must agree. */
bool salvage_cell_parse(const uint8_t *page, size_t page_size, size_t offset,
                        struct salvage_cell *c);
/* Take the columns of a whole payload apart; `data` points into it. */
bool salvage_row_parse(const uint8_t *payload, const struct salvage_cell *c,
                       struct salvage_row *row);

#endif
