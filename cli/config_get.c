// SPDX-License-Identifier: LGPL-3.0-only
/* flux config get: one value of the instance's configuration, or all of it. */
#include <jansson.h>

#include <flux/fsd.h>
#include <flux/paths.h>
#include <flux/v1/config_rpc.h>

#include "conffile.h"
#include "handle.h"

static const struct flux_option options[] = {
    {"default", 'd', OPT_STR, "VAL", "Print this if the key is not set"},
    {"quiet", 'q', OPT_FLAG, NULL, "Print nothing; the exit code tells"},
    {"config-path", 'c', OPT_STR, "PATH",
     "Read this file or directory (or system, security, imp)\ninstead of asking the broker"},
    {"type", 't', OPT_STR, "TYPE",
     "Demand a type: string, integer, real, boolean, object,\narray, fsd, fsd-integer, fsd-real"},
    {NULL},
};

static int print_seconds(const char *type, const json_t *value, struct flux_error *err)
{
    double seconds = json_number_value(value);

    if (json_is_string(value) && flux_fsd_parse(json_string_value(value), &seconds, err) < 0)
        return -EINVAL;
    if (!json_is_string(value) && !json_is_number(value))
        return flux_error_set(err, -EINVAL, "is not a duration");
    if (strcmp(type, "fsd") == 0 && json_is_string(value))
        puts(json_string_value(value));
    else if (strcmp(type, "fsd-integer") == 0)
        printf("%lld\n", (long long)seconds);
    else
        printf("%f\n", seconds);
    return 0;
}

static bool has_type(const char *type, const json_t *value)
{
    return strcmp(type, "any") == 0       ? true
           : strcmp(type, "string") == 0  ? json_is_string(value)
           : strcmp(type, "integer") == 0 ? json_is_integer(value)
           : strcmp(type, "real") == 0    ? json_is_number(value)
           : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
           : strcmp(type, "object") == 0  ? json_is_object(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
                                          : false;
}

static int print_value(struct cli *cli, const json_t *value, struct flux_error *err)
{
    const char *type = cli_str(cli, "type", "any");
    FLUX_AUTO_STR text = NULL;

    if (strncmp(type, "fsd", 3) == 0)
        return print_seconds(type, value, err);
    if (!has_type(type, value))
        return flux_error_set(err, -EINVAL, "does not have the type '%s'", type);
    if (cli_has(cli, "quiet"))
        return 0;
    text = json_is_string(value) ? flux_strdup(json_string_value(value))
                                 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    puts(text);
    return 0;
}

static json_t *lookup(json_t *o, const char *key)
{
    while (o && *key) {
        size_t n = strcspn(key, ".");
        FLUX_AUTO_STR name = flux_strndup(key, n);

        o = json_object_get(o, name);
        key += n + (key[n] == '.');
    }
    return json_incref(o);
}

static int get_from_files(const char *path, const char *key, json_t **ret, struct flux_error *err)
{
    json_t *all = NULL;
    int r = cli_configfile_read(path, &all, err);

    if (r < 0)
        return r;
    *ret = lookup(all, key);
    json_decref(all);
    return *ret ? 0 : flux_error_set(err, -ENOENT, "%s is not set", key);
}

static int get_from_broker(struct cli *cli, const char *key, json_t **ret, struct flux_error *err)
{
    flux_config_get_request in = FLUX_CONFIG_GET_REQUEST_INIT;
    flux_config_get_response *out = NULL;
    struct flux *h = cli_handle(cli);
    int r;

    in.key = (char *)key;
    r = flux_config_get(h, FLUX_RANK(flux_rank(h)), &in, &out, err);
    if (r < 0)
        return r;
    *ret = json_loads(out->json, JSON_DECODE_ANY, NULL);
    flux_config_get_response_free(out);
    return *ret ? 0 : flux_error_set(err, -EPROTO, "%s: the answer is not JSON", key);
}

static int run(struct cli *cli)
{
    const char *path = cli_str(cli, "config-path", NULL);
    const char *key = cli->argc > 0 ? cli->argv[0] : "";
    struct flux_error err = {""};
    json_t *value = NULL;
    int r =
        path ? get_from_files(path, key, &value, &err) : get_from_broker(cli, key, &value, &err);

    if (r == -ENOENT && cli_has(cli, "default")) {
        puts(cli_str(cli, "default", ""));
        return 0;
    }
    if (r < 0)
        return cli_has(cli, "quiet") ? 1 : cli_fail(cli, "%s", err.text);
    r = print_value(cli, value, &err);
    json_decref(value);
    return r < 0 ? cli_fail(cli, "%s: %s", key, err.text) : 0;
}

const struct flux_verb verb_config_get = {
    .path = "config get",
    .args = "[NAME]",
    .summary = "Query broker configuration values",
    .options = {options},
    .run = run,
};
