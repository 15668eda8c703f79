// SPDX-License-Identifier: LGPL-3.0-only
/* A KVS engine on a store in a temporary directory, driven without an event loop. */
#ifndef TEST_KVS_RIG_H
#define TEST_KVS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../../server/modules/kvs/engine.h"

struct rig {
    char dir[64], path[96];
    struct store *store;
    struct kvs *kvs;
    struct store_options sopt;
    struct kvs_options kopt;
    int damaged; /* reports so far */
    bool quiet;  /* no word of what fails to open */
    char report[400];
};

/* Zero sopt/kopt or fill them in before. */
void rig_init(struct rig *rig);
int rig_open(struct rig *rig);
void rig_close(struct rig *rig);
void rig_reopen(struct rig *rig);
void rig_done(struct rig *rig); /* and remove the directory */

/* Run groups until nothing is staged and no background work is left. */
int rig_flush(struct rig *rig);
/* Stage one operation and flush. */
int rig_put(struct rig *rig, const char *key, const void *value, size_t len);
int rig_puts(struct rig *rig, const char *key, const char *value);
int rig_op(struct rig *rig, enum kvs_op_kind kind, const char *key, const char *arg);
/* Value or log as a string (caller frees), NULL if it cannot be read; *r says why. */
char *rig_get(struct rig *rig, const char *key, int *r);
/* "a b/ c@ " */
char *rig_list(struct rig *rig, const char *key);
void rig_expect(struct rig *rig, const char *key, const char *value);
void rig_checkpoint(struct rig *rig);
/* Let the store grow to so many pages and no further. */
void rig_limit_pages(struct rig *rig, int pages);
/* Run SQL on a closed rig's file. */
void rig_sql(struct rig *rig, const char *sql);

/* A VFS named "faulty" over the default one: while k > 0, the k-th write, sync or truncate from now
 * on and all after it fail with `code`. */
extern int faulty_after;
extern int faulty_code;
extern int faulty_calls;
extern bool faulty_syncs; /* every sync fails, and nothing else */
void faulty_register(void);

#endif
