// SPDX-License-Identifier: LGPL-3.0-only
/* What a job inherits: environment variables and resource limits, by rules in the order given. */
#include "submit.h"

#include <fnmatch.h>
#include <regex.h>
#include <sys/resource.h>

#include <flux/buf.h>

#include "environ.h"

extern char **environ;

enum { RULES_DEPTH = 8, VALUE_MAX = 1 << 20 };

struct env_build {
    json_t *env;    /* what the job gets */
    json_t *expand; /* values that the shell completes */
    unsigned depth; /* of rule files */
};

static int compile_regex(const char *pattern, regex_t *ret, struct flux_error *err)
{
    FLUX_AUTO_STR text = flux_strndup(pattern + 1, strlen(pattern) - 2);
    char why[128];
    int r = regcomp(ret, text, REG_EXTENDED | REG_NOSUB);

    if (r == 0)
        return 0;
    regerror(r, ret, why, sizeof(why));
    return flux_error_set(err, -EINVAL, "env: bad pattern %s: %s", pattern, why);
}

static bool is_regex(const char *pattern)
{
    size_t n = strlen(pattern);

    return n > 2 && pattern[0] == '/' && pattern[n - 1] == '/';
}

/* Calls visit(name) for each of the object's names that match a glob or /regex/. */
static int each_match(json_t *names, const char *pattern, void (*visit)(const char *name, void *),
                      void *arg, struct flux_error *err)
{
    bool by_regex = is_regex(pattern);
    const char *name;
    json_t *value;
    regex_t regex;
    void *next;

    if (by_regex && compile_regex(pattern, &regex, err) < 0)
        return -EINVAL;
    json_object_foreach_safe(names, next, name,
                             value) if (by_regex ? regexec(&regex, name, 0, NULL, 0) == 0
                                                 : fnmatch(pattern, name, 0) == 0) visit(name, arg);
    if (by_regex)
        regfree(&regex);
    return 0;
}

static json_t *current_environment(void)
{
    json_t *env = json_object();

    for (char **p = environ; *p; p++) {
        const char *eq = strchr(*p, '=');
        FLUX_AUTO_STR name = eq ? flux_strndup(*p, (size_t)(eq - *p)) : NULL;

        /* What is not UTF-8 cannot stand in a jobspec. */
        if (name && *name)
            (void)json_object_set_new(env, name, json_string(eq + 1));
    }
    return env;
}

static void remove_one(const char *name, void *arg)
{
    struct env_build *b = arg;

    json_object_del(b->expand, name);
    json_object_del(b->env, name); /* last: the name may be the key of this very entry */
}

static void take_one(const char *name, void *arg)
{
    struct env_build *b = arg;
    const char *value = getenv(name);

    if (value)
        (void)json_object_set_new(b->env, name, json_string(value));
}

/* $VAR and ${VAR} by what the job has so far; "$$" is a dollar sign. */
static int expand(const struct env_build *b, const char *value, struct flux_buf *out,
                  struct flux_error *err)
{
    for (const char *p = value; *p; p++) {
        FLUX_AUTO_STR name = NULL;
        const char *s;
        size_t n;
        bool braced = p[0] == '$' && p[1] == '{';

        if (*p != '$' || !p[1] || p[1] == '$') {
            flux_buf_putc(out, *p);
            p += p[0] == '$' && p[1] == '$';
            continue;
        }
        p += 1 + braced;
        n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        if (!n || (braced && p[n] != '}'))
            return flux_error_set(err, -EINVAL, "env: invalid '$' in '%.100s'", value);
        name = flux_strndup(p, n);
        s = json_string_value(json_object_get(b->env, name));
        if (!s)
            return flux_error_set(err, -EINVAL, "env: Variable %s not found in '%.100s'", name,
                                  value);
        flux_buf_puts(out, s);
        p += n - 1 + braced;
    }
    return 0;
}

static int set_variable(struct env_build *b, const char *rule, const char *eq,
                        struct flux_error *err)
{
    FLUX_AUTO_STR name = flux_strndup(rule, (size_t)(eq - rule));
    FLUX_AUTO_BUF value = FLUX_BUF_INIT(VALUE_MAX);
    json_t *into = strstr(eq, "{{") ? b->expand : b->env;
    int r = expand(b, eq + 1, &value, err);

    if (r < 0)
        return r;
    json_object_del(into == b->env ? b->expand : b->env, name);
    if (json_object_set_new(into, name, json_string(value.data ? value.data : "")) < 0)
        return flux_error_set(err, -EINVAL, "env: %s: the value is not UTF-8", name);
    return 0;
}

static int apply_file(struct env_build *b, const char *path, struct flux_error *err);

static int apply_rule(struct env_build *b, const char *rule, struct flux_error *err)
{
    const char *eq = strchr(rule, '=');

    if (rule[0] == '-')
        return each_match(b->env, rule + 1, remove_one, b, err);
    if (rule[0] == '^')
        return apply_file(b, rule + 1, err);
    if (eq && eq != rule)
        return set_variable(b, rule, eq, err);
    if (eq)
        return flux_error_set(err, -EINVAL, "env: '%s': no name before '='", rule);
    {
        json_t *all = current_environment();
        int r = each_match(all, rule, take_one, b, err);

        json_decref(all);
        return r;
    }
}

static int apply_file(struct env_build *b, const char *path, struct flux_error *err)
{
    FILE *fp = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int r = 0;

    if (!fp)
        return flux_error_sys(err, -errno, "env: %s", path);
    if (++b->depth > RULES_DEPTH)
        r = flux_error_set(err, -ELOOP, "env: %s: rule files are nested too deep", path);
    while (r == 0 && (n = getline(&line, &size, fp)) > 0) {
        char *p = line + strspn(line, " \t");

        line[n - (line[n - 1] == '\n')] = '\0';
        if (*p && *p != '#')
            r = apply_rule(b, p, err);
    }
    b->depth--;
    free(line);
    fclose(fp);
    return r;
}

/* The three options are read in the order in which they were given. */
static int apply_options(const struct cli *cli, struct env_build *b, struct flux_error *err)
{
    static const struct {
        const char *option, *prefix;
    } kinds[] = {{"env", ""}, {"env-remove", "-"}, {"env-file", "^"}};

    for (size_t i = 0; i < cli->given_count; i++)
        for (size_t k = 0; k < FLUX_ARRAY_SIZE(kinds); k++) {
            FLUX_AUTO_STR rule = NULL;
            int r;

            if (strcmp(cli->given[i].option->name, kinds[k].option) != 0)
                continue;
            rule = flux_printf("%s%s", kinds[k].prefix, cli->given[i].value);
            r = apply_rule(b, rule, err);
            if (r < 0)
                return r;
        }
    return 0;
}

int submit_environment(const struct cli *cli, json_t *options, json_t **ret, struct flux_error *err)
{
    struct env_build b = {.expand = json_object()};
    int r;

    cli_environ_path();
    b.env = current_environment();
    json_object_del(b.env, "FLUX_PROXY_REMOTE");
    r = apply_options(cli, &b, err);
    if (r == 0 && json_object_size(b.expand) > 0)
        json_object_set(options, "env-expand", b.expand);
    json_decref(b.expand);
    if (r < 0)
        json_decref(b.env);
    else
        *ret = b.env;
    return r;
}

static const struct limit {
    const char *name;
    int resource;
    bool by_default;
} limits[] = {
    {"as", RLIMIT_AS, true},
    {"core", RLIMIT_CORE, true},
    {"cpu", RLIMIT_CPU, true},
    {"data", RLIMIT_DATA, true},
    {"fsize", RLIMIT_FSIZE, true},
    {"memlock", RLIMIT_MEMLOCK, false},
    {"msgqueue", RLIMIT_MSGQUEUE, false},
    {"nice", RLIMIT_NICE, false},
    {"nofile", RLIMIT_NOFILE, true},
    {"nproc", RLIMIT_NPROC, true},
    {"ofile", RLIMIT_NOFILE, false},
    {"rss", RLIMIT_RSS, true},
    {"rtprio", RLIMIT_RTPRIO, false},
    {"rttime", RLIMIT_RTTIME, false},
    {"sigpending", RLIMIT_SIGPENDING, false},
    {"stack", RLIMIT_STACK, true},
};

static void take_limit(json_t *set, const struct limit *l)
{
    struct rlimit now;

    if (getrlimit((__rlimit_resource_t)l->resource, &now) == 0)
        json_object_set_new(
            set, l->name,
            json_integer(now.rlim_cur == RLIM_INFINITY ? -1 : (json_int_t)now.rlim_cur));
}

static int limit_value(const char *rule, const char *text, json_int_t *ret, struct flux_error *err)
{
    char *end;

    if (strcasecmp(text, "unlimited") == 0 || strcasecmp(text, "inf") == 0 ||
        strcasecmp(text, "infinity") == 0) {
        *ret = -1;
        return 0;
    }
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (errno || end == text || *end || *ret < -1)
        return flux_error_set(err, -EINVAL, "rlimit: invalid value in '%s'", rule);
    return 0;
}

static int apply_limit(json_t *set, const char *rule, struct flux_error *err)
{
    bool remove = rule[0] == '-';
    FLUX_AUTO_STR pattern = flux_strdup(rule + remove);
    char *eq = strchr(pattern, '=');
    bool known = false;
    json_int_t value = 0;

    if (eq) {
        *eq++ = '\0';
        if (limit_value(rule, eq, &value, err) < 0)
            return -EINVAL;
    }
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(limits); i++) {
        if (fnmatch(pattern, limits[i].name, FNM_CASEFOLD) != 0)
            continue;
        known = true;
        if (remove)
            json_object_del(set, limits[i].name);
        else if (eq)
            json_object_set_new(set, limits[i].name, json_integer(value));
        else
            take_limit(set, &limits[i]);
    }
    if (!known)
        return flux_error_set(err, -EINVAL, "rlimit: no limit matches '%s'", rule);
    return 0;
}

int submit_rlimits(const struct cli *cli, json_t **ret, struct flux_error *err)
{
    json_t *set = json_object();
    const char *rule;
    size_t i = 0;
    int r = 0;

    for (size_t k = 0; k < FLUX_ARRAY_SIZE(limits); k++)
        if (limits[k].by_default)
            take_limit(set, &limits[k]);
    while (r == 0 && (rule = cli_next(cli, "rlimit", &i)))
        r = apply_limit(set, rule, err);
    if (r < 0)
        json_decref(set);
    else
        *ret = set;
    return r;
}
