// SPDX-License-Identifier: LGPL-3.0-only
/* What rank 0 keeps beyond its end: content.restore before the first module looks into the KVS,
 * content.dump and the offline collection after the last one has written to it. Both run while
 * exec and kvs alone are loaded. */
#ifndef BROKER_ARCHIVE_H
#define BROKER_ARCHIVE_H

#include "broker.h"

/* Is there something to restore? Then the store that is there has been moved aside, and kvs may be
 * started. -errno: it cannot be done. */
int archive_restore_prepare(struct broker *b, struct flux_error *err);
/* Restore it. done(r) is called once; with r < 0 the next start takes the old store back. */
void archive_restore(struct broker *b, void (*done)(int r, void *arg), void *arg);

bool archive_save_wanted(const struct broker *b);
/* Dump and collect, as wanted. What fails is logged: the end goes on. */
void archive_save(struct broker *b, void (*done)(void *arg), void *arg);

#endif
