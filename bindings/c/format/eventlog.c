// SPDX-License-Identifier: LGPL-3.0-only
/* Eventlogs (RFC 18). What is encoded here decodes to the same event: one line, one newline, at its
 * end. */
#include <flux/eventlog.h>

#define TIMESTAMP_MAX 1e11 /* seconds: year 5138; keeps the digits within 64 bits */

void flux_eventlog_entry_done(struct flux_eventlog_entry *e)
{
    json_decref(e->json);
    *e = (struct flux_eventlog_entry){0};
}

/* Write "SECONDS.MICROS" at p; returns the end. */
static char *put_timestamp(char *p, double timestamp)
{
    uint64_t us = (uint64_t)(timestamp * 1e6 + 0.5);
    uint64_t seconds = us / 1000000;
    unsigned micros = us % 1000000;
    char digits[24];
    int n = 0;

    do {
        digits[n++] = '0' + seconds % 10;
        seconds /= 10;
    } while (seconds);
    while (n)
        *p++ = digits[--n];
    *p = '.';
    for (int i = 6; i > 0; i--) {
        p[i] = '0' + micros % 10;
        micros /= 10;
    }
    return p + 7;
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Length of the valid UTF-8 sequence at s (n bytes left), or 0. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    uint32_t cp = s[0] & (0xff >> (len + 1));

    if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (s[i] & 0x3f);
    }
    if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return 0;
    return len;
}

/* Append the one character at s that plain() refuses; returns the bytes taken from s, 0 = failed.
 */
static size_t put_special(struct flux_buf *b, const unsigned char *s, size_t n)
{
    static const char from[] = "\"\\\n\t\r\b\f", to[] = "\"\\ntrbf";
    const char *hit = *s ? strchr(from, *s) : NULL;
    size_t len = 1;
    int r;

    if (hit)
        r = flux_buf_printf(b, "\\%c", to[hit - from]);
    else if (*s < 0x20 || *s == 0x7f)
        r = flux_buf_printf(b, "\\u%04x", *s);
    else if ((len = utf8_length(s, n)) > 0)
        r = flux_buf_add(b, s, len);
    else {
        len = 1;
        r = flux_buf_puts(b, "\xef\xbf\xbd");
    }
    return r < 0 ? 0 : len;
}

int flux_eventlog_put_string(struct flux_buf *b, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + len;

    if (flux_buf_putc(b, '"') < 0)
        return -EMSGSIZE;
    while (p < end) {
        const unsigned char *run = p;
        size_t n;

        while (p < end && plain(*p))
            p++;
        if (p > run && flux_buf_add(b, run, p - run) < 0)
            return -EMSGSIZE;
        if (p == end)
            break;
        n = put_special(b, p, end - p);
        if (n == 0)
            return -EMSGSIZE;
        p += n;
    }
    return flux_buf_putc(b, '"');
}

/* {"timestamp":S.u,"name":"N" */
static int put_head(struct flux_buf *b, double timestamp, const char *name, struct flux_error *err)
{
    char fixed[64] = "{\"timestamp\":";
    char *p;

    if (!(timestamp > 0) || timestamp > TIMESTAMP_MAX)
        return flux_error_set(err, -EINVAL, "eventlog: timestamp must be positive");
    if (!name || !*name)
        return flux_error_set(err, -EINVAL, "eventlog: an event needs a name");
    p = put_timestamp(fixed + 13, timestamp);
    memcpy(p, ",\"name\":", 8);
    if (flux_buf_add(b, fixed, p + 8 - fixed) < 0)
        return -EMSGSIZE;
    return flux_eventlog_put_string(b, name, strlen(name));
}

int flux_eventlog_encode_text(struct flux_buf *b, double timestamp, const char *name,
                              const char *context, size_t len, struct flux_error *err)
{
    size_t start = b->len;
    int r = put_head(b, timestamp, name, err);

    if (r == 0 && context) {
        r = flux_buf_add(b, ",\"context\":", 11);
        if (r == 0)
            r = flux_buf_add(b, context, len);
    }
    if (r == 0)
        r = flux_buf_add(b, "}\n", 2);
    if (r < 0) {
        b->len = start;
        if (b->data)
            b->data[start] = '\0';
    }
    if (r == -EMSGSIZE)
        flux_error_set(err, r, "eventlog: event '%.64s' is too large", name);
    return r;
}

int flux_eventlog_encode(struct flux_buf *b, double timestamp, const char *name,
                         const json_t *context, struct flux_error *err)
{
    FLUX_AUTO_STR text = NULL;

    if (!context)
        return flux_eventlog_encode_text(b, timestamp, name, NULL, 0, err);
    if (!json_is_object(context))
        return flux_error_set(err, -EINVAL, "eventlog: context must be an object");
    text = json_dumps(context, JSON_COMPACT);
    if (!text)
        return flux_error_set(err, -EINVAL, "eventlog: context cannot be encoded");
    return flux_eventlog_encode_text(b, timestamp, name, text, strlen(text), err);
}

static int entry_from_json(struct flux_eventlog_entry *e, json_t *o, struct flux_error *err)
{
    const json_t *ts = json_object_get(o, "timestamp");
    const char *name = json_string_value(json_object_get(o, "name"));
    json_t *context = json_object_get(o, "context");

    if (!json_is_object(o))
        return flux_error_set(err, -EPROTO, "eventlog: an event must be an object");
    if (!json_is_number(ts) || !(json_number_value(ts) > 0))
        return flux_error_set(err, -EPROTO, "eventlog: timestamp: must be a positive number");
    if (!name || !*name)
        return flux_error_set(err, -EPROTO, "eventlog: name: must be a string, not empty");
    if (context && !json_is_object(context))
        return flux_error_set(err, -EPROTO, "eventlog: context: must be an object");
    *e = (struct flux_eventlog_entry){
        .timestamp = json_number_value(ts), .name = name, .context = context, .json = o};
    return 0;
}

int flux_eventlog_entry_decode(struct flux_eventlog_entry *ret, const char *line, size_t len,
                               struct flux_error *err)
{
    json_error_t e;
    json_t *o;
    int r;

    if (len > 0 && line[len - 1] == '\n')
        len--;
    if (len > FLUX_EVENTLOG_LINE_MAX)
        return flux_error_set(err, -EPROTO, "eventlog: line of %zu bytes is too long", len);
    if (memchr(line, '\n', len))
        return flux_error_set(err, -EPROTO, "eventlog: an event must be one line");
    o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
    if (!o)
        return flux_error_set(err, -EPROTO, "eventlog: not JSON: %s", e.text);
    r = entry_from_json(ret, o, err);
    if (r < 0)
        json_decref(o);
    return r;
}

int flux_eventlog_next(struct flux_eventlog_cursor *c, struct flux_eventlog_entry *ret,
                       struct flux_error *err)
{
    const char *nl;
    int r;

    if (c->pos >= c->end)
        return 0;
    c->line++;
    nl = memchr(c->pos, '\n', c->end - c->pos);
    if (!nl)
        return flux_error_set(err, -EPROTO, "line %u: eventlog: no newline at the end", c->line);
    r = flux_eventlog_entry_decode(ret, c->pos, nl - c->pos, err);
    if (r < 0)
        return flux_error_prefix(err, r, "line %u", c->line);
    c->pos = nl + 1;
    return 1;
}

int flux_eventlog_decode(const char *log, size_t len, json_t **ret, struct flux_error *err)
{
    struct flux_eventlog_cursor c = {log, log + len, 0};
    struct flux_eventlog_entry e;
    json_t *array = json_array();
    int r;

    while ((r = flux_eventlog_next(&c, &e, err)) > 0)
        json_array_append_new(array, e.json);
    if (r < 0) {
        json_decref(array);
        return r;
    }
    *ret = array;
    return 0;
}
