// SPDX-License-Identifier: LGPL-3.0-only
/* Certificate files: what was saved loads again; what others can read, or is none, does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "cert.h"

static char dir[] = "/tmp/flux-cert-XXXXXX";
static char path[64];

static int setup(void **state)
{
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/cert", dir);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    return rmdir(dir);
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_saved_certificate_loads_again(void **state)
{
    static const char *const meta[] = {"name", "test", "keygen.userid", "42", NULL};
    struct cert a, b;
    struct stat st;

    unlink(path);
    assert_int_equal(cert_generate(&a, NULL), 0);
    assert_int_equal(cert_save(&a, path, meta, NULL), 0);
    assert_int_equal(cert_save(&a, path, meta, NULL), -EEXIST);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(cert_load(&b, path, NULL), 0);
    assert_string_equal(a.public_key, b.public_key);
    assert_string_equal(a.secret_key, b.secret_key);
    assert_string_equal(b.name, "test");
    cert_done(&a);
    cert_done(&b);
    assert_string_equal(b.secret_key, "");
}

static void a_readable_certificate_is_refused(void **state)
{
    struct flux_error err;
    struct cert c;

    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(cert_load(&c, path, &err), -EPERM);
    assert_non_null(strstr(err.text, "chmod"));
}

static void what_is_no_certificate_is_refused(void **state)
{
    static const char *texts[] = {
        "",
        "curve\n",
        "curve\n    public-key = \"short\"\n",
        "\n\n=\n= =\n\"\n",
        "curve\n    public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n",
        "metadata\n    public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n"
        "    secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n"};
    struct flux_error err;
    struct cert c;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(texts); i++) {
        write_file(texts[i], 0600);
        assert_int_equal(cert_load(&c, path, &err), -EINVAL);
    }
    assert_int_equal(cert_load(&c, dir, &err), -EINVAL);
    assert_int_equal(cert_load(&c, "/nonexistent/cert", &err), -ENOENT);
}

static void bad_metadata_is_refused(void **state)
{
    static const char *const meta[] = {"name", "a\"b", NULL};
    struct cert c;

    assert_int_equal(cert_generate(&c, NULL), 0);
    unlink(path);
    assert_int_equal(cert_save(&c, path, meta, NULL), -EINVAL);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_certificate_loads_again),
        cmocka_unit_test(a_readable_certificate_is_refused),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(bad_metadata_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
