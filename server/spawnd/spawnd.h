// SPDX-License-Identifier: LGPL-3.0-only
/* flux-spawnd: the node's spawn helper. One thread, one epoll set, one client at a time. It keeps
 * each process that it started until its end has been told and acknowledged; nothing else. */
#ifndef SPAWND_H
#define SPAWND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <uthash.h>

#include <flux/base.h>
#include <flux/buf.h>
#include "spawn.pb-c.h"

#define SPAWND_VERSION 1
#define SPAWND_FRAME_MAX (16u << 20) /* of one record, either way */
#define SPAWND_OUT_MAX (1u << 20)    /* replies unread by the client: no more requests are read */
#define SPAWND_FDS_QUEUED 512        /* received and not yet claimed by a record */
#define SPAWND_FD_TARGET_MAX 255     /* highest descriptor number in a new process */
#define SPAWND_PROCESSES_MAX 16384   /* running */
#define SPAWND_ENDED_MAX 16384       /* remembered ends, seen or not */
#define SPAWND_SEEN_MAX 1024         /* of these, acknowledged ones */
#define SPAWND_COOKIE_MAX 256

/* What an epoll event points to. */
enum watch_kind { WATCH_LISTEN, WATCH_SIGNAL, WATCH_CONN, WATCH_PROCESS };
struct watch {
    enum watch_kind kind;
};

struct process {
    struct watch watch; /* first: of the pidfd */
    uint64_t id;
    pid_t pid;
    int pidfd; /* -1 once it has ended */
    double started;
    char *cgroup; /* directory or NULL */
    uint8_t *cookie;
    size_t cookie_len;
    bool ended;
    bool acked;
    Flux__V1__SpawnExited exited; /* valid when ended */
    TAILQ_ENTRY(process) link;    /* on running, unseen or seen */
    UT_hash_handle hh;            /* by id */
};
TAILQ_HEAD(process_list, process);

struct conn {
    struct watch watch; /* first */
    int fd;
    bool greeted;
    bool dead; /* to be closed at the end of the turn */
    uint32_t events;
    struct flux_buf in;
    struct flux_buf out;
    int fds[SPAWND_FDS_QUEUED];
    unsigned nfds;
    TAILQ_ENTRY(conn) link;
};
TAILQ_HEAD(conn_list, conn);

struct spawnd {
    const char *socket_path; /* NULL: no reconnection */
    double orphan_grace;     /* seconds without a connection until all is killed; < 0: for ever */
    bool linger;             /* stay for that time even if nothing runs: ends may be asked for */
    double began;            /* monotonic */
    double kill_grace;       /* seconds from SIGTERM to SIGKILL when nobody said */
    int epoll;
    int listen;
    int sigfd;
    int null_fd;
    struct rlimit nofile; /* as inherited: given back to each process */
    struct watch listen_watch;
    struct watch signal_watch;
    struct conn_list conns;
    struct conn *client; /* the one that is served; NULL: orphaned */
    struct process *by_id;
    struct process_list running, unseen, seen;
    unsigned nrunning, nunseen, nseen;
    uint64_t forgotten;
    double orphan_deadline; /* monotonic; 0 = none */
    double kill_deadline;   /* likewise */
    bool stopping;          /* exit once nothing runs */
};

/* start.c: all answers go to the client as SpawnStarted. `fds` are the connection's received ones;
 * the record's claims are taken (and closed) from their front whatever becomes of it. */
void spawnd_start(struct spawnd *d, struct conn *c, const Flux__V1__SpawnStart *in);

/* process.c: the table */
struct process *process_find(struct spawnd *d, uint64_t id);
struct process *process_add(struct spawnd *d, const Flux__V1__SpawnStart *in, pid_t pid, int pidfd);
/* Its pidfd says that it has ended: reap, tell the client, remember. */
void process_reap(struct spawnd *d, struct process *p);
void process_ack(struct spawnd *d, uint64_t id);
void process_welcome(struct spawnd *d, struct conn *c);
void process_free_all(struct spawnd *d);

/* main.c */
/* Close what is in the epoll set. It would not leave that by being closed: a child that is about to
 * execute has it open for a moment, too, and what comes meanwhile would be for nobody. */
void spawnd_unwatch(struct spawnd *d, int fd);

/* kill.c */
int process_kill(struct process *p, int signum, bool leader_only, bool cgroup);
/* To the process alone, with a value. 0 or a negative errno. */
int process_queue(struct process *p, int signum, int value);
/* Begin the end: SIGTERM to all that run, SIGKILL after `grace` seconds, then exit. */
void spawnd_stop(struct spawnd *d, double grace);
void spawnd_orphaned(struct spawnd *d);
void spawnd_adopted(struct spawnd *d);
/* Act on deadlines that have passed. Returns milliseconds to the next one, -1 for none. */
int spawnd_deadlines(struct spawnd *d);
/* True when there is no reason left to stay. */
bool spawnd_finished(struct spawnd *d);

/* conn.c */
struct conn *conn_new(struct spawnd *d, int fd);
void conn_ready(struct spawnd *d, struct conn *c, uint32_t events);
/* Queue one reply for the connection (NULL: nobody to tell) and try to send it. */
void conn_reply(struct spawnd *d, struct conn *c, Flux__V1__SpawnReply *reply);
/* Take the next received descriptor off the queue; -1 when there is none. */
int conn_take_fd(struct conn *c);
void conn_close_dead(struct spawnd *d);
void conn_close_all(struct spawnd *d);

/* request.c: one decoded record */
void spawnd_request(struct spawnd *d, struct conn *c, const Flux__V1__SpawnRequest *in);

#endif
