// SPDX-License-Identifier: LGPL-3.0-only
/* Insides of the history, for its own files. */
#ifndef JOB_LIST_HISTORY_H
#define JOB_LIST_HISTORY_H

#include <sqlite3.h>

#include "list.h"

struct history {
    sqlite3 *db;
    sqlite3_stmt *put, *get, *has, *remove, *count;
    int mark;     /* file that has the number of the last transaction, too */
    uint64_t seq; /* that number */
    bool in_transaction;
    bool incomplete;
    void (*on_bad)(void *arg, uint64_t id);
    void *on_bad_arg;
};

#endif
