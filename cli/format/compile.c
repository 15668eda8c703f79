// SPDX-License-Identifier: LGPL-3.0-only
/* From the text of a format to its columns. */
#include "format.h"

enum { FORMAT_TEXT_MAX = 64 << 10, COLUMNS_MAX = 256 };

const struct format_field *format_field_find(const struct format_field *fields, const char *name)
{
    for (const struct format_field *f = fields; f->name; f++) {
        size_t n = strlen(f->name);

        if (strcmp(f->name, name) == 0)
            return f;
        if (f->name[n - 1] == '.' && strncmp(f->name, name, n) == 0 && name[n])
            return f;
    }
    return NULL;
}

/* "?:", "+:" or "?+:" at the end of the text before a field belongs to the field. */
static void take_prefix(struct flux_buf *before, struct format_column *column)
{
    static const struct {
        const char *text;
        bool drop, widen;
    } prefixes[] = {{"?+:", true, true}, {"+:", false, true}, {"?:", true, false}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(prefixes); i++) {
        size_t n = strlen(prefixes[i].text);

        if (before->len < n || memcmp(before->data + before->len - n, prefixes[i].text, n) != 0)
            continue;
        before->len -= n;
        before->data[before->len] = '\0';
        column->drop_empty = prefixes[i].drop;
        column->widen = prefixes[i].widen;
        return;
    }
}

static int parse_conversion(const char **p, const char *end, char *ret, struct flux_error *err)
{
    if (*p >= end || **p != '!')
        return 0;
    if (*p + 1 >= end || !strchr("srDdFHP", (*p)[1]))
        return flux_error_set(err, -EINVAL, "Unknown conversion specifier '%.*s'", (int)(end - *p),
                              *p);
    *ret = (*p)[1];
    *p += 2;
    return 0;
}

/* The inside of {...}: [text, end). */
static int parse_field(const struct format_field *fields, const char *text, const char *end,
                       struct format_column *column, struct flux_error *err)
{
    const char *p = text;
    int r;

    while (p < end && *p != '!' && *p != ':')
        p++;
    column->name = flux_strndup(text, (size_t)(p - text));
    column->field = format_field_find(fields, column->name);
    if (!column->field)
        return flux_error_set(err, -EINVAL, "Unknown format field: %s", column->name);
    r = parse_conversion(&p, end, &column->conversion, err);
    if (r < 0)
        return r;
    if (p < end && *p != ':')
        return flux_error_set(err, -EINVAL, "expected ':' after conversion in '{%.*s}'",
                              (int)(end - text), text);
    p += p < end;
    return format_spec_parse(p, (size_t)(end - p), column->conversion == 'd', &column->spec, err);
}

static struct format_column *add_column(struct format *f)
{
    if ((f->count & (f->count + 1)) == 0)
        f->columns = flux_realloc(f->columns, f->count * 2 + 1, sizeof(f->columns[0]));
    f->columns[f->count] = (struct format_column){.spec = {.fill = " ", .precision = -1}};
    return &f->columns[f->count++];
}

/* Text up to the next field (its '{' is passed) or the end. */
static int read_literal(const char **p, struct flux_buf *out, struct flux_error *err)
{
    for (; **p; (*p)++) {
        char c = **p;

        if ((c == '{' || c == '}') && (*p)[1] == c) {
            (*p)++;
        } else if (c == '{') {
            (*p)++;
            return 1;
        } else if (c == '}') {
            return flux_error_set(err, -EINVAL, "Single '}' encountered in format string");
        }
        flux_buf_putc(out, c);
    }
    return 0;
}

/* "sort:k1,-k2 " at the beginning. */
static const char *take_order(struct format *f, const char *text)
{
    size_t n;

    if (strncmp(text, "sort:", 5) != 0)
        return text;
    text += 5;
    n = strcspn(text, " \t");
    f->order = flux_strndup(text, n);
    text += n;
    return text + strspn(text, " \t");
}

static int compile(struct format *f, const char *text, struct flux_error *err)
{
    const char *p = take_order(f, text);

    for (;;) {
        FLUX_AUTO_BUF before = FLUX_BUF_INIT(FORMAT_TEXT_MAX);
        struct format_column *column;
        const char *end;
        int r = read_literal(&p, &before, err);

        if (r < 0)
            return r;
        if (r == 0 && before.len == 0)
            return 0;
        if (f->count == COLUMNS_MAX)
            return flux_error_set(err, -EINVAL, "more than %d fields in a format", COLUMNS_MAX);
        column = add_column(f);
        if (r > 0) {
            take_prefix(&before, column);
            end = strchr(p, '}');
            if (!end)
                return flux_error_set(err, -EINVAL, "expected '}' before end of string");
            r = parse_field(f->fields, p, end, column, err);
            p = end + 1;
        }
        column->before = flux_buf_take(&before);
        if (r < 0 || !column->field)
            return r;
    }
}

int format_compile(const struct format_field *fields, const char *text, struct format **ret,
                   struct flux_error *err)
{
    struct format *f = flux_alloc(sizeof(*f));
    int r;

    f->fields = fields;
    r = strlen(text) > FORMAT_TEXT_MAX
            ? flux_error_set(err, -EINVAL, "format is longer than %d bytes", FORMAT_TEXT_MAX)
            : compile(f, text, err);
    if (r < 0) {
        format_free(f);
        return r;
    }
    *ret = f;
    return 0;
}

void format_free(struct format *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++) {
        free(f->columns[i].before);
        free(f->columns[i].name);
        free(f->columns[i].spec.strftime);
    }
    free(f->columns);
    free(f->order);
    free(f);
}

bool format_uses(const struct format *f, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < f->count; i++)
        if (f->columns[i].field && strncmp(f->columns[i].name, name, n) == 0 &&
            (!f->columns[i].name[n] || f->columns[i].name[n] == '.'))
            return true;
    return false;
}
