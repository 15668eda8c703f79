// SPDX-License-Identifier: LGPL-3.0-only
/* Plugins of the job shell. A plugin is a shared object with one symbol,
 *
 *     const struct flux_shell_plugin flux_shell_plugin = {
 *         .api = FLUX_SHELL_API, .name = "hello", .init = hello_init };
 *
 * in a directory of the plugin path. One with the name of a built-in replaces that. A shell has one
 * thread; callbacks run in its loop and must not block. See docs/howto-plugin.md. */
#ifndef FLUX_SHELL_H
#define FLUX_SHELL_H

#include <jansson.h>
#include <uv.h>

#include <flux/base.h>

#pragma GCC visibility push(default)

#define FLUX_SHELL_API 1

struct flux;
struct flux_shell;
struct flux_shell_task;

/* Callbacks in the order in which they are called; any may be NULL. `data` is the plugin's own
 * pointer, NULL at first. Those that return int: 0, or a negative errno with a text, which ends the
 * job with an exception of type "exec". */
struct flux_shell_plugin {
    unsigned api; /* FLUX_SHELL_API */
    const char *name;

    /* The job is known, its environment may be changed; no task exists yet. */
    int (*init)(struct flux_shell *sh, void **data, struct flux_error *err);
    /* All plugins have been initialized; the tasks of this node are known. */
    int (*post_init)(struct flux_shell *sh, void **data, struct flux_error *err);
    /* For each local task, before it is started: change its environment, add descriptors. */
    int (*task_init)(struct flux_shell *sh, struct flux_shell_task *t, void **data,
                     struct flux_error *err);
    /* In the child, right before exec. It shares the shell's memory, and the shell sleeps: only
     * async-signal-safe calls, and change nothing of the shell's. 0, or a negative errno: the task
     * fails. */
    int (*task_exec)(struct flux_shell *sh, struct flux_shell_task *t, void *data);
    /* The task runs. */
    void (*task_fork)(struct flux_shell *sh, struct flux_shell_task *t, void **data);
    /* All local tasks run. */
    int (*start)(struct flux_shell *sh, void **data, struct flux_error *err);
    /* A task has ended; see flux_shell_task_status(). */
    void (*task_exit)(struct flux_shell *sh, struct flux_shell_task *t, void **data);
    /* All local tasks have ended; output may still be on its way. */
    void (*finish)(struct flux_shell *sh, void **data);
    /* The last call: free what is yours. Also after a failed start. */
    void (*exit)(struct flux_shell *sh, void **data);
};

/* --- the job --- */
uint64_t flux_shell_job_id(struct flux_shell *sh);
unsigned flux_shell_rank(struct flux_shell *sh);        /* of this shell: 0 .. size - 1 */
unsigned flux_shell_size(struct flux_shell *sh);        /* shells (nodes) of the job */
unsigned flux_shell_ntasks(struct flux_shell *sh);      /* of the job */
unsigned flux_shell_local_tasks(struct flux_shell *sh); /* on this node */
const char *flux_shell_hostname(struct flux_shell *sh);
const char *flux_shell_tmpdir(struct flux_shell *sh); /* FLUX_JOB_TMPDIR */
const json_t *flux_shell_jobspec(struct flux_shell *sh);
/* A shell option (attributes.system.shell.options) by dotted name, or NULL. */
const json_t *flux_shell_option(struct flux_shell *sh, const char *name);
/* The same as text: a string, or a number or boolean written out; `value` if it is absent. */
const char *flux_shell_option_text(struct flux_shell *sh, const char *name, const char *value);
/* True, a number that is not 0, or a string other than "off", "false", "0". */
bool flux_shell_option_on(struct flux_shell *sh, const char *name, bool value);

/* --- environment of all tasks; for one task after post_init --- */
const char *flux_shell_getenv(struct flux_shell *sh, const char *name);
void flux_shell_setenv(struct flux_shell *sh, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void flux_shell_unsetenv(struct flux_shell *sh, const char *name);
void flux_shell_task_setenv(struct flux_shell_task *t, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- tasks --- */
struct flux_shell_task *flux_shell_task(struct flux_shell *sh, unsigned local);
unsigned flux_shell_task_rank(const struct flux_shell_task *t);  /* in the job */
unsigned flux_shell_task_index(const struct flux_shell_task *t); /* on this node */
pid_t flux_shell_task_pid(const struct flux_shell_task *t);      /* 0: not started */
int flux_shell_task_status(const struct flux_shell_task *t);     /* of wait(2); -1: still runs */
/* Let the task inherit `fd` under the same number; the shell closes its copy after the start. */
void flux_shell_task_pass_fd(struct flux_shell_task *t, int fd);

/* --- acting --- */
enum flux_shell_level {
    FLUX_SHELL_FATAL = 2,
    FLUX_SHELL_ERROR = 3,
    FLUX_SHELL_WARN = 4,
    FLUX_SHELL_NOTICE = 5,
    FLUX_SHELL_DEBUG = 7, /* with -o verbose */
    FLUX_SHELL_TRACE = 8, /* with -o verbose=2 */
};
/* A line for whoever watches the job: "0.085s: flux-shell[0]:  WARN: COMPONENT: text". */
void flux_shell_log(struct flux_shell *sh, enum flux_shell_level level, const char *component,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* End the job: an exception of type "exec" and severity 0 with this note. */
void flux_shell_raise(struct flux_shell *sh, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Signal all local tasks' process groups. */
void flux_shell_kill(struct flux_shell *sh, int signum);

/* The loop, and the connection to the broker, which is made on the first call (NULL: there is no
 * broker, or it does not answer). */
uv_loop_t *flux_shell_loop(struct flux_shell *sh);
struct flux *flux_shell_handle(struct flux_shell *sh);
/* The shell does not exit while it is held. */
void flux_shell_hold(struct flux_shell *sh);
void flux_shell_release(struct flux_shell *sh);

#pragma GCC visibility pop
#endif
