// SPDX-License-Identifier: LGPL-3.0-only
/* The job shell from inside: its state, and what its files offer each other. One thread, one loop.
 * Nothing here is needed to start a task but the start document: the connection to the broker is
 * made by the first who has something to say. */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include <flux/handle.h>
#include <flux/layout.h>
#include <flux/shell.h>
#include <flux/v1/shell.h>

#include <sched.h>
#include <sys/resource.h>

#define TASK_PASS_MAX 8
#define START_MAX ((size_t)64 << 20)
#define EXEC_TYPE "exec"

enum { STREAM_OUT, STREAM_ERR, STREAMS };

struct sink;
struct link;
struct input;
struct remote;
struct env;

/* One output stream of one task: its pipe and what has been read but not yet given on. */
struct stream {
    struct flux_shell_task *task;
    uint8_t which; /* STREAM_OUT, STREAM_ERR */
    bool open;     /* the poll handle is live */
    bool paused;
    bool merged; /* a pty carries it: nothing comes here */
    int fd;      /* our end; -1 */
    uv_poll_t poll;
    char *held; /* an unfinished line */
    size_t held_len;
};

struct flux_shell_task {
    struct flux_shell *sh;
    unsigned rank, index;
    pid_t pid;
    int pidfd;
    int status; /* -1 while it runs */
    bool exited;
    uv_poll_t exit_poll;
    struct stream streams[STREAMS];
    char **env_extra; /* NAME=VALUE of this task alone, NULL-terminated */
    unsigned nenv_extra;
    int pass[TASK_PASS_MAX]; /* descriptors to inherit */
    unsigned npass;
    int stdio[3];    /* the child's ends */
    int stdin_fd;    /* our end of its standard input; -1 */
    int pty;         /* our end of its terminal; -1 */
    cpu_set_t *cpus; /* binding, or NULL */
};

struct plugin {
    const struct flux_shell_plugin *ops;
    void *data;
    bool inited; /* init was called: so may the others be */
};

struct flux_shell {
    uv_loop_t loop;
    flux_shell_start *start;
    bool through_imp; /* `start` is from someone whom the user need not trust */
    char *request;    /* the jobspec as signed, when through_imp */
    struct flux_jobspec *js;
    struct flux_rset *r;
    struct flux_rset_node node; /* this one, of r */
    struct flux_taskmap *map;
    unsigned rank, size, ntasks, nlocal;
    struct flux_shell_task *tasks;
    struct env *env;
    char **argv; /* the command, before templates are filled in */
    char *hostname;
    char *tmpdir;    /* NULL until it is asked for */
    bool standalone; /* no broker: output goes to our own descriptors */
    int verbose;
    double t0;

    struct plugin *plugins;
    size_t nplugins;

    struct link *link;
    struct sink *sinks[STREAMS];
    struct input *input;
    struct remote *remote;

    struct rlimit nofile; /* as we got it, for the tasks */
    bool nofile_raised;
    int signal_fd;
    uv_poll_t signal_poll;
    unsigned running; /* tasks that run */
    unsigned open_streams;
    unsigned holds;
    int exit_code; /* largest so far */
    bool started, finished, raised;
    bool ending;     /* the tasks were told to end */
    char fatal[320]; /* first fatal text */
};

/* start.c: read the start document from `fd` (closed after), and what it contains. */
int start_read(int fd, flux_shell_start **ret, struct flux_error *err);
/* Has the IMP started this shell? Before start_read_request(). */
bool start_is_through_imp(void);
/* Through the IMP: the verified request, which then is the jobspec, on the descriptor that
 * FLUX_IMP_REQUEST_FD names. 0 too where there is none and none is needed. */
int start_read_request(struct flux_shell *sh, struct flux_error *err);
int start_unpack_job(struct flux_shell *sh, struct flux_error *err);

/* env.c: the environment of the job; a map that remembers order of nothing. */
struct env *env_new(void);
void env_set(struct env *e, const char *name, const char *value);
void env_unset(struct env *e, const char *name);
const char *env_get(const struct env *e, const char *name);
/* NAME=VALUE pointers (borrowed), then `extra`, NULL-terminated; an extra replaces what has its
 * name. Caller frees the array alone. */
char **env_array(struct env *e, char **extra, unsigned nextra);
void env_fill(struct flux_shell *sh);

/* task.c: start, watch, signal. */
int tasks_prepare(struct flux_shell *sh, struct flux_error *err);
int tasks_start(struct flux_shell *sh, struct flux_error *err);
void tasks_done(struct flux_shell *sh);
void tasks_maybe_finished(struct flux_shell *sh);

/* spawn.c: one process. */
struct spawn {
    struct flux_shell *sh;
    struct flux_shell_task *task;
    char **paths; /* candidates, in order */
    char **argv;
    char **envp;
    bool group, stop;
    int errnum;        /* of the child's failed step, 0: it has been executed */
    const char *stage; /* which step */
};
pid_t spawn_process(struct spawn *sp, int *pidfd);

/* signals.c */
int signals_start(struct flux_shell *sh, struct flux_error *err);

/* plugin.c */
int plugins_load(struct flux_shell *sh, struct flux_error *err);
int plugins_init(struct flux_shell *sh, struct flux_error *err);
int plugins_post_init(struct flux_shell *sh, struct flux_error *err);
int plugins_task_init(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err);
int plugins_task_exec(struct flux_shell *sh, struct flux_shell_task *t); /* in the child */
void plugins_task_fork(struct flux_shell *sh, struct flux_shell_task *t);
int plugins_start(struct flux_shell *sh, struct flux_error *err);
void plugins_task_exit(struct flux_shell *sh, struct flux_shell_task *t);
void plugins_finish(struct flux_shell *sh);
void plugins_exit(struct flux_shell *sh);

/* stream.c: from the tasks' pipes to the sinks. */
int streams_prepare(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err);
int streams_watch(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err);
void streams_pause(struct flux_shell *sh, bool pause);
void streams_done(struct flux_shell_task *t);

/* file.c: output files, shared by path. Writes are plain blocking ones. */
struct file;
struct file *file_open(const char *path, bool append, struct flux_error *err);
void file_close(struct file *f); /* NULL is fine; closed with its last user */
/* `label` < 0: as it is; else each line begins with "LABEL: ". 0 or a negative errno, once. */
int file_write(struct file *f, const char *data, size_t len, long label);

/* remote.c: bytes of other shells' tasks for files that this shell (the first) writes. */
int remote_start(struct flux_shell *sh);
void remote_stop(struct flux_shell *sh);

/* sink.c: where a stream of all tasks goes. */
int sinks_open(struct flux_shell *sh, struct flux_error *err);
bool sink_wants_lines(const struct flux_shell *sh, int which);
/* Give bytes on; with eof the task's stream has ended. */
void sink_write(struct flux_shell_task *t, int which, const char *data, size_t len, bool eof);
/* Bytes of another node's tasks for a file that this shell writes. */
void sink_write_remote(struct flux_shell *sh, int which, unsigned rank, const char *data,
                       size_t len, bool eof);
/* Whether one file on the first node takes the stream of all tasks. */
bool sink_is_gathered(const struct flux_shell *sh, int which);
void sinks_close(struct flux_shell *sh);

/* link.c: the connection, and frames on their way to JobIo. */
#define FRAME_FOR_FILE "file" /* component of frames that are not for readers: see remote.c */
struct link *link_new(struct flux_shell *sh);
void link_free(struct link *l);
struct flux *link_handle(struct link *l);
struct link_frame {
    int stream; /* FLUX_JOB_IO_STREAM_... */
    unsigned rank;
    unsigned level;
    const char *component;
    const char *data;
    size_t len;
    bool eof;
};
void link_frame(struct link *l, const struct link_frame *f);
/* No more frames: say so once all is sent, if anything ever was. */
void link_finish(struct link *l);
bool link_idle(const struct link *l);
uint64_t link_stored(const struct link *l); /* bytes of the job's output, as last told */
void link_raise(struct link *l, const char *type, unsigned severity, const char *note);

/* input.c */
int input_open(struct flux_shell *sh, struct flux_error *err);
int input_prepare(struct flux_shell *sh, struct flux_shell_task *t, struct flux_error *err);
int input_start(struct flux_shell *sh, struct flux_error *err);
void input_task_exit(struct flux_shell *sh, struct flux_shell_task *t);
void input_close(struct flux_shell *sh);

/* log.c */
/* Log the text as fatal, raise the exception, remember that the shell fails. */
void shell_fail(struct flux_shell *sh, const char *component, const struct flux_error *err);

/* mustache.c: fill in {{tags}}; unknown ones stay as they are. `t` may be NULL, then tags of tasks
 * stay. Caller frees. */
char *mustache_render(struct flux_shell *sh, struct flux_shell_task *t, const char *text);
/* Whether the text has tags that differ by node, by task. */
bool mustache_per_node(const char *text);
bool mustache_per_task(const char *text);

#endif
