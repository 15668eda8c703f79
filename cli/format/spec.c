// SPDX-License-Identifier: LGPL-3.0-only
/* The part of a field after the colon: how one value becomes text of a certain width. */
#include "format.h"

#include <ctype.h>
#include <stdio.h>

enum { WIDTH_MAX = 4096 };

static enum format_align align_of(char c)
{
    switch (c) {
    case '<':
        return ALIGN_LEFT;
    case '>':
        return ALIGN_RIGHT;
    case '^':
        return ALIGN_CENTER;
    case '=':
        return ALIGN_SIGN;
    default:
        return ALIGN_DEFAULT;
    }
}

static size_t char_length(const char *s)
{
    unsigned char c = (unsigned char)*s;

    return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

static int number(const char **p, const char *end, int *ret, struct flux_error *err)
{
    int n = 0;

    if (*p == end || !isdigit((unsigned char)**p))
        return flux_error_set(err, -EINVAL, "Format specifier missing precision");
    for (; *p < end && isdigit((unsigned char)**p); (*p)++) {
        n = n * 10 + (**p - '0');
        if (n > WIDTH_MAX)
            return flux_error_set(err, -EINVAL, "format width is above %d", WIDTH_MAX);
    }
    *ret = n;
    return 0;
}

/* Alignment with an optional fill character before it. */
static const char *parse_align(const char *p, const char *end, struct format_spec *spec)
{
    size_t n = p < end ? char_length(p) : 0;

    if (n > 0 && p + n < end && n < sizeof(spec->fill) && align_of(p[n])) {
        memcpy(spec->fill, p, n);
        spec->fill[n] = '\0';
        spec->align = align_of(p[n]);
        return p + n + 1;
    }
    if (p < end && align_of(*p)) {
        spec->align = align_of(*p);
        return p + 1;
    }
    return p;
}

/* "%b%d %R::<12": what stands before "::" is for strftime. */
static const char *parse_strftime(const char *p, const char *end, struct format_spec *spec)
{
    for (const char *q = p; q + 1 < end; q++)
        if (q[0] == ':' && q[1] == ':') {
            spec->strftime = flux_strndup(p, (size_t)(q - p));
            return q + 2;
        }
    if (memchr(p, '%', (size_t)(end - p))) {
        spec->strftime = flux_strndup(p, (size_t)(end - p));
        return end;
    }
    return p;
}

int format_spec_parse(const char *text, size_t n, bool is_date, struct format_spec *spec,
                      struct flux_error *err)
{
    const char *p = text, *end = text + n;
    int r;

    *spec = (struct format_spec){.fill = " ", .precision = -1};
    if (is_date)
        p = parse_strftime(p, end, spec);
    while (end > p && (end[-1] == 'h' || (end[-1] == '+' && end - p > 1))) {
        spec->dash = spec->dash || end[-1] == 'h';
        spec->mark_cut = spec->mark_cut || end[-1] == '+';
        end--;
    }
    p = parse_align(p, end, spec);
    if (p < end && strchr("+- ", *p))
        spec->sign = *p++;
    if (p < end && *p == '#')
        spec->alternate = *p++;
    if (p < end && *p == '0') {
        p++;
        if (!spec->align) {
            spec->align = ALIGN_SIGN;
            strcpy(spec->fill, "0");
        }
    }
    if (p < end && isdigit((unsigned char)*p) && (r = number(&p, end, &spec->width, err)) < 0)
        return r;
    if (p < end && *p == ',')
        spec->comma = *p++;
    if (p < end && *p == '.') {
        p++;
        r = number(&p, end, &spec->precision, err);
        if (r < 0)
            return r;
    }
    if (p < end && strchr("sdnfFeEgG%xXob", *p))
        spec->type = *p++;
    if (p < end)
        return flux_error_set(err, -EINVAL, "Invalid format specifier '%.*s'", (int)n, text);
    return 0;
}

/* 1234567 -> 1,234,567 (the digits before a point). */
static void add_commas(char *digits, size_t size)
{
    size_t whole = strspn(digits, "0123456789");

    for (size_t i = whole; i > 3; i -= 3) {
        size_t at = i - 3, len = strlen(digits);

        if (len + 2 > size)
            return;
        memmove(digits + at + 1, digits + at, len - at + 1);
        digits[at] = ',';
    }
}

static void integer_digits(const struct format_spec *spec, unsigned long long u, char *out,
                           size_t size)
{
    char bits[72];
    size_t n = sizeof(bits) - 1;

    switch (spec->type) {
    case 'x':
        snprintf(out, size, spec->alternate ? "0x%llx" : "%llx", u);
        return;
    case 'X':
        snprintf(out, size, spec->alternate ? "0X%llX" : "%llX", u);
        return;
    case 'o':
        snprintf(out, size, spec->alternate ? "0o%llo" : "%llo", u);
        return;
    case 'b':
        bits[n] = '\0';
        do
            bits[--n] = (char)('0' + (u & 1));
        while (u >>= 1);
        snprintf(out, size, "%s%s", spec->alternate ? "0b" : "", bits + n);
        return;
    default:
        snprintf(out, size, "%llu", u);
    }
}

/* Python's str(float): the fewest digits that read back the same; an exponent only for very large
 * and very small numbers, else a point. */
static void plain_real(double d, char *out, size_t size)
{
    double magnitude = d < 0 ? -d : d;
    bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);

    for (int digits = 0; digits <= 17; digits++) {
        snprintf(out, size, exponent ? "%.*e" : "%.*f", digits, d);
        if (strtod(out, NULL) == d)
            break;
    }
    if (!strpbrk(out, ".einN") && strlen(out) + 3 <= size)
        strcat(out, ".0");
}

static void real_digits(const struct format_spec *spec, double d, char *out, size_t size)
{
    int precision = spec->precision < 0 ? 6 : spec->precision;

    switch (spec->type) {
    case 'f':
    case 'F':
    case 'd':
        snprintf(out, size, "%.*f", spec->type == 'd' ? 0 : precision, d);
        break;
    case 'e':
        snprintf(out, size, "%.*e", precision, d);
        break;
    case 'E':
        snprintf(out, size, "%.*E", precision, d);
        break;
    case 'G':
        snprintf(out, size, "%.*G", precision, d);
        break;
    case '%':
        snprintf(out, size, "%.*f%%", precision, d * 100);
        break;
    case 0:
        if (spec->precision < 0) {
            plain_real(d, out, size);
            break;
        }
        /* fall through */
    default:
        snprintf(out, size, "%.*g", precision, d);
    }
}

static void pad(struct flux_buf *out, const char *fill, size_t n)
{
    while (n-- > 0)
        flux_buf_puts(out, fill);
}

static void place(const struct format_spec *spec, enum format_align align, const char *sign,
                  const char *s, size_t n, size_t columns, struct flux_buf *out)
{
    size_t used = columns + strlen(sign);
    size_t room = (size_t)spec->width > used ? (size_t)spec->width - used : 0;
    size_t left = align == ALIGN_RIGHT ? room : align == ALIGN_CENTER ? room / 2 : 0;

    pad(out, spec->fill, left);
    flux_buf_puts(out, sign);
    if (align == ALIGN_SIGN)
        pad(out, spec->fill, room);
    flux_buf_add(out, s, n);
    if (align != ALIGN_SIGN)
        pad(out, spec->fill, room - left);
}

static void apply_string(const struct format_spec *spec, const char *s, struct flux_buf *out)
{
    size_t columns = format_columns(s);
    enum format_align align = spec->align ? spec->align : ALIGN_LEFT;
    FLUX_AUTO_STR cut = NULL;

    if (align == ALIGN_SIGN)
        align = ALIGN_LEFT;
    if (spec->precision >= 0 && columns > (size_t)spec->precision) {
        size_t keep = (size_t)spec->precision - (spec->mark_cut && spec->precision > 0);

        cut = flux_printf("%.*s%s", (int)format_fit(s, keep), s,
                          spec->mark_cut && spec->precision > 0 ? "+" : "");
        s = cut;
        columns = format_columns(s);
    }
    place(spec, align, "", s, strlen(s), columns, out);
}

static void apply_number(const struct format_spec *spec, const struct format_value *v,
                         struct flux_buf *out)
{
    char digits[512];
    bool real = v->kind == FORMAT_REAL || (spec->type && strchr("fFeEgG%", spec->type));
    double d = v->kind == FORMAT_REAL ? v->d : (double)v->i;
    bool negative = real ? d < 0 : v->i < 0;

    if (real)
        real_digits(spec, negative ? -d : d, digits, sizeof(digits));
    else
        integer_digits(spec, negative ? 0 - (unsigned long long)v->i : (unsigned long long)v->i,
                       digits, sizeof(digits));
    if (spec->comma)
        add_commas(digits, sizeof(digits));
    place(spec, spec->align ? spec->align : ALIGN_RIGHT,
          negative            ? "-"
          : spec->sign == '+' ? "+"
          : spec->sign == ' ' ? " "
                              : "",
          digits, strlen(digits), strlen(digits), out);
}

void format_apply(const struct format_spec *spec, const struct format_value *v,
                  struct flux_buf *out)
{
    char text[64];

    if (spec->dash && format_is_empty(v)) {
        apply_string(spec, "-", out);
        return;
    }
    switch (v->kind) {
    case FORMAT_NULL:
        apply_string(spec, "", out);
        return;
    case FORMAT_STRING:
        apply_string(spec, v->s, out);
        return;
    case FORMAT_BOOL:
        if (!spec->type || spec->type == 's') {
            apply_string(spec, v->i ? "True" : "False", out);
            return;
        }
        break;
    case FORMAT_INT:
        if (spec->type == 's' || (spec->precision >= 0 && !spec->type)) {
            snprintf(text, sizeof(text), "%lld", v->i);
            apply_string(spec, text, out);
            return;
        }
        break;
    case FORMAT_REAL:
        if (spec->type == 's') {
            plain_real(v->d, text, sizeof(text));
            apply_string(spec, text, out);
            return;
        }
    }
    apply_number(spec, v, out);
}
