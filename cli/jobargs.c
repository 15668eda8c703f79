// SPDX-License-Identifier: LGPL-3.0-only
/* Names of states, results and users. */
#include "jobargs.h"

#include <pwd.h>
#include <unistd.h>

#include <flux/buf.h>
#include <flux/fluid.h>

uint64_t cli_jobid(const struct cli *cli, const char *text)
{
    uint64_t id;

    if (flux_fluid_parse(text, &id, NULL) < 0)
        cli_die(cli, "invalid JOBID value: '%s'", text);
    return id;
}

uint64_t *cli_jobids(const struct cli *cli, int first, size_t *count)
{
    size_t n = cli->argc > first ? (size_t)(cli->argc - first) : 0;
    uint64_t *ids = flux_alloc(n * sizeof(ids[0]) + 1);

    for (size_t i = 0; i < n; i++)
        ids[i] = cli_jobid(cli, cli->argv[(size_t)first + i]);
    *count = n;
    return ids;
}

uint32_t cli_user(const struct cli *cli, const char *text)
{
    struct passwd *pw;
    unsigned long n;
    char *end;

    if (!text)
        return (uint32_t)getuid();
    if (strcmp(text, "all") == 0)
        return ANY_USER;
    n = strtoul(text, &end, 10);
    if (end != text && !*end && n < ANY_USER)
        return (uint32_t)n;
    pw = getpwnam(text);
    if (!pw)
        cli_die(cli, "unknown user: %s", text);
    return (uint32_t)pw->pw_uid;
}

int cli_states_parse(const char *text, uint32_t *ret_states, uint32_t *ret_results,
                     struct flux_error *err)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        FLUX_AUTO_STR word = flux_strndup(p, n);
        int state = flux_job_state_parse(word);
        int result = ret_results ? flux_job_result_parse(word) : -EINVAL;

        if (state < 0 && result < 0)
            return flux_error_set(err, -EINVAL, "Invalid state '%s' specified", word);
        if (state >= 0)
            *ret_states |= (uint32_t)state;
        else
            *ret_results |= (uint32_t)result;
        p += n + (p[n] == ',');
    }
    return 0;
}

char *cli_join_args(const struct cli *cli, int first)
{
    struct flux_buf text = FLUX_BUF_INIT(0);

    if (cli->argc <= first)
        return NULL;
    for (int i = first; i < cli->argc; i++)
        flux_buf_printf(&text, "%s%s", i > first ? " " : "", cli->argv[i]);
    return flux_buf_take(&text);
}
