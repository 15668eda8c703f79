// SPDX-License-Identifier: LGPL-3.0-only
/* Finding services and rpcs by the names that people type. */
#include <flux/services.h>

#include <ctype.h>
#include <strings.h>

#include <flux/buf.h>

const char *flux_method_short_name(const struct flux_method *m)
{
    return strchr(m->name, '/') + 1;
}

/* Equal but for case, '-' and '_': SetUrgency, set-urgency, set_urgency. */
static bool same(const char *name, const char *typed, size_t len)
{
    const char *end = typed + len;

    for (; typed < end; typed++) {
        if (*typed == '-' || *typed == '_')
            continue;
        while (*name == '-' || *name == '_')
            name++;
        if (tolower((unsigned char)*name++) != tolower((unsigned char)*typed))
            return false;
    }
    return *name == '\0';
}

static const struct flux_service *find_service(const char *typed, size_t len)
{
    for (size_t i = 0; flux_services[i]; i++) {
        const struct flux_service *s = flux_services[i];
        const char *plain = strrchr(s->name, '.') + 1;
        if (same(s->short_name, typed, len) || same(plain, typed, len) || same(s->name, typed, len))
            return s;
    }
    return NULL;
}

const struct flux_service *flux_service_find(const char *name)
{
    return find_service(name, strlen(name));
}

static int no_service(const char *typed, size_t len, struct flux_error *err)
{
    struct flux_buf names = FLUX_BUF_INIT(0);
    int r;

    for (size_t i = 0; flux_services[i]; i++)
        flux_buf_printf(&names, "%s%s", i ? " " : "", flux_services[i]->short_name);
    r = flux_error_set(err, -ENOENT, "no service '%.*s'; there are: %s", (int)len, typed,
                       names.data ? names.data : "none");
    flux_buf_done(&names);
    return r;
}

static int no_method(const struct flux_service *s, const char *typed, struct flux_error *err)
{
    struct flux_buf names = FLUX_BUF_INIT(0);
    int r;

    for (size_t i = 0; i < s->count; i++)
        flux_buf_printf(&names, " %s", flux_method_short_name(s->methods[i].method));
    r = flux_error_set(err, -ENOENT, "service %s has no rpc '%s'; it has:%s", s->short_name, typed,
                       names.data);
    flux_buf_done(&names);
    return r;
}

int flux_method_find(const char *name, const struct flux_method **ret, struct flux_error *err)
{
    const char *sep = strchr(name, '/') ? strchr(name, '/') : strrchr(name, '.');
    const struct flux_service *s;

    if (!sep)
        return flux_error_set(err, -ENOENT, "'%s' is not SERVICE.RPC", name);
    s = find_service(name, sep - name);
    if (!s)
        return no_service(name, sep - name, err);
    for (size_t i = 0; i < s->count; i++) {
        const struct flux_method *m = s->methods[i].method;
        if (same(flux_method_short_name(m), sep + 1, strlen(sep + 1))) {
            *ret = m;
            return 0;
        }
    }
    return no_method(s, sep + 1, err);
}
