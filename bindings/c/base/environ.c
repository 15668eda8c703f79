// SPDX-License-Identifier: LGPL-3.0-only
/* The one list of variables that belong to what is around an instance. */
#include <flux/environ.h>

#include <fnmatch.h>

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
