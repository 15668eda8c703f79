// SPDX-License-Identifier: LGPL-3.0-only
/* Standard input. What clients write is kept for the life of the job, so that every shell gets it
 * from the beginning whenever it comes; a writer waits while a shell is far behind. */
#include <flux/fluid.h>
#include <flux/idset.h>
#include <flux/v1/job_list.h>

#include "io.h"

struct frame {
    struct flux_idset *tasks; /* NULL = all */
    struct flux_bytes *data;
    bool eof;
    struct frame *next;
};

struct input_reader {
    struct flux_call *call;
    struct input *in;
    struct input_user *user; /* whose account bears `tasks`; NULL: the owner's */
    struct flux_idset *tasks;
    struct frame *last; /* the last frame that it got; NULL = none */
    int64_t behind;     /* bytes that wait for credit */
    struct input_reader *next, *prev;
};

struct input_writer {
    struct flux_call *call;
    struct input_writer *next, *prev;
};

/* What is kept for all jobs of a user other than the owner. */
struct input_user {
    uint32_t userid;
    size_t bytes;
    UT_hash_handle hh;
};

struct input {
    struct io *io;
    uint64_t id;
    struct input_user *user; /* who wrote, if it is a guest */
    struct frame *first, *last;
    size_t bytes;
    struct input_reader *readers;
    struct input_writer *writers; /* waiting for shells to catch up */
    struct flux_future *wait;
    UT_hash_handle hh;
};

/* The account of the caller; NULL for the owner. */
static struct input_user *user_of(struct io *io, struct flux_call *call)
{
    uint32_t userid = flux_call_userid(call);
    struct input_user *u;

    if (flux_call_is_owner(call))
        return NULL;
    HASH_FIND_INT(io->users, &userid, u);
    if (u)
        return u;
    u = flux_alloc(sizeof(*u));
    u->userid = userid;
    HASH_ADD_INT(io->users, userid, u);
    return u;
}

static void destroy(struct input *in)
{
    HASH_DEL(in->io->inputs, in);
    if (in->user)
        in->user->bytes -= in->bytes;
    flux_future_free(in->wait);
    while (in->first) {
        struct frame *f = in->first;
        in->first = f->next;
        flux_idset_free(f->tasks);
        flux_bytes_unref(f->data);
        free(f);
    }
    free(in);
}

/* What a set of tasks takes: that depends on the largest of them. */
static size_t weigh_tasks(const struct flux_idset *tasks)
{
    return tasks && flux_idset_count(tasks) ? flux_idset_last(tasks) / 8 : 0;
}

static void free_reader(struct input_reader *r)
{
    DL_DELETE(r->in->readers, r);
    if (r->user)
        r->user->bytes -= weigh_tasks(r->tasks);
    flux_idset_free(r->tasks);
    free(r);
}

/* The job is over: who reads or writes is told so. */
static void end(struct input *in)
{
    while (in->readers) {
        struct flux_call *call = in->readers->call;
        free_reader(in->readers);
        flux_call_finish(call);
    }
    while (in->writers) {
        struct input_writer *w = in->writers;
        DL_DELETE(in->writers, w);
        flux_call_error(w->call, EPIPE, "the job has ended");
        free(w);
    }
    destroy(in);
}

static void on_job_ended(struct flux_future *f, void *arg)
{
    struct input *in = arg;

    flux_future_free(f);
    in->wait = NULL;
    end(in);
}

static struct input *get(struct io *io, uint64_t id)
{
    flux_job_list_wait_state_request req = FLUX_JOB_LIST_WAIT_STATE_REQUEST_INIT;
    struct input *in;

    HASH_FIND(hh, io->inputs, &id, sizeof(id), in);
    if (in)
        return in;
    in = flux_alloc(sizeof(*in));
    in->io = io;
    in->id = id;
    HASH_ADD(hh, io->inputs, id, sizeof(in->id), in);
    req.id = id;
    req.states = FLUX_JOB_INACTIVE;
    in->wait = flux_job_list_wait_state_async(io->h, FLUX_ANY, &req);
    flux_future_then(in->wait, on_job_ended, in);
    return in;
}

/* --- to shells --- */

static bool is_for(const struct frame *f, const struct input_reader *r)
{
    return !f->tasks || flux_idset_intersects(f->tasks, r->tasks);
}

static void send_frame(struct input_reader *r, const struct frame *f)
{
    flux_job_io_read_input_response item = FLUX_JOB_IO_READ_INPUT_RESPONSE_INIT;
    FLUX_AUTO(idset) mine = f->tasks ? flux_idset_intersect(f->tasks, r->tasks) : NULL;
    FLUX_AUTO_STR tasks = flux_idset_encode(mine ? mine : r->tasks, FLUX_IDSET_RANGE);

    item.tasks = tasks;
    if (f->data) {
        item.data.data = f->data->data;
        item.data.len = f->data->len;
    }
    item.eof = f->eof;
    flux_job_io_read_input_send(r->call, &item);
}

static int too_much_of_user(struct flux_call *call, const struct input_user *user)
{
    return flux_call_fail(call, EAGAIN,
                          "standard input of all jobs of user %u is limited to %zu MiB",
                          user->userid, USER_INPUT_MAX >> 20);
}

static void push(struct input_reader *r)
{
    struct frame *f;

    while ((f = r->last ? r->last->next : r->in->first) && flux_call_credit(r->call) > 0) {
        if (is_for(f, r))
            send_frame(r, f);
        r->last = f;
    }
    r->behind = 0;
    for (; f; f = f->next)
        r->behind += f->data ? (int64_t)f->data->len : 0;
}

static bool all_near(struct input *in)
{
    for (struct input_reader *r = in->readers; r; r = r->next)
        if (r->behind > INPUT_BEHIND)
            return false;
    return true;
}

static void answer_writers(struct input *in)
{
    flux_job_io_write_input_response out = FLUX_JOB_IO_WRITE_INPUT_RESPONSE_INIT;

    while (in->writers && all_near(in)) {
        struct input_writer *w = in->writers;
        DL_DELETE(in->writers, w);
        flux_job_io_write_input_reply(w->call, &out);
        free(w);
    }
}

static void on_credit(struct flux_call *call, void *arg)
{
    struct input_reader *r = arg;

    push(r);
    answer_writers(r->in);
}

static void on_reader_gone(struct flux_call *call, void *arg)
{
    struct input_reader *r = arg;
    struct input *in = r->in;

    free_reader(r);
    answer_writers(in);
}

static int begin_read(struct flux_call *call, const void *arg)
{
    const flux_job_io_read_input_request *req = arg;
    struct io *io = flux_call_data(call);
    struct input_user *user = user_of(io, call);
    FLUX_AUTO(idset) tasks = NULL;
    struct flux_error err;
    struct input_reader *r;

    if (flux_idset_decode(req->tasks, &tasks, &err) < 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    if (user && user->bytes + weigh_tasks(tasks) > USER_INPUT_MAX)
        return too_much_of_user(call, user);
    r = flux_alloc(sizeof(*r));
    r->call = call;
    r->in = get(io, req->id);
    r->user = user;
    r->tasks = FLUX_GIVE(tasks);
    if (user)
        user->bytes += weigh_tasks(r->tasks);
    DL_APPEND(r->in->readers, r);
    flux_call_on_cancel(call, on_reader_gone, r);
    flux_call_on_credit(call, on_credit, r);
    push(r);
    return FLUX_CALL_LATER;
}

int job_io_read_input(struct flux_call *call, const flux_job_io_read_input_request *in)
{
    return with_access(call, in->id, in, begin_read);
}

/* --- from clients --- */

static size_t weigh(const flux_job_io_write_input_request *req, const struct flux_idset *tasks)
{
    return req->data.len + weigh_tasks(tasks) + FRAME_OVERHEAD;
}

static void add_frame(struct input *in, struct flux_idset *tasks,
                      const flux_job_io_write_input_request *req)
{
    struct frame *f = flux_alloc(sizeof(*f));

    f->tasks = tasks;
    f->eof = req->eof;
    f->data = req->data.len ? flux_bytes_copy(req->data.data, req->data.len) : NULL;
    in->bytes += weigh(req, tasks);
    if (in->last)
        in->last->next = f;
    else
        in->first = f;
    in->last = f;
}

static void on_writer_gone(struct flux_call *call, void *arg)
{
    struct input *in = arg;
    struct input_writer *w, *next;

    DL_FOREACH_SAFE(in->writers, w, next)
    if (w->call == call) {
        DL_DELETE(in->writers, w);
        free(w);
    }
}

/* An end of input is taken where nothing else is any more. */
static int check_room(struct flux_call *call, const struct input *in,
                      const flux_job_io_write_input_request *req, const struct flux_idset *tasks)
{
    size_t weight = weigh(req, tasks), more = req->eof && !req->data.len ? INPUT_END_ROOM : 0;
    const struct input_user *user = user_of(in->io, call);

    if (in->bytes + weight > INPUT_MAX + more)
        return flux_call_fail(call, EFBIG, "standard input of a job is limited to %zu MiB",
                              INPUT_MAX >> 20);
    if (user && user->bytes + weight > USER_INPUT_MAX + more)
        return too_much_of_user(call, user);
    return 0;
}

static int take_write(struct flux_call *call, const void *arg)
{
    const flux_job_io_write_input_request *req = arg;
    FLUX_AUTO(idset) tasks = NULL;
    struct io *io = flux_call_data(call);
    struct input *in = get(io, req->id);
    struct input_user *user = user_of(io, call);
    struct input_writer *w;
    struct flux_error err;
    struct input_reader *r;
    int room;

    if (*req->tasks && flux_idset_decode(req->tasks, &tasks, &err) < 0)
        return flux_call_fail(call, EINVAL, "%s", err.text);
    room = check_room(call, in, req, tasks);
    if (room < 0)
        return room;
    if (user && (!in->user || in->user == user)) {
        user->bytes += weigh(req, tasks) + (in->user ? 0 : in->bytes);
        in->user = user;
    }
    add_frame(in, FLUX_GIVE(tasks), req);
    DL_FOREACH(in->readers, r)
    push(r);
    w = flux_alloc(sizeof(*w));
    w->call = call;
    DL_APPEND(in->writers, w);
    flux_call_on_cancel(call, on_writer_gone, in);
    answer_writers(in);
    return FLUX_CALL_LATER;
}

int job_io_write_input(struct flux_call *call, const flux_job_io_write_input_request *in,
                       flux_job_io_write_input_response *out)
{
    return with_access_to_active(call, in->id, in, take_write);
}

void input_free_all(struct io *io)
{
    struct input *in, *next;
    struct input_user *u, *last;

    HASH_ITER (hh, io->inputs, in, next) {
        struct input_writer *w, *more;
        while (in->readers)
            free_reader(in->readers);
        DL_FOREACH_SAFE(in->writers, w, more)
        free(w);
        destroy(in);
    }
    HASH_ITER (hh, io->users, u, last) {
        HASH_DEL(io->users, u);
        free(u);
    }
}
