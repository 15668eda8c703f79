// SPDX-License-Identifier: LGPL-3.0-only
/* The one list of variables that belong to what is around an instance; the search for commands. */
#include <flux/environ.h>

#include <fnmatch.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

extern char **environ;

static const char *const outer[] = {
    "FLUX_JOB_*",
    "FLUX_TASK_*",
    "FLUX_KVS_NAMESPACE=*",
    "FLUX_PROXY_REMOTE=*",
    "PMI_*",
    "PMI2_*",
    "PMIX_*",
    "SLURM_*",
    "PALS_*",
    "HYDI_*",
    "HYDRA_*",
    "FLUX_URI=*",
    "FLUX_ENCLOSING_ID=*",
};

bool flux_environ_is_outer(const char *assignment)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(outer); i++)
        if (fnmatch(outer[i], assignment, 0) == 0)
            return true;
    return false;
}

char **flux_environ_inner(size_t *count)
{
    size_t n = 0;
    char **env;

    while (environ[n])
        n++;
    env = flux_realloc(NULL, n + 1, sizeof(*env));
    n = 0;
    for (char **e = environ; *e; e++)
        if (!flux_environ_is_outer(*e))
            env[n++] = *e;
    env[n] = NULL;
    if (count)
        *count = n;
    return env;
}

char **flux_search_files(const char *command, const char *path)
{
    size_t n = 0;
    char **files;

    if (!path)
        path = DEFAULT_PATH;
    files = flux_realloc(NULL, strlen(path) + 2, sizeof(*files));
    if (strchr(command, '/')) {
        files[n++] = flux_strdup(command);
        path = NULL;
    }
    while (path) {
        size_t len = strcspn(path, ":");

        files[n++] = len ? flux_printf("%.*s/%s", (int)len, path, command) : flux_strdup(command);
        path = path[len] ? path + len + 1 : NULL;
    }
    files[n] = NULL;
    return files;
}

void flux_search_free(char **files)
{
    for (char **f = files; f && *f; f++)
        free(*f);
    free(files);
}
