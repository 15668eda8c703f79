// SPDX-License-Identifier: LGPL-3.0-only
/* Constraint queries (RFC 35): terms joined by and, or, juxtaposition; `-` before a term negates.
 */
#include <flux/constraint.h>

#include <flux/buf.h>

#include <ctype.h>

#define TEXT_MAX 65536
#define DEPTH_MAX 64

enum token { TOK_END, TOK_AND, TOK_OR, TOK_OPEN, TOK_CLOSE, TOK_TERM };

struct query {
    const struct flux_query_syntax *syntax;
    struct flux_error *err;
    const char *text, *pos;
    const char *start; /* of the present token */
    enum token token;
    json_t *term; /* of a TOK_TERM; owned until taken */
    int depth;
};

static const struct flux_query_operator node_operators[] = {
    {"host", "hostlist"}, {"hosts", "hostlist"},      {"hostlist", NULL},   {"rank", "ranks"},
    {"ranks", NULL},      {"property", "properties"}, {"properties", NULL}, {NULL, NULL},
};
const struct flux_query_syntax flux_query_nodes = {"properties", node_operators};

static int fail(struct query *q, const char *at, const char *what)
{
    return flux_error_set(q->err, -EINVAL, "query: column %zu: %s", (size_t)(at - q->text) + 1,
                          what);
}

static bool operator_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
            return false;
    return n > 0;
}

/* The operator that the n characters at s stand for, or NULL. Valid until the syntax goes. */
static const char *map_operator(const struct query *q, const char *s)
{
    const struct flux_query_operator *op = q->syntax->operators;

    if (!op)
        return s;
    for (; op->name; op++)
        if (strcmp(op->name, s) == 0)
            return op->to ? op->to : op->name;
    return NULL;
}

/* Copy a word to `b` with its quotes taken off; *colon is the offset in `b` of the first colon
 * outside quotes, or -1; *quoted tells whether there were any quotes. */
static int scan_word(struct query *q, struct flux_buf *b, ssize_t *colon, bool *quoted)
{
    const char *p = q->pos;

    *colon = -1;
    *quoted = false;
    while (*p && !isspace((unsigned char)*p) && !strchr("()|&", *p)) {
        if (*p == '\'' || *p == '"') {
            const char *end = strchr(p + 1, *p);
            if (!end)
                return fail(q, p, "quote without end");
            flux_buf_add(b, p + 1, end - p - 1);
            *quoted = true;
            p = end + 1;
            continue;
        }
        if (*p == ':' && *colon < 0)
            *colon = b->len;
        flux_buf_putc(b, *p++);
    }
    q->pos = p;
    return 0;
}

static int make_term(struct query *q, const char *word, ssize_t colon)
{
    const char *value = word + colon + 1, *op = q->syntax->default_operator;
    FLUX_AUTO_STR name = NULL;
    json_t *s;

    if (colon >= 0) {
        name = flux_strndup(word, colon);
        op = map_operator(q, name);
        if (!operator_name(name, colon))
            return fail(q, q->start, "what comes before ':' is not an operator");
        if (!op)
            return flux_error_set(q->err, -EINVAL, "query: column %zu: unknown operator '%.32s'",
                                  (size_t)(q->start - q->text) + 1, name);
    }
    if (*value == '\0')
        return fail(q, q->start, "a term must not be empty");
    s = json_string(value);
    if (!s)
        return fail(q, q->start, "not UTF-8");
    q->term = json_pack("{s:[o]}", op, s);
    return 0;
}

static int scan_term(struct query *q)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(TEXT_MAX);
    bool negate = *q->pos == '-', quoted;
    ssize_t colon;
    int r;

    if (negate)
        q->pos++;
    flux_buf_puts(&b, "");
    r = scan_word(q, &b, &colon, &quoted);
    if (r < 0)
        return r;
    if (!quoted && !negate && strcmp(b.data, "and") == 0)
        q->token = TOK_AND;
    else if (!quoted && !negate && strcmp(b.data, "or") == 0)
        q->token = TOK_OR;
    else {
        if (b.len == 0 || (negate && b.data[0] == '-' && !quoted))
            return fail(q, q->start, "'-' must stand right before a term");
        q->token = TOK_TERM;
        r = make_term(q, b.data, colon);
        if (r == 0 && negate)
            q->term = json_pack("{s:[o]}", "not", q->term);
    }
    return r;
}

static int advance(struct query *q)
{
    while (isspace((unsigned char)*q->pos))
        q->pos++;
    q->start = q->pos;
    switch (*q->pos) {
    case '\0':
        q->token = TOK_END;
        return 0;
    case '(':
    case ')':
        q->token = *q->pos++ == '(' ? TOK_OPEN : TOK_CLOSE;
        return 0;
    case '|':
    case '&':
        q->token = *q->pos == '|' ? TOK_OR : TOK_AND;
        q->pos += q->pos[1] == *q->pos ? 2 : 1;
        return 0;
    default:
        return scan_term(q);
    }
}

static int parse_or(struct query *q, json_t **ret);

static int parse_primary(struct query *q, json_t **ret)
{
    json_t *o = NULL;
    int r;

    if (q->token == TOK_TERM) {
        o = FLUX_GIVE(q->term);
        r = advance(q);
    } else if (q->token == TOK_OPEN) {
        if (++q->depth > DEPTH_MAX)
            return fail(q, q->start, "nested too deeply");
        r = advance(q);
        if (r == 0)
            r = parse_or(q, &o);
        if (r == 0 && q->token != TOK_CLOSE)
            r = fail(q, q->start, "')' expected");
        if (r == 0)
            r = advance(q);
        q->depth--;
    } else
        return fail(q, q->start,
                    q->token == TOK_END ? "term expected at the end" : "term expected");
    if (r < 0)
        json_decref(o);
    else
        *ret = o;
    return r;
}

/* One operand alone stands for itself. Takes the list's reference. */
static json_t *join(const char *op, json_t *list)
{
    json_t *o;

    if (json_array_size(list) > 1)
        return json_pack("{s:o}", op, list);
    o = json_incref(json_array_get(list, 0));
    json_decref(list);
    return o;
}

static int parse_and(struct query *q, json_t **ret)
{
    json_t *list = json_array(), *o = NULL;
    int r;

    for (;;) {
        r = parse_primary(q, &o);
        if (r < 0)
            break;
        json_array_append_new(list, o);
        if (q->token == TOK_AND)
            r = advance(q);
        else if (q->token != TOK_TERM && q->token != TOK_OPEN)
            break;
        if (r < 0)
            break;
    }
    if (r < 0)
        json_decref(list);
    else
        *ret = join("and", list);
    return r;
}

static int parse_or(struct query *q, json_t **ret)
{
    json_t *list = json_array(), *o = NULL;
    int r;

    for (;;) {
        r = parse_and(q, &o);
        if (r < 0)
            break;
        json_array_append_new(list, o);
        if (q->token != TOK_OR)
            break;
        r = advance(q);
        if (r < 0)
            break;
    }
    if (r < 0)
        json_decref(list);
    else
        *ret = join("or", list);
    return r;
}

int flux_query_parse(const char *text, const struct flux_query_syntax *syntax, json_t **ret,
                     struct flux_error *err)
{
    struct query q = {.syntax = syntax, .err = err, .text = text, .pos = text};
    json_t *o = NULL;
    int r;

    if (strnlen(text, TEXT_MAX) == TEXT_MAX)
        return flux_error_set(err, -EINVAL, "query: longer than %d bytes", TEXT_MAX);
    r = advance(&q);
    if (r == 0)
        r = parse_or(&q, &o);
    if (r == 0 && q.token != TOK_END)
        r = fail(&q, q.start, "')' without '('");
    json_decref(q.term);
    if (r < 0)
        json_decref(o);
    else
        *ret = o;
    return r;
}
