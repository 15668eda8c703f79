// SPDX-License-Identifier: LGPL-3.0-only
/* Lines of the shell itself. With a broker they travel with the job's output as log frames, else
 * they are written to standard error as an attached client would print them. */
#include "shell.h"

#include <stdio.h>
#include <signal.h>
#include <unistd.h>

#include <flux/v1/job_io.h>

static const char *prefix(enum flux_shell_level level)
{
    switch (level) {
    case FLUX_SHELL_FATAL:
        return "FATAL: ";
    case FLUX_SHELL_ERROR:
        return "ERROR: ";
    case FLUX_SHELL_WARN:
        return " WARN: ";
    case FLUX_SHELL_NOTICE:
        return "";
    case FLUX_SHELL_DEBUG:
        return "DEBUG: ";
    case FLUX_SHELL_TRACE:
        return "TRACE: ";
    }
    return "";
}

static void to_stderr(struct flux_shell *sh, enum flux_shell_level level, const char *component,
                      const char *text)
{
    FLUX_AUTO_STR line =
        flux_printf("%.3fs: flux-shell[%u]: %s%s%s%s\n", flux_walltime() - sh->t0, sh->rank,
                    prefix(level), component ? component : "", component ? ": " : "", text);

    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return; /* nobody is left to tell */
}

static int most_verbose(const struct flux_shell *sh)
{
    return sh->verbose > 1 ? FLUX_SHELL_TRACE : sh->verbose ? FLUX_SHELL_DEBUG : FLUX_SHELL_NOTICE;
}

void flux_shell_log(struct flux_shell *sh, enum flux_shell_level level, const char *component,
                    const char *fmt, ...)
{
    FLUX_AUTO_STR text = NULL;
    va_list ap;

    if ((int)level > most_verbose(sh))
        return;
    va_start(ap, fmt);
    text = flux_vprintf(fmt, ap);
    va_end(ap);
    if (sh->standalone || !sh->link)
        to_stderr(sh, level, component, text);
    else
        link_frame(sh->link, &(struct link_frame){.stream = FLUX_JOB_IO_STREAM_LOG,
                                                  .rank = sh->rank,
                                                  .level = level,
                                                  .component = component,
                                                  .data = text,
                                                  .len = strlen(text)});
}

void flux_shell_raise(struct flux_shell *sh, const char *fmt, ...)
{
    FLUX_AUTO_STR note = NULL;
    va_list ap;

    if (sh->raised)
        return; /* the job is ending already */
    sh->raised = true;
    va_start(ap, fmt);
    note = flux_vprintf(fmt, ap);
    va_end(ap);
    if (sh->exit_code == 0)
        sh->exit_code = 1;
    if (sh->standalone || !sh->link) {
        to_stderr(sh, FLUX_SHELL_FATAL, NULL, note);
        flux_shell_kill(sh, SIGTERM);
    } else
        link_raise(sh->link, EXEC_TYPE, 0, note);
}

void shell_fail(struct flux_shell *sh, const char *component, const struct flux_error *err)
{
    flux_shell_raise(sh, "%s%s%s", component ? component : "", component ? ": " : "", err->text);
}
