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

static const struct {
    uint32_t bit;
    const char *name, *letters;
} states[] =
    {
        {JOB_NEW, "NEW", "N"},           {JOB_DEPEND, "DEPEND", "D"},
        {JOB_PRIORITY, "PRIORITY", "P"}, {JOB_SCHED, "SCHED", "S"},
        {JOB_RUN, "RUN", "R"},           {JOB_CLEANUP, "CLEANUP", "C"},
        {JOB_INACTIVE, "INACTIVE", "I"},
},
  results[] =
      {
          {1, "COMPLETED", "CD"},
          {2, "FAILED", "F"},
          {4, "CANCELED", "CA"},
          {8, "TIMEOUT", "TO"},
},
  groups[] = {
      {JOB_PENDING, "PENDING", ""},
      {JOB_RUNNING, "RUNNING", ""},
      {JOB_ACTIVE, "ACTIVE", ""},
};

static bool same_word(const char *word, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

int cli_states_parse(const char *text, uint32_t *ret_states, uint32_t *ret_results,
                     struct flux_error *err)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        bool found = false;

        for (size_t i = 0; i < FLUX_ARRAY_SIZE(states); i++)
            if (same_word(p, n, states[i].name) || same_word(p, n, states[i].letters)) {
                *ret_states |= states[i].bit;
                found = true;
            }
        for (size_t i = 0; i < FLUX_ARRAY_SIZE(groups); i++)
            if (same_word(p, n, groups[i].name)) {
                *ret_states |= groups[i].bit;
                found = true;
            }
        for (size_t i = 0; ret_results && i < FLUX_ARRAY_SIZE(results); i++)
            if (same_word(p, n, results[i].name) || same_word(p, n, results[i].letters)) {
                *ret_results |= results[i].bit;
                found = true;
            }
        if (!found)
            return flux_error_set(err, -EINVAL, "Invalid state '%.*s' specified", (int)n, p);
        p += n + (p[n] == ',');
    }
    return 0;
}

const char *cli_state_name(uint32_t state)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(states); i++)
        if (states[i].bit == state)
            return states[i].name;
    return "";
}

const char *cli_state_letter(uint32_t state)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(states); i++)
        if (states[i].bit == state)
            return states[i].letters;
    return "";
}

const char *cli_result_name(uint32_t result)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(results); i++)
        if (results[i].bit == result)
            return results[i].name;
    return "";
}

const char *cli_result_letters(uint32_t result)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(results); i++)
        if (results[i].bit == result)
            return results[i].letters;
    return "";
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
