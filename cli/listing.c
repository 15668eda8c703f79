// SPDX-License-Identifier: LGPL-3.0-only
/* Listings: from --format to lines on standard output. */
#include "listing.h"

enum { LISTING_MAX = 1 << 30 };

int listing_format(const struct cli *cli, const struct listing *l, struct format **ret,
                   struct flux_error *err)
{
    FLUX_AUTO_STR text = NULL;
    int r = format_choose(l->tool, cli_str(cli, "format", NULL), l->formats, l->env_default, &text,
                          err);

    bool color = false;

    if (r == 0 && l->color)
        r = cli_color(cli, &color, err);
    if (r == 0)
        r = format_compile(l->fields, text, ret, err);
    if (r == 0 && color)
        (*ret)->color = l->color;
    return r;
}

int listing_print(struct format *f, const void *rows, size_t size, size_t count, const char *order,
                  bool header, struct flux_error *err)
{
    FLUX_AUTO_MEM(const void *) pointers = flux_realloc(NULL, count + 1, sizeof(pointers[0]));
    FLUX_AUTO_BUF out = FLUX_BUF_INIT(LISTING_MAX);
    int r;

    for (size_t i = 0; i < count; i++)
        pointers[i] = (const char *)rows + i * size;
    r = format_rows(f, pointers, count, order, header, &out, err);
    if (r == 0 && out.len > 0)
        fwrite(out.data, 1, out.len, stdout);
    return r;
}

bool listing_has(const char *list, const char *name, size_t n)
{
    for (const char *p = list; *p;) {
        size_t k = strcspn(p, ",");

        if (k == n && memcmp(p, name, n) == 0)
            return true;
        p += k + (p[k] == ',');
    }
    return false;
}
