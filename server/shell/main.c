// SPDX-License-Identifier: LGPL-3.0-only
/* flux-shell: parent of a job's tasks on one node. Reads its start document, starts the tasks,
 * carries their input and output, and exits with the largest exit code among them. */
#include "shell.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <flux/v1/job_manager.h>

#define START_FD 3
#define REFUSE_SECONDS 30.

static const char usage[] =
    "Usage: flux-shell [--standalone] [--start=FILE]\n"
    "Run the tasks of a job on this node. The start document (flux.v1.ShellStart)\n"
    "is read from descriptor 3.\n"
    "      --start=FILE   read it from FILE instead\n"
    "      --standalone   talk to no broker: the tasks' output goes to this program's\n"
    "                     own, exceptions end the tasks (for tests and rescue)\n";

struct arguments {
    const char *start;
    bool standalone;
};

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"start", required_argument, NULL, 's'},
        {"standalone", no_argument, NULL, 'S'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 's':
            a->start = optarg;
            break;
        case 'S':
            a->standalone = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return -EINVAL;
        }
    }
    return 0;
}

/* Whoever calls the IMP chooses the shell's arguments: those for tests and rescue are not for a
 * process of another user. */
static int check_arguments(const struct arguments *a, struct flux_error *err)
{
    if ((a->start || a->standalone) && start_is_through_imp())
        return flux_error_set(err, -EPERM, "--start and --standalone are not for jobs of others");
    return 0;
}

static int read_document(struct flux_shell *sh, const struct arguments *a, struct flux_error *err)
{
    int fd = START_FD;

    if (a->start && (fd = open(a->start, O_RDONLY | O_CLOEXEC)) < 0)
        return flux_error_sys(err, -errno, "%s", a->start);
    return start_read(fd, &sh->start, err);
}

static void enter_directory(struct flux_shell *sh)
{
    const char *cwd = sh->js->cwd;

    if (!cwd || chdir(cwd) == 0)
        return;
    flux_shell_log(sh, FLUX_SHELL_ERROR, NULL,
                   "Could not change dir to %s: %s. Going to /tmp instead", cwd, strerror(errno));
    if (chdir("/tmp") == 0)
        env_set(sh->env, "PWD", "/tmp");
}

static int expand_environment(struct flux_shell *sh)
{
    const json_t *vars = flux_shell_option(sh, "env-expand");
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)vars, name, value) {
        for (unsigned i = 0; i < sh->nlocal && json_is_string(value); i++) {
            FLUX_AUTO_STR text = mustache_render(sh, &sh->tasks[i], json_string_value(value));

            flux_shell_task_setenv(&sh->tasks[i], name, "%s", text);
        }
    }
    return 0;
}

static int launch(struct flux_shell *sh, struct flux_error *err)
{
    int r = plugins_load(sh, err);

    if (r < 0 || (r = plugins_init(sh, err)) < 0 || (r = sinks_open(sh, err)) < 0 ||
        (r = input_open(sh, err)) < 0 || (r = plugins_post_init(sh, err)) < 0 ||
        (r = expand_environment(sh)) < 0 || (r = tasks_prepare(sh, err)) < 0 ||
        (r = tasks_start(sh, err)) < 0 || (r = input_start(sh, err)) < 0)
        return r;
    return plugins_start(sh, err);
}

/* The job ends by an exception; what runs already is stopped by whoever handles that. */
static void launch_failed(struct flux_shell *sh, const struct flux_error *err)
{
    shell_fail(sh, NULL, err);
    if (sh->running && !sh->standalone)
        flux_shell_kill(sh, 15);
    sh->started = true;
}

static void clean_up(struct flux_shell *sh)
{
    uv_run(&sh->loop, UV_RUN_NOWAIT); /* let what plugins have closed go first */
    plugins_exit(sh);
    remote_stop(sh);
    input_close(sh);
    sinks_close(sh);
    link_free(sh->link);
    tasks_done(sh);
    uv_run(&sh->loop, UV_RUN_NOWAIT); /* what was closed is freed */
}

/* Nothing is known of the job but its id: tell the instance why there will be no tasks. */
static void refuse(const flux_shell_start *start, const struct flux_error *err)
{
    flux_job_manager_raise_request in = FLUX_JOB_MANAGER_RAISE_REQUEST_INIT;
    FLUX_AUTO_HANDLE h = NULL;
    struct flux_to to = FLUX_ANY;

    if (!start->local_uri[0] || flux_open(start->local_uri, &h, NULL) < 0)
        return;
    in.id = start->job_id;
    in.type = (char *)EXEC_TYPE;
    in.note = (char *)err->text;
    to.timeout = REFUSE_SECONDS;
    flux_job_manager_raise(h, to, &in, NULL, NULL);
}

static int run(struct flux_shell *sh, struct flux_error *err)
{
    int r = start_read_request(sh, err);

    if (r == 0)
        r = start_unpack_job(sh, err);
    if (r < 0) {
        if (!sh->standalone)
            refuse(sh->start, err);
        return r;
    }
    uv_loop_init(&sh->loop);
    sh->standalone = sh->standalone || !sh->start->local_uri[0];
    sh->verbose = atoi(flux_shell_option_text(sh, "verbose", "0"));
    if (sh->verbose == 0 && flux_shell_option_on(sh, "verbose", false))
        sh->verbose = 1;
    sh->env = env_new();
    sh->link = link_new(sh);
    env_fill(sh);
    r = signals_start(sh, err);
    if (r < 0)
        return r;
    enter_directory(sh);
    r = launch(sh, err);
    if (r < 0)
        launch_failed(sh, err);
    tasks_maybe_finished(sh);
    if (!sh->finished || !link_idle(sh->link))
        uv_run(&sh->loop, UV_RUN_DEFAULT);
    clean_up(sh);
    return sh->exit_code;
}

int main(int argc, char **argv)
{
    static struct flux_shell sh = {.signal_fd = -1}; /* what it holds ends with the process */
    struct arguments a = {0};
    struct flux_error err;
    int r;

    /* Executed by descriptor, as flux-imp does it, it has a number for a name before Linux 6.14. */
    prctl(PR_SET_NAME, "flux-shell");
    if (parse_arguments(argc, argv, &a) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    sh.standalone = a.standalone;
    r = check_arguments(&a, &err);
    if (r == 0)
        r = read_document(&sh, &a, &err);
    if (r == 0)
        r = run(&sh, &err);
    if (r < 0) {
        fprintf(stderr, "flux-shell: %s\n", err.text);
        return 1;
    }
    return r;
}
