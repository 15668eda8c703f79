// SPDX-License-Identifier: LGPL-3.0-only
/* The transitions, and what is done on entering each state. Every change is logged. */
#include "state.h"

#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <flux/idset.h>
#include <flux/paths.h>

#include "archive.h"
#include "broker.h"
#include "overlay.h"
#include "program.h"
#include "rc.h"
#include "sdnotify.h"
#include "startlog.h"

#define PROGRAM_GRACE_MS 5000 /* from SIGHUP to SIGKILL */

struct state {
    struct broker *b;
    enum broker_state now;
    double entered;       /* monotonic */
    struct rc *rc1, *rc3; /* rc1 while it runs, or NULL */
    uv_timer_t quorum_warn, program_limit, shutdown_warn, shutdown_limit;
    unsigned quorum;
    bool restoring, saving; /* content.restore, content.dump: see archive.h */
};

static const char *const state_names[] = {"none",    "join",     "init",     "quorum",  "run",
                                          "cleanup", "shutdown", "finalize", "goodbye", "exit"};

static const struct {
    enum broker_event ev;
    const char *name;
    enum broker_state from, to;
} transitions[] = {
    {EVENT_START, "start", STATE_NONE, STATE_JOIN},
    {EVENT_PARENT_READY, "parent-ready", STATE_JOIN, STATE_INIT},
    {EVENT_PARENT_NONE, "parent-none", STATE_JOIN, STATE_INIT},
    {EVENT_RC1_SUCCESS, "rc1-success", STATE_INIT, STATE_QUORUM},
    {EVENT_RC1_FAIL, "rc1-fail", STATE_INIT, STATE_SHUTDOWN},
    {EVENT_QUORUM_FULL, "quorum-full", STATE_QUORUM, STATE_RUN},
    {EVENT_RC2_SUCCESS, "rc2-success", STATE_RUN, STATE_CLEANUP},
    {EVENT_RC2_FAIL, "rc2-fail", STATE_RUN, STATE_CLEANUP},
    {EVENT_SHUTDOWN, "shutdown", STATE_JOIN, STATE_SHUTDOWN},
    {EVENT_SHUTDOWN, "shutdown", STATE_INIT, STATE_SHUTDOWN},
    {EVENT_SHUTDOWN, "shutdown", STATE_QUORUM, STATE_SHUTDOWN},
    {EVENT_SHUTDOWN, "shutdown", STATE_RUN, STATE_CLEANUP},
    {EVENT_PARENT_FAIL, "parent-fail", STATE_JOIN, STATE_SHUTDOWN},
    {EVENT_PARENT_FAIL, "parent-fail", STATE_INIT, STATE_SHUTDOWN},
    {EVENT_PARENT_FAIL, "parent-fail", STATE_QUORUM, STATE_SHUTDOWN},
    {EVENT_PARENT_FAIL, "parent-fail", STATE_RUN, STATE_CLEANUP},
    {EVENT_CLEANUP_DONE, "cleanup-success", STATE_CLEANUP, STATE_SHUTDOWN},
    {EVENT_CHILDREN_COMPLETE, "children-complete", STATE_SHUTDOWN, STATE_FINALIZE},
    {EVENT_RC3_DONE, "rc3-success", STATE_FINALIZE, STATE_GOODBYE},
    {EVENT_GOODBYE, "goodbye", STATE_GOODBYE, STATE_EXIT},
};

static void enter(struct state *s);

static bool in_recovery(const struct state *s)
{
    return s->b->rank == 0 && attrs_get_int(s->b->attrs, "broker.recovery-mode", 0) > 0;
}

const char *state_name(enum broker_state st)
{
    return state_names[st];
}

enum broker_state state_get(const struct state *s)
{
    return s->now;
}

double state_duration(const struct state *s)
{
    return flux_monotime() - s->entered;
}

void state_post(struct state *s, enum broker_event ev)
{
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(transitions); i++) {
        if (transitions[i].ev != ev || transitions[i].from != s->now)
            continue;
        broker_log(s->b, LOG_INFO, "%s: %s->%s %gs", transitions[i].name, state_names[s->now],
                   state_names[transitions[i].to], state_duration(s));
        s->now = transitions[i].to;
        s->entered = flux_monotime();
        broker_service_changed(s->b);
        overlay_state_changed(s->b);
        sdnotify_state_changed(s->b);
        enter(s);
        return;
    }
}

struct state *state_new(struct broker *b)
{
    struct state *s = flux_alloc(sizeof(*s));

    s->b = b;
    s->entered = b->started;
    uv_timer_init(&b->loop, &s->quorum_warn);
    uv_timer_init(&b->loop, &s->shutdown_warn);
    uv_timer_init(&b->loop, &s->shutdown_limit);
    uv_timer_init(&b->loop, &s->program_limit);
    s->program_limit.data = s;
    s->quorum_warn.data = s->shutdown_warn.data = s->shutdown_limit.data = s;
    s->quorum = attrs_get_int(b->attrs, "broker.quorum", b->size);
    return s;
}

void state_free(struct state *s)
{
    /* The timers were closed with the loop. */
    free(s);
}

/* --- rc1 and rc3: a site's scripts --- */

static void on_rc1_done(int status, void *arg)
{
    struct state *s = arg;

    s->rc1 = NULL;
    if (s->now != STATE_INIT)
        return;
    if (status != 0)
        s->b->exit_status = W_EXITCODE(1, 0);
    state_post(s, status ? EVENT_RC1_FAIL : EVENT_RC1_SUCCESS);
}

/* What is to be kept is written when nobody else writes any more. */
static void on_rc3_done(int status, void *arg)
{
    struct state *s = arg;

    s->saving = archive_save_wanted(s->b);
    if (s->saving)
        modhost_stop_users(s->b->modhost);
    else
        modhost_stop_all(s->b->modhost);
}

static void on_saved(void *arg)
{
    struct state *s = arg;

    s->saving = false;
    modhost_stop_all(s->b->modhost);
}

/* A script that is not there is none; a command that the attribute names must work. */
static void run_rc(struct state *s, const char *name, void (*done)(int status, void *arg),
                   struct rc **rc)
{
    FLUX_AUTO_STR key = flux_printf("%s_path", name);
    FLUX_AUTO_STR attr = flux_printf("broker.%s", key);
    FLUX_AUTO_STR title = flux_printf("%s.0", name);
    FLUX_AUTO_STR builtin = flux_path_get(key);
    const char *command = attrs_get(s->b->attrs, attr);
    struct flux_error err;

    if (!command && builtin && access(builtin, X_OK) == 0)
        command = builtin;
    if (!command || !*command)
        done(0, s);
    else if (rc_start(s->b, title, command, done, s, rc, &err) < 0) {
        broker_log(s->b, LOG_ERR, "%s: %s", title, err.text);
        done(W_EXITCODE(1, 0), s);
    }
}

/* --- what each state does --- */

static void on_start_recorded(void *arg)
{
    struct state *s = arg;

    if (s->now == STATE_INIT)
        run_rc(s, "rc1", on_rc1_done, &s->rc1);
}

static void on_end_recorded(void *arg)
{
    struct state *s = arg;

    run_rc(s, "rc3", on_rc3_done, &s->rc3);
}

static void on_restored(int r, void *arg)
{
    struct state *s = arg;

    s->restoring = false;
    if (s->now != STATE_INIT)
        return;
    if (r < 0) {
        s->b->exit_status = W_EXITCODE(1, 0);
        state_post(s, EVENT_RC1_FAIL);
    } else
        modhost_start_all(s->b->modhost);
}

/* In recovery mode the store is all there is: nothing runs, and no run is recorded. */
static void start_modules(struct state *s)
{
    struct flux_error err;
    int r = archive_restore_prepare(s->b, &err);

    if (r < 0) {
        broker_log(s->b, LOG_CRIT, "%s", err.text);
        s->b->exit_status = W_EXITCODE(1, 0);
        state_post(s, EVENT_RC1_FAIL);
        return;
    }
    s->restoring = r == 1;
    if (s->restoring || in_recovery(s))
        modhost_start_store(s->b->modhost);
    else
        modhost_start_all(s->b->modhost);
}

void state_modules_loaded(struct state *s, int r)
{
    if (s->now != STATE_INIT)
        return;
    if (r < 0)
        state_post(s, EVENT_RC1_FAIL);
    else if (s->restoring)
        archive_restore(s->b, on_restored, s);
    else if (in_recovery(s))
        state_post(s, EVENT_RC1_SUCCESS);
    else
        startlog_begin(s->b, on_start_recorded, s);
}

bool state_is_restoring(const struct state *s)
{
    return s->restoring;
}

void state_modules_stopped(struct state *s)
{
    if (s->saving)
        archive_save(s->b, on_saved, s);
    else
        state_post(s, EVENT_RC3_DONE);
}

static void on_quorum_warn(uv_timer_t *timer)
{
    struct state *s = timer->data;
    FLUX_AUTO(idset) missing = flux_idset_new();
    FLUX_AUTO_STR text = NULL;

    flux_idset_add_range(missing, 0, s->b->size - 1);
    flux_idset_remove_set(missing, broker_online(s->b));
    text = overlay_describe(s->b, missing);
    broker_log(s->b, LOG_WARNING, "quorum delayed: waiting for %s", text);
}

void state_check_quorum(struct state *s)
{
    if (s->now != STATE_QUORUM)
        return;
    if (s->b->rank > 0 || flux_idset_count(broker_online(s->b)) >= s->quorum) {
        uv_timer_stop(&s->quorum_warn);
        state_post(s, EVENT_QUORUM_FULL);
    }
}

static void enter_quorum(struct state *s)
{
    double warn = attrs_get_fsd(s->b->attrs, "broker.quorum-warn", 0);

    if (warn > 0)
        uv_timer_start(&s->quorum_warn, on_quorum_warn, (uint64_t)(warn * 1000),
                       (uint64_t)(warn * 1000));
    state_check_quorum(s);
}

static void on_parent_told(int status, void *arg)
{
    struct state *s = arg;

    if (status != 0)
        broker_log(s->b, LOG_WARNING, "the enclosing instance was not told our address");
    if (s->now == STATE_RUN)
        program_run(s->b);
}

/* Who finds our address with our job may count on an instance that is ready. */
static void enter_run(struct state *s)
{
    if (s->b->rank == 0 && !program_tell_parent(s->b, on_parent_told, s))
        program_run(s->b);
}

static void on_program_limit(uv_timer_t *timer)
{
    struct state *s = timer->data;

    if (!s->b->program)
        return;
    broker_log(s->b, LOG_WARNING, "rc2.0: still runs %ds after SIGHUP: killed",
               PROGRAM_GRACE_MS / 1000);
    subproc_kill(s->b->program, SIGKILL);
}

static void enter_cleanup(struct state *s)
{
    if (s->b->program) {
        subproc_kill(s->b->program, SIGHUP);
        subproc_kill(s->b->program, SIGCONT);
        uv_timer_start(&s->program_limit, on_program_limit, PROGRAM_GRACE_MS, 0);
    }
    if (s->b->rank == 0)
        program_cleanup(s->b);
    else
        state_post(s, EVENT_CLEANUP_DONE);
}

static void on_shutdown_warn(uv_timer_t *timer)
{
    struct state *s = timer->data;
    FLUX_AUTO(idset) up = overlay_children_up(s->b);
    FLUX_AUTO_STR text = overlay_describe(s->b, up);

    broker_log(s->b, LOG_WARNING, "shutdown delayed: waiting for %zu peers: %s",
               flux_idset_count(up), text);
}

static void on_shutdown_limit(uv_timer_t *timer)
{
    struct state *s = timer->data;

    on_shutdown_warn(timer);
    broker_log(s->b, LOG_ERR, "shutdown: giving up on them after %.0fs", state_duration(s));
    state_post(s, EVENT_CHILDREN_COMPLETE);
}

static void enter_shutdown(struct state *s)
{
    uint64_t warn = attrs_get_fsd(s->b->attrs, "broker.shutdown-warn", 0) * 1000;
    uint64_t limit = attrs_get_fsd(s->b->attrs, "broker.shutdown-timeout", 0) * 1000;

    if (s->rc1)
        rc_kill(s->rc1, SIGTERM);
    if (warn > 0)
        uv_timer_start(&s->shutdown_warn, on_shutdown_warn, warn, warn);
    if (limit > 0)
        uv_timer_start(&s->shutdown_limit, on_shutdown_limit, limit, 0);
    broker_overlay_shutdown_children(s->b);
}

static void enter(struct state *s)
{
    struct broker *b = s->b;

    switch (s->now) {
    case STATE_JOIN:
        if (b->rank == 0)
            state_post(s, EVENT_PARENT_NONE);
        break;
    case STATE_INIT:
        start_modules(s);
        break;
    case STATE_QUORUM:
        enter_quorum(s);
        break;
    case STATE_RUN:
        enter_run(s);
        break;
    case STATE_CLEANUP:
        enter_cleanup(s);
        break;
    case STATE_SHUTDOWN:
        uv_timer_stop(&s->program_limit);
        enter_shutdown(s);
        break;
    case STATE_FINALIZE:
        uv_timer_stop(&s->shutdown_warn);
        uv_timer_stop(&s->shutdown_limit);
        if (in_recovery(s))
            on_rc3_done(0, s);
        else
            startlog_end(b, on_end_recorded, s);
        break;
    case STATE_GOODBYE:
        if (b->local)
            local_stop_accepting(b->local);
        broker_overlay_goodbye(b);
        break;
    case STATE_EXIT:
        uv_stop(&b->loop);
        break;
    case STATE_NONE:
        break;
    }
}
