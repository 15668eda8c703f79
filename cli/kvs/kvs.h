// SPDX-License-Identifier: LGPL-3.0-only
/* What the kvs verbs share: namespace, transactions, reading of values however long. */
#ifndef FLUX_CLI_KVS_H
#define FLUX_CLI_KVS_H

#include <flux/buf.h>
#include <flux/v1/kvs.h>

#include "../events.h"
#include "../handle.h"
#include "../verb.h"

extern const struct flux_option kvs_options[];        /* -N */
extern const struct flux_option kvs_commit_options[]; /* -O -b -s */

/* --namespace, else $FLUX_KVS_NAMESPACE, else "" (the primary one). */
char *kvs_namespace(const struct cli *cli);

/* A transaction being put together; keys and values are borrowed until kvs_commit(). */
struct kvs_txn {
    flux_kvs_op *ops;
    size_t count;
};
flux_kvs_op *kvs_txn_add(struct kvs_txn *txn, flux_kvs_op_kind kind, const char *key);
/* Commit in namespace `ns`, print what -O, -b, -s ask for, free the operations. Exit code. */
int kvs_commit(struct cli *cli, const char *ns, struct kvs_txn *txn);

/* The whole value in as many reads as it takes; `in` says which. Free with
 * flux_kvs_get_response_free(); the bytes are in `value` (not in the response). */
int kvs_read(struct cli *cli, flux_kvs_get_request *in, flux_kvs_get_response **ret,
             struct flux_buf *value, struct flux_error *err);
/* Entries of a directory. */
int kvs_list(struct cli *cli, const char *ns, const char *key, const char *rootref,
             flux_kvs_get_response **ret, struct flux_error *err);
/* "a.b" and "c" to "a.b.c"; "." and "c" to "c". Caller frees. */
char *kvs_join(const char *dir, const char *name);
/* "flux-kvs: KEY: No such file or directory", or the service's own text. Exit code. */
int kvs_fail(const struct cli *cli, const char *key, int r, const struct flux_error *err);

/* lines.c: a log line by line. Zero it, set timeout (seconds, 0 = none; its end is -ETIMEDOUT) and
 * namespace (NULL: as the verb's options say), open. */
struct kvs_lines {
    double timeout;
    char *ns;
    struct cli *cli;
    bool follow, seen;
    struct flux_future *future;
    flux_kvs_get_response *got;
    struct flux_buf buf;
    size_t pos;
    int result; /* of the read */
    struct flux_error err;
};
void kvs_lines_open(struct kvs_lines *l, struct cli *cli, const char *key, bool waitcreate,
                    bool follow);
/* 1: a line with its newline, good until the next call. 0: the end. Negative: an error. */
int kvs_lines_next(struct kvs_lines *l, const char **line, size_t *len, struct flux_error *err);
void kvs_lines_done(struct kvs_lines *l);

extern const struct flux_option kvs_event_options[]; /* how events are shown */
/* One line of a log, as -u or the style says; what is no event as it is. */
void kvs_event_print(const struct cli *cli, struct event_style *style, const char *line,
                     size_t len);

/* treeobj.c: RFC 11 objects */
/* Root reference from --at: a dirref object or a bare reference. NULL and a message if it is
 * neither;
 * "" when there is no --at. Caller frees. */
char *kvs_at(const struct cli *cli);
char *kvs_treeobj_dirref(const char *ref);
char *kvs_treeobj_value(const void *data, size_t len);
char *kvs_treeobj_symlink(const char *target, const char *ns);
/* Fill in an operation from an object: val and symlink. */
int kvs_treeobj_op(const char *text, flux_kvs_op *op, struct flux_buf *value,
                   struct flux_error *err);

#endif
