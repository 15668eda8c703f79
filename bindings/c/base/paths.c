// SPDX-License-Identifier: LGPL-3.0-only
/* The one table of installed places. A row gives the installed form and the build tree's, each
 * relative to a root unless absolute; ':' joins the directories of a search path. */
#include <flux/paths.h>

#include <stdio.h>
#include <unistd.h>
#include <linux/limits.h>

#include <flux/buf.h>

static const struct row {
    const char *name;
    const char *installed;
    const char *built; /* NULL: only the installed form exists; "@S/" begins a source path */
} rows[] = {
    {"bindir", FLUX_BINDIR, "cli"},
    {"exec_path", FLUX_LIBEXECDIR "/cmd", "cli:server/broker:server/tools:@S/bindings/python/cmd"},
    {"broker_path", FLUX_LIBEXECDIR "/cmd/flux-broker", "server/broker/flux-broker"},
    {"shell_path", FLUX_LIBEXECDIR "/flux-shell", "server/shell/flux-shell"},
    {"spawnd_path", FLUX_LIBEXECDIR "/flux-spawnd", "server/spawnd/flux-spawnd"},
    {"imp_path", FLUX_LIBEXECDIR "/flux-imp", "imp/flux-imp"},
    {"configfile_path", FLUX_LIBEXECDIR "/flux-configfile", "cli/flux-configfile"},
    {"libexecdir", FLUX_LIBEXECDIR, "."},
    {"module_path", FLUX_LIBDIR "/flux/modules", "server/modules"},
    {"jobtap_pluginpath", FLUX_LIBDIR "/flux/jobtap", "server/jobtap"},
    {"shell_pluginpath", FLUX_LIBDIR "/flux/shell", "server/shell"},
    {"connector_path", FLUX_LIBDIR "/flux/connectors", "bindings/c"},
    {"pmi_library_path", FLUX_LIBDIR "/flux/libpmi.so", "bindings/c/pmi/libpmi.so"},
    {"sign_library_path", FLUX_LIBDIR "/libflux-sign.so.0", "imp/sign/libflux-sign.so.0"},
    {"python_path", FLUX_LIBDIR "/flux/python3", "bindings/python"},
    {"man_path", FLUX_MANDIR, "docs/man"},
    {"confdir", FLUX_CONFDIR, NULL},
    {"rc1_path", FLUX_CONFDIR "/rc1", "server/etc/rc1"},
    {"rc3_path", FLUX_CONFDIR "/rc3", "server/etc/rc3"},
    {"shell_initrc", FLUX_CONFDIR "/shell/initrc.toml", "@S/server/etc/shell/initrc.toml"},
    {"cmdhelp_pattern", FLUX_DATADIR "/flux/help.d/*.json", "docs/help.d/*.json"},
    {"no_docs_path", FLUX_DATADIR "/flux/.nodocs", "docs/.nodocs"},
    {"comments_path", FLUX_DATADIR "/flux/flux.v1.comments.json",
     "proto/flux/v1/flux.v1.comments.json"},
    {"rundir", FLUX_RUNDIR, NULL},
    {"statedir", "/var/lib/flux", NULL},
};

bool flux_path_in_build(void)
{
    static int known; /* 0 not yet, 1 no, 2 yes */
    char exe[PATH_MAX];
    size_t root = strlen(FLUX_BUILD_ROOT);
    ssize_t n;

    if (!known) {
        n = readlink("/proc/self/exe", exe, sizeof(exe));
        known = n > (ssize_t)root && memcmp(exe, FLUX_BUILD_ROOT, root) == 0 && exe[root] == '/'
                    ? 2
                    : 1;
    }
    return known == 2;
}

/* Each directory of `list` under its root. */
static char *absolute(const char *list)
{
    struct flux_buf out = FLUX_BUF_INIT(65536);

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ":");
        bool source = strncmp(p, "@S/", 3) == 0;
        size_t skip = source ? 3 : 0;

        flux_buf_printf(&out, "%s%s/%.*s", out.len ? ":" : "",
                        source ? FLUX_SOURCE_ROOT : FLUX_BUILD_ROOT, (int)(n - skip), p + skip);
        p += n;
        p += *p == ':';
    }
    return flux_buf_take(&out);
}

char *flux_path_get_form(const char *name, bool installed)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return installed || !rows[i].built ? flux_strdup(rows[i].installed)
                                               : absolute(rows[i].built);
    return NULL;
}

char *flux_path_get(const char *name)
{
    return flux_path_get_form(name, !flux_path_in_build());
}

const char *flux_path_name(size_t i)
{
    return i < FLUX_ARRAY_SIZE(rows) ? rows[i].name : NULL;
}
