// SPDX-License-Identifier: LGPL-3.0-only
/* Lists are combined as in GNU parallel: each with each (:::), or in step with the list before it
 * (:::+), the shorter one starting over. */
#include "inputs.h"

#include <stdlib.h>

#include <flux/buf.h>

#include "readfile.h"

enum { INPUT_MAX = 256 << 20, ROWS_MAX = 1 << 22 };

struct input_list {
    char **items;
    size_t count;
    bool linked;   /* in step with the list before it */
    size_t period; /* rows for which an item of this list stays the same */
};

static size_t *order; /* of the rows, when shuffled */

static void add_item(struct input_list *l, char *item)
{
    if ((l->count & (l->count + 1)) == 0)
        l->items = flux_realloc(l->items, l->count * 2 + 1, sizeof(l->items[0]));
    l->items[l->count++] = item;
}

static int add_file(struct input_list *l, const char *path, const char *sep, struct flux_error *err)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(INPUT_MAX);
    int r = cli_read_file(path, &text, err);

    if (r < 0)
        return r;
    for (char *save = NULL, *word = strtok_r(text.data, sep ? sep : "\n", &save); word;
         word = strtok_r(NULL, sep ? sep : "\n", &save))
        add_item(l, flux_strdup(word));
    return 0;
}

static bool is_separator(const char *word)
{
    return strcmp(word, ":::") == 0 || strcmp(word, ":::+") == 0 || strcmp(word, "::::") == 0 ||
           strcmp(word, "::::+") == 0;
}

static struct input_list *add_list(struct inputs *in, bool linked)
{
    in->lists = flux_realloc(in->lists, in->count + 1, sizeof(in->lists[0]));
    in->lists[in->count] = (struct input_list){.linked = linked && in->count > 0};
    return &in->lists[in->count++];
}

static int read_lists(struct inputs *in, char **argv, const char *sep, struct flux_error *err)
{
    struct input_list *l = NULL;
    bool files = false;

    for (; *argv; argv++) {
        int r = 0;

        if (is_separator(*argv)) {
            files = strncmp(*argv, "::::", 4) == 0;
            l = add_list(in, (*argv)[strlen(*argv) - 1] == '+');
        } else if (files) {
            r = add_file(l, *argv, sep, err);
        } else {
            add_item(l, flux_strdup(*argv));
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* The last unlinked list changes fastest. A linked list runs with the one it belongs to. */
static int count_rows(struct inputs *in, struct flux_error *err)
{
    size_t rows = 1;

    for (size_t i = in->count; i > 0;) {
        size_t first = i - 1, length = 0;

        while (in->lists[first].linked)
            first--;
        for (size_t k = first; k < i; k++)
            length = in->lists[k].count > length ? in->lists[k].count : length;
        for (size_t k = first; k < i; k++) {
            in->lists[k].period = rows;
            if (in->lists[k].count == 0)
                length = 0;
        }
        if (length > ROWS_MAX / (rows ? rows : 1))
            return flux_error_set(err, -E2BIG, "more than %d combinations of inputs", ROWS_MAX);
        rows *= length;
        i = first;
    }
    in->rows = rows;
    return 0;
}

int inputs_init(struct inputs *in, char **argv, int *argc, const char *sep, struct flux_error *err)
{
    int n = 0, r;

    *in = (struct inputs){.count = 0};
    while (n < *argc && !is_separator(argv[n]))
        n++;
    r = n < *argc ? read_lists(in, argv + n, sep, err)
                  : add_file(add_list(in, false), "-", sep, err);
    *argc = n;
    return r < 0 ? r : count_rows(in, err);
}

void inputs_done(struct inputs *in)
{
    for (size_t i = 0; i < in->count; i++) {
        for (size_t k = 0; k < in->lists[i].count; k++)
            free(in->lists[i].items[k]);
        free(in->lists[i].items);
    }
    free(in->lists);
    free(order);
    order = NULL;
}

void inputs_shuffle(struct inputs *in)
{
    order = flux_alloc(in->rows * sizeof(order[0]) + 1);
    for (size_t i = 0; i < in->rows; i++) {
        size_t k = arc4random_uniform((uint32_t)i + 1);

        order[i] = order[k];
        order[k] = i;
    }
}

static const char *item_of(const struct inputs *in, size_t list, size_t row)
{
    const struct input_list *l = &in->lists[list];

    return l->items[(order ? order[row] : row) / l->period % l->count];
}

/* % without extension, / base name, // directory, /% both. */
static int apply_filter(const char *s, const char *filter, struct flux_buf *out)
{
    const char *slash = strrchr(s, '/'), *base = slash ? slash + 1 : s, *dot;

    if (!*filter)
        return flux_buf_puts(out, s);
    if (strcmp(filter, ".//") == 0)
        return slash ? flux_buf_add(out, s, (size_t)(slash - s)) : 0;
    if (strcmp(filter, "./") == 0)
        return flux_buf_puts(out, base);
    if (strcmp(filter, ".%") != 0 && strcmp(filter, "./%") != 0)
        return -EINVAL;
    dot = strrchr(base, '.');
    if (filter[1] == '/')
        s = base;
    return dot && dot > base ? flux_buf_add(out, s, (size_t)(dot - s)) : flux_buf_puts(out, s);
}

/* The inside of a pair of braces. 1: replaced; 0: not ours. */
static int expand_field(const struct inputs *in, const char *field, size_t row,
                        struct flux_buf *out, struct flux_error *err)
{
    size_t digits = strspn(field, "0123456789");
    unsigned long list = digits ? strtoul(field, NULL, 10) : 0;

    if (strcmp(field, "cc") == 0)
        return 0;
    if (strcmp(field, "seq") == 0)
        return flux_buf_printf(out, "%zu", row) < 0 ? -EMSGSIZE : 1;
    if (strcmp(field, "seq1") == 0)
        return flux_buf_printf(out, "%zu", row + 1) < 0 ? -EMSGSIZE : 1;
    if (field[digits] && field[digits] != '.')
        return flux_error_set(err, -EINVAL, "unknown replacement '{%s}'", field);
    if (list >= in->count)
        return flux_error_set(err, -EINVAL, "'{%s}': there are only %zu input lists", field,
                              in->count);
    if (apply_filter(item_of(in, list, row), field + digits, out) < 0)
        return flux_error_set(err, -EINVAL, "unknown replacement '{%s}'", field);
    return 1;
}

char *inputs_expand(const struct inputs *in, const char *template, size_t row, bool *used,
                    struct flux_error *err)
{
    FLUX_AUTO_BUF out = FLUX_BUF_INIT(1 << 20);

    for (const char *p = template; *p;) {
        const char *end = *p == '{' && p[1] != '{' ? strchr(p, '}') : NULL;
        FLUX_AUTO_STR field = end ? flux_strndup(p + 1, (size_t)(end - p - 1)) : NULL;
        int r = field ? expand_field(in, field, row, &out, err) : 0;

        if (r < 0)
            return NULL;
        if (r > 0) {
            *used = true;
            p = end + 1;
            continue;
        }
        /* "{{tag}}" is the shell's, and passes whole. */
        if (p[0] == '{' && p[1] == '{' && (end = strstr(p, "}}"))) {
            flux_buf_add(&out, p, (size_t)(end + 2 - p));
            p = end + 2;
        } else {
            flux_buf_putc(&out, *p++);
        }
    }
    return flux_buf_take(&out);
}
