// SPDX-License-Identifier: LGPL-3.0-only
/* What restart.c and restart_damage.c share. */
#ifndef JOB_MANAGER_RESTART_H
#define JOB_MANAGER_RESTART_H

#include "module.h"

struct restart_ids {
    uint64_t *list;
    size_t count, cap;
};

/* Changes to be stored before anyone looks. */
struct restart_notes {
    flux_kvs_op **ops;
    size_t count;
};

/* Have damaged parts of the KVS taken out, so that the rest can be read. */
bool restart_repair(struct manager *mgr);
/* Has the store lost anything in this run? */
bool restart_is_damaged(struct manager *mgr);
/* Add what is active without being listed; also finds the highest id. */
void restart_find_active(struct manager *mgr, struct restart_ids *ids);

void restart_note_damaged(struct restart_notes *n, uint64_t id, const char *why);
void restart_note_active(struct restart_notes *n, uint64_t id);
void restart_notes_write(struct manager *mgr, struct restart_notes *n, bool with_max_id);

#endif
