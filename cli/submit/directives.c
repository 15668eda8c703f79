// SPDX-License-Identifier: LGPL-3.0-only
/* Submission directives in batch scripts (RFC 36). A directive line is a sentinel, one or more
 * characters that are neither letters nor digits followed by "flux:" (any case), and options quoted
 * as in a shell. All stand together and have the same sentinel. */
#include "instance.h"

#include <ctype.h>

#include <flux/buf.h>

enum { DIRECTIVES_MAX = 1 << 20 };

/* Length of the sentinel at the beginning of a line, or 0. */
static size_t sentinel_length(const char *line)
{
    size_t n = 0;

    while (line[n] && line[n] != '\n' && !isalnum((unsigned char)line[n]) && line[n] != '_')
        n++;
    if (n == 0 || strncasecmp(line + n, "flux:", 5) != 0)
        return 0;
    return n + 5;
}

/* The text of all directives, without their sentinels: one line each. */
static int collect(const char *script, struct flux_buf *out, struct flux_error *err)
{
    const char *sentinel = NULL;
    size_t length = 0;
    bool ended = false;
    int number = 0;

    for (const char *line = script; *line; number++) {
        const char *nl = strchr(line, '\n');
        size_t size = nl ? (size_t)(nl - line) : strlen(line);
        size_t n = sentinel_length(line);

        if (n > size)
            n = 0;
        if (n && sentinel && (n != length || memcmp(line, sentinel, n) != 0))
            return flux_error_set(err, -EINVAL, "line %d: sentinel changed from '%.*s' to '%.*s'",
                                  number + 1, (int)length, sentinel, (int)n, line);
        if (n && ended)
            return flux_error_set(err, -EINVAL,
                                  "line %d: orphan 'flux:' detected: "
                                  "directives must be contiguous",
                                  number + 1);
        if (n) {
            sentinel = sentinel ? sentinel : line;
            length = n;
            flux_buf_add(out, line + n, size - n);
            flux_buf_putc(out, '\n');
        } else if (sentinel) {
            ended = true;
        }
        line += size + (nl != NULL);
    }
    return out->failed ? flux_error_set(err, out->failed, "directives are too long") : 0;
}

/* One quoted part, from the opening quote on. Triple quotes may span lines. */
static const char *quoted(const char *p, struct flux_buf *word, struct flux_error *err)
{
    char q = *p;
    size_t n = p[1] == q && p[2] == q ? 3 : 1;
    const char *start = p;

    for (p += n; *p; p++) {
        if (strncmp(p, start, n) == 0)
            return p + n;
        if (*p == '\n' && n == 1)
            break;
        if (*p == '\\' && q == '"' && (p[1] == '"' || p[1] == '\\'))
            p++;
        flux_buf_putc(word, *p);
    }
    flux_error_set(err, -EINVAL, "No closing quotation in directive: %.60s", start);
    return NULL;
}

static const char *read_word(const char *p, struct words *w, struct flux_error *err)
{
    FLUX_AUTO_BUF word = FLUX_BUF_INIT(DIRECTIVES_MAX);

    while (p && *p && !isspace((unsigned char)*p)) {
        if (*p == '\'' || *p == '"') {
            p = quoted(p, &word, err);
            continue;
        }
        if (*p == '\\' && p[1] && p[1] != '\n')
            p++;
        flux_buf_putc(&word, *p++);
    }
    if (p)
        words_add(w, flux_buf_take(&word));
    return p;
}

int directives_parse(const char *script, struct words *w, struct flux_error *err)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(DIRECTIVES_MAX);
    int r = collect(script, &text, err);

    if (r < 0)
        return r;
    for (const char *p = text.data; p && *p;) {
        if (isspace((unsigned char)*p)) {
            p++;
        } else if (*p == '#') {
            p += strcspn(p, "\n");
        } else {
            p = read_word(p, w, err);
            if (!p)
                return -EINVAL;
        }
    }
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i][0] != '-' && i == 0)
            return flux_error_set(err, -EINVAL, "directive '%s' is not an option", w->list[i]);
    return 0;
}
