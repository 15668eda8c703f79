// SPDX-License-Identifier: LGPL-3.0-only
/* Type curve: keys of users, proven by their files or by a CA; certificates that must not pass. */
#include "setup.h"

#include <flux/signer.h>
#include <sodium.h>

#include "../../../imp/sign/base64.h"
#include "../../../imp/sign/ca.h"
#include "../../../imp/sign/cert.h"

#define SIGN "[sign]\nmax-ttl = 1000\ndefault-type = 'curve'\nallowed-types = ['curve']\n"

static struct conf *conf_home, *conf_ca;

static struct conf *with_paths(const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return parse_conf(text);
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 8192);

    assert_non_null(f);
    assert_true(fread(text, 1, 8191, f) > 0);
    fclose(f);
    return text;
}

static struct cert *read_cert(const char *path)
{
    char *text = read_text(path);
    struct imp_error err = {""};
    struct cert *cert = NULL;

    if (cert_parse(text, strlen(text), path, &cert, &err) < 0)
        fail_msg("%s", err.text);
    free(text);
    return cert;
}

static void write_cert(const char *path, const struct cert *cert, bool secret)
{
    char *text = cert_format(cert, secret);

    assert_non_null(text);
    write_text(path, secret ? 0600 : 0644, text);
    free(text);
}

static struct ca *open_ca(bool secret)
{
    struct imp_error err = {""};
    struct ca *ca = NULL;

    if (ca_new(conf_ca, &ca, &err) < 0 || (secret && ca_load_secret(ca, &err) < 0))
        fail_msg("%s", err.text);
    return ca;
}

/* The user's key, signed by the CA into site/sig.pub. */
static void sign_by_ca(uid_t userid, int64_t ttl)
{
    struct ca *ca = open_ca(true);
    struct cert *cert = read_cert(in_dir("home/sig.pub"));
    struct imp_error err = {""};

    if (ca_sign(ca, cert, userid, ttl, &err) < 0)
        fail_msg("%s", err.text);
    write_cert(in_dir("site/sig.pub"), cert, false);
    cert_free(cert);
    ca_free(ca);
}

static int setup(void **state)
{
    struct flux_signer_error err = {""};
    char *text;

    if (make_dir(state) < 0 || flux_signer_keygen(in_dir("home/sig"), 0, &err) < 0 ||
        flux_signer_keygen(in_dir("ca/key"), 1, &err) < 0 || mkdir(in_dir("site"), 0755) < 0 ||
        mkdir(in_dir("revoked"), 0755) < 0)
        return -1;
    text = read_text(in_dir("home/sig"));
    write_text(in_dir("site/sig"), 0600, text);
    free(text);
    conf_home = with_paths(SIGN "[sign.curve]\ncert-path = '%s'\n", in_dir("home/sig"));
    conf_ca =
        with_paths(SIGN "[sign.curve]\nrequire-ca = true\ncert-path = '%s'\n[ca]\ncert-path = "
                        "'%s'\nmax-cert-ttl = 5000\nmax-sign-ttl = 500\nrevoke-dir = "
                        "'%s'\nrevoke-allow = true\ndomain = 'test'\n",
                   in_dir("site/sig"), in_dir("ca/key"), in_dir("revoked"));
    sign_by_ca(geteuid(), 0);
    return 0;
}

static int teardown(void **state)
{
    conf_free(conf_home);
    conf_free(conf_ca);
    return remove_dir(state);
}

/* Wrap and unwrap with fresh signers, as different processes do. */
static int round_trip(const struct conf *conf, struct imp_error *err)
{
    struct sign *one = new_sign(conf), *two = new_sign(conf);
    struct sign_input in = {.payload = "x", .len = 1, .userid = geteuid()};
    char *j = NULL;
    int r = sign_wrap(one, &in, &j, err);

    r = r < 0 ? r : unwrap(two, j, err);
    free(j);
    sign_free(one);
    sign_free(two);
    return r;
}

static void keys_are_made_once_and_for_the_owner_alone(void **state)
{
    struct flux_signer_error err = {""};
    struct stat st;

    assert_int_equal(stat(in_dir("home/sig"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(in_dir("home/sig.pub"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(stat(in_dir("home"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(flux_signer_keygen(in_dir("home/sig"), 0, &err), -EEXIST);
    struct cert *public = read_cert(in_dir("home/sig.pub")),
                *secret = read_cert(in_dir("home/sig"));
    assert_true(cert_has_secret(secret) && !cert_has_secret(public));
    assert_true(cert_equal(public, secret) && cert_same_key(public, secret));
    cert_free(public);
    cert_free(secret);
}

static void the_users_own_file_proves_his_key(void **state)
{
    struct imp_error err = {""};

    if (round_trip(conf_home, &err) < 0)
        fail_msg("%s", err.text);
}

static void any_change_of_any_part_is_found(void **state)
{
    struct sign *sign = new_sign(conf_home);
    char *j = wrap(sign, "{\"version\":1}", NULL);
    size_t n = strlen(j);
    struct imp_error err;

    for (size_t i = 0; i < n; i++) {
        char keep = j[i];
        j[i] = keep == 'A' ? 'B' : 'A';
        if (unwrap(sign, j, &err) >= 0)
            fail_msg("byte %zu of %zu changed, and accepted", i, n);
        j[i] = keep;
    }
    assert_int_equal(unwrap(sign, j, &err), 0);
    free(j);
    sign_free(sign);
}

static void somebody_elses_key_proves_nothing(void **state)
{
    struct flux_signer_error ferr;
    struct imp_error err = {""};
    struct conf *other;

    assert_int_equal(flux_signer_keygen(in_dir("bob/sig"), 0, &ferr), 0);
    other = with_paths(SIGN "[sign.curve]\ncert-path = '%s'\n", in_dir("bob/sig"));
    struct sign *bob = new_sign(other), *alice = new_sign(conf_home);
    char *j = wrap(bob, "x", NULL);
    assert_int_equal(unwrap(alice, j, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "is not the one that user"));
    free(j);
    sign_free(bob);
    sign_free(alice);
    conf_free(other);
}

static void files_that_others_may_write_prove_nothing(void **state)
{
    struct imp_error err = {""};

    chmod(in_dir("home/sig.pub"), 0666);
    assert_int_equal(round_trip(conf_home, &err), -EPERM);
    chmod(in_dir("home/sig.pub"), 0644);
    chmod(in_dir("home"), 0777);
    assert_int_equal(round_trip(conf_home, &err), -EPERM);
    chmod(in_dir("home"), 0755);
    if (geteuid() == 0) {
        assert_int_equal(chown(in_dir("home/sig.pub"), 12345, 0), 0);
        assert_int_equal(round_trip(conf_home, &err), -EPERM);
        assert_int_equal(chown(in_dir("home/sig.pub"), 0, 0), 0);
    }
    chmod(in_dir("home"), 0700);
    assert_int_equal(round_trip(conf_home, &err), 0);
}

static void time_runs_out(void **state)
{
    struct sign *sign = new_sign(conf_home);
    char *j = wrap(sign, "x", NULL);
    struct imp_error err = {""};

    clock_ahead = 999;
    assert_int_equal(unwrap(sign, j, &err), 0);
    clock_ahead = 1002;
    assert_int_equal(unwrap(sign, j, &err), -ETIME);
    clock_ahead = -30;
    assert_int_equal(unwrap(sign, j, &err), 0);
    clock_ahead = -90;
    assert_int_equal(unwrap(sign, j, &err), -ETIME);
    assert_non_null(strstr(err.text, "from the future"));
    clock_ahead = 0;
    free(j);
    sign_free(sign);
}

/* Like those of curve.c, but with any times in the header. */
static void a_signer_cannot_extend_his_time(void **state)
{
    struct cert *cert = read_cert(in_dir("home/sig"));
    struct kv *header = kv_new(), *part = kv_new();
    struct sign *sign = new_sign(conf_home);
    struct imp_error err = {""};
    char *h, *text = NULL, *signature, *j = NULL;
    size_t n;

    cert_to_kv(cert, part);
    kv_put_int(header, "version", 1);
    kv_put_string(header, "mechanism", "curve");
    kv_put_int(header, "userid", geteuid());
    kv_join(header, "curve.cert.", part);
    kv_put_time(header, "curve.ctime", time(NULL) - 2000);
    kv_put_time(header, "curve.xtime", time(NULL) + 1000000);
    const void *bytes = kv_encode(header, &n);
    h = base64_encode(bytes, n);
    assert_true(asprintf(&text, "%s.eA==", h) > 0);
    assert_int_equal(cert_sign_bytes(cert, text, strlen(text), &signature, &err), 0);
    assert_true(asprintf(&j, "%s.%s", text, signature) > 0);
    assert_int_equal(unwrap(sign, j, &err), -ETIME);
    free(h);
    free(text);
    free(signature);
    free(j);
    kv_free(header);
    kv_free(part);
    sign_free(sign);
    cert_free(cert);
}

static void the_ca_proves_keys(void **state)
{
    struct sign *sign = new_sign(conf_ca);
    struct imp_error err = {""};
    struct sign_request request;
    char *j = wrap(sign, "x", NULL);

    if (sign_unwrap(sign, j, 0, &request, &err) < 0)
        fail_msg("%s", err.text);
    /* the CA's limit is shorter than sign.max-ttl */
    assert_true(request.expires <= time(NULL) + 500);
    sign_request_done(&request);
    clock_ahead = 502;
    assert_int_equal(unwrap(sign, j, &err), -ETIME);
    clock_ahead = 0;
    free(j);
    sign_free(sign);
}

static void certificates_end(void **state)
{
    struct imp_error err = {""};

    sign_by_ca(geteuid(), 100);
    assert_int_equal(round_trip(conf_ca, &err), 0);
    clock_ahead = 102;
    assert_int_equal(round_trip(conf_ca, &err), -ETIME);
    assert_non_null(strstr(err.text, "it has expired"));
    clock_ahead = -1000;
    assert_int_equal(round_trip(conf_ca, &err), -ETIME);
    clock_ahead = 0;
    sign_by_ca(geteuid(), 0);
}

static void certificates_of_others_are_refused(void **state)
{
    struct imp_error err = {""};

    sign_by_ca(geteuid() + 1, 0);
    assert_int_equal(round_trip(conf_ca, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "belongs to another user"));
    sign_by_ca(geteuid(), 0);
}

static void certificates_nobody_signed_are_refused(void **state)
{
    char *unsigned_text = read_text(in_dir("home/sig.pub")),
         *keep = read_text(in_dir("site/sig.pub"));
    struct imp_error err = {""};

    write_text(in_dir("site/sig.pub"), 0644, unsigned_text);
    assert_int_equal(round_trip(conf_ca, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "not signed by this CA"));
    write_text(in_dir("site/sig.pub"), 0644, keep);
    free(unsigned_text);
    free(keep);
}

/* Every fact that the CA vouched for is under its signature. */
static void facts_of_a_certificate_cannot_be_changed(void **state)
{
    static const char *const facts[] = {"uuid",         "userid", "xtime",
                                        "max-sign-ttl", "issuer", "domain"};
    struct ca *ca = open_ca(false);
    struct imp_error err = {""};
    int64_t ttl;

    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
        struct cert *cert = read_cert(in_dir("site/sig.pub"));
        assert_int_equal(ca_verify(ca, cert, geteuid(), &ttl, &err), 0);
        assert_int_equal(ttl, 500);
        struct kv *meta = cert_metadata(cert);
        if (strcmp(facts[i], "userid") == 0 || strcmp(facts[i], "max-sign-ttl") == 0)
            kv_put_int(meta, facts[i], 4000);
        else if (strcmp(facts[i], "xtime") == 0)
            kv_put_time(meta, facts[i], time(NULL) + 100000);
        else
            kv_put_string(meta, facts[i], "x");
        if (ca_verify(ca, cert, geteuid(), &ttl, &err) != -EKEYREJECTED)
            fail_msg("%s changed, and accepted", facts[i]);
        cert_free(cert);
    }
    ca_free(ca);
}

static void revoked_certificates_are_refused(void **state)
{
    struct cert *cert = read_cert(in_dir("site/sig.pub"));
    struct ca *ca = open_ca(false);
    struct imp_error err = {""};
    const char *uuid;

    assert_int_equal(kv_get_string(cert_metadata(cert), "uuid", &uuid), 0);
    assert_int_equal(ca_revoke(ca, "../../etc/passwd", &err), -EINVAL);
    assert_int_equal(ca_revoke(ca, "", &err), -EINVAL);
    assert_int_equal(ca_revoke(ca, uuid, &err), 0);
    assert_int_equal(ca_revoke(ca, uuid, &err), 0);
    assert_int_equal(round_trip(conf_ca, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "revoked"));
    /* where it can't be known, the answer is no */
    assert_int_equal(rename(in_dir("revoked"), in_dir("gone")), 0);
    assert_int_equal(round_trip(conf_ca, &err), -ENOENT);
    assert_int_equal(rename(in_dir("gone"), in_dir("revoked")), 0);
    chmod(in_dir("revoked"), 0777);
    assert_int_equal(round_trip(conf_ca, &err), -EPERM);
    chmod(in_dir("revoked"), 0755);
    sign_by_ca(geteuid(), 0); /* a new uuid */
    assert_int_equal(round_trip(conf_ca, &err), 0);
    cert_free(cert);
    ca_free(ca);
}

static void the_secret_of_the_ca_is_secret(void **state)
{
    struct ca *ca = open_ca(false);
    struct imp_error err = {""};
    struct cert *cert = read_cert(in_dir("home/sig.pub"));

    assert_int_equal(ca_sign(ca, cert, geteuid(), 0, &err), -EINVAL);
    chmod(in_dir("ca/key"), 0644);
    assert_int_equal(ca_load_secret(ca, &err), -EPERM);
    assert_non_null(strstr(err.text, "others may read a secret"));
    chmod(in_dir("ca/key"), 0600);
    assert_int_equal(ca_load_secret(ca, &err), 0);
    assert_int_equal(ca_sign(ca, cert, geteuid(), 5001, &err), -EINVAL);
    assert_int_equal(ca_sign(ca, cert, geteuid(), -1, &err), -EINVAL);
    cert_free(cert);
    ca_free(ca);
}

static void a_users_certificate_is_no_ca(void **state)
{
    struct conf *conf = with_paths(SIGN "[sign.curve]\nrequire-ca = true\n[ca]\ncert-path = "
                                        "'%s'\nmax-cert-ttl = 1\nmax-sign-ttl = 1\nrevoke-dir = "
                                        "'%s'\ndomain = 'x'\n",
                                   in_dir("site/sig"), in_dir("revoked"));
    struct imp_error err = {""};
    struct sign *sign = NULL;

    assert_int_equal(sign_new(conf, &sign, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "is not the certificate of a CA"));
    conf_free(conf);
}

static void certificates_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "garbage",
        "[metadata]\n",
        "[curve]\npublic-key = 'x'\n",
        "metadata = 1\n",
        "[metadata]\nuuid = 'x'\nalgorithm = 'ed25519'\n[curve]\npublic-key = ''\n",
        "[metadata]\nuuid = 5\n[curve]\n",
        "[metadata]\nunknown = 5\n[curve]\n",
    };
    char *good = read_text(in_dir("home/sig")), *text = strdup(good);
    struct imp_error err;
    struct cert *cert = NULL;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (cert_parse(bad[i], strlen(bad[i]), "c", &cert, &err) >= 0)
            fail_msg("accepted '%s'", bad[i]);
    /* a secret that belongs to another public key, and another algorithm */
    char *key = strstr(text, "secret-key = \"") + 20;
    *key = *key == 'A' ? 'B' : 'A';
    key[84 - 20] = key[84 - 20] == 'A' ? 'B' : 'A';
    assert_int_equal(cert_parse(text, strlen(text), "c", &cert, &err), -EINVAL);
    strcpy(text, good);
    memcpy(strstr(text, "ed25519"), "rsa4096", 7);
    assert_int_equal(cert_parse(text, strlen(text), "c", &cert, &err), -EINVAL);
    assert_non_null(strstr(err.text, "must be ed25519"));
    assert_null(cert);
    free(text);
    free(good);
}

static void text_in_a_certificate_stays_text(void **state)
{
    struct cert *cert = NULL, *back = NULL;
    struct imp_error err = {""};
    const char *domain;

    assert_int_equal(cert_new(&cert, &err), 0);
    kv_put_string(cert_metadata(cert), "domain", "a\"\\\n[curve]\x7f\t");
    char *text = cert_format(cert, false);
    if (cert_parse(text, strlen(text), "c", &back, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(kv_get_string(cert_metadata(back), "domain", &domain), 0);
    assert_string_equal(domain, "a\"\\\n[curve]\x7f\t");
    assert_null(cert_format(back, true));
    free(text);
    cert_free(cert);
    cert_free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_once_and_for_the_owner_alone),
        cmocka_unit_test(the_users_own_file_proves_his_key),
        cmocka_unit_test(any_change_of_any_part_is_found),
        cmocka_unit_test(somebody_elses_key_proves_nothing),
        cmocka_unit_test(files_that_others_may_write_prove_nothing),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(a_signer_cannot_extend_his_time),
        cmocka_unit_test(the_ca_proves_keys),
        cmocka_unit_test(certificates_end),
        cmocka_unit_test(certificates_of_others_are_refused),
        cmocka_unit_test(certificates_nobody_signed_are_refused),
        cmocka_unit_test(facts_of_a_certificate_cannot_be_changed),
        cmocka_unit_test(revoked_certificates_are_refused),
        cmocka_unit_test(the_secret_of_the_ca_is_secret),
        cmocka_unit_test(a_users_certificate_is_no_ca),
        cmocka_unit_test(certificates_that_are_none_are_refused),
        cmocka_unit_test(text_in_a_certificate_stays_text),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
