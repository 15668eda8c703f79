// SPDX-License-Identifier: LGPL-3.0-only
/* PMI-1 on its simple wire (RFC 13): the server's engine, which reads and writes nothing itself,
 * and a blocking client. Used by the job shell, `flux start`, the broker's boot and libpmi. */
#ifndef FLUX_PMI_H
#define FLUX_PMI_H

#include <flux/base.h>
#include <flux/buf.h>

#pragma GCC visibility push(default)

/* Sizes served by get_maxes; each counts the terminating NUL of the client's buffer. */
#define FLUX_PMI_NAME_MAX 64
#define FLUX_PMI_KEY_MAX 64
#define FLUX_PMI_VALUE_MAX 1024
#define FLUX_PMI_LINE_MAX 1216
/* Keys with this prefix stay on the node where they were put, and are visible at once. */
#define FLUX_PMI_LOCAL_PREFIX "local::"

/* --- Server engine: one per node, for the tasks of one job there --- */

struct flux_pmi_server;

struct flux_pmi_server_conf {
    const char *kvsname;    /* up to FLUX_PMI_NAME_MAX - 1 bytes, no blanks; copied */
    unsigned size;          /* tasks in the job */
    unsigned universe_size; /* 0: size */
    unsigned local;         /* tasks on this node, numbered from 0 below */
    size_t max_bytes;       /* ceiling on keys and values kept; 0: 256 MiB */
    void *arg;              /* passed to each callback */

    /* Bytes for one task; must take them all (a client that waits for an answer sends nothing
     * more, so this is bounded by one line). May not call back into the engine. */
    void (*send)(void *arg, unsigned task, const char *data, size_t len);
    /* Every local task is in the barrier: exchange the dirty keys with the other nodes, then call
     * flux_pmi_server_release(), now or later. */
    void (*barrier)(void *arg);
    /* A task asked for the job's end. `text` has no control characters. May be NULL. */
    void (*abort)(void *arg, unsigned task, int code, const char *text);
    /* Each line, without its newline: for traces. May be NULL. */
    void (*trace)(void *arg, unsigned task, bool reply, const char *line, size_t len);
};

struct flux_pmi_server *flux_pmi_server_new(const struct flux_pmi_server_conf *conf);
void flux_pmi_server_free(struct flux_pmi_server *s);
FLUX_DEFINE_AUTO(pmi_server);

/* Bytes from a task. 0; 1 when it has finalized (its answer is sent: close after that); -EPROTO
 * on what is not PMI-1: drop the connection and fail the job. */
int flux_pmi_server_input(struct flux_pmi_server *s, unsigned task, const char *data, size_t len,
                          struct flux_error *err);
/* The task closed its end or died. 0, or -EPROTO if it had called init but not finalize. */
int flux_pmi_server_eof(struct flux_pmi_server *s, unsigned task, struct flux_error *err);

/* Set a key before or between requests; not dirty. -EINVAL (bad name or value), -ENOSPC. */
int flux_pmi_server_put(struct flux_pmi_server *s, const char *key, const char *value,
                        struct flux_error *err);
/* The value, valid until the next call, or NULL. */
const char *flux_pmi_server_get(struct flux_pmi_server *s, const char *key);

/* Append every key put since the last call as KEY NUL VALUE NUL; they are clean then. */
int flux_pmi_server_take_dirty(struct flux_pmi_server *s, struct flux_buf *out);
/* Take in such bytes from another node. -EPROTO if they are not such. */
int flux_pmi_server_merge(struct flux_pmi_server *s, const void *data, size_t len,
                          struct flux_error *err);
/* End the barrier: barrier_out to every task in it; ok = false sends rc=-1. */
void flux_pmi_server_release(struct flux_pmi_server *s, bool ok);

/* --- PMI_process_mapping --- */

/* The i-th block is `nodes` nodes from `node` on with `ppn` consecutive tasks on each. */
struct flux_pmi_block {
    unsigned node, nodes, ppn;
};
/* Parse "(vector,(NODE,NODES,PPN),...)" into an array (caller frees). Number of blocks, or
 * -EINVAL; 0 for an empty vector. */
int flux_pmi_mapping_decode(const char *s, struct flux_pmi_block **ret);
/* The node of a task (the vector repeats from its start if it is short); -ENOENT if it is empty. */
int flux_pmi_mapping_node(const struct flux_pmi_block *map, int count, unsigned task);

/* --- Client: blocking, one per process --- */

struct flux_pmi_client;

/* Connect to the server named by PMI_FD, PMI_RANK and PMI_SIZE and say init. -ENOENT: none of
 * them is set (not run under a PMI-1 server). The descriptor is closed at finalize. */
int flux_pmi_client_open(struct flux_pmi_client **ret, struct flux_error *err);
/* Close without finalize. */
void flux_pmi_client_free(struct flux_pmi_client *c);
FLUX_DEFINE_AUTO(pmi_client);

unsigned flux_pmi_client_rank(const struct flux_pmi_client *c);
unsigned flux_pmi_client_size(const struct flux_pmi_client *c);
const char *flux_pmi_client_kvsname(const struct flux_pmi_client *c);
/* The server's sizes, NUL included. */
unsigned flux_pmi_client_name_max(const struct flux_pmi_client *c);
unsigned flux_pmi_client_key_max(const struct flux_pmi_client *c);
unsigned flux_pmi_client_value_max(const struct flux_pmi_client *c);

/* Each is one round trip: 0, or -EPROTO/-EIO (the server is gone or talks nonsense), or what the
 * server refused: -EINVAL; for get of an unknown key -ENOENT. */
int flux_pmi_client_put(struct flux_pmi_client *c, const char *key, const char *value,
                        struct flux_error *err);
/* -ENOSPC if the value does not fit. `wait`: for a node-scope key, until somebody puts it. */
int flux_pmi_client_get(struct flux_pmi_client *c, const char *key, char *value, size_t size,
                        struct flux_error *err);
int flux_pmi_client_get_wait(struct flux_pmi_client *c, const char *key, char *value, size_t size,
                             struct flux_error *err);
int flux_pmi_client_barrier(struct flux_pmi_client *c, struct flux_error *err);
int flux_pmi_client_universe_size(struct flux_pmi_client *c, unsigned *size,
                                  struct flux_error *err);
int flux_pmi_client_appnum(struct flux_pmi_client *c, unsigned *num, struct flux_error *err);
/* Sends the request; the caller then exits by itself. */
int flux_pmi_client_abort(struct flux_pmi_client *c, int code, const char *text);
int flux_pmi_client_finalize(struct flux_pmi_client *c, struct flux_error *err);

#pragma GCC visibility pop
#endif
