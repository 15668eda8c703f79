// SPDX-License-Identifier: LGPL-3.0-only
/* Printing of rows: order, dropped and widened columns, header. */
#include "format.h"

static void get_value(const struct format_column *c, const void *row, struct format_value *v)
{
    v->kind = FORMAT_NULL;
    v->owned = NULL;
    c->field->get(row, c->name, v);
    format_clean_value(v);
    format_convert(v, c->conversion, c->spec.strftime);
}

static void field_text(const struct format_column *c, const struct format_spec *spec,
                       const void *row, struct flux_buf *out)
{
    struct format_value v;

    get_value(c, row, &v);
    format_apply(spec, &v, out);
    format_value_done(&v);
}

void format_row(const struct format *f, const void *row, struct flux_buf *out)
{
    const char *color = f->color ? f->color(row) : NULL;

    if (color)
        flux_buf_puts(out, color);
    for (size_t i = 0; i < f->count; i++) {
        const struct format_column *c = &f->columns[i];

        if (c->dropped)
            continue;
        flux_buf_puts(out, c->before);
        if (c->field)
            field_text(c, &c->spec, row, out);
    }
    flux_buf_puts(out, color ? "\033[0m\n" : "\n");
}

/* A header is a text: it keeps the place of the column, not its number format. */
static void header_row(const struct format *f, struct flux_buf *out)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct format_column *c = &f->columns[i];
        struct format_spec spec = c->spec;
        struct format_value v = {.kind = FORMAT_STRING};

        if (c->dropped)
            continue;
        flux_buf_puts(out, c->before);
        if (!c->field)
            continue;
        if (spec.type && spec.type != 's')
            spec.precision = -1;
        spec.type = 's';
        spec.dash = spec.mark_cut = false;
        v.s = c->field->header;
        format_apply(&spec, &v, out);
    }
    flux_buf_putc(out, '\n');
}

/* The columns that a value needs when nothing cuts or pads it. */
static size_t natural_width(const struct format_column *c, const void *row)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(0);
    struct format_spec spec = c->spec;

    spec.width = 0;
    if (!spec.type || spec.type == 's')
        spec.precision = -1;
    field_text(c, &spec, row, &text);
    return text.data ? format_columns(text.data) : 0;
}

static bool empty_in_all(const struct format_column *c, const void **rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct format_value v;
        bool empty;

        get_value(c, rows[i], &v);
        empty = format_is_empty(&v);
        format_value_done(&v);
        if (!empty)
            return false;
    }
    return true;
}

static void fit_columns(struct format *f, const void **rows, size_t count)
{
    for (size_t i = 0; i < f->count; i++) {
        struct format_column *c = &f->columns[i];

        if (c->drop_empty)
            c->dropped = empty_in_all(c, rows, count);
        if (c->dropped || !c->widen)
            continue;
        for (size_t j = 0; j < count; j++) {
            size_t w = natural_width(c, rows[j]);

            if (w > (size_t)c->spec.width)
                c->spec.width = (int)w;
        }
        if (format_columns(c->field->header) > (size_t)c->spec.width)
            c->spec.width = (int)format_columns(c->field->header);
        if (!c->spec.type || c->spec.type == 's')
            c->spec.precision = -1;
    }
}

struct sort_key {
    const struct format_field *field;
    char *name;
    int direction;
};

struct sort_keys {
    struct sort_key keys[16];
    size_t count;
};

static int compare_values(const struct format_value *a, const struct format_value *b)
{
    double x, y;

    if (a->kind == FORMAT_STRING && b->kind == FORMAT_STRING)
        return strcmp(a->s, b->s);
    if (a->kind == FORMAT_INT && b->kind == FORMAT_INT)
        return a->i < b->i ? -1 : a->i > b->i;
    if (a->kind == FORMAT_NULL || b->kind == FORMAT_NULL || a->kind == FORMAT_STRING ||
        b->kind == FORMAT_STRING)
        return (int)!format_is_empty(a) - (int)!format_is_empty(b);
    x = a->kind == FORMAT_REAL ? a->d : (double)a->i;
    y = b->kind == FORMAT_REAL ? b->d : (double)b->i;
    return x < y ? -1 : x > y;
}

static int compare_rows(const void *pa, const void *pb, void *arg)
{
    const void *a = *(const void *const *)pa, *b = *(const void *const *)pb;
    struct sort_keys *keys = arg;

    for (size_t i = 0; i < keys->count; i++) {
        struct format_value x = {FORMAT_NULL}, y = {FORMAT_NULL};
        int r;

        keys->keys[i].field->get(a, keys->keys[i].name, &x);
        keys->keys[i].field->get(b, keys->keys[i].name, &y);
        r = compare_values(&x, &y) * keys->keys[i].direction;
        format_value_done(&x);
        format_value_done(&y);
        if (r)
            return r;
    }
    return 0;
}

/* Merge sort: rows that compare equal keep their order. */
static void sort_rows(const void **rows, const void **spare, size_t n, struct sort_keys *keys)
{
    size_t half = n / 2, i = 0, j = half, k = 0;

    if (n < 2)
        return;
    sort_rows(rows, spare, half, keys);
    sort_rows(rows + half, spare, n - half, keys);
    memcpy(spare, rows, n * sizeof(rows[0]));
    while (i < half && j < n)
        rows[k++] = compare_rows(&spare[i], &spare[j], keys) <= 0 ? spare[i++] : spare[j++];
    while (i < half)
        rows[k++] = spare[i++];
    while (j < n)
        rows[k++] = spare[j++];
}

static int parse_order(const struct format_field *fields, const char *order, struct sort_keys *keys,
                       struct flux_error *err)
{
    for (const char *p = order; *p;) {
        size_t n = strcspn(p, ",");
        struct sort_key *key = &keys->keys[keys->count];

        if (keys->count == FLUX_ARRAY_SIZE(keys->keys))
            return flux_error_set(err, -EINVAL, "too many sort keys in '%s'", order);
        key->direction = *p == '-' ? -1 : 1;
        key->name = flux_strndup(p + (*p == '-'), n - (*p == '-'));
        keys->count++;
        key->field = format_field_find(fields, key->name);
        if (!key->field)
            return flux_error_set(err, -EINVAL, "Invalid sort key: %s", key->name);
        p += n + (p[n] == ',');
    }
    return 0;
}

static int order_rows(const struct format *f, const void **rows, size_t count, const char *order,
                      struct flux_error *err)
{
    struct sort_keys keys = {.count = 0};
    int r = parse_order(f->fields, order, &keys, err);

    if (r == 0 && count > 1) {
        FLUX_AUTO_MEM(const void *) spare = flux_alloc(count * sizeof(rows[0]));

        sort_rows(rows, spare, count, &keys);
    }
    for (size_t i = 0; i < keys.count; i++)
        free(keys.keys[i].name);
    return r;
}

int format_rows(struct format *f, const void **rows, size_t count, const char *order, bool header,
                struct flux_buf *out, struct flux_error *err)
{
    int r;

    if (!order)
        order = f->order;
    if (order) {
        r = order_rows(f, rows, count, order, err);
        if (r < 0)
            return r;
    }
    fit_columns(f, rows, count);
    if (header)
        header_row(f, out);
    for (size_t i = 0; i < count; i++)
        format_row(f, rows[i], out);
    return out->failed ? flux_error_set(err, out->failed, "the listing is too large") : 0;
}

char *format_merge_key(const struct format *f, const void *row)
{
    struct flux_buf key = FLUX_BUF_INIT(0);

    for (size_t i = 0; i < f->count; i++) {
        const struct format_column *c = &f->columns[i];

        if (!c->field || c->field->merged)
            continue;
        field_text(c, &c->spec, row, &key);
        flux_buf_putc(&key, '\n');
    }
    return flux_buf_take(&key);
}
