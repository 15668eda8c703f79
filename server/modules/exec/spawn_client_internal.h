// SPDX-License-Identifier: LGPL-3.0-only
/* Shared by the files of the spawn client alone: the connection below, the processes above it. */
#ifndef EXEC_SPAWN_CLIENT_INTERNAL_H
#define EXEC_SPAWN_CLIENT_INTERNAL_H

#include <sys/queue.h>
#include <uthash.h>

#include <flux/buf.h>
#include "spawn.pb-c.h"
#include "spawn_client.h"

#define SPAWN_FRAME_MAX (16u << 20)
#define SPAWN_FDS_MAX 64

/* A record on its way out, with the descriptors that it claims. */
struct spawn_out {
    STAILQ_ENTRY(spawn_out) link;
    size_t len, sent;
    unsigned nfds;
    int fds[SPAWN_FDS_MAX + 1];
    uint8_t data[];
};
STAILQ_HEAD(spawn_out_list, spawn_out);

/* A process and its place in the client's table. */
struct spawn_entry {
    struct spawn_process pub; /* first */
    bool running;
    bool confirmed; /* named in the welcome after a reconnection */
    UT_hash_handle hh;
};

struct spawn_client {
    uv_loop_t *loop;
    uv_poll_t *poll; /* of its own: it outlives the connection by a turn of the loop */
    char *helper;
    char *socket_path;
    double orphan_grace;
    bool linger;
    double helper_began; /* monotonic */
    const struct spawn_ops *ops;
    void *arg;
    int fd;
    pid_t child; /* the helper when it is our child, else 0 */
    pid_t pid;   /* the helper, as it said */
    bool welcomed;
    bool proved;       /* this helper has said welcome */
    bool ours;         /* we started this helper; else we found it */
    unsigned attempts; /* connections since the last welcome */
    struct flux_buf in;
    struct spawn_out_list out;
    uint64_t next_id;
    struct spawn_entry *entries;
};

/* spawn_link.c: connect, start the helper, move records. */
int spawn_link_open(struct spawn_client *c, struct flux_error *err);
/* The first words of a connection; said again they tell of another orphan_grace. */
void spawn_link_hello(struct spawn_client *c);
/* Send a record with its descriptors (taken over), or queue it. */
void spawn_link_send(struct spawn_client *c, const Flux__V1__SpawnRequest *req, const int *fds,
                     unsigned nfds);
/* Write out what is queued, waiting if need be: for the last words. */
void spawn_link_drain(struct spawn_client *c);
/* Let go; wait up to `seconds` for the helper to end (0: not at all). */
void spawn_link_close(struct spawn_client *c, double seconds);

/* spawn_client.c, called by the link. */
void spawn_client_record(struct spawn_client *c, const Flux__V1__SpawnReply *in);
/* The helper is gone for good: `why`. */
void spawn_client_lost(struct spawn_client *c, const char *why);

#endif
