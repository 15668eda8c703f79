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

struct findings {
    char **text;
    size_t n;
    bool quiet;
};

static void on_problem(const char *text, enum flux_configfile_severity severity, void *arg)
{
    struct findings *f = arg;

    if (severity != FLUX_CONFIG_ERROR && f->quiet)
        return;
    f->text = flux_realloc(f->text, f->n + 1, sizeof(f->text[0]));
    f->text[f->n++] =
        severity == FLUX_CONFIG_ERROR ? flux_strdup(text) : flux_printf("%s (a warning)", text);
}

/* By file and line. */
static int by_place(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

static void print_findings(struct findings *f)
{
    if (f->n)
        qsort(f->text, f->n, sizeof(f->text[0]), by_place);
    for (size_t i = 0; i < f->n; i++) {
        fprintf(stderr, "%s\n", f->text[i]);
        free(f->text[i]);
    }
    free(f->text);
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
    struct findings found = {.quiet = quiet};
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
    r = flux_configfile_check(cfg, space, on_problem, &found, &err);
    print_findings(&found);
    return r > 0;
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
