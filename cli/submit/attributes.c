// SPDX-License-Identifier: LGPL-3.0-only
/* Shell options and attributes: --setopt, --setattr, --add-file, standard I/O, --signal, --taskmap.
 */
#include "submit.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <flux/base64.h>
#include <flux/fsd.h>
#include <flux/idset.h>
#include <flux/signame.h>

#include "readfile.h"

enum { ADD_FILE_MAX = 8 << 20 };

int submit_set_path(json_t *object, const char *key, json_t *value, struct flux_error *err)
{
    while (strchr(key, '.')) {
        size_t n = strcspn(key, ".");
        FLUX_AUTO_STR name = flux_strndup(key, n);
        json_t *sub = json_object_get(object, name);

        if (sub && !json_is_object(sub)) {
            json_decref(value);
            return flux_error_set(err, -EINVAL, "'%s' is already set to a value", name);
        }
        if (!sub) {
            sub = json_object();
            json_object_set_new(object, name, sub);
        }
        object = sub;
        key += n + 1;
    }
    if (!*key || json_object_set_new(object, key, value) < 0)
        return flux_error_set(err, -EINVAL, "key '%s' is empty or not UTF-8", key);
    return 0;
}

/* JSON if it is, else a string; no value at all is 1. */
static json_t *read_value(const char *text)
{
    json_t *o =
        text ? json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL) : json_integer(1);

    return o ? o : json_string(text);
}

static int set_option(json_t *options, const char *arg, struct flux_error *err)
{
    const char *eq = strchr(arg, '=');
    FLUX_AUTO_STR key = eq ? flux_strndup(arg, (size_t)(eq - arg)) : flux_strdup(arg);
    int r = submit_set_path(options, key, read_value(eq ? eq + 1 : NULL), err);

    return r < 0 ? flux_error_prefix(err, r, "--setopt=%s", arg) : 0;
}

static void set_string(json_t *options, const char *key, const char *value)
{
    (void)submit_set_path(options, key, json_string(value), NULL);
}

static bool is_rank_set(const char *s)
{
    FLUX_AUTO(idset) set = NULL;

    return strcmp(s, "all") == 0 || flux_idset_decode(s, &set, NULL) == 0;
}

static bool to_file(const char *name)
{
    return name && strcmp(name, "none") != 0 && strcmp(name, "kvs") != 0;
}

/* A job that we stay attached to may read what we can read, unless that is surely nothing: a shell
 * that is told to expect input asks for it. */
static bool gives_input(const struct cli *cli)
{
    bool attached = strcmp(cli->verb->path, "run") == 0 ||
                    (strcmp(cli->verb->path, "alloc") == 0 && !cli_has(cli, "bg"));
    struct stat st;

    return attached && fstat(STDIN_FILENO, &st) == 0 &&
           !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

static int set_io(const struct cli *cli, json_t *options, struct flux_error *err)
{
    const char *input = cli_str(cli, "input", NULL);
    const char *output = cli_str(cli, "output", NULL);
    const char *error = cli_str(cli, "error", NULL);

    if (input && !is_rank_set(input)) {
        set_string(options, "input.stdin.type", "file");
        set_string(options, "input.stdin.path", input);
    } else if (input) {
        set_string(options, "input.stdin.type", "service");
        set_string(options, "input.stdin.ranks", input);
    } else if (gives_input(cli))
        set_string(options, "input.stdin.type", "service");
    if (to_file(output)) {
        set_string(options, "output.stdout.type", "file");
        set_string(options, "output.stdout.path", output);
        if (cli_has(cli, "label-io"))
            submit_set_path(options, "output.stdout.label", json_true(), err);
    }
    if (to_file(error)) {
        set_string(options, "output.stderr.type", "file");
        set_string(options, "output.stderr.path", error);
        if (cli_has(cli, "label-io"))
            submit_set_path(options, "output.stderr.label", json_true(), err);
    }
    if (cli_has(cli, "unbuffered")) {
        set_string(options, "output.stdout.buffer.type", "none");
        set_string(options, "output.stderr.buffer.type", "none");
    }
    return 0;
}

/* [SIG][@TIME] */
static int set_signal(const char *arg, json_t *options, struct flux_error *err)
{
    size_t n = strcspn(arg, "@");
    FLUX_AUTO_STR name = flux_strndup(arg, n);
    int signum = n ? flux_signame_parse(name) : SIGUSR1;
    double seconds = 60;

    if (signum < 0)
        return flux_error_set(err, -EINVAL, "--signal: unknown signal '%s'", name);
    if (arg[n] == '@' && flux_fsd_parse(arg + n + 1, &seconds, NULL) < 0)
        return flux_error_set(err, -EINVAL, "--signal: invalid time '%s'", arg + n + 1);
    submit_set_path(options, "signal.signum", json_integer(signum), err);
    return submit_set_path(options, "signal.timeleft", json_real(seconds), err);
}

int submit_shell_options(const struct cli *cli, json_t *options, struct flux_error *err)
{
    const char *sig = cli_str(cli, "signal", NULL);
    const char *arg;
    size_t i = 0;
    int r = set_io(cli, options, err);

    if (r == 0 && sig)
        r = set_signal(sig, options, err);
    while (r == 0 && (arg = cli_next(cli, "setopt", &i)))
        r = set_option(options, arg, err);
    return r;
}

/* ^KEY=FILE */
static int read_json_file(const char *arg, const char *path, json_t **ret, struct flux_error *err)
{
    json_error_t e;

    *ret = path ? json_load_file(path, JSON_REJECT_DUPLICATES, &e) : NULL;
    if (!path)
        return flux_error_set(err, -EINVAL, "--setattr=%s: no file given", arg);
    if (!*ret)
        return flux_error_set(err, -EINVAL, "--setattr=%s: %s", arg, e.text);
    return 0;
}

static int set_attribute(json_t *attributes, const char *arg, struct flux_error *err)
{
    bool from_file = arg[0] == '^';
    const char *name = arg + from_file;
    const char *eq = strchr(name, '=');
    FLUX_AUTO_STR key = eq ? flux_strndup(name, (size_t)(eq - name)) : flux_strdup(name);
    FLUX_AUTO_STR path = NULL;
    json_t *value = NULL;

    if (!*key)
        return flux_error_set(err, -EINVAL, "--setattr=%s: no key given", arg);
    if (strncmp(key, "attributes.", 11) == 0)
        path = flux_strdup(key + 11);
    else if (strncmp(key, "system.", 7) == 0 || strncmp(key, "user.", 5) == 0)
        path = flux_strdup(key);
    else
        path = flux_printf("system.%s", key[0] == '.' ? key + 1 : key);
    if (from_file && read_json_file(arg, eq ? eq + 1 : NULL, &value, err) < 0)
        return -EINVAL;
    if (!value)
        value = read_value(eq ? eq + 1 : NULL);
    if (json_object_set_new(attributes, path, value) < 0)
        return flux_error_set(err, -EINVAL, "--setattr=%s: not UTF-8", arg);
    return 0;
}

int submit_add_file(json_t *attributes, const char *name, int mode, const void *data, size_t len,
                    struct flux_error *err)
{
    json_t *files = json_object_get(attributes, "system.files");
    json_t *text = json_stringn(data, len);
    const char *encoding = "utf-8";

    if (!text) {
        FLUX_AUTO_STR coded = flux_base64_encode(data, len);

        text = json_string(coded);
        encoding = "base64";
    }
    if (!files) {
        files = json_object();
        json_object_set_new(attributes, "system.files", files);
    }
    if (json_object_set_new(files, name,
                            json_pack("{s:i s:I s:s s:o}", "mode", S_IFREG | mode, "size",
                                      (json_int_t)len, "encoding", encoding, "data", text)) < 0)
        return flux_error_set(err, -EINVAL, "file name '%s' is not UTF-8", name);
    return 0;
}

static int add_file_at(json_t *attributes, const char *name, int mode, const char *path,
                       struct flux_error *err)
{
    FLUX_AUTO_BUF data = FLUX_BUF_INIT(ADD_FILE_MAX);
    struct stat st;
    int r = cli_read_file(path, &data, err);

    if (r < 0)
        return flux_error_prefix(err, r, "--add-file");
    if (stat(path, &st) < 0)
        return flux_error_sys(err, -errno, "--add-file: %s", path);
    return submit_add_file(attributes, name, mode >= 0 ? mode : (int)(st.st_mode & 0777),
                           data.data ? data.data : "", data.len, err);
}

/* [NAME[:PERM]=]ARG: ARG is a path, or (with a newline in it) the content itself. */
static int add_file(json_t *attributes, const char *arg, struct flux_error *err)
{
    const char *nl = strchr(arg, '\n');
    const char *eq = strchr(arg, '=');
    bool named = eq && (!nl || eq < nl);
    FLUX_AUTO_STR name = named ? flux_strndup(arg, (size_t)(eq - arg)) : NULL;
    const char *body = named ? eq + 1 : arg;
    char *perm = named ? strrchr(name, ':') : NULL;
    int mode = -1;
    char *end;

    if (perm) {
        mode = (int)strtol(perm + 1, &end, 8);
        if (end == perm + 1 || *end || mode < 0 || mode > 07777)
            return flux_error_set(err, -EINVAL, "--add-file: invalid permissions '%s'", perm + 1);
        *perm = '\0';
    }
    if (strchr(body, '\n')) {
        if (!named || !*name)
            return flux_error_set(err, -EINVAL, "--add-file: a file given by content needs a name");
        return submit_add_file(attributes, name, mode >= 0 ? mode : 0600, body, strlen(body), err);
    }
    if (!name) {
        const char *slash = strrchr(body, '/');

        name = flux_strdup(slash ? slash + 1 : body);
    }
    if (!*name)
        return flux_error_set(err, -EINVAL, "--add-file=%s: no file name", arg);
    return add_file_at(attributes, name, mode, body, err);
}

int submit_attributes(const struct cli *cli, json_t *attributes, struct flux_error *err)
{
    const char *arg;
    size_t i = 0, k = 0;
    int r = 0;

    while (r == 0 && (arg = cli_next(cli, "setattr", &i)))
        r = set_attribute(attributes, arg, err);
    while (r == 0 && (arg = cli_next(cli, "add-file", &k)))
        r = add_file(attributes, arg, err);
    return r;
}
