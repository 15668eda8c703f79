// SPDX-License-Identifier: LGPL-3.0-only
/* Resource counts. Every value of a decoded count is positive, and the values ascend. */
#include <flux/count.h>

#include <flux/buf.h>

#define TEXT_MAX 4096 /* bytes of a count's text */

void flux_count_free(struct flux_count *c)
{
    if (!c)
        return;
    free(c->spans);
    free(c);
}

/* A positive decimal without leading zeros. */
static bool scan_number(const char **s, const char *end, unsigned *ret)
{
    const char *p = *s;
    uint64_t v = 0;

    if (p == end || *p < '1' || *p > '9')
        return false;
    while (p < end && *p >= '0' && *p <= '9' && v <= FLUX_COUNT_MAX)
        v = v * 10 + (*p++ - '0');
    if (v > FLUX_COUNT_MAX)
        return false;
    *s = p;
    *ret = v;
    return true;
}

static int check_range(const struct flux_count *c, struct flux_error *err)
{
    if (c->max < c->min)
        return flux_error_set(err, -EINVAL, "count: max must not be less than min");
    if (c->operand < 1)
        return flux_error_set(err, -EINVAL, "count: operand must be a positive integer");
    if (c->op != '+' && c->op != '*' && c->op != '^')
        return flux_error_set(err, -EINVAL, "count: operator must be '+', '*' or '^'");
    if (c->op != '+' && c->operand < 2)
        return flux_error_set(err, -EINVAL, "count: operand must be at least 2 with '%c'", c->op);
    if (c->op == '^' && c->min < 2)
        return flux_error_set(err, -EINVAL, "count: min must be at least 2 with '^'");
    return 0;
}

/* A range of one value is that integer. */
static void settle_range(struct flux_count *c)
{
    c->kind = c->min == c->max ? FLUX_COUNT_INTEGER : FLUX_COUNT_RANGE;
}

/* MIN+ or MIN-MAX, then [:OPERAND[:OPERATOR]] up to the end. */
static bool scan_range(const char *s, const char *end, struct flux_count *c)
{
    c->operand = 1;
    c->op = '+';
    if (!scan_number(&s, end, &c->min) || s == end)
        return false;
    if (*s == '+') {
        s++;
        c->open = true;
        c->max = FLUX_COUNT_MAX;
    } else if (*s == '-') {
        s++;
        if (!scan_number(&s, end, &c->max))
            return false;
    } else
        return false;
    if (s < end && *s == ':') {
        s++;
        if (!scan_number(&s, end, &c->operand))
            return false;
        if (s < end && *s == ':') {
            if (end - s != 2)
                return false;
            c->op = s[1];
            s = end;
        }
    }
    return s == end;
}

static void add_span(struct flux_count *c, unsigned lo, unsigned hi)
{
    if (c->nspans && c->spans[c->nspans - 1].hi + 1 == lo) {
        c->spans[c->nspans - 1].hi = hi;
        return;
    }
    if ((c->nspans & (c->nspans - 1)) == 0)
        c->spans = flux_realloc(c->spans, c->nspans ? c->nspans * 2 : 1, sizeof(*c->spans));
    c->spans[c->nspans++] = (struct flux_count_span){lo, hi};
}

/* N[-M][,...]: ascending and disjoint, as RFC 22 wants. */
static bool scan_list(const char *s, const char *end, struct flux_count *c)
{
    unsigned lo, hi, last = 0;

    for (;;) {
        if (!scan_number(&s, end, &lo) || lo <= last)
            return false;
        hi = lo;
        if (s < end && *s == '-') {
            s++;
            if (!scan_number(&s, end, &hi) || hi < lo)
                return false;
        }
        add_span(c, lo, hi);
        last = hi;
        if (s == end)
            break;
        if (*s++ != ',')
            return false;
    }
    c->min = c->spans[0].lo;
    c->max = last;
    c->kind = c->min == c->max ? FLUX_COUNT_INTEGER : FLUX_COUNT_LIST;
    return true;
}

static int decode_json_text(const char *s, struct flux_count **ret, struct flux_error *err)
{
    json_t *o = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
    int r;

    if (!o)
        return flux_error_set(err, -EINVAL, "count: '%.32s' is not a JSON object", s);
    r = flux_count_from_json(o, ret, err);
    json_decref(o);
    return r;
}

int flux_count_decode(const char *s, struct flux_count **ret, struct flux_error *err)
{
    FLUX_AUTO(count) c = flux_alloc(sizeof(*c));
    size_t len = strnlen(s, TEXT_MAX + 1);
    const char *p = s, *end = s + len;
    bool ok;
    int r;

    if (len > TEXT_MAX)
        return flux_error_set(err, -EINVAL, "count: text is longer than %d bytes", TEXT_MAX);
    if (*s == '{')
        return decode_json_text(s, ret, err);
    if (len >= 2 && *p == '[' && end[-1] == ']') {
        p++;
        end--;
    }
    if (memchr(p, ':', end - p) || (end > p && end[-1] == '+')) {
        ok = scan_range(p, end, c);
        if (ok) {
            r = check_range(c, err);
            if (r < 0)
                return r;
            settle_range(c);
        }
    } else
        ok = scan_list(p, end, c);
    if (!ok)
        return flux_error_set(err, -EINVAL,
                              "count: '%.64s' is neither a positive integer, a list "
                              "like 1,4-6 nor a range like 2-8:2:*",
                              s);
    *ret = FLUX_GIVE(c);
    return 0;
}

static int get_positive(const json_t *v, const char *name, unsigned *ret, struct flux_error *err)
{
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 1 || n > (json_int_t)FLUX_COUNT_MAX)
        return flux_error_set(err, -EINVAL, "%smust be a positive integer", name);
    *ret = n;
    return 0;
}

static int set_member(struct flux_count *c, const char *key, const json_t *v,
                      struct flux_error *err)
{
    if (strcmp(key, "min") == 0)
        return get_positive(v, "count: min ", &c->min, err);
    if (strcmp(key, "max") == 0) {
        c->open = false;
        return get_positive(v, "count: max ", &c->max, err);
    }
    if (strcmp(key, "operand") == 0)
        return get_positive(v, "count: operand ", &c->operand, err);
    if (strcmp(key, "operator") == 0) {
        const char *s = json_string_value(v);
        if (!s || !*s || s[1])
            return flux_error_set(err, -EINVAL, "count: operator must be '+', '*' or '^'");
        c->op = *s;
        return 0;
    }
    return flux_error_set(err, -EINVAL, "count: unknown key '%.32s'", key);
}

static int from_object(const json_t *o, struct flux_count *c, struct flux_error *err)
{
    const char *key;
    json_t *v;
    int r;

    *c = (struct flux_count){.max = FLUX_COUNT_MAX, .open = true, .operand = 1, .op = '+'};
    json_object_foreach ((json_t *)o, key, v) {
        r = set_member(c, key, v, err);
        if (r < 0)
            return r;
    }
    if (c->min == 0)
        return flux_error_set(err, -EINVAL, "count: min is missing");
    r = check_range(c, err);
    if (r == 0)
        settle_range(c);
    return r;
}

int flux_count_from_json(const json_t *o, struct flux_count **ret, struct flux_error *err)
{
    FLUX_AUTO(count) c = NULL;
    int r;

    if (json_is_string(o)) {
        if (*json_string_value(o) == '{')
            return flux_error_set(err, -EINVAL, "count: a string must not hold a JSON object");
        return flux_count_decode(json_string_value(o), ret, err);
    }
    c = flux_alloc(sizeof(*c));
    if (json_is_object(o))
        r = from_object(o, c, err);
    else {
        r = get_positive(o, "count: ", &c->min, err);
        c->max = c->min;
    }
    if (r == 0)
        *ret = FLUX_GIVE(c);
    return r;
}

static void encode_list(const struct flux_count *c, int flags, struct flux_buf *b)
{
    const char *sep = "";

    for (size_t i = 0; i < c->nspans && !b->failed; i++) {
        const struct flux_count_span *sp = &c->spans[i];

        if (flags & FLUX_COUNT_SHORT) {
            if (sp->lo == sp->hi)
                flux_buf_printf(b, "%s%u", sep, sp->lo);
            else
                flux_buf_printf(b, "%s%u-%u", sep, sp->lo, sp->hi);
            sep = ",";
            continue;
        }
        for (unsigned v = sp->lo; v <= sp->hi && !b->failed; v++) {
            flux_buf_printf(b, "%s%u", sep, v);
            sep = ",";
        }
    }
}

static void encode_range(const struct flux_count *c, int flags, struct flux_buf *b)
{
    if (c->open)
        flux_buf_printf(b, "%u+", c->min);
    else
        flux_buf_printf(b, "%u-%u", c->min, c->max);
    if (!(flags & FLUX_COUNT_SHORT) || c->op != '+')
        flux_buf_printf(b, ":%u:%c", c->operand, c->op);
    else if (c->operand != 1)
        flux_buf_printf(b, ":%u", c->operand);
}

char *flux_count_encode(const struct flux_count *c, int flags)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(1 << 20);
    bool brackets = (flags & FLUX_COUNT_BRACKETS) && c->kind != FLUX_COUNT_INTEGER;

    if (brackets)
        flux_buf_putc(&b, '[');
    if (c->kind == FLUX_COUNT_INTEGER)
        flux_buf_printf(&b, "%u", c->min);
    else if (c->kind == FLUX_COUNT_LIST)
        encode_list(c, flags, &b);
    else
        encode_range(c, flags, &b);
    if (brackets)
        flux_buf_putc(&b, ']');
    return b.failed ? NULL : flux_buf_take(&b);
}

unsigned flux_count_first(const struct flux_count *c)
{
    return c->min;
}

static unsigned next_in_list(const struct flux_count *c, unsigned v)
{
    for (size_t i = 0; i < c->nspans; i++) {
        if (v < c->spans[i].lo)
            return c->spans[i].lo;
        if (v < c->spans[i].hi)
            return v + 1;
    }
    return 0;
}

/* x^n, or more than FLUX_COUNT_MAX. */
static uint64_t power(uint64_t x, unsigned n)
{
    uint64_t v = 1;

    for (unsigned i = 0; i < n && v <= FLUX_COUNT_MAX; i++)
        v *= x;
    return v;
}

unsigned flux_count_next(const struct flux_count *c, unsigned v)
{
    uint64_t next;

    if (c->kind == FLUX_COUNT_INTEGER)
        return 0;
    if (c->kind == FLUX_COUNT_LIST)
        return next_in_list(c, v);
    next = c->op == '+'   ? (uint64_t)v + c->operand
           : c->op == '*' ? (uint64_t)v * c->operand
                          : power(v, c->operand);
    return next > c->max ? 0 : next;
}

unsigned flux_count_fit(const struct flux_count *c, unsigned limit)
{
    unsigned best = 0;

    if (limit < c->min)
        return 0;
    if (limit > c->max)
        limit = c->max;
    if (c->kind == FLUX_COUNT_RANGE && c->op == '+')
        return limit - (limit - c->min) % c->operand;
    if (c->kind == FLUX_COUNT_LIST) {
        for (size_t i = 0; i < c->nspans && c->spans[i].lo <= limit; i++)
            best = c->spans[i].hi < limit ? c->spans[i].hi : limit;
        return best;
    }
    for (unsigned v = c->min; v && v <= limit; v = flux_count_next(c, v))
        best = v;
    return best;
}
