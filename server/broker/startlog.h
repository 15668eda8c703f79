// SPDX-License-Identifier: LGPL-3.0-only
/* The instance's record of its starts and stops, kept in its KVS: key admin.eventlog, events start
 * and finish. A start after a start means that the one before did not end well. */
#ifndef BROKER_STARTLOG_H
#define BROKER_STARTLOG_H

struct broker;

/* Rank 0, once the modules serve: record the start. After a crash or damage of an instance that
 * keeps its state, submission is disabled and scheduling stopped first (unless
 * job-manager.safe-mode is false). `done` is called when that is over, however it went. */
void startlog_begin(struct broker *b, void (*done)(void *arg), void *arg);
/* Record the end, while the modules still serve. */
void startlog_end(struct broker *b, void (*done)(void *arg), void *arg);

#endif
