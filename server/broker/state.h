// SPDX-License-Identifier: LGPL-3.0-only
/* The broker's life as a state machine. An event that has no transition in the present state is
 * ignored, so whoever reports something need not know where we are. */
#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include <stdbool.h>

struct broker;
struct state;

enum broker_state {
    STATE_NONE,
    STATE_JOIN,
    STATE_INIT,
    STATE_QUORUM,
    STATE_RUN,
    STATE_CLEANUP,
    STATE_SHUTDOWN,
    STATE_FINALIZE,
    STATE_GOODBYE,
    STATE_EXIT,
};

enum broker_event {
    EVENT_START,        /* none -> join */
    EVENT_PARENT_READY, /* join -> init (EVENT_PARENT_NONE at rank 0) */
    EVENT_PARENT_NONE,
    EVENT_PARENT_FAIL, /* the parent does not let us in, or was lost -> shutdown */
    EVENT_RC1_SUCCESS, /* init -> quorum */
    EVENT_RC1_FAIL,    /* init -> shutdown */
    EVENT_QUORUM_FULL, /* quorum -> run */
    EVENT_RC2_SUCCESS, /* the initial program has ended: run -> cleanup */
    EVENT_RC2_FAIL,
    EVENT_SHUTDOWN,          /* asked to end: any state -> cleanup or shutdown */
    EVENT_CLEANUP_DONE,      /* cleanup -> shutdown */
    EVENT_CHILDREN_COMPLETE, /* shutdown -> finalize */
    EVENT_RC3_DONE,          /* finalize -> goodbye */
    EVENT_GOODBYE,           /* goodbye -> exit */
};

struct state *state_new(struct broker *b);
void state_free(struct state *s);
void state_post(struct state *s, enum broker_event ev);
enum broker_state state_get(const struct state *s);
const char *state_name(enum broker_state st);
/* Seconds in the present state. */
double state_duration(const struct state *s);
/* The set of ranks online has changed: is there a quorum? */
void state_check_quorum(struct state *s);
/* All modules of the start list have been loaded, or one has failed. */
void state_modules_loaded(struct state *s, int r);
void state_modules_stopped(struct state *s);
/* Only the store's modules run so far: the others come after content.restore. */
bool state_is_restoring(const struct state *s);

#endif
