// SPDX-License-Identifier: LGPL-3.0-only
/* The reader of TOML: what it knows, what it refuses and with which words, and the schema. */
#include "setup.h"

#include "../../../imp/conf/secure.h"

static struct conf *parse(const char *text)
{
    /* no NUL at the end, as the contract allows */
    size_t n = strlen(text);
    char *bytes = memcpy(malloc(n + !n), text, n);
    struct imp_error err = {""};
    struct conf *conf = NULL;
    int r = conf_parse(bytes, n, "f", &conf, &err);

    free(bytes);
    if (r < 0)
        fail_msg("'%s': %s", text, err.text);
    return conf;
}

static const char *refuse(const char *text, char buf[static 512])
{
    size_t n = strlen(text);
    char *bytes = memcpy(malloc(n + !n), text, n);
    struct imp_error err = {""};
    struct conf *conf = NULL;
    int r = conf_parse(bytes, n, "f", &conf, &err);

    free(bytes);
    if (r != -EINVAL)
        fail_msg("'%s': %d", text, r);
    return strcpy(buf, err.text);
}

static void values_of_all_kinds_are_read(void **state)
{
    struct conf *c = parse("# comment\n"
                           "a = 1_000 # more\r\n"
                           "b = \"x\\t\\\"\\u00e9\\U0001F600\\\\\"\n"
                           "'c d' = 'lit\\eral'\n"
                           "\n"
                           "[t]\n"
                           "yes = true\n"
                           "no=false\n"
                           "x.y.z = -5\n"
                           "when = 2026-01-31T23:59:59Z\n"
                           "list = [ 'a', \"b\", # inside\n"
                           "  'c',\n"
                           "]\n"
                           "in = { k = 'v', n.m = 2 }\n"
                           "[t.sub]\n"
                           "k = 3\n"
                           "[[many]]\n"
                           "n = 1\n"
                           "[[many]]\n"
                           "n = 2\n"
                           "[many.deep]\n"
                           "k = 9");
    const struct conf *list;
    const char *s;
    int64_t i;
    bool b;
    time_t t;
    char where[64];

    assert_true(conf_get_int(c, "a", &i, NULL) == 1 && i == 1000);
    assert_int_equal(conf_get_string(c, "b", &s, NULL), 1);
    assert_string_equal(s, "x\t\"\u00e9\U0001F600\\");
    assert_int_equal(conf_get_string(c, "c d", &s, NULL), 1);
    assert_string_equal(s, "lit\\eral");
    assert_true(conf_get_bool(c, "t.yes", &b, NULL) == 1 && b);
    assert_true(conf_get_bool(c, "t.no", &b, NULL) == 1 && !b);
    assert_true(conf_get_int(c, "t.x.y.z", &i, NULL) == 1 && i == -5);
    assert_true(conf_get_time(c, "t.when", &t, NULL) == 1 && t == 1769903999);
    assert_int_equal(conf_get_strings(c, "t.list", &list, NULL), 1);
    assert_int_equal(conf_len(list), 3);
    assert_true(conf_has(list, "b") && !conf_has(list, "d") && !conf_has(NULL, "b"));
    assert_true(conf_get_int(c, "t.in.n.m", &i, NULL) == 1 && i == 2);
    assert_true(conf_get_int(c, "t.sub.k", &i, NULL) == 1 && i == 3);
    assert_int_equal(conf_len(conf_get(c, "many")), 2);
    assert_true(conf_get_int(conf_at(conf_get(c, "many"), 1), "deep.k", &i, NULL) == 1 && i == 9);
    assert_string_equal(conf_where(conf_get(c, "t.x.y.z"), where, sizeof(where)), "f:9");
    assert_null(conf_get(c, "t.none"));
    assert_null(conf_get(c, "a.b"));
    assert_int_equal(conf_get_int(c, "t.none", &i, NULL), 0);
    conf_free(c);
}

static void types_are_checked_where_values_are_taken(void **state)
{
    struct conf *c = parse("i = 1\ns = 's'\nl = ['a', 1]\n");
    struct imp_error err;
    const struct conf *list;
    const char *s;
    int64_t i;
    bool b;

    assert_int_equal(conf_get_string(c, "i", &s, &err), -EINVAL);
    assert_string_equal(err.text, "f:1: i must be a string");
    assert_int_equal(conf_get_int(c, "s", &i, &err), -EINVAL);
    assert_int_equal(conf_get_bool(c, "s", &b, &err), -EINVAL);
    assert_int_equal(conf_get_strings(c, "s", &list, &err), -EINVAL);
    assert_int_equal(conf_get_strings(c, "l", &list, &err), -EINVAL);
    assert_string_equal(err.text, "f:3: l must be an array of strings");
    conf_free(c);
}

static void what_is_not_known_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *want; /* part of the message */
    } rows[] = {
        {"a", "f:1: expected '=' after a key"},
        {"a =", "f:1: expected a value"},
        {"a = \n", "f:1: expected a value"},
        {"= 1", "f:1: expected a key"},
        {"a = 1 b = 2", "f:1: expected the end of the line"},
        {"a = 1\n\na = 2", "f:3: 'a' was set at f:1 already"},
        {"[a]\nb = 1\n[a]\n", "f:3: 'a' was set at f:1 already"},
        {"a = 1\n[a]\n", "f:2: 'a' was set at f:1 already"},
        {"a = 1\na.b = 1\n", "already"},
        {"a = {}\na.b = 1\n", "already"},
        {"a = {}\n[a.b]\n", "already"},
        {"a = []\n[[a]]\n", "already"},
        {"[a]\n[[a]]\n", "already"},
        {"[[a]]\nb=1\nb=2", "already"},
        {"[a", "expected ']'"},
        {"[]", "expected a key"},
        {"[a]]", "expected the end of the line"},
        {"[[a]", "expected ']'"},
        {"[a] b = 1", "expected the end of the line"},
        {"a = [1", "expected ',' or ']'"},
        {"a = [1 2]", "expected ',' or ']'"},
        {"a = [,]", "expected a value"},
        {"a = {b = 1", "expected ',' or '}'"},
        {"a = {b = 1\n}", "expected ',' or '}'"},
        {"a = {b}", "expected '='"},
        {"a = {b = 1, b = 2}", "already"},
        {"a = 'x", "a string does not end on its line"},
        {"a = \"x\ny\"", "a string does not end on its line"},
        {"a = \"\\q\"", "unknown escape"},
        {"a = \"\\", "unknown escape"},
        {"a = \"\\u12\"", "unknown escape"},
        {"a = \"\\ud800\"", "unknown escape"},
        {"a = \"\\u0000\"", "unknown escape"},
        {"a = \"\\U00110000\"", "unknown escape"},
        {"a = \"\x01\"", "control character in a string"},
        {"a = '\x7f'", "control character in a string"},
        {"# \x01", "control character in a comment"},
        {"a = \"\"\"x\"\"\"", "strings of several lines are not known here"},
        {"a = '''x'''", "strings of several lines are not known here"},
        {"a = 1.5", "'1.5' is no value"},
        {"a = 1e5", "is no value"},
        {"a = 0x10", "is no value"},
        {"a = 01", "is no value"},
        {"a = +", "is no value"},
        {"a = 1__0", "is no value"},
        {"a = _1", "is no value"},
        {"a = 1_", "is no value"},
        {"a = 9223372036854775808", "is no value"},
        {"a = -9223372036854775809", "is no value"},
        {"a = True", "is no value"},
        {"a = munge", "'munge' is no value: strings are quoted"},
        {"a = 2026-01-31", "is no value"},
        {"a = 2026-02-30T00:00:00Z", "is no value"},
        {"a = inf", "is no value"},
        {"x\n= 1", "expected '='"},
        {"a . = 1", "expected a key"},
        {"\xff = 1", "f:1: not UTF-8 text"},
        {"a = 1\nb = '\xc0\x80'", "f:2: not UTF-8 text"},
        {"a = '\xed\xa0\x80'", "not UTF-8 text"},
        {"a = '\xf4\x90\x80\x80'", "not UTF-8 text"},
        {"a = '\xe2\x82", "not UTF-8 text"},
        {"\xef\xbb\xbf"
         "a = 1",
         "expected a key"},
        {"a = 1\rb = 2", "expected the end of the line"},
    };
    char text[512];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!strstr(refuse(rows[i].text, text), rows[i].want))
            fail_msg("'%s': %s", rows[i].text, text);
}

static void sizes_are_bounded(void **state)
{
    char text[512], *large = calloc(1, CONF_FILE_MAX + 2);
    struct conf *c = NULL;

    memset(large, '[', 1000);
    memcpy(large, "a =", 3);
    assert_non_null(strstr(refuse(large, text), "too deep"));
    for (int i = 0; i < 100; i++)
        strcpy(large + 2 * i, "a.");
    assert_non_null(strstr(refuse(large, text), "too many parts"));
    strcpy(large, "a = [");
    for (int i = 0; i < CONF_NODES_MAX + 1; i++)
        strcpy(large + 5 + 2 * i, "1,");
    assert_non_null(strstr(refuse(large, text), "too many values"));
    memset(large, ' ', CONF_FILE_MAX + 1);
    assert_int_equal(conf_parse(large, CONF_FILE_MAX + 1, "f", &c, NULL), -EFBIG);
    free(large);
}

static void no_input_forges_a_line_of_a_log(void **state)
{
    struct imp_error err;

    imp_error_set(&err, -1, "a\nb\x1b[31m\xc3\xa9%s", "\r");
    assert_string_equal(err.text, "a\\x0ab\\x1b[31m\\xc3\\xa9\\x0d");
    char large[2000];
    memset(large, '\n', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    imp_error_set(&err, -1, "%s", large);
    assert_true(strlen(err.text) < sizeof(err.text));
    imp_error_sys(&err, -ENOENT, "x");
    assert_string_equal(err.text, "x: No such file or directory");
}

static void unknown_keys_are_refused_with_the_nearest(void **state)
{
    static const struct {
        const char *text;
        bool imp;
        const char *want; /* NULL: accepted */
    } rows[] = {
        {"[sign]\nmax-ttl = 1\ndefault-type = 'munge'\nallowed-types = ['munge']\n", false, NULL},
        {"[sign.munge]\nsocket-path = '/x'\n[sign.curve]\nrequire-ca = true\n", false, NULL},
        {"[sign]\nmax-tll = 1\n", false, "f:2: unknown key 'max-tll'; do you mean 'max-ttl'?"},
        {"[sgin]\n", false, "f:1: unknown key 'sgin'; do you mean 'sign'?"},
        {"[exec]\n", false, "unknown key 'exec'"},
        {"[sign]\nmax-ttl = '1'\n", false, "f:2: max-ttl must be an integer"},
        {"[sign]\nallowed-types = 'munge'\n", false, "f:2: allowed-types must be an array"},
        {"[sign]\nallowed-types = [1]\n", false, "f:2: allowed-types must be a string"},
        {"[sign.munge]\nsocket-path = 'x'\n", false, "socket-path must be an absolute path"},
        {"sign = 1\n", false, "f:1: sign must be a table"},
        {"[[sign]]\n", false, "sign must be a table"},
        {"[exec]\nallowed-users = ['flux']\nallowed-shells = ['/bin/x']\npam-support = true\n",
         true, NULL},
        {"[exec]\nallowed-shells = ['x']\n", true, "allowed-shells must be an absolute path"},
        {"[exec]\nallowed-user = ['flux']\n", true, "do you mean 'allowed-users'?"},
        {"[run.prolog]\npath = '/x'\nallowed-users = []\n", true, NULL},
        {"[run.prolog]\npth = '/x'\n", true, "do you mean 'path'?"},
        {"run = 1\n", true, "run must be a table of tables"},
        {"[run]\nprolog = 1\n", true, "run must be a table"},
        {"[sign]\n", true, "unknown key 'sign'"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct conf *c = parse(rows[i].text);
        struct imp_error err = {""};
        int r = conf_check(c, rows[i].imp ? &conf_keys_imp : &conf_keys_security, &err);

        if (r != (rows[i].want ? -EINVAL : 0) || (rows[i].want && !strstr(err.text, rows[i].want)))
            fail_msg("row %zu: %d '%s'", i, r, err.text);
        conf_free(c);
    }
}

static int load(struct conf **c, struct imp_error *err)
{
    *c = NULL;
    return conf_load(in_dir("conf.d"), geteuid(), c, err);
}

static void files_of_a_directory_merge_in_order(void **state)
{
    struct imp_error err = {""};
    struct conf *c;
    int64_t i;
    char where[300];

    assert_int_equal(load(&c, &err), -ENOENT);
    mkdir(in_dir("conf.d"), 0755);
    assert_int_equal(load(&c, &err), -ENOENT);
    assert_non_null(strstr(err.text, "has no .toml file"));
    write_text(in_dir("conf.d/b.toml"), 0644, "[t]\nx = 2\n[u]\nz = 4\n");
    write_text(in_dir("conf.d/a.toml"), 0644, "[t]\nx = 1\ny = 3\n");
    write_text(in_dir("conf.d/.hidden.toml"), 0644, "garbage");
    write_text(in_dir("conf.d/a.toml.rpmsave"), 0644, "garbage");
    if (load(&c, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(conf_get_int(c, "t.x", &i, NULL) == 1 && i == 2);
    assert_true(conf_get_int(c, "t.y", &i, NULL) == 1 && i == 3);
    assert_non_null(strstr(conf_where(conf_get(c, "t.x"), where, sizeof(where)), "/b.toml:2"));
    conf_free(c);
    write_text(in_dir("conf.d/c.toml"), 0644, "[t]\nx = nonsense\n");
    assert_int_equal(load(&c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "/c.toml:2: "));
    write_text(in_dir("conf.d/c.toml"), 0644, "t = 1\n");
    assert_int_equal(load(&c, &err), -EINVAL);
    unlink(in_dir("conf.d/c.toml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_kinds_are_read),
        cmocka_unit_test(types_are_checked_where_values_are_taken),
        cmocka_unit_test(what_is_not_known_is_refused_with_its_place),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(no_input_forges_a_line_of_a_log),
        cmocka_unit_test(unknown_keys_are_refused_with_the_nearest),
        cmocka_unit_test(files_of_a_directory_merge_in_order),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
