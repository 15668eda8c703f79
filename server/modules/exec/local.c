// SPDX-License-Identifier: LGPL-3.0-only
/* Processes of this rank: between the spawn client and whatever a process belongs to. The cookie
 * that goes with each lets a later broker tell what it has found. */
#include <signal.h>
#include <syslog.h>

#include "../../../imp/signals.h"
#include "exec.h"

#define COOKIE_TEXT 96 /* of label and of command, each: the cookie stays below 256 bytes */

static void cut(char *buf, const char *s)
{
    size_t n = s ? strnlen(s, COOKIE_TEXT) : 0;

    memcpy(buf, s ? s : "", n);
    buf[n] = '\0';
}

static size_t make_cookie(const struct local *l, uint32_t attempt, uint8_t *buf)
{
    Flux__V1__SpawnCookie cookie = FLUX__V1__SPAWN_COOKIE__INIT;
    char label[COOKIE_TEXT + 1], command[COOKIE_TEXT + 1];

    cut(label, l->label);
    cut(command, l->command);
    cookie.id = l->id;
    cookie.userid = l->userid;
    cookie.attempt = attempt;
    cookie.imp = l->imp;
    cookie.label = label;
    cookie.command = command;
    return flux__v1__spawn_cookie__pack(&cookie, buf);
}

int local_spawn(struct local *l, struct spawn_request *req, uint32_t attempt,
                struct flux_error *err)
{
    uint8_t cookie[2 * COOKIE_TEXT + 64];
    int r;

    req->cookie = cookie;
    req->cookie_len = make_cookie(l, attempt, cookie);
    req->data = l;
    r = spawn_client_start(l->exec->spawn, req, &l->process, err);
    if (r == 0)
        TAILQ_INSERT_TAIL(&l->exec->locals, l, link);
    return r;
}

/* Does an IMP take it as it is? */
static bool passed_on(int signum)
{
    static const int known[] = IMP_SIGNALS_FORWARDED;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(known); i++)
        if (known[i] == signum)
            return true;
    return false;
}

static void imp_kill(struct local *l, int signum)
{
    struct spawn_client *c = l->exec->spawn;

    if (signum == SIGKILL)
        spawn_client_kill(c, l->process, IMP_SIGNAL_KILL, SPAWN_KILL_LEADER);
    else if (passed_on(signum))
        spawn_client_kill(c, l->process, signum, SPAWN_KILL_LEADER);
    else
        spawn_client_queue(c, l->process, IMP_SIGNAL_CARRIER, signum);
}

void local_kill(struct local *l, int signum, bool group)
{
    if (l->process && l->imp)
        imp_kill(l, signum);
    else if (l->process)
        spawn_client_kill(l->exec->spawn, l->process, signum,
                          group ? SPAWN_KILL_CGROUP : SPAWN_KILL_LEADER);
}

static void local_ended(struct local *l)
{
    TAILQ_REMOVE(&l->exec->locals, l, link);
    l->process = NULL;
}

void local_done(struct local *l)
{
    if (l->process)
        local_ended(l);
    free(l->label);
    free(l->command);
}

static void on_started(struct spawn_process *p, int r, const char *why, void *arg)
{
    struct local *l = p->data;

    if (r < 0)
        local_ended(l);
    l->ops->started(l, r, why);
}

static void on_exited(struct spawn_process *p, const struct spawn_exit *e, void *arg)
{
    struct local *l = p->data;

    local_ended(l);
    list_tell_exit(l, e);
    l->ops->exited(l, p->id, e);
}

static void *on_found(const struct spawn_found *f, void *arg)
{
    struct exec *x = arg;
    Flux__V1__SpawnCookie *cookie = flux__v1__spawn_cookie__unpack(NULL, f->cookie_len, f->cookie);
    struct local *l = NULL;

    if (!cookie)
        return NULL;
    if (cookie->id)
        l = shell_found(x, cookie, f);
    else if (!f->exit)
        l = command_found(x, cookie);
    else
        spawn_client_ack(x->spawn, f->id);
    flux__v1__spawn_cookie__free_unpacked(cookie, NULL);
    if (!l || f->exit)
        return NULL;
    TAILQ_INSERT_TAIL(&x->locals, l, link);
    return l;
}

static void on_adopted(struct spawn_process *p, void *arg)
{
    struct local *l = p->data;

    l->process = p;
}

static void on_up(pid_t helper, void *arg)
{
    struct exec *x = arg;

    x->helper_up = true;
}

static void on_down(const char *why, bool again, void *arg)
{
    struct exec *x = arg;

    if (!x->helper_up && !again) { /* start() tells of it */
        x->helper_failed = true;
        flux_error_set(&x->helper_err, -EIO, "%s", why);
        return;
    }
    flux_log(x->h, LOG_ERR, "%s%s", why,
             again ? ": its processes were killed; started a new one" : "; nothing can be started");
}

const struct spawn_ops local_spawn_ops = {
    .started = on_started,
    .exited = on_exited,
    .found = on_found,
    .adopted = on_adopted,
    .up = on_up,
    .down = on_down,
};
