// SPDX-License-Identifier: LGPL-3.0-only
/* PAM. There is nobody to talk to: a module that asks something fails, what it says is logged. */
#include "session.h"

#include <security/pam_appl.h>
#include <stdlib.h>

#include "log.h"

#define SERVICE "flux"

struct session {
    pam_handle_t *pam;
    const char *user; /* belongs to the struct user */
    int last;         /* result of the last call, which the modules want to see */
};

static int converse(int n, const struct pam_message **msg, struct pam_response **ret, void *arg)
{
    struct imp_error line;

    for (int i = 0; i < n; i++) {
        int style = msg[i]->msg_style;
        if (style != PAM_ERROR_MSG && style != PAM_TEXT_INFO)
            return PAM_CONV_ERR;
        imp_error_set(&line, 0, "%s", msg[i]->msg ? msg[i]->msg : "");
        log_write(style == PAM_ERROR_MSG ? LOG_WARNING : LOG_INFO, "pam: %s", line.text);
    }
    *ret = n > 0 ? calloc(n, sizeof(**ret)) : NULL;
    return n > 0 && !*ret ? PAM_BUF_ERR : PAM_SUCCESS;
}

static int failed(struct session *s, const char *step, struct imp_error *err)
{
    return imp_error_set(err, -EPERM, "pam: %s for %s: %s", step, s->user,
                         pam_strerror(s->pam, s->last));
}

static int open_steps(struct session *s, const char *requester, struct imp_error *err)
{
    s->last = pam_set_item(s->pam, PAM_RUSER, requester);
    if (s->last != PAM_SUCCESS)
        return failed(s, "pam_set_item", err);
    s->last = pam_setcred(s->pam, PAM_ESTABLISH_CRED);
    if (s->last != PAM_SUCCESS)
        return failed(s, "pam_setcred", err);
    s->last = pam_open_session(s->pam, 0);
    if (s->last != PAM_SUCCESS) {
        int r = failed(s, "pam_open_session", err);
        s->last = pam_setcred(s->pam, PAM_DELETE_CRED);
        return r;
    }
    return 0;
}

int session_open(const struct user *user, const char *requester, struct session **ret,
                 struct imp_error *err)
{
    static const struct pam_conv conv = {.conv = converse};
    struct session *s = calloc(1, sizeof(*s));
    int r;

    if (!s)
        return imp_error_sys(err, -ENOMEM, "pam");
    s->user = user->name;
    s->last = pam_start(SERVICE, user->name, &conv, &s->pam);
    if (s->last != PAM_SUCCESS)
        r = imp_error_set(err, -EPERM, "pam: pam_start for %s: error %d", user->name, s->last);
    else
        r = open_steps(s, requester, err);
    if (r < 0) {
        if (s->pam)
            pam_end(s->pam, s->last);
        free(s);
        return r;
    }
    *ret = s;
    return 0;
}

char **session_environment(struct session *s)
{
    return pam_getenvlist(s->pam);
}

void session_close(struct session *s)
{
    struct imp_error err;

    s->last = pam_close_session(s->pam, 0);
    if (s->last != PAM_SUCCESS) {
        failed(s, "pam_close_session", &err);
        log_write(LOG_ERR, "%s", err.text);
    }
    s->last = pam_setcred(s->pam, PAM_DELETE_CRED);
    if (s->last != PAM_SUCCESS) {
        failed(s, "pam_setcred", &err);
        log_write(LOG_ERR, "%s", err.text);
    }
    pam_end(s->pam, s->last);
    free(s);
}
