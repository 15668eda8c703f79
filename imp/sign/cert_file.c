// SPDX-License-Identifier: LGPL-3.0-only
/* Certificates as files: TOML with the tables [metadata] and [curve]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../conf/conf.h"
#include "../conf/secure.h"
#include "../conf/timestamp.h"
#include "base64.h"
#include "cert_private.h"

/* A TOML string. */
static void put_quoted(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s < ' ' || *s == 0x7f)
            fprintf(f, "\\u%04x", (unsigned char)*s);
        else
            fputc(*s, f);
    }
    fputc('"', f);
}

static int put_key(FILE *f, const char *name, const unsigned char *bytes, size_t len)
{
    char *text = base64_encode(bytes, len);

    if (!text)
        return -ENOMEM;
    fprintf(f, "%s = \"%s\"\n", name, text);
    sodium_memzero(text, strlen(text));
    free(text);
    return 0;
}

static int put_all(FILE *f, const struct cert *cert, bool secret)
{
    struct kv_entry e;
    int r;

    fprintf(f, "# %s\n[metadata]\n",
            secret ? "SECRET key for signing requests: for its owner's eyes alone"
                   : "Public key for signatures on requests");
    for (size_t pos = 0; kv_next(cert->metadata, &pos, &e);) {
        fprintf(f, "%s = ", e.key);
        if (e.type == 's')
            put_quoted(f, e.value);
        else
            fputs(e.value, f);
        fputc('\n', f);
    }
    fprintf(f, "\n[curve]\n");
    r = put_key(f, "public-key", cert->public, sizeof(cert->public));
    if (r == 0 && secret)
        r = put_key(f, "secret-key", cert->secret, sizeof(cert->secret));
    if (r == 0 && cert->is_signed)
        r = put_key(f, "signature", cert->signature, sizeof(cert->signature));
    return r;
}

char *cert_format(const struct cert *cert, bool secret)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = secret && !cert->has_secret ? NULL : open_memstream(&text, &len);

    if (!f)
        return NULL;
    int r = put_all(f, cert, secret);
    if (fclose(f) != 0 || r < 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* One value of [metadata] into the kv. */
static int take(const struct conf *table, const struct cert_field *field, struct kv *kv,
                struct imp_error *err)
{
    const char *text;
    int64_t number;
    time_t when;
    bool yes;
    int r;

    switch (field->type) {
    case 's':
        r = conf_get_string(table, field->name, &text, err);
        return r > 0 ? kv_put_string(kv, field->name, text) : r;
    case 'i':
        r = conf_get_int(table, field->name, &number, err);
        return r > 0 ? kv_put_int(kv, field->name, number) : r;
    case 't':
        r = conf_get_time(table, field->name, &when, err);
        return r > 0 ? kv_put_time(kv, field->name, when) : r;
    default:
        r = conf_get_bool(table, field->name, &yes, err);
        return r > 0 ? kv_put_bool(kv, field->name, yes) : r;
    }
}

static int take_metadata(const struct conf *table, struct kv *kv, struct imp_error *err)
{
    size_t known = 0;

    for (const struct cert_field *f = cert_fields; f->name; f++) {
        int r = take(table, f, kv, err);
        if (r < 0)
            return r;
        known += conf_get(table, f->name) != NULL;
    }
    return known == conf_len(table) ? 0 : -EINVAL;
}

/* 1, 0 or -EINVAL. */
static int take_key(const struct conf *root, const char *path, unsigned char *bytes, size_t len)
{
    const char *text;
    int r = conf_get_string(root, path, &text, NULL);

    return r > 0 && base64_decode_exact(text, bytes, len) < 0 ? -EINVAL : r;
}

static int from_conf(const struct conf *root, const char *name, struct cert *cert,
                     struct imp_error *err)
{
    const struct conf *metadata = conf_get(root, "metadata");
    int secret = take_key(root, "curve.secret-key", cert->secret, sizeof(cert->secret));
    int sig = take_key(root, "curve.signature", cert->signature, sizeof(cert->signature));
    struct imp_error why = {""};

    if (!metadata || conf_type(metadata) != CONF_TABLE ||
        take_metadata(metadata, cert->metadata, &why) < 0)
        return imp_error_set(err, -EINVAL, "%s: [metadata] is not that of a certificate%s%s", name,
                             why.text[0] ? ": " : "", why.text);
    if (take_key(root, "curve.public-key", cert->public, sizeof(cert->public)) <= 0 || secret < 0 ||
        sig < 0)
        return imp_error_set(err, -EINVAL, "%s: [curve] has no proper keys", name);
    cert->has_secret = secret > 0;
    cert->is_signed = sig > 0;
    return cert_check(cert, name, err);
}

int cert_parse(const char *text, size_t len, const char *name, struct cert **ret,
               struct imp_error *err)
{
    struct conf *conf;
    struct imp_error why;

    /* the reader's own words would show lines of a file that is perhaps no certificate at all */
    int r = conf_parse(text, len, name, &conf, &why);
    if (r < 0)
        return imp_error_set(err, r, "%s: not a certificate", name);
    struct cert *cert = cert_alloc();
    r = cert ? from_conf(conf, name, cert, err) : imp_error_set(err, -ENOMEM, "out of memory");
    if (r < 0)
        cert_free(cert);
    else
        *ret = cert;
    conf_free(conf);
    return r;
}
