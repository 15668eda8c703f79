// SPDX-License-Identifier: LGPL-3.0-only
/* Messages and their wire form, the Envelope. The codec is written out here, rather than left to
 * protobuf-c, because every hop decodes the header of every message and must not touch its body;
 * a unit test holds the field numbers equal to envelope.proto. */
#include <flux/msg.h>

enum {
    F_KIND = 1,
    F_METHOD = 2,
    F_TAG = 3,
    F_TARGET = 4,
    F_RANK = 5,
    F_USERID = 6,
    F_ROLES = 7,
    F_MORE = 8,
    F_STATUS = 9,
    F_TEXT = 10,
    F_CONTROL = 11,
    F_CREDIT = 12,
    F_ROUTE = 13,
    F_BODY = 15,
};
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define TEXT_MAX 1024

struct flux_msg *flux_msg_new(enum flux_msg_kind kind)
{
    struct flux_msg *m = malloc(sizeof(*m));

    if (!m)
        abort();
    memset(m, 0, offsetof(struct flux_msg, method) + 1);
    m->kind = kind;
    return m;
}

void flux_msg_free(struct flux_msg *m)
{
    if (!m)
        return;
    flux_bytes_unref(m->bytes);
    free(m->route);
    free(m->text);
    free(m);
}

void flux_msg_set_body(struct flux_msg *m, struct flux_bytes *bytes)
{
    flux_bytes_unref(m->bytes);
    m->bytes = bytes;
    m->body = bytes ? bytes->data : NULL;
    m->body_len = bytes ? bytes->len : 0;
}

/* Bytes of the character at `s` if it is UTF-8 as RFC 3629 has it, else 0. */
static size_t utf8_len(const unsigned char *s)
{
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;

    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

/* A text may quote what somebody sent. Other decoders drop a whole message for a string that is not
 * UTF-8, so the odd bytes become question marks. */
void flux_msg_set_text(struct flux_msg *m, const char *text)
{
    free(m->text);
    m->text = text && *text ? flux_strndup(text, TEXT_MAX) : NULL;
    for (unsigned char *s = (unsigned char *)m->text; s && *s;) {
        size_t n = utf8_len(s);

        if (n == 0)
            *s = '?';
        s += n ? n : 1;
    }
}

int flux_msg_push_route(struct flux_msg *m, uint32_t rank)
{
    if (m->nroute >= FLUX_ROUTE_MAX)
        return -ELOOP;
    if ((m->nroute & (m->nroute - 1)) == 0)
        m->route = flux_realloc(m->route, m->nroute ? m->nroute * 2 : 1, sizeof(*m->route));
    m->route[m->nroute++] = rank;
    return 0;
}

struct flux_msg *flux_msg_copy(const struct flux_msg *m)
{
    struct flux_msg *copy = flux_msg_new(m->kind);

    memcpy(copy, m, offsetof(struct flux_msg, method));
    strcpy(copy->method, m->method);
    copy->next = NULL;
    copy->text = flux_strdup(m->text);
    copy->route = NULL;
    copy->nroute = 0;
    for (uint32_t i = 0; i < m->nroute; i++)
        flux_msg_push_route(copy, m->route[i]);
    flux_bytes_ref(copy->bytes);
    return copy;
}

/* --- encode --- */

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)v | 0x80;
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_uint(uint8_t *p, int field, uint64_t v)
{
    if (!v)
        return p;
    *p++ = field << 3 | WIRE_VARINT;
    return put_varint(p, v);
}

static uint8_t *put_bytes(uint8_t *p, int field, const void *data, size_t n)
{
    if (!n)
        return p;
    *p++ = field << 3 | WIRE_BYTES;
    p = put_varint(p, n);
    memcpy(p, data, n);
    return p + n;
}

size_t flux_msg_head_size(const struct flux_msg *m)
{
    return 96 + FLUX_METHOD_MAX + (m->text ? strlen(m->text) : 0) + 6 * (size_t)m->nroute;
}

static uint8_t *put_route(uint8_t *p, const struct flux_msg *m)
{
    uint8_t packed[FLUX_ROUTE_MAX * 5], *q = packed;

    for (uint32_t i = 0; i < m->nroute; i++)
        q = put_varint(q, m->route[i]);
    return put_bytes(p, F_ROUTE, packed, q - packed);
}

int flux_msg_encode_head(const struct flux_msg *m, struct flux_buf *b)
{
    uint8_t *start = (uint8_t *)flux_buf_reserve(b, flux_msg_head_size(m)), *p = start;

    if (!p)
        return -EMSGSIZE;
    p = put_uint(p, F_KIND, m->kind);
    p = put_bytes(p, F_METHOD, m->method, strlen(m->method));
    p = put_uint(p, F_TAG, m->tag);
    p = put_uint(p, F_TARGET, m->target);
    p = put_uint(p, F_RANK, m->rank);
    p = put_uint(p, F_USERID, m->userid);
    p = put_uint(p, F_ROLES, m->roles);
    p = put_uint(p, F_MORE, m->more);
    p = put_uint(p, F_STATUS, m->status);
    if (m->text)
        p = put_bytes(p, F_TEXT, m->text, strlen(m->text));
    p = put_uint(p, F_CONTROL, m->control);
    p = put_uint(p, F_CREDIT, m->credit);
    p = put_route(p, m);
    if (m->body_len) {
        *p++ = F_BODY << 3 | WIRE_BYTES;
        p = put_varint(p, m->body_len);
    }
    b->len += p - start;
    return 0;
}

/* --- decode --- */

struct reader {
    const uint8_t *p, *end;
};

static int get_varint(struct reader *r, uint64_t *v)
{
    unsigned shift = 0;

    *v = 0;
    while (r->p < r->end && shift < 64) {
        uint8_t c = *r->p++;
        *v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return 0;
        shift += 7;
    }
    return -EPROTO;
}

static int get_bytes(struct reader *r, const uint8_t **data, size_t *n)
{
    uint64_t len;

    if (get_varint(r, &len) < 0 || len > (size_t)(r->end - r->p))
        return -EPROTO;
    *data = r->p;
    *n = len;
    r->p += len;
    return 0;
}

static int skip(struct reader *r, unsigned wire)
{
    size_t n = wire == WIRE_FIXED64 ? 8 : 4;

    if ((wire != WIRE_FIXED64 && wire != WIRE_FIXED32) || n > (size_t)(r->end - r->p))
        return -EPROTO;
    r->p += n;
    return 0;
}

static int set_uint(struct flux_msg *m, unsigned field, uint64_t v)
{
    if (v > UINT32_MAX)
        return -EPROTO;
    switch (field) {
    case F_KIND:
        m->kind = v > 255 ? 255 : v;
        break;
    case F_TAG:
        m->tag = v;
        break;
    case F_TARGET:
        if (v > FLUX_TARGET_RANK)
            return -EPROTO;
        m->target = v;
        break;
    case F_RANK:
        m->rank = v;
        break;
    case F_USERID:
        m->userid = v;
        break;
    case F_ROLES:
        m->roles = v;
        break;
    case F_MORE:
        m->more = v != 0;
        break;
    case F_STATUS:
        m->status = v;
        break;
    case F_CONTROL:
        m->control = v > 255 ? 255 : v;
        break;
    case F_CREDIT:
        m->credit = v;
        break;
    case F_ROUTE:
        return flux_msg_push_route(m, v);
    default:
        break;
    }
    return 0;
}

static int set_route(struct flux_msg *m, const uint8_t *data, size_t n)
{
    struct reader r = {data, data + n};
    uint64_t v;

    while (r.p < r.end)
        if (get_varint(&r, &v) < 0 || v > UINT32_MAX || flux_msg_push_route(m, v) < 0)
            return -EPROTO;
    return 0;
}

static int set_bytes(struct flux_msg *m, unsigned field, const uint8_t *data, size_t n)
{
    switch (field) {
    case F_METHOD:
        if (n >= sizeof(m->method) || memchr(data, '\0', n))
            return -EPROTO;
        memcpy(m->method, data, n);
        m->method[n] = '\0';
        return 0;
    case F_TEXT:
        free(m->text);
        m->text = flux_strndup((const char *)data, n < TEXT_MAX ? n : TEXT_MAX);
        return 0;
    case F_ROUTE:
        return set_route(m, data, n);
    case F_BODY:
        m->body = data;
        m->body_len = n;
        return 0;
    default:
        return 0;
    }
}

static int decode_field(struct flux_msg *m, struct reader *r)
{
    const uint8_t *data;
    uint64_t key, v;
    size_t n;

    if (get_varint(r, &key) < 0 || key >> 3 == 0 || key > UINT32_MAX)
        return -EPROTO;
    if ((key & 7) == WIRE_VARINT)
        return get_varint(r, &v) < 0 ? -EPROTO : set_uint(m, key >> 3, v);
    if ((key & 7) == WIRE_BYTES)
        return get_bytes(r, &data, &n) < 0 ? -EPROTO : set_bytes(m, key >> 3, data, n);
    return skip(r, key & 7);
}

static const char *check(const struct flux_msg *m)
{
    if (m->kind < FLUX_MSG_REQUEST || m->kind > FLUX_MSG_CONTROL)
        return "unknown kind of message";
    if (m->kind == FLUX_MSG_REQUEST && !m->method[0])
        return "request without a method";
    if (m->kind == FLUX_MSG_RESPONSE && m->tag == 0)
        return "response without a tag";
    if (m->kind == FLUX_MSG_CONTROL &&
        (m->control < FLUX_MSG_CANCEL || m->control > FLUX_MSG_KEEPALIVE))
        return "unknown control message";
    return NULL;
}

int flux_msg_decode(struct flux_bytes *bytes, size_t offset, size_t len, struct flux_msg **ret,
                    struct flux_error *err)
{
    struct reader r = {bytes->data + offset, bytes->data + offset + len};
    FLUX_AUTO(msg) m = flux_msg_new(0);
    const char *wrong;

    while (r.p < r.end)
        if (decode_field(m, &r) < 0)
            return flux_error_set(err, -EPROTO, "malformed envelope at byte %zu of %zu",
                                  (size_t)(r.p - bytes->data - offset), len);
    wrong = check(m);
    if (wrong)
        return flux_error_set(err, -EPROTO, "%s", wrong);
    if (m->body_len)
        m->bytes = flux_bytes_ref(bytes);
    *ret = FLUX_GIVE(m);
    return 0;
}
