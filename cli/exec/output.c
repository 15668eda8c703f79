// SPDX-License-Identifier: LGPL-3.0-only
/* Output of flux exec. A line of one rank is never mixed with another's; one that does not end is
 * let out in pieces of 64 KiB. */
#include "exec.h"

#include <stdio.h>
#include <uthash.h>

#define LINE_MAX_BYTES 65536

struct partial {
    uint64_t key; /* rank and stream */
    struct flux_buf line;
    UT_hash_handle hh;
};

struct exec_output {
    bool label, whole_lines;
    struct partial *partials;
};

struct exec_output *exec_output_new(bool label, bool whole_lines)
{
    struct exec_output *o = flux_alloc(sizeof(*o));

    o->label = label;
    o->whole_lines = whole_lines || label;
    setvbuf(stdout, NULL, _IOFBF, 1 << 17);
    return o;
}

static FILE *file_of(uint32_t stream)
{
    return stream == 2 ? stderr : stdout;
}

static void put(const struct exec_output *o, uint32_t rank, FILE *f, const void *data, size_t len)
{
    if (o->label)
        fprintf(f, "%u: ", rank);
    if (len)
        fwrite(data, 1, len, f);
}

static struct partial *partial_of(struct exec_output *o, const flux_exec_run_output *item)
{
    uint64_t key = (uint64_t)item->rank << 2 | item->stream;
    struct partial *p;

    HASH_FIND(hh, o->partials, &key, sizeof(key), p);
    if (!p) {
        p = flux_alloc(sizeof(*p));
        p->key = key;
        p->line.max = 2 * LINE_MAX_BYTES;
        HASH_ADD(hh, o->partials, key, sizeof(key), p);
    }
    return p;
}

/* The kept beginning of a line and these bytes, which end it. */
static void end_line(struct exec_output *o, struct partial *p, uint32_t rank, FILE *f,
                     const uint8_t *data, size_t len)
{
    if (p->line.len > 0) {
        put(o, rank, f, p->line.data, p->line.len);
        if (len)
            fwrite(data, 1, len, f);
        flux_buf_reset(&p->line);
    } else {
        put(o, rank, f, data, len);
    }
}

static void write_lines(struct exec_output *o, const flux_exec_run_output *item)
{
    struct partial *p = partial_of(o, item);
    FILE *f = file_of(item->stream);
    const uint8_t *data = item->data.data, *end = data + item->data.len, *nl;

    while (data < end && (nl = memchr(data, '\n', end - data))) {
        end_line(o, p, item->rank, f, data, nl + 1 - data);
        data = nl + 1;
    }
    while (p->line.len + (end - data) >= LINE_MAX_BYTES) {
        size_t n = LINE_MAX_BYTES - p->line.len;
        end_line(o, p, item->rank, f, data, n);
        data += n;
    }
    if (data < end)
        flux_buf_add(&p->line, data, end - data);
    if (item->eof && o->label && p->line.len > 0)
        end_line(o, p, item->rank, f, (const uint8_t *)"\n", 1);
}

void exec_output_write(struct exec_output *o, const flux_exec_run_output *item)
{
    if (o->whole_lines)
        write_lines(o, item);
    else
        put(o, item->rank, file_of(item->stream), item->data.data, item->data.len);
}

void exec_output_flush(struct exec_output *o)
{
    fflush(stdout);
    fflush(stderr);
}

void exec_output_free(struct exec_output *o)
{
    struct partial *p, *tmp;

    HASH_ITER (hh, o->partials, p, tmp) {
        if (p->line.len > 0)
            put(o, p->key >> 2, file_of(p->key & 3), p->line.data, p->line.len);
        HASH_DELETE(hh, o->partials, p);
        flux_buf_done(&p->line);
        free(p);
    }
    exec_output_flush(o);
    free(o);
}
