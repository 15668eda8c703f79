// SPDX-License-Identifier: LGPL-3.0-only
/* The broker's side of the spawn helper (flux-spawnd), on a libuv loop; belongs to one thread.
 *
 * A process is started, then it is told once that it runs (or why not), then once that it has
 * ended. When the helper dies, every process that ran is killed and told as lost, and a new helper
 * is started. Nothing is called back from within the calls below; only from the loop.
 * Callbacks may start, kill and acknowledge, but not close the client. */
#ifndef EXEC_SPAWN_CLIENT_H
#define EXEC_SPAWN_CLIENT_H

#include <uv.h>

#include <flux/base.h>

struct spawn_client;

struct spawn_process {
    uint64_t id; /* the helper's name for it */
    pid_t pid;   /* also its process group; 0 until it runs */
    double started;
    void *data; /* the caller's */
};

struct spawn_exit {
    bool lost;  /* its end was not seen: the helper died. Then `status` is SIGKILL's */
    int status; /* as of wait(2) */
    uint64_t user_us, system_us, maxrss_kib;
    double ended; /* wall clock, seconds since the epoch */
};

/* A process that an earlier broker started. */
struct spawn_found {
    uint64_t id;
    pid_t pid;
    double started;
    const void *cookie;
    size_t cookie_len;
    const struct spawn_exit *exit; /* NULL: it still runs */
    bool acked;                    /* its end was acknowledged; this is a second look */
};

struct spawn_ops {
    /* r = 0: it runs. Else a negative errno, with a text; the process is freed on return. */
    void (*started)(struct spawn_process *p, int r, const char *why, void *arg);
    /* The process is freed on return. The helper remembers its end until spawn_client_ack(). */
    void (*exited)(struct spawn_process *p, const struct spawn_exit *e, void *arg);
    /* Called for each process of an earlier broker. For one that runs, the answer becomes its
     * `data`; return NULL to let it run unwatched. Optional. */
    void *(*found)(const struct spawn_found *f, void *arg);
    /* Called after `found` has returned data for one that runs: `p` is its process from now on. */
    void (*adopted)(struct spawn_process *p, void *arg);
    /* The helper is there; all `found` calls have been made. Optional. */
    void (*up)(pid_t helper, void *arg);
    /* The helper has died, or could not be started; `why` is for the log. The losses follow, and
     * unless it failed at once (again = false) a new one is being started. Optional. */
    void (*down)(const char *why, bool again, void *arg);
};

struct spawn_config {
    const char *helper; /* path of flux-spawnd */
    const char
        *socket_path;    /* under the run directory; NULL: the helper is not to be found again */
    double orphan_grace; /* seconds that the helper's processes outlive the broker; < 0: for ever */
    bool linger;         /* for that time it remembers ends even when nothing runs */
};

enum spawn_source {
    SPAWN_NULL,    /* /dev/null */
    SPAWN_INHERIT, /* the helper's own 0, 1 or 2: what the broker was started with */
    SPAWN_GIVEN,   /* `fd`: taken over, closed whatever happens */
    SPAWN_READS,   /* a pipe that the process reads; `fd` becomes our end of it */
    SPAWN_WRITES,  /* a pipe that the process writes; likewise */
    SPAWN_SOCKET   /* a stream socket pair; likewise */
};
struct spawn_fd {
    int target; /* number in the new process */
    enum spawn_source source;
    int fd; /* our ends are CLOEXEC and non-blocking; the caller's to close */
};

struct spawn_request {
    const char *const *argv; /* NULL at the end */
    const char *path;        /* what to execute if not argv[0] */
    const char *const *env;  /* NAME=VALUE, NULL at the end; NULL = none */
    bool inherit_env;        /* env edits the helper's own; NAME alone removes */
    const char *cwd;         /* NULL = / */
    bool session;            /* a session of its own, not only a process group */
    const char *cgroup;      /* directory, or NULL */
    const void *cookie;      /* up to 256 bytes, for spawn_found */
    size_t cookie_len;
    struct spawn_fd *fds; /* those not named: 0 to 2 are /dev/null, others closed */
    size_t nfds;          /* up to 64 */
    const void *document; /* handed over on a sealed memfd as descriptor 3; NULL = none */
    size_t document_len;
    void *data;
};

/* Find the helper of an earlier broker, or start one. Calls can be made at once. */
int spawn_client_open(uv_loop_t *loop, const struct spawn_config *cf, const struct spawn_ops *ops,
                      void *arg, struct spawn_client **ret, struct flux_error *err);
/* Another orphan_grace from now on. */
void spawn_client_set_grace(struct spawn_client *c, double seconds);
/* Negative: nothing will be called back for it (our ends in req->fds are closed and -1). */
int spawn_client_start(struct spawn_client *c, const struct spawn_request *req,
                       struct spawn_process **ret, struct flux_error *err);
enum { SPAWN_KILL_LEADER = 1, SPAWN_KILL_CGROUP = 2 };
/* Signal its process group (or as the flags say). What has ended meanwhile is not an error. */
void spawn_client_kill(struct spawn_client *c, const struct spawn_process *p, int signum,
                       unsigned flags);
/* Queue a signal with a value for the process alone (sigqueue(3)). */
void spawn_client_queue(struct spawn_client *c, const struct spawn_process *p, int signum,
                        int value);
/* The end of process `id` has been taken over: the helper may forget it. */
void spawn_client_ack(struct spawn_client *c, uint64_t id);
/* Seconds since the helper began. */
double spawn_client_helper_age(const struct spawn_client *c);
/* Processes started or being started. */
unsigned spawn_client_count(const struct spawn_client *c);
/* Let go: the helper goes on. With stop_grace >= 0 it kills what is left and ends, which is waited
 * for (a second longer than the grace, at most). No callbacks. */
void spawn_client_close(struct spawn_client *c, double stop_grace);

#endif
