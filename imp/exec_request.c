// SPDX-License-Identifier: LGPL-3.0-only
/* Request of `exec`: cmd, J, shell_path, args.0, args.1, ... and not a key more. */
#include "exec.h"

#include <stdio.h>
#include <string.h>

static int check_text(const char *what, const char *text, struct imp_error *err)
{
    if (strlen(text) >= EXEC_PATH_MAX)
        return imp_error_set(err, -E2BIG, "exec: the %s is too long", what);
    return 0;
}

int exec_request_encode(int argc, char **argv, const char *j, struct kv *kv, struct imp_error *err)
{
    char key[32];
    int r;

    if (argc < 1 || argc - 1 > EXEC_ARGS_MAX)
        return imp_error_set(err, -EINVAL, "exec: one shell and at most %d arguments are wanted",
                             EXEC_ARGS_MAX);
    r = check_text("path of the shell", argv[0], err);
    for (int i = 1; r == 0 && i < argc; i++)
        r = check_text("argument", argv[i], err);
    if (r < 0)
        return r;
    r = kv_put_string(kv, "cmd", "exec");
    r = r < 0 ? r : kv_put_string(kv, "J", j);
    r = r < 0 ? r : kv_put_string(kv, "shell_path", argv[0]);
    for (int i = 1; r == 0 && i < argc; i++) {
        snprintf(key, sizeof(key), "args.%d", i - 1);
        r = kv_put_string(kv, key, argv[i]);
    }
    return r < 0 ? imp_error_sys(err, r, "exec: cannot make the request") : 0;
}

static int take_args(const struct kv *kv, struct exec_request *req, struct imp_error *err)
{
    char key[32];
    int r;

    for (;;) {
        const char *arg;
        snprintf(key, sizeof(key), "args.%zu", req->nargs);
        r = kv_get_string(kv, key, &arg);
        if (r == -ENOENT)
            return 0;
        if (r < 0 || req->nargs == EXEC_ARGS_MAX)
            return imp_error_set(err, -EINVAL, "exec: bad arguments in the request");
        r = check_text("argument", arg, err);
        if (r < 0)
            return r;
        req->args[req->nargs++] = arg;
    }
}

int exec_request_decode(const struct kv *kv, struct exec_request *ret, struct imp_error *err)
{
    struct exec_request req = {0};
    struct kv_entry entry;
    size_t pos = 0, entries = 0;
    const char *cmd;
    int r;

    if (kv_get_string(kv, "cmd", &cmd) < 0 || strcmp(cmd, "exec") != 0)
        return imp_error_set(err, -EINVAL, "exec: the request is for something else");
    if (kv_get_string(kv, "J", &req.j) < 0 || !req.j[0])
        return imp_error_set(err, -EINVAL, "exec: the request has no J");
    if (kv_get_string(kv, "shell_path", &req.shell) < 0)
        return imp_error_set(err, -EINVAL, "exec: the request has no shell");
    r = check_text("path of the shell", req.shell, err);
    r = r < 0 ? r : take_args(kv, &req, err);
    if (r < 0)
        return r;
    while (kv_next(kv, &pos, &entry))
        entries++;
    if (entries != 3 + req.nargs)
        return imp_error_set(err, -EINVAL, "exec: the request has keys that do not belong");
    *ret = req;
    return 0;
}
