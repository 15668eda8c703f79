// SPDX-License-Identifier: LGPL-3.0-only
/* job-io: standard output and input of jobs. Output is a sequence of segments: encoded
 * JobIoReadResponse messages, of which the full ones go to the KVS and the last
 * one is still in memory. When all shells are done the list of segments is stored with the job. */
#ifndef JOB_IO_H
#define JOB_IO_H

#include <uthash.h>
#include <utlist.h>

#include <flux/job.h>
#include <flux/module.h>
#include <flux/v1/job_io_service.h>

#define SEGMENT_BYTES ((size_t)256 << 10) /* a segment is closed when it has so much */
#define INLINE_BYTES 8192            /* so small an output is stored with its list, not as a blob */
#define INPUT_MAX ((size_t)32 << 20) /* bytes of input kept for a job */
#define USER_INPUT_MAX ((size_t)128 << 20) /* the same for all jobs of a guest */
#define OUTPUT_MAX                                                                                 \
    ((uint64_t)1 << 30) /* bytes of output of a guest's job, whatever its shell thinks */
#define INPUT_BEHIND ((int64_t)1 << 20) /* a writer waits while a shell is so far behind */

struct io;
struct output;

struct segment {
    struct flux_buf data; /* length-prefixed JobIoReadResponse messages; empty once stored */
    char *key;            /* in the KVS, once stored */
    size_t bytes;
    bool closed, storing;
    struct segment *next;
};

/* A client that follows the output. */
struct reader {
    struct flux_call *call;
    struct output *out;
    struct segment *at; /* the segment it is in; NULL before the first */
    size_t offset;      /* bytes of it already sent */
    struct flux_future *load;
    struct flux_bytes *loaded; /* content of `at`, when it had to be loaded */
    bool nofollow;
    struct reader *next, *prev;
};

struct output {
    struct io *io;
    uint64_t id;
    struct segment *first, *last;
    uint64_t bytes;
    uint32_t shells; /* that will write; 0 = none has yet */
    uint32_t done;   /* of them */
    uint32_t *seq;   /* last message of each shell */
    uint32_t nseq;
    bool ended;    /* nothing more will come */
    bool saved;    /* its list is in the KVS */
    unsigned busy; /* calls under way on its behalf */
    struct reader *readers;
    struct flux_future *wait; /* for the end of the job */
    UT_hash_handle hh;
};

struct io {
    struct flux *h;
    struct output *outputs;
    struct input *inputs;
    struct input_user *users; /* guests that have input kept */
};

FLUX_JOB_IO_HANDLERS(job_io);

/* output.c */
struct output *output_find(struct io *io, uint64_t id);
struct output *output_get(struct io *io, uint64_t id); /* made if it is not there */
/* Append one encoded message; pushes it to readers that are at the end. */
void output_append(struct output *out, const flux_job_io_read_response *item);
void output_end(struct output *out);
/* Free it if nobody needs it any more. */
void output_release(struct output *out);
void output_free_all(struct io *io);
/* store.c: segments to blobs, the list to the KVS and back. */
void output_store_segment(struct output *out, struct segment *seg);
void output_save(struct output *out);
/* Read the list of a job that ended; `done(out or NULL if there is none)`. */
void output_load(struct io *io, uint64_t id, void (*done)(struct output *out, void *arg),
                 void *arg);
/* reader.c */
void reader_push(struct reader *r);
void reader_free(struct reader *r);
/* input.c */
void input_free_all(struct io *io);

/* access.c: may the caller act for the job? Runs `next` at once, or once that is known; or answers
 * EPERM or ENOENT itself. */
int with_access(struct flux_call *call, uint64_t id, const void *in,
                int (*next)(struct flux_call *call, const void *in));
/* The same for what only a job that has not ended may still get: EPIPE. */
int with_access_to_active(struct flux_call *call, uint64_t id, const void *in,
                          int (*next)(struct flux_call *call, const void *in));

#endif
