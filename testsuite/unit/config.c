// SPDX-License-Identifier: LGPL-3.0-only
/* Configuration: the TOML tables, reading and merging files, and the words of every complaint. */
#include <flux/config.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

#include "vectors.h"

static struct flux_configfile *parse(const char *toml)
{
    struct flux_configfile *cfg = NULL;
    struct flux_error err;

    if (flux_configfile_parse(toml, "system.toml", &cfg, &err) < 0)
        fail_msg("%s", err.text);
    return cfg;
}

static bool matches(json_t *got, json_t *want);

/* A leaf of the table: {"type": T, "value": TEXT}. */
static bool leaf_matches(json_t *got, const char *type, json_t *value)
{
    const char *text = json_string_value(value);

    if (!strcmp(type, "array")) {
        for (size_t i = 0; i < json_array_size(value); i++)
            if (!matches(json_array_get(got, i), json_array_get(value, i)))
                return false;
        return json_is_array(got) && json_array_size(got) == json_array_size(value);
    }
    if (!strcmp(type, "integer"))
        return json_is_integer(got) && json_integer_value(got) == strtoll(text, NULL, 10);
    if (!strcmp(type, "float"))
        return json_is_real(got) && json_real_value(got) == strtod(text, NULL);
    if (!strcmp(type, "bool"))
        return json_is_boolean(got) && json_is_true(got) == !strcmp(text, "true");
    if (!strcmp(type, "datetime")) /* fractions of seconds may have more zeros */
        return json_is_string(got) && !strncmp(json_string_value(got), text, 19);
    return json_equal(got, value);
}

static bool matches(json_t *got, json_t *want)
{
    const char *type = json_string_value(json_object_get(want, "type")), *key;
    json_t *value;
    size_t i;

    if (type && json_object_get(want, "value"))
        return leaf_matches(got, type, json_object_get(want, "value"));
    json_array_foreach (want, i, value)
        if (!matches(json_array_get(got, i), value))
            return false;
    json_object_foreach (want, key, value)
        if (!matches(json_object_get(got, key), value))
            return false;
    return json_is_object(want) ? json_object_size(got) == json_object_size(want)
                                : json_array_size(got) == json_array_size(want);
}

static void toml_valid_table(void **state)
{
    json_t *table = vectors_load("toml/toml_test.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "valid"), i, row) {
        FLUX_AUTO(configfile) cfg = parse(json_string_value(json_object_get(row, "toml")));
        FLUX_AUTO_STR got = json_dumps(flux_configfile_json(cfg), JSON_COMPACT);
        if (!matches(flux_configfile_json(cfg), json_object_get(row, "typed_json")))
            fail_msg("%s: %s", json_string_value(json_object_get(row, "name")), got);
    }
    json_decref(table);
}

/* What TOML 1.0 allows and the version of the table did not. */
static bool valid_since(const char *name)
{
    return !strncmp(name, "array-mixed-types-", 18);
}

static void toml_invalid_table(void **state)
{
    json_t *table = vectors_load("toml/toml_test.json"), *row;
    size_t i;

    if (!table)
        skip();
    json_array_foreach (json_object_get(table, "invalid"), i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        FLUX_AUTO(configfile) cfg = NULL;
        struct flux_error err = {""};
        int r = flux_configfile_parse(json_string_value(json_object_get(row, "toml")), "x.toml",
                                      &cfg, &err);
        if ((r == 0) != valid_since(name))
            fail_msg("%s: %s", name, r ? err.text : "accepted");
        if (r < 0)
            assert_true(!strncmp(err.text, "x.toml:", 7) && err.text[7] >= '1' &&
                        err.text[7] <= '9');
    }
    json_decref(table);
}

static void values_by_path(void **state)
{
    FLUX_AUTO(configfile) cfg = parse("[kvs]\ngc-threshold = 100000\ncheckpoint-period = \"30m\"\n"
                                      "[tbon]\ntorpid_min = 5\n"
                                      "[[resource.config]]\nhosts = \"a\"\n[[resource.config]]\n"
                                      "hosts = \"b\"\n[access]\nallow-guest-user = true\n");
    struct flux_error err;
    const char *text;
    double period;
    int64_t n;
    bool flag;

    assert_int_equal(flux_configfile_get_int(cfg, "kvs.gc-threshold", &n, NULL), 1);
    assert_int_equal(n, 100000);
    assert_int_equal(flux_configfile_get_fsd(cfg, "kvs.checkpoint-period", &period, NULL), 1);
    assert_true(period == 1800);
    assert_int_equal(flux_configfile_get_fsd(cfg, "tbon.torpid_min", &period, NULL), 1);
    assert_true(period == 5);
    assert_int_equal(flux_configfile_get_bool(cfg, "access.allow-guest-user", &flag, NULL), 1);
    assert_true(flag);
    assert_int_equal(flux_configfile_get_string(cfg, "resource.config.1.hosts", &text, NULL), 1);
    assert_string_equal(text, "b");
    assert_int_equal(flux_configfile_get_string(cfg, "exec.imp", &text, NULL), 0);
    assert_int_equal(flux_configfile_get_string(cfg, "kvs.gc-threshold", &text, &err), -EINVAL);
    assert_string_equal(err.text, "system.toml:2: kvs.gc-threshold: must be a string");
    assert_string_equal(flux_configfile_where(cfg, "resource.config.1.hosts"), "system.toml:9");
    assert_string_equal(flux_configfile_where(cfg, "kvs.nothing"), "system.toml:1");
    assert_string_equal(flux_configfile_where(cfg, "nothing"), "");
}

struct findings {
    int n;
    char text[10][320];
};

static void collect(const char *text, bool fatal, void *arg)
{
    struct findings *f = arg;

    assert_true(f->n < 10);
    snprintf(f->text[f->n++], 320, "%s%s", fatal ? "" : "warning: ", text);
}

static void complaint(const char *toml, const char *want)
{
    FLUX_AUTO(configfile) cfg = parse(toml);
    struct findings f = {0};
    struct flux_error err = {""};

    flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, collect, &f, &err);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.text[0], want);
    if (strncmp(want, "warning", 7) != 0)
        assert_string_equal(err.text, want);
}

static void complaints(void **state)
{
    complaint("\n[exec]\nimpp = \"/x\"\n",
              "system.toml:3: exec.impp: unknown key; did you mean 'imp'?");
    complaint("[access]\nallow_guest_user = true\n",
              "system.toml:2: access.allow_guest_user: "
              "unknown key; did you mean 'allow-guest-user'?");
    complaint("[kvs]\nfrobnicate = 1\n", "system.toml:2: kvs.frobnicate: unknown key");
    complaint("[acess]\nx = 1\n", "system.toml:1: acess: unknown key; did you mean 'access'?");
    complaint("[my-site-plugin]\nx = 1\n",
              "warning: system.toml:1: my-site-plugin: a table that is not known here");
    complaint("[access]\nallow-guest-user = \"yes\"\n",
              "system.toml:2: access.allow-guest-user: must be true or false");
    complaint("[tbon]\ntcp_user_timeout = \"2 minutes\"\n",
              "system.toml:2: tbon.tcp_user_timeout: must be a duration such as \"30s\" or \"5m\"");
    complaint("[[resource.config]]\nhosts = \"a\"\n[[resource.config]]\nhosts = \"b[\"\n",
              "system.toml:4: resource.config.1.hosts: must be hosts such as \"test[1-16]\"");
    complaint("[resource]\nconfig = 1\n", "system.toml:2: resource.config: must be an array");
    complaint("[queues.debug]\nrequires = \"debug\"\n",
              "system.toml:2: queues.debug.requires: must be an array");
    complaint("[queues.debug.policy.limits]\ndurations = \"1h\"\n",
              "system.toml:2: queues.debug.policy.limits.durations: unknown key; "
              "did you mean 'duration'?");
    complaint("[resource]\nverify = 3\n",
              "system.toml:2: resource.verify: must be true or false or a table");
    complaint("[resource.verify]\ncores = \"ignore\"\n",
              "system.toml:2: resource.verify.cores: unknown key; did you mean 'core'?");
    complaint("[job-manager.epilog]\ncommand = []\n",
              "system.toml:2: job-manager.epilog.command: must be an array of strings, not empty");
    complaint("access = 1\n", "system.toml:1: access: must be a table");
}

static const char guide[] =
    "[exec]\nimp = \"/usr/libexec/flux/flux-imp\"\n"
    "[access]\nallow-guest-user = true\nallow-root-owner = true\n"
    "[bootstrap]\ncurve_cert = \"/etc/flux/system/curve.cert\"\ndefault_port = 8050\n"
    "default_bind = \"tcp://eth0:%p\"\ndefault_connect = \"tcp://%h:%p\"\n"
    "hosts = [\n  { host = \"test[1-16]\" },\n]\n"
    "[tbon]\ntcp_user_timeout = \"2m\"\n"
    "[resource]\nnorestrict = true\nexclude = \"test[1-2]\"\n"
    "[[resource.config]]\nhosts = \"test[1-15]\"\ncores = \"0-7\"\ngpus = \"0\"\n"
    "[[resource.config]]\nhosts = \"test16\"\ncores = \"0-63\"\nproperties = [\"fatnode\"]\n"
    "[kvs]\ncheckpoint-period = \"30m\"\ngc-threshold = 100000\n"
    "[ingest.validator]\nplugins = [ \"jobspec\", \"feasibility\" ]\n"
    "[job-manager]\ninactive-age-limit = \"7d\"\nplugins = [ { load = \"perilog.so\" } ]\n"
    "[job-manager.prolog]\ncommand = [ \"flux\", \"perilog-run\", \"prolog\" ]\n"
    "[policy.jobspec.defaults.system]\nduration = \"1m\"\nqueue = \"debug\"\n"
    "[policy.limits]\nduration = \"2h\"\njob-size.max.nnodes = 8\njob-size.max.ncores = 32\n"
    "[queues.debug]\nrequires = [\"debug\"]\npolicy.limits.duration = \"30m\"\n"
    "[sched-fluxion-qmanager]\nqueue-policy = \"easy\"\n"
    "[sched-fluxion-resource]\nmatch-policy = \"lonodex\"\nmatch-format = \"rv1_nosched\"\n";

static void the_guides_configuration_is_good(void **state)
{
    FLUX_AUTO(configfile) cfg = parse(guide);
    FLUX_AUTO(configfile) sign = parse("[sign]\nmax-ttl = 1209600\ndefault-type = \"munge\"\n"
                                       "allowed-types = [ \"munge\" ]\n");
    FLUX_AUTO(configfile) imp =
        parse("[exec]\nallowed-users = [ \"flux\" ]\nallowed-shells = "
              "[ \"/usr/libexec/flux/flux-shell\" ]\npam-support = true\n"
              "[run.prolog]\nallowed-users = [ \"flux\" ]\npath = \"/x\"\n");
    struct flux_error err = {""};

    if (flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, NULL, NULL, &err) != 0)
        fail_msg("%s", err.text);
    if (flux_configfile_check(sign, FLUX_CONFIG_SECURITY, NULL, NULL, &err) != 0)
        fail_msg("%s", err.text);
    if (flux_configfile_check(imp, FLUX_CONFIG_IMP, NULL, NULL, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(flux_configfile_check(imp, FLUX_CONFIG_SYSTEM, NULL, NULL, &err), 4);
}

static void docs_and_restarts(void **state)
{
    FLUX_AUTO(configfile) a = parse("[tbon]\ntopo = \"kary:2\"\n[exec]\nimp = \"/a\"\n");
    FLUX_AUTO(configfile) b = parse("[tbon]\ntopo = \"kary:4\"\n[exec]\nimp = \"/b\"\n"
                                    "[[resource.config]]\nhosts = \"a\"\n");
    json_t *keys = flux_configfile_needs_restart(a, b);
    FLUX_AUTO_STR text = json_dumps(keys, JSON_COMPACT);

    assert_string_equal(text, "[\"tbon.topo\",\"resource.config\"]");
    json_decref(keys);
    assert_string_equal(
        flux_configfile_doc(FLUX_CONFIG_SYSTEM, "queues.debug.policy.limits.duration"),
        "Longest duration; 0: no limit.");
    assert_string_equal(flux_configfile_doc(FLUX_CONFIG_SYSTEM, "resource.config.0.cores"),
                        "Their cores.");
    assert_null(flux_configfile_doc(FLUX_CONFIG_SYSTEM, "exec.nothing"));
}

static void put(const char *dir, const char *name, const char *text)
{
    FLUX_AUTO_STR path = flux_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void drop(const char *dir, const char *name)
{
    FLUX_AUTO_STR path = flux_printf("%s/%s", dir, name);

    unlink(path);
}

static void a_directory_merges(void **state)
{
    char dir[] = "/tmp/flux-config-XXXXXX";
    FLUX_AUTO(configfile) cfg = NULL;
    FLUX_AUTO(configfile) again = NULL;
    struct flux_error err = {""};

    assert_non_null(mkdtemp(dir));
    put(dir, "a.toml", "[exec]\nimp = \"/a\"\nkill-timeout = \"5s\"\n[resource]\nconfig = [1]\n");
    put(dir, "b.toml", "\n[exec]\nimp = 7\n[resource]\nconfig = [{hostz = \"a\"}]\n");
    put(dir, "notes.txt", "not toml");
    if (flux_configfile_load(dir, &cfg, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(flux_configfile_where(cfg, "exec.imp"), "b.toml:3");
    assert_string_equal(flux_configfile_where(cfg, "exec.kill-timeout"), "a.toml:3");
    assert_string_equal(flux_configfile_where(cfg, "resource.config.0.hostz"), "b.toml:5");
    assert_int_equal(flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, NULL, NULL, &err), 2);
    put(dir, "c.toml", "[exec\n");
    assert_int_equal(flux_configfile_load(dir, &again, &err), -EINVAL);
    assert_non_null(strstr(err.text, "c.toml:1: "));
    drop(dir, "c.toml");
    put(dir, "d.json", "{}");
    assert_int_equal(flux_configfile_load(dir, &again, &err), -EINVAL);
    drop(dir, "a.toml");
    drop(dir, "b.toml");
    put(dir, "d.json", "{\"exec\": {\"impp\": \"/x\"}}");
    assert_int_equal(flux_configfile_load(dir, &again, &err), 0);
    assert_int_equal(flux_configfile_check(again, FLUX_CONFIG_SYSTEM, NULL, NULL, &err), 1);
    assert_string_equal(err.text, "d.json: exec.impp: unknown key; did you mean 'imp'?");
    drop(dir, "d.json");
    drop(dir, "notes.txt");
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(flux_configfile_load(dir, &again, &err), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toml_valid_table),
        cmocka_unit_test(toml_invalid_table),
        cmocka_unit_test(values_by_path),
        cmocka_unit_test(complaints),
        cmocka_unit_test(the_guides_configuration_is_good),
        cmocka_unit_test(docs_and_restarts),
        cmocka_unit_test(a_directory_merges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
