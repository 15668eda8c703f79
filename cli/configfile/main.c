// SPDX-License-Identifier: LGPL-3.0-only
/* flux-configfile PATH: a TOML or JSON configuration file, or a directory of them, as one JSON
 * object. flux-configfile --check[-quietly] SPACE PATH: what is wrong with it, on stderr. A program
 * of its own, so that the flux command need not load the TOML parser's C++ runtime. */
#include <stdio.h>

#include <flux/config.h>

static const char *const spaces[] = {
    [FLUX_CONFIG_SYSTEM] = "system",
    [FLUX_CONFIG_SECURITY] = "security",
    [FLUX_CONFIG_IMP] = "imp",
};

static void on_problem(const char *text, enum flux_configfile_severity severity, void *arg)
{
    const bool *quiet = arg;

    if (severity == FLUX_CONFIG_ERROR)
        fprintf(stderr, "%s\n", text);
    else if (!*quiet)
        fprintf(stderr, "warning: %s\n", text);
}

static int show(const char *path)
{
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err = {""};

    if (flux_configfile_load(path, FLUX_CONFIG_TRUST_ANY, &cfg, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return json_dumpf(flux_configfile_json(cfg), stdout, JSON_COMPACT) < 0 || fflush(stdout) != 0;
}

static int check(const char *name, const char *path, bool quiet)
{
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err = {""};
    size_t space = 0;
    int r;

    while (space < FLUX_ARRAY_SIZE(spaces) && strcmp(spaces[space], name))
        space++;
    if (space == FLUX_ARRAY_SIZE(spaces)) {
        fprintf(stderr, "flux-configfile: '%s' is none of system, security, imp\n", name);
        return 2;
    }
    r = flux_configfile_load(
        path, space == FLUX_CONFIG_SYSTEM ? FLUX_CONFIG_TRUST_OWNER : FLUX_CONFIG_TRUST_ROOT, &cfg,
        &err);
    if (r < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return flux_configfile_check(cfg, space, on_problem, &quiet, &err) > 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "--check"))
        return check(argv[2], argv[3], false);
    if (argc == 4 && !strcmp(argv[1], "--check-quietly"))
        return check(argv[2], argv[3], true);
    if (argc == 2)
        return show(argv[1]);
    fprintf(stderr, "Usage: flux-configfile [--check SPACE] PATH\n");
    return 2;
}
