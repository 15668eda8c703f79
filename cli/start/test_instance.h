// SPDX-License-Identifier: LGPL-3.0-only
/* An instance of several brokers on this host, for tests and for trying things out: its brokers are
 * children of this process, which serves them PMI and waits until all have ended. */
#ifndef FLUX_CLI_START_TEST_INSTANCE_H
#define FLUX_CLI_START_TEST_INSTANCE_H

#include "../verb.h"

struct test_instance_conf {
    unsigned size;
    char **broker;       /* argv of a broker up to its options, NULL-ended */
    char **command;      /* initial program, for rank 0; NULL-ended, may be empty */
    const char *rundir;  /* NULL: a new one, removed at the end */
    bool rundir_cleanup; /* remove it even though it was given */
    const char *hosts;   /* names of the brokers' hosts (hostlist); NULL: this host's */
    const char *clique;  /* "single", "none", "per-broker": what PMI says about nodes */
    double exit_timeout; /* seconds from the first exit until the rest is killed; < 0: never */
    bool exit_leader;    /* ... from the exit of rank 0 */
    bool start_leader;   /* start rank 0 only */
    int verbose;
    bool noexec; /* print the commands only */
};

/* Run it to its end: the exit code for `flux start`. */
int test_instance_run(struct cli *cli, const struct test_instance_conf *conf);

#endif
