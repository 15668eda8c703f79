// SPDX-License-Identifier: LGPL-3.0-only
/* What run, submit, bulksubmit, batch and alloc share: their options, the jobspec made of them, and
 * sending it. */
#ifndef FLUX_CLI_SUBMIT_H
#define FLUX_CLI_SUBMIT_H

#include <jansson.h>

#include <flux/jobspec.h>

#include "verb.h"

/* Option tables. Every submitting verb has the first; the second counts tasks (run, submit,
 * bulksubmit), the third slots (batch, alloc). */
extern const struct flux_option submit_options_common[];
extern const struct flux_option submit_options_tasks[];
extern const struct flux_option submit_options_slots[];
extern const struct flux_option submit_options_many[]; /* of submit_many() */

/* Everything of the command line that goes into a submission. */
struct submission {
    struct flux_jobspec_request request;
    json_t *environment, *rlimits, *options, *constraints, *dependencies, *attributes;
    char *cwd;
    unsigned urgency_plus_one; /* as JobIngest wants it */
    unsigned flags;
};

enum { SUBMIT_DEBUG = 1, SUBMIT_WAITABLE = 2, SUBMIT_NOVALIDATE = 4 };

/* From the options of `cli` and the command (argv, NULL-ended). -EINVAL with a text. */
int submission_init(struct submission *s, const struct cli *cli, const char *const *command,
                    struct flux_error *err);
void submission_done(struct submission *s);
/* The jobspec as JSON text; caller frees. */
int submission_encode(const struct submission *s, char **ret, struct flux_error *err);

/* Jobs to send: one jobspec text for each, or for all members of `cc`. */
struct submit_job {
    const char *jobspec;
    const char *cc; /* idset text, or NULL */
};
/* Send them, many in a message and some messages ahead; on_outcome is called for each job in order:
 * an id, or 0 with a text. Returns how many were refused, or a negative errno if the call failed.
 */
int submit_send(struct cli *cli, const struct submission *s, const struct submit_job *jobs,
                size_t count, void (*on_outcome)(uint64_t id, const char *text, void *arg),
                void *arg, struct flux_error *err);
/* One job. -EINVAL if it was refused, or the negative errno of a call that failed. */
int submit_one(struct cli *cli, const struct submission *s, const char *jobspec, uint64_t *ret_id,
               struct flux_error *err);
/* The run() of a verb whose arguments are the command of a job: the jobspec goes to standard output
 * with --dry-run, else to `submit`, whose value is the exit code. */
int submit_command(struct cli *cli,
                   int (*submit)(struct cli *cli, const struct submission *s, const char *jobspec));

/* Submit by the options of submit_options_many: print the ids, follow the jobs if asked to. Exit
 * code. */
int submit_many(struct cli *cli, const struct submission *s, const struct submit_job *jobs,
                size_t count);

/* --- parts of submission_init(), each in a file of its own --- */
/* The environment by --env, --env-remove, --env-file; values with {{..}} go into shell option
 * env-expand. */
int submit_environment(const struct cli *cli, json_t *options, json_t **ret,
                       struct flux_error *err);
int submit_rlimits(const struct cli *cli, json_t **ret, struct flux_error *err);
/* --setopt, standard I/O, --signal, --taskmap; and files (--add-file) into attributes. */
int submit_shell_options(const struct cli *cli, json_t *options, struct flux_error *err);
int submit_attributes(const struct cli *cli, json_t *attributes, struct flux_error *err);
int submit_dependencies(const struct cli *cli, json_t **ret, struct flux_error *err);
/* Minutes, or a duration with a suffix, to seconds. */
int submit_time_limit(const char *text, double *seconds, struct flux_error *err);
/* "+1h", "2026-11-22 10:30", "10:30", "now", "tomorrow" ... to seconds since the epoch. */
int submit_date_parse(const char *text, double now, double *ret, struct flux_error *err);
/* Names the file NAME in the job, with its text. */
int submit_add_file(json_t *attributes, const char *name, int mode, const void *data, size_t len,
                    struct flux_error *err);
/* Number from 0 to 31, or a name: hold, default, expedite. -EINVAL. */
int submit_urgency_parse(const char *text, struct flux_error *err);
/* "debug,waitable" into *flags. */
int submit_flags_parse(const char *list, unsigned *flags, struct flux_error *err);
/* Set a value at a dotted key of an object. */
int submit_set_path(json_t *object, const char *key, json_t *value, struct flux_error *err);

#endif
