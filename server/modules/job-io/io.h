// SPDX-License-Identifier: LGPL-3.0-only
/* job-io: standard output and input of jobs. Output is a sequence of segments: encoded
 * JobIoReadResponse messages, of which the full ones go to the KVS and the last one is still in
 * memory. The list of segments is stored with the job: when all shells are done,
 * and in an instance that survives a crash also as the segments are closed, with the number of the
 * last message of each shell in them; what came after that the shells still have. */
#ifndef JOB_IO_H
#define JOB_IO_H

#include <uthash.h>
#include <utlist.h>

#include <flux/job.h>
#include <flux/module.h>
#include <flux/v1/job_io_service.h>

#define SEGMENT_BYTES ((size_t)256 << 10) /* a segment is closed when it has so much */
#define SEGMENT_MAX ((size_t)64 << 20)
#define INLINE_BYTES 8192 /* so small an output is stored with its list, not by itself */
#define LOOSE_MAX                                                                                  \
    ((size_t)2 << 20) /* not yet in the list: writers wait; shells keep more than that */
#define INPUT_MAX ((size_t)32 << 20)       /* bytes of input kept for a job */
#define USER_INPUT_MAX ((size_t)128 << 20) /* the same for all jobs of a guest */
#define OUTPUT_MAX                                                                                 \
    ((uint64_t)1 << 30) /* bytes for output of a guest's job, whatever its shell thinks */
#define INPUT_END_ROOM ((size_t)1 << 20) /* more, for ends of input */
#define FRAME_OVERHEAD 256              /* bytes that a piece of input counts as, beside its data */
#define INPUT_BEHIND ((int64_t)1 << 20) /* a writer waits while a shell is so far behind */

struct io;
struct output;

struct segment {
    struct flux_buf data; /* length-prefixed JobIoReadResponse messages; empty once stored */
    char *key;            /* in the KVS, once stored */
    size_t bytes, number;
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

/* A shell as a writer: numbers of its messages. */
struct writer {
    uint32_t seq;     /* the last one */
    uint32_t listing; /* the last one in the list that is being stored */
    uint32_t listed;  /* and in the one that is stored */
    bool done, done_listing, done_listed;
};

/* A Write that is answered when what it brought is in the stored list. */
struct held {
    struct output *out;
    struct flux_call *call;
    struct held *next, *prev;
};

struct output {
    struct io *io;
    uint64_t id;
    struct segment *first, *last;
    size_t nclosed;
    uint64_t bytes;
    uint64_t weight;        /* what they, and what is said of them, take in the KVS, about */
    uint32_t shells;        /* that will write; 0 = none has yet */
    uint32_t done;          /* of them */
    struct writer *writers; /* by rank of the shell */
    uint32_t nwriters;
    bool ended; /* nothing more will come */
    bool saved; /* its whole list is in the KVS */

    /* list.c */
    struct segment *listed;      /* the last one in the stored list */
    struct segment *list_end;    /* the last one in the list that is being stored */
    struct flux_buf list_tail;   /* the rest of that, encoded */
    size_t loose, loose_listing; /* bytes not in the stored list; of these, in the one to be */
    struct held *held, *held_listing;
    bool listing, committing, list_again, broken;
    bool full; /* what is to be stored waits for room on the disk */

    unsigned busy; /* calls under way on its behalf */
    struct reader *readers;
    struct flux_future *wait; /* for the end of the job */
    UT_hash_handle hh;
};

struct old_job;

struct io {
    struct flux *h;
    uv_timer_t *retry;
    bool full;           /* the disk is */
    bool survives;       /* there is a state directory: lists are stored as they grow */
    struct old_job *old; /* jobs from before our start whose lists have not been looked for */
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
void output_close_segment(struct output *out, struct segment *s);
/* Follow its job, to end with it. */
void output_follow(struct output *out);
struct writer *output_writer(struct output *out, uint32_t shell);
/* write.c */
void held_free(struct held *h);
/* list.c: segments to the KVS. */
void output_store_segment(struct output *out, struct segment *seg);
/* Store the list with all that has come so far, or as soon as that is possible. */
void output_list(struct output *out);
/* All that waits for room on the disk is tried again. */
void output_retry(uv_timer_t *timer);
/* load.c: the list back from the KVS. */
void old_jobs_find(struct io *io);
bool old_job(struct io *io, uint64_t id);
void old_job_forget(struct io *io, uint64_t id);
void old_jobs_free(struct io *io);
/* Read the stored list of a job; `done(out or NULL if there is none)`. */
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
