// SPDX-License-Identifier: LGPL-3.0-only
/* The kinds of values: what each looks like, and whether a value is one. */
#include <flux/buf.h>
#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/signame.h>

#include "config.h"
#include "schema.h"

const char *config_kind_text(enum config_kind kind)
{
    static const char *const text[] = {
        [CONFIG_BOOL] = "true or false",
        [CONFIG_INT] = "an integer",
        [CONFIG_FLOAT] = "a number",
        [CONFIG_STRING] = "a string",
        [CONFIG_FSD] = "a duration such as \"30s\" or \"5m\"",
        [CONFIG_IDSET] = "ids such as \"0-3,7\"",
        [CONFIG_HOSTLIST] = "hosts such as \"test[1-16]\"",
        [CONFIG_PATH] = "an absolute path",
        [CONFIG_COMMAND] = "an array of strings, not empty",
        [CONFIG_SIGNAL] = "a signal such as \"SIGTERM\"",
        [CONFIG_SIZE] = "a number of bytes such as \"10M\"",
        [CONFIG_ENDPOINT] = "an endpoint such as \"tcp://eth0:%p\"",
        [CONFIG_TABLE] = "a table",
        [CONFIG_ANY] = "any value",
        [CONFIG_MESSAGE] = "a table",
    };

    return text[kind];
}

static bool is_fsd(json_t *o)
{
    const char *s = json_string_value(o);
    double t;

    if (json_is_number(o))
        return json_number_value(o) >= 0;
    return s && (flux_fsd_parse(s, &t, NULL) == 0 || !strcmp(s, "none"));
}

static bool is_idset(json_t *o)
{
    FLUX_AUTO(idset) set = NULL;

    return json_is_string(o) && flux_idset_decode(json_string_value(o), &set, NULL) == 0;
}

static bool is_hostlist(json_t *o)
{
    FLUX_AUTO(hostlist) hl = NULL;

    return json_is_string(o) && flux_hostlist_decode(json_string_value(o), &hl, NULL) == 0;
}

static bool is_command(json_t *o)
{
    json_t *arg;
    size_t i;

    json_array_foreach (o, i, arg)
        if (!json_is_string(arg))
            return false;
    return json_array_size(o) > 0;
}

static bool is_size(json_t *o)
{
    const char *s = json_string_value(o);
    char *end;

    if (json_is_integer(o))
        return json_integer_value(o) >= 0;
    if (!s || *s < '0' || *s > '9')
        return false;
    (void)strtod(s, &end);
    return end > s && (!*end || (strchr("kKmMgG", *end) && !end[1]));
}

static bool is_endpoint(json_t *o)
{
    const char *s = json_string_value(o), *port;

    if (!s || strpbrk(s, " \t\r\n"))
        return false;
    if (!strncmp(s, "ipc://", 6))
        return s[6] != '\0';
    if (strncmp(s, "tcp://", 6))
        return false;
    port = strrchr(s + 6, ':');
    return port && port > s + 6 && port[1];
}

bool config_kind_fits(enum config_kind kind, json_t *o)
{
    switch (kind) {
    case CONFIG_BOOL:
        return json_is_boolean(o);
    case CONFIG_INT:
        return json_is_integer(o);
    case CONFIG_FLOAT:
        return json_is_number(o);
    case CONFIG_STRING:
        return json_is_string(o);
    case CONFIG_FSD:
        return is_fsd(o);
    case CONFIG_IDSET:
        return is_idset(o);
    case CONFIG_HOSTLIST:
        return is_hostlist(o);
    case CONFIG_PATH:
        return json_is_string(o) && json_string_value(o)[0] == '/';
    case CONFIG_COMMAND:
        return is_command(o);
    case CONFIG_SIGNAL:
        return json_is_string(o) && flux_signame_parse(json_string_value(o)) > 0;
    case CONFIG_SIZE:
        return is_size(o);
    case CONFIG_ENDPOINT:
        return is_endpoint(o);
    case CONFIG_TABLE:
    case CONFIG_MESSAGE:
        return json_is_object(o);
    case CONFIG_ANY:
        return true;
    }
    return false;
}
