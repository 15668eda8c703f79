// SPDX-License-Identifier: LGPL-3.0-only
/* What signals of the caller mean to a lingering IMP, for both of them: flux-imp(8). */
#ifndef IMP_SIGNALS_H
#define IMP_SIGNALS_H

#include <signal.h>

/* Passed on as they are. */
#define IMP_SIGNALS_FORWARDED                                                                      \
    {                                                                                              \
        SIGTERM, SIGINT, SIGHUP, SIGCONT, SIGALRM, SIGWINCH, SIGTTIN, SIGTTOU                      \
    }
/* Queued, with the signal that is meant as its value: for any other. */
#define IMP_SIGNAL_CARRIER SIGRTMIN
/* SIGKILL for all processes of the job, which the IMP could not see itself. */
#define IMP_SIGNAL_KILL SIGUSR1

#endif
