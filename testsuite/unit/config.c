// SPDX-License-Identifier: LGPL-3.0-only
/* Configuration: the TOML tables, reading and merging files, and the words of every complaint. */
#include <flux/bootstrap.h>
#include <flux/config.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <setjmp.h>
#include <sys/stat.h>
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

static void collect(const char *text, enum flux_configfile_severity severity, void *arg)
{
    struct findings *f = arg;

    if (severity == FLUX_CONFIG_UNUSED)
        return;
    assert_true(f->n < 10);
    snprintf(f->text[f->n++], 320, "%s%s", severity == FLUX_CONFIG_ERROR ? "" : "warning: ", text);
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
    complaint("[bootstrap]\ndefault_port = 70000\n",
              "system.toml:2: bootstrap.default_port: must be from 1 to 65535");
    complaint("[kvs]\ngc-threshold = -1\n", "system.toml:2: kvs.gc-threshold: must be at least 0");
    complaint("[exec]\nterm-signal = \"SIGNOTHING\"\n",
              "system.toml:2: exec.term-signal: must be a signal such as \"SIGTERM\"");
    complaint("[exec]\nservice = \"ssh\"\n",
              "system.toml:2: exec.service: 'ssh' is none of \"rexec\", \"sdexec\"");
    complaint("[ingest]\nbuffer-size = \"ten\"\n",
              "system.toml:2: ingest.buffer-size: must be a number of bytes such as \"10M\"");
    complaint("[bootstrap]\ndefault_bind = \"eth0\"\n",
              "system.toml:2: bootstrap.default_bind: must be an endpoint such as "
              "\"tcp://eth0:%p\"");
    complaint("[[resource.config]]\ncores = \"0-3\"\n",
              "system.toml:1: resource.config.0: hosts is missing");
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

#define BOOT                                                                                       \
    "[bootstrap]\ncurve_cert = \"/c\"\ndefault_port = 8050\ndefault_bind = \"tcp://*:%p\"\n"       \
    "default_connect = \"tcp://%h:%p\"\n"

static void keys_that_contradict_each_other(void **state)
{
    complaint(
        "[bootstrap]\ndefault_bind = \"tcp://*:1\"\ndefault_connect = \"tcp://%h:1\"\n"
        "hosts = [ { host = \"a[0-1]\" } ]\n",
        "system.toml:1: bootstrap: curve_cert is missing: make a certificate with flux keygen");
    complaint("[bootstrap]\ncurve_cert = \"/c\"\nhosts = [ { host = \"a[0-1]\" } ]\n",
              "system.toml:1: bootstrap: neither default_bind is set nor does the entry of a0 have "
              "its own");
    complaint("[bootstrap]\ncurve_cert = \"/c\"\ndefault_bind = \"tcp://*:%p\"\n"
              "hosts = [ { host = \"a[0-1]\" } ]\n",
              "system.toml:1: bootstrap: tcp://*:%p has %p in it, and default_port is not set");
    complaint(BOOT "hosts = [ { host = \"a[0-3]\" },\n { host = \"a3\", parent = \"b\" } ]\n",
              "system.toml:7: bootstrap.hosts.1.parent: 'b', the parent of a3, is not in "
              "bootstrap.hosts");
    complaint(BOOT "hosts = [ { host = \"a[0-3]\" },\n { host = \"a2\", parent = \"a3\" },\n"
                   "{ host = \"a3\", parent = \"a2\" } ]\n",
              "system.toml:7: bootstrap.hosts.1.parent: parents make a loop that does not lead to "
              "rank 0: a2 -> a3 -> a2");
    complaint(BOOT "hosts = [ { host = \"a[0-3]\" },\n { host = \"a0\", parent = \"a3\" } ]\n",
              "system.toml:7: bootstrap.hosts.1.parent: a0 is rank 0, the root of the tree: it "
              "cannot have a parent");
    complaint("[tbon]\ntorpid_max = \"3s\"\n",
              "system.toml:2: tbon.torpid_max: torpid_max must be longer than torpid_min (5s)");
    complaint("[tbon]\ntopo = \"kary:x\"\n",
              "system.toml:2: tbon.topo: topology: 'kary:x' is none of kary:K, flat, binomial, "
              "mincrit[:K], custom");
    complaint("[heartbeat]\nperiod = 0\n",
              "system.toml:2: heartbeat.period: the timeout (300s) must be longer than the period "
              "(0s), or 0");
    complaint("[policy.jobspec.defaults.system]\nqueue = \"debug\"\n",
              "system.toml:2: policy.jobspec.defaults.system.queue: there is no queue 'debug' in "
              "[queues]");
    complaint("[queues.a]\nparent = \"b\"\n",
              "system.toml:2: queues.a.parent: there is no queue 'b' in [queues]");
    complaint("[queues.a]\n[queues.b]\nparent = \"a\"\nrequires = [\"x\"]\n",
              "system.toml:4: queues.b.requires: a queue with a parent has the parent's resources");
    complaint("[policy.limits]\njob-size.max.nnodes = 3\njob-size.min.nnodes = 4\n",
              "system.toml:3: policy.limits.job-size.min.nnodes: is above the largest that is "
              "allowed (3)");
}

static void a_bootstrap_table_is_read(void **state)
{
    FLUX_AUTO(configfile) cfg = parse(
        BOOT "hosts = [ { host = \"a[0-3]\" }, { host = \"a[2-3]\", parent = \"a1\" },\n"
             "{ host = \"a1\", bind = \"tcp://eth1:9000\", connect = \"tcp://10.0.0.1:%p\" } ]\n");
    char where[FLUX_BOOTSTRAP_WHERE];
    FLUX_AUTO(bootstrap) bs = NULL;
    FLUX_AUTO(bootstrap) none = NULL;
    FLUX_AUTO_STR hosts = NULL;
    FLUX_AUTO_STR bind = NULL;
    FLUX_AUTO_STR connect = NULL;
    FLUX_AUTO_STR other = NULL;

    assert_int_equal(flux_bootstrap_new(flux_configfile_get(cfg, "bootstrap"), &bs, where, NULL),
                     0);
    assert_int_equal(flux_bootstrap_size(bs), 4);
    assert_int_equal(flux_bootstrap_rank(bs, "a2"), 2);
    assert_int_equal(flux_bootstrap_rank(bs, "a2.example.com"), 2);
    assert_int_equal(flux_bootstrap_rank(bs, "a4"), FLUX_BOOTSTRAP_NONE);
    assert_int_equal(flux_bootstrap_parents(bs)[3], 1);
    assert_int_equal(flux_bootstrap_parents(bs)[1], 0);
    hosts = flux_bootstrap_hostlist(bs);
    assert_string_equal(hosts, "a[0-3]");
    assert_int_equal(flux_bootstrap_bind(bs, 1, &bind, NULL), 0);
    assert_string_equal(bind, "tcp://eth1:9000");
    assert_int_equal(flux_bootstrap_connect(bs, 1, &connect, NULL), 0);
    assert_string_equal(connect, "tcp://10.0.0.1:8050");
    assert_int_equal(flux_bootstrap_connect(bs, 3, &other, NULL), 0);
    assert_string_equal(other, "tcp://a3:8050");
    assert_int_equal(flux_bootstrap_new(NULL, &none, where, NULL), 0);
    assert_int_equal(flux_bootstrap_size(none), 0);
    assert_true(flux_bootstrap_digest(none) != flux_bootstrap_digest(bs));
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
        "Longest duration; 0: no limit. Default: 0.");
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

static void keep(const char *text, enum flux_configfile_severity severity, void *arg)
{
    if (severity == FLUX_CONFIG_REPLACED)
        *(char **)arg = flux_strdup(text);
}

static void lists_of_tables_are_not_joined(void **state)
{
    char dir[] = "/tmp/flux-config-XXXXXX";
    FLUX_AUTO(configfile) cfg = NULL;
    FLUX_AUTO(configfile) alone = NULL;
    FLUX_AUTO_STR told = NULL;

    assert_non_null(mkdtemp(dir));
    put(dir, "a.toml",
        "\n[[resource.config]]\nhosts = \"a\"\n[[resource.config]]\nhosts = \"b\"\n");
    assert_int_equal(flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &alone, NULL), 0);
    assert_int_equal(flux_configfile_check(alone, FLUX_CONFIG_SYSTEM, keep, &told, NULL), 0);
    assert_null(told);
    put(dir, "b.toml", "[resource]\nnoverify = true\n[[resource.config]]\nhosts = \"c\"\n");
    assert_int_equal(flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &cfg, NULL), 0);
    assert_int_equal(json_array_size(flux_configfile_get(cfg, "resource.config")), 1);
    assert_int_equal(flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, keep, &told, NULL), 0);
    assert_string_equal(told, "b.toml:3: resource.config: takes the place of the list at a.toml:2: "
                              "they do not add up");
    drop(dir, "a.toml");
    drop(dir, "b.toml");
    rmdir(dir);
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
    if (flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &cfg, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(flux_configfile_where(cfg, "exec.imp"), "b.toml:3");
    assert_string_equal(flux_configfile_where(cfg, "exec.kill-timeout"), "a.toml:3");
    assert_string_equal(flux_configfile_where(cfg, "resource.config.0.hostz"), "b.toml:5");
    assert_int_equal(flux_configfile_check(cfg, FLUX_CONFIG_SYSTEM, NULL, NULL, &err), 3);
    put(dir, "c.toml", "[exec\n");
    assert_int_equal(flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &again, &err), -EINVAL);
    assert_non_null(strstr(err.text, "c.toml:1: "));
    drop(dir, "c.toml");
    put(dir, "d.json", "{}");
    assert_int_equal(flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &again, &err), -EINVAL);
    drop(dir, "a.toml");
    drop(dir, "b.toml");
    put(dir, "d.json", "{\"exec\": {\"impp\": \"/x\"}}");
    assert_int_equal(flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &again, &err), 0);
    assert_int_equal(flux_configfile_check(again, FLUX_CONFIG_SYSTEM, NULL, NULL, &err), 1);
    assert_string_equal(err.text, "d.json: exec.impp: unknown key; did you mean 'imp'?");
    drop(dir, "d.json");
    drop(dir, "notes.txt");
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(flux_configfile_load(dir, FLUX_CONFIG_TRUST_OWNER, &again, &err), -ENOENT);
}

static void refuse(const char *path, enum flux_configfile_trust trust, int want, const char *text)
{
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err = {""};

    assert_int_equal(flux_configfile_load(path, trust, &cfg, &err), want);
    if (want < 0 && !strstr(err.text, text))
        fail_msg("%s: %s", path, err.text);
}

static void files_of_others_are_refused(void **state)
{
    char dir[] = "/tmp/flux-config-XXXXXX";
    FLUX_AUTO_STR file = NULL;
    FLUX_AUTO_STR fifo = NULL;

    assert_non_null(mkdtemp(dir));
    file = flux_printf("%s/a.toml", dir);
    fifo = flux_printf("%s/b.toml", dir);
    put(dir, "a.toml", "[exec]\n");
    refuse(dir, FLUX_CONFIG_TRUST_OWNER, 0, "");
    assert_int_equal(chmod(file, 0666), 0);
    refuse(dir, FLUX_CONFIG_TRUST_ANY, 0, "");
    refuse(dir, FLUX_CONFIG_TRUST_OWNER, -EPERM, "a.toml may be written by others (mode 0666)");
    refuse(file, FLUX_CONFIG_TRUST_OWNER, -EPERM, "chmod o-w it");
    assert_int_equal(chmod(file, 0664), 0);
    refuse(file, FLUX_CONFIG_TRUST_OWNER, 0, "");
    refuse(file, FLUX_CONFIG_TRUST_ROOT, -EPERM,
           geteuid() ? "must belong to root" : "/tmp may be written by others");
    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    refuse(dir, FLUX_CONFIG_TRUST_OWNER, -EPERM, "may be written by others (mode 0777)");
    assert_int_equal(chmod(dir, 0755), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(file, 1234, 0), 0);
        refuse(dir, FLUX_CONFIG_TRUST_OWNER, -EPERM, "a.toml belongs to user 1234");
    }
    assert_int_equal(mkfifo(fifo, 0600), 0);
    refuse(fifo, FLUX_CONFIG_TRUST_ANY, -EINVAL, "is not a regular file");
    unlink(fifo);
    unlink(file);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toml_valid_table),
        cmocka_unit_test(toml_invalid_table),
        cmocka_unit_test(values_by_path),
        cmocka_unit_test(complaints),
        cmocka_unit_test(the_guides_configuration_is_good),
        cmocka_unit_test(keys_that_contradict_each_other),
        cmocka_unit_test(a_bootstrap_table_is_read),
        cmocka_unit_test(docs_and_restarts),
        cmocka_unit_test(a_directory_merges),
        cmocka_unit_test(lists_of_tables_are_not_joined),
        cmocka_unit_test(files_of_others_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
