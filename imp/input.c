// SPDX-License-Identifier: LGPL-3.0-only
/* As much JSON as the request needs: one object with strings and one empty object in it. Strings
 * are decoded in place and hold ASCII only: there is nothing else in a J. */
#include "input.h"

#include <string.h>

struct reader {
    char *p, *end;
};

static char peek(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
    return r->p < r->end ? *r->p : '\0';
}

static int expect(struct reader *r, char c)
{
    if (peek(r) != c || r->p == r->end)
        return -EINVAL;
    r->p++;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After the backslash: the character meant, or -EINVAL. */
static int escaped(struct reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->p < r->end ? *r->p++ : '\0';
    const char *at = c ? strchr(from, c) : NULL;
    int code = 0;

    if (at)
        return to[at - from];
    if (c != 'u' || r->end - r->p < 4)
        return -EINVAL;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*r->p++);
        if (digit < 0)
            return -EINVAL;
        code = code << 4 | digit;
    }
    return code > 0 && code < 128 ? code : -EINVAL;
}

static int read_string(struct reader *r, const char **ret)
{
    char *out;

    if (expect(r, '"') < 0)
        return -EINVAL;
    *ret = out = r->p;
    while (r->p < r->end) {
        int c = (unsigned char)*r->p++;
        if (c == '"') {
            *out = '\0';
            return 0;
        }
        if (c == '\\')
            c = escaped(r);
        if (c < 0 || c > 126 || (c < 32 && r->p[-1] < 32))
            return -EINVAL;
        *out++ = c;
    }
    return -EINVAL;
}

static int read_member(struct reader *r, const char **j, struct imp_error *err)
{
    const char *key;

    if (read_string(r, &key) < 0 || expect(r, ':') < 0)
        return imp_error_set(err, -EINVAL, "the request is not JSON");
    if (strcmp(key, "options") == 0) {
        if (expect(r, '{') < 0 || expect(r, '}') < 0)
            return imp_error_set(err, -EINVAL, "the request has options: there are none");
        return 0;
    }
    if (strcmp(key, "J") != 0)
        return imp_error_set(err, -EINVAL, "the request has an unknown key '%.64s'", key);
    if (*j)
        return imp_error_set(err, -EINVAL, "the request has more than one J");
    if (read_string(r, j) < 0)
        return imp_error_set(err, -EINVAL, "the request's J is not a string of plain ASCII");
    return 0;
}

int input_parse(char *text, size_t len, const char **ret, struct imp_error *err)
{
    struct reader r = {text, text + len};
    const char *j = NULL;
    bool more;

    if (len == 0)
        return imp_error_set(err, -EINVAL, "the request on standard input is empty");
    if (expect(&r, '{') < 0)
        return imp_error_set(err, -EINVAL, "the request is not a JSON object");
    for (more = peek(&r) != '}'; more; more = expect(&r, ',') == 0) {
        int bad = read_member(&r, &j, err);
        if (bad < 0)
            return bad;
    }
    if (expect(&r, '}') < 0 || peek(&r) != '\0' || r.p != r.end)
        return imp_error_set(err, -EINVAL, "the request is not one JSON object");
    if (!j || !j[0])
        return imp_error_set(err, -EINVAL, "the request has no J");
    *ret = j;
    return 0;
}
