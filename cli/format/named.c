// SPDX-License-Identifier: LGPL-3.0-only
/* Formats by name: the built-in ones of a tool and those of the user's and the site's files
 * flux-TOOL.{json,yaml,toml} under $XDG_CONFIG_DIRS/flux and $XDG_CONFIG_HOME/flux; later files
 * win. A file holds {"formats": {NAME: {"description": ..., "format": ...}}}. */
#include "format.h"

#include <jansson.h>
#include <unistd.h>

#include <flux/jobspec.h>

#include "conffile.h"
#include "readfile.h"

enum { FILE_MAX = 1 << 20 };

/* JSON and YAML are both read by the reader of jobspec texts, which takes either. */
static int parse_file(const char *path, json_t **ret, struct flux_error *err)
{
    FLUX_AUTO_BUF text = FLUX_BUF_INIT(FILE_MAX);
    int r;

    if (strcmp(strrchr(path, '.'), ".toml") == 0)
        return cli_configfile_read(path, ret, err);
    r = cli_read_file(path, &text, err);
    if (r < 0)
        return r;
    r = flux_jobspec_parse(text.data, text.len, ret, err);
    return r < 0 ? flux_error_prefix(err, r, "%s", path) : 0;
}

static int load_file(const char *path, json_t *formats, struct flux_error *err)
{
    json_t *o = NULL, *found, *value;
    const char *name;
    int r;

    if (access(path, F_OK) < 0)
        return 0;
    r = parse_file(path, &o, err);
    if (r < 0)
        return r;
    found = json_object_get(o, "formats");
    json_object_foreach (found, name, value) {
        if (json_is_string(json_object_get(value, "format")))
            json_object_set(formats, name, value);
        else
            r = flux_error_set(err, -EINVAL, "%s: formats.%s has no string 'format'", path, name);
    }
    if (r == 0 && !json_is_object(found))
        r = flux_error_set(err, -EINVAL, "%s: no table 'formats'", path);
    json_decref(o);
    return r;
}

static int load_dir(const char *dir, const char *tool, json_t *formats, struct flux_error *err)
{
    static const char *const suffixes[] = {"json", "yaml", "toml"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(suffixes); i++) {
        FLUX_AUTO_STR path = flux_printf("%s/flux/%s.%s", dir, tool, suffixes[i]);
        int r = load_file(path, formats, err);

        if (r < 0)
            return r;
    }
    return 0;
}

/* The later a directory stands in XDG_CONFIG_DIRS the less it counts: so the last one is read
 * first. */
static int load_site_dirs(const char *dirs, const char *tool, json_t *formats,
                          struct flux_error *err)
{
    size_t n = strcspn(dirs, ":");
    FLUX_AUTO_STR dir = flux_strndup(dirs, n);
    int r = dirs[n] ? load_site_dirs(dirs + n + 1, tool, formats, err) : 0;

    return r < 0 || !n ? r : load_dir(dir, tool, formats, err);
}

static int load_user_formats(const char *tool, json_t *formats, struct flux_error *err)
{
    const char *dirs = getenv("XDG_CONFIG_DIRS");
    const char *home = getenv("XDG_CONFIG_HOME");
    FLUX_AUTO_STR dflt = NULL;
    int r = load_site_dirs(dirs && *dirs ? dirs : "/etc/xdg", tool, formats, err);

    if (r < 0)
        return r;
    if (!home || !*home) {
        if (!getenv("HOME"))
            return 0;
        home = dflt = flux_printf("%s/.config", getenv("HOME"));
    }
    return load_dir(home, tool, formats, err);
}

static void add_builtin(const struct format_named *named, json_t *formats)
{
    for (; named->name; named++)
        json_object_set_new(
            formats, named->name,
            json_pack("{s:s s:s}", "description", named->description, "format", named->text));
}

static const char *member(const json_t *formats, const char *name, const char *key)
{
    const char *s = json_string_value(json_object_get(json_object_get(formats, name), key));

    return s ? s : "";
}

static void list_formats(const char *tool, json_t *formats)
{
    const char *name;
    json_t *value;

    printf("\nConfigured %s output formats:\n\n", tool);
    json_object_foreach (formats, name, value)
        printf("  %-12s  %s\n", name, member(formats, name, "description"));
}

static void print_config(const char *name, json_t *formats)
{
    printf("[formats.%s]\ndescription = \"%s\"\nformat = \"%s\"\n", name,
           member(formats, name, "description"), member(formats, name, "format"));
}

static int choose(const char *tool, const char *arg, json_t *formats, char **ret,
                  struct flux_error *err)
{
    if (strcmp(arg, "help") == 0) {
        list_formats(tool, formats);
        return 1;
    }
    if (strncmp(arg, "get-config=", 11) == 0) {
        if (!json_object_get(formats, arg + 11))
            return flux_error_set(err, -EINVAL, "--format: No such format %s", arg + 11);
        print_config(arg + 11, formats);
        return 1;
    }
    if (!json_object_get(formats, arg))
        return flux_error_set(err, -EINVAL, "--format: No such format %s", arg);
    *ret = flux_strdup(member(formats, arg, "format"));
    return 0;
}

int format_choose(const char *tool, const char *arg, const struct format_named *named,
                  const char *env_default, char **ret, struct flux_error *err)
{
    json_t *formats;
    int r;

    if (!arg)
        arg = env_default ? getenv(env_default) : NULL;
    if (!arg)
        arg = "default";
    if (strchr(arg, '{')) {
        *ret = flux_strdup(arg);
        return 0;
    }
    formats = json_object();
    add_builtin(named, formats);
    r = load_user_formats(tool, formats, err);
    if (r == 0)
        r = choose(tool, arg, formats, ret, err);
    json_decref(formats);
    return r;
}
