// SPDX-License-Identifier: LGPL-3.0-only
/* What calls of the exec service have told, and waiting for it. */
#ifndef TEST_EXEC_SEEN_H
#define TEST_EXEC_SEEN_H

#include <flux/v1/exec.h>

#include "fabric.h"

#define SIZE 7

/* What a call has told so far. */
struct seen {
    struct fabric *fabric;
    struct flux_future *future;
    struct flux_idset *started, *exited, *failed;
    int status; /* of the last exit */
    uint32_t errnum;
    char text[256];  /* of the last failure */
    char exits[256]; /* "RANKS:STATUS " each */
    struct flux_buf out[3];
    bool ended;
    int r;
    char err[320];
    unsigned items;
    bool stingy; /* give no credit */
};

struct seen *seen_new(struct fabric *f);
void seen_free(struct seen *s);
/* Callbacks for flux_future_then(). */
void seen_start_item(struct flux_future *f, void *arg);
void seen_attach_item(struct flux_future *f, void *arg);
void seen_run_item(struct flux_future *f, void *arg);
void until_end(struct seen *s);
void until_started(struct seen *s, size_t n);
void assert_ranks(const struct flux_idset *set, const char *want);

struct answer {
    bool done;
    int r;
};

/* Callback: keeps the result and frees the future. */
void seen_answer(struct flux_future *f, void *arg);
void until_answered(struct fabric *f, struct answer *a);

/* A fabric of SIZE brokers for a test. */
int setup(void **state);
int teardown(void **state);

#endif
