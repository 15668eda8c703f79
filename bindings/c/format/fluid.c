// SPDX-License-Identifier: LGPL-3.0-only
/* FLUID generator and text forms (RFC 19). A form is known by its first tell-tale character, in the
 * RFC's order; decoding rejects whatever does not fit in 64 bits. */
#include <flux/fluid.h>

#include <stdio.h>

#include "fluid.h"

#define TIME_MAX (((uint64_t)1 << 40) - 1)
#define SEQ_MAX 1023u
#define F58_LETTER "\xc6\x92" /* U+0192 */
#define BLANKS " \t\r\n"

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

int flux_fluid_init(struct flux_fluid_gen *gen, unsigned id, double epoch)
{
    if (id >= FLUX_FLUID_GENERATORS)
        return -EINVAL;
    *gen = (struct flux_fluid_gen){.id = id, .epoch = epoch > 0 ? (uint64_t)(epoch * 1000) : 0};
    return 0;
}

int flux_fluid_next(struct flux_fluid_gen *gen, uint64_t *ret)
{
    uint64_t now = (uint64_t)(flux_walltime() * 1000);

    now = now > gen->epoch ? now - gen->epoch : 0;
    if (now > gen->time) {
        gen->time = now;
        gen->seq = 0;
    } else if (gen->time == 0 || gen->seq == SEQ_MAX) {
        gen->time++;
        gen->seq = 0;
    } else {
        gen->seq++;
    }
    if (gen->time > TIME_MAX)
        return -EOVERFLOW;
    *ret = gen->time << 24 | (uint64_t)gen->id << 10 | gen->seq;
    return 0;
}

void flux_fluid_seed(struct flux_fluid_gen *gen, uint64_t id)
{
    if (id >> 24 >= gen->time) {
        gen->time = id >> 24;
        gen->seq = SEQ_MAX;
    }
}

double flux_fluid_age(uint64_t id)
{
    return (id >> 24) / 1000.0;
}

static bool wants_ascii(void)
{
    static int cached; /* 0 unknown, 1 no, 2 yes; every thread would store the same */
    static const char *const vars[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    int known = __atomic_load_n(&cached, __ATOMIC_RELAXED);
    const char *locale = NULL;

    if (known)
        return known == 2;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(vars) && (!locale || !*locale); i++)
        locale = getenv(vars[i]);
    known = 2;
    if (locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8")) &&
        !getenv("FLUX_F58_FORCE_ASCII"))
        known = 1;
    __atomic_store_n(&cached, known, __ATOMIC_RELAXED);
    return known == 2;
}

static void encode_f58(uint64_t id, const char *prefix, char *out)
{
    char digits[16];
    size_t n = 0;

    do
        digits[n++] = base58[id % 58];
    while (id /= 58);
    out = stpcpy(out, prefix);
    while (n)
        *out++ = digits[--n];
    *out = '\0';
}

static void encode_emoji(uint64_t id, char *out)
{
    unsigned digits[8];
    size_t n = 0;

    do
        digits[n++] = id % FLUID_EMOJI;
    while (id /= FLUID_EMOJI);
    while (n) {
        const unsigned char *e = fluid_emoji[digits[--n]];
        *out++ = (char)0xf0;
        *out++ = (char)0x9f;
        *out++ = (char)e[0];
        *out++ = (char)e[1];
    }
    *out = '\0';
}

static void encode_words(uint64_t id, char *out)
{
    for (int half = 0; half < 2; half++) {
        uint32_t x = half ? id >> 32 : (uint32_t)id;
        out += sprintf(out, "%s%s-%s-%s", half ? "--" : "", fluid_words[x % FLUID_WORDS],
                       fluid_words[x / FLUID_WORDS % FLUID_WORDS],
                       fluid_words[x / FLUID_WORDS / FLUID_WORDS]);
    }
}

static void encode_dothex(uint64_t id, const char *prefix, char *out)
{
    sprintf(out, "%s%04x.%04x.%04x.%04x", prefix, (unsigned)(id >> 48),
            (unsigned)(id >> 32 & 0xffff), (unsigned)(id >> 16 & 0xffff), (unsigned)(id & 0xffff));
}

static void encode(uint64_t id, enum flux_fluid_form form, char *out)
{
    switch (form) {
    case FLUX_FLUID_DEC:
        sprintf(out, "%llu", (unsigned long long)id);
        break;
    case FLUX_FLUID_HEX:
        sprintf(out, "0x%llx", (unsigned long long)id);
        break;
    case FLUX_FLUID_DOTHEX:
        encode_dothex(id, "", out);
        break;
    case FLUX_FLUID_KVS:
        encode_dothex(id, "job.", out);
        break;
    case FLUX_FLUID_WORDS:
        encode_words(id, out);
        break;
    case FLUX_FLUID_EMOJI:
        encode_emoji(id, out);
        break;
    case FLUX_FLUID_F58:
        encode_f58(id, wants_ascii() ? "f" : F58_LETTER, out);
        break;
    case FLUX_FLUID_F58_UTF8:
        encode_f58(id, F58_LETTER, out);
        break;
    case FLUX_FLUID_F58_ASCII:
        encode_f58(id, "f", out);
        break;
    }
}

int flux_fluid_encode(uint64_t id, enum flux_fluid_form form, char *buf, size_t size)
{
    char text[FLUX_FLUID_MAX] = "";
    size_t len;

    encode(id, form, text);
    len = strlen(text);
    if (len >= size)
        return -EOVERFLOW;
    memcpy(buf, text, len + 1);
    return len;
}

const char *flux_fluid_f58(uint64_t id)
{
    static __thread char ring[16][24];
    static __thread unsigned turn;
    char *buf = ring[turn++ % 16];

    encode(id, FLUX_FLUID_F58, buf);
    return buf;
}

int flux_fluid_form(const char *name)
{
    static const struct {
        const char *name;
        enum flux_fluid_form form;
    } forms[] = {{"dec", FLUX_FLUID_DEC},       {"hex", FLUX_FLUID_HEX},
                 {"dothex", FLUX_FLUID_DOTHEX}, {"kvs", FLUX_FLUID_KVS},
                 {"words", FLUX_FLUID_WORDS},   {"emoji", FLUX_FLUID_EMOJI},
                 {"f58", FLUX_FLUID_F58},       {"f58plain", FLUX_FLUID_F58_ASCII}};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(forms); i++)
        if (!strcmp(name, forms[i].name))
            return forms[i].form;
    return -EINVAL;
}

/* id = id * base + digit, unless it overflows. */
static int push_digit(uint64_t *id, unsigned base, unsigned digit)
{
    return __builtin_mul_overflow(*id, base, id) || __builtin_add_overflow(*id, digit, id) ? -EINVAL
                                                                                           : 0;
}

/* Digits 0-9a-fA-F up to the end or `stop`; at least one, at most max. Returns the end or NULL. */
static const char *parse_digits(const char *p, unsigned base, size_t max, uint64_t *id)
{
    const char *start = p;

    for (*id = 0; *p && *p != '.'; p++) {
        unsigned c = *p >= '0' && *p <= '9'   ? *p - '0'
                     : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
                     : *p >= 'A' && *p <= 'F' ? *p - 'A' + 10
                                              : 99;
        if (c >= base || push_digit(id, base, c) < 0)
            return NULL;
    }
    return p == start || (size_t)(p - start) > max ? NULL : p;
}

static int parse_dothex(const char *p, uint64_t *id)
{
    uint64_t part;

    if (!strncmp(p, "job.", 4))
        p += 4;
    *id = 0;
    for (int i = 0; i < 4; i++) {
        p = parse_digits(p, 16, 4, &part);
        if (!p || *p != (i < 3 ? '.' : '\0'))
            return -EINVAL;
        *id = *id << 16 | part;
        p++;
    }
    return 0;
}

static int find_word(const char *s, size_t len)
{
    for (int i = 0; i < FLUID_WORDS; i++)
        if (!strncmp(fluid_words[i], s, len) && !fluid_words[i][len])
            return i;
    return -1;
}

/* Three words, separated by '-', to 32 bits; moves *s past them. */
static int parse_half(const char **s, uint64_t *ret)
{
    uint64_t factor = 1;

    *ret = 0;
    for (int i = 0; i < 3; i++, factor *= FLUID_WORDS) {
        size_t len = strcspn(*s, "-");
        int n = len < 8 ? find_word(*s, len) : -1;
        if (n < 0 || (i < 2 && (*s)[len] != '-'))
            return -EINVAL;
        *ret += n * factor;
        *s += len + (i < 2);
    }
    return *ret > UINT32_MAX ? -EINVAL : 0;
}

static int parse_words(const char *p, uint64_t *id)
{
    uint64_t low, high;

    if (parse_half(&p, &low) < 0 || strncmp(p, "--", 2) != 0)
        return -EINVAL;
    p += 2;
    if (parse_half(&p, &high) < 0 || *p)
        return -EINVAL;
    *id = high << 32 | low;
    return 0;
}

static int parse_f58(const char *p, uint64_t *id)
{
    if (!*p)
        return -EINVAL;
    for (*id = 0; *p; p++) {
        const char *digit = strchr(base58, *p);
        if (!digit || push_digit(id, 58, digit - base58) < 0)
            return -EINVAL;
    }
    return 0;
}

static int parse_emoji(const char *s, uint64_t *id)
{
    const unsigned char *p = (const unsigned char *)s;

    for (*id = 0; *p; p += 4) {
        unsigned i = 0;
        if (p[0] != 0xf0 || p[1] != 0x9f || !p[2] || !p[3])
            return -EINVAL;
        while (i < FLUID_EMOJI && memcmp(fluid_emoji[i], p + 2, 2) != 0)
            i++;
        if (i == FLUID_EMOJI || push_digit(id, FLUID_EMOJI, i) < 0)
            return -EINVAL;
    }
    return 0;
}

static int parse_plain(const char *p, unsigned base, uint64_t *id)
{
    p = parse_digits(p, base, 64, id);
    return p && !*p ? 0 : -EINVAL;
}

static int parse(const char *s, uint64_t *id)
{
    if (strchr(s, '.'))
        return parse_dothex(s, id);
    if (strchr(s, '-'))
        return parse_words(s, id);
    if (!strncmp(s, F58_LETTER, 2))
        return parse_f58(s + 2, id);
    if (*s == 'f')
        return parse_f58(s + 1, id);
    if (!strncmp(s, "\xf0\x9f", 2))
        return parse_emoji(s, id);
    if (!strncmp(s, "0x", 2))
        return parse_plain(s + 2, 16, id);
    return parse_plain(s, 10, id);
}

int flux_fluid_parse(const char *s, uint64_t *ret, struct flux_error *err)
{
    const char *start = s + strspn(s, BLANKS);
    char text[FLUX_FLUID_MAX + 1];
    size_t len = strlen(start);
    uint64_t id;

    while (len && strchr(BLANKS, start[len - 1]))
        len--;
    if (len && len < sizeof(text)) {
        memcpy(text, start, len);
        text[len] = '\0';
        if (parse(text, &id) == 0) {
            *ret = id;
            return 0;
        }
    }
    return flux_error_set(err, -EINVAL, "'%.64s' is not a job id", s);
}
