// SPDX-License-Identifier: LGPL-3.0-only
/* flux-imp: hardening, then configuration, then one command. The order is the point: nothing that
 * the caller said is looked at before the process is safe, apart from the name of the command. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imp.h"
#include "log.h"
#include "places.h"
#include "privsep.h"

static const struct command *const commands[] = {
    &command_casign, &command_exec, &command_kill, &command_run, &command_version, &command_whoami,
};

static int run_version(struct imp *imp, struct kv *request, struct imp_error *err)
{
    printf("flux-imp %s\n", FLUX_VERSION);
    return fflush(stdout) == 0 ? 0 : imp_error_sys(err, -errno, "standard output");
}

const struct command command_version = {.name = "version", .usage = "version", .act = run_version};

static int run_whoami(struct imp *imp, struct kv *request, struct imp_error *err)
{
    const struct entry *e = &imp->entry;

    printf("flux-imp: called by uid %u, gid %u, %s privileges\n", (unsigned)e->uid,
           (unsigned)e->gid, e->privileged ? "with" : "without");
    return fflush(stdout) == 0 ? 0 : imp_error_sys(err, -errno, "standard output");
}

const struct command command_whoami = {.name = "whoami", .usage = "whoami", .act = run_whoami};

static const struct command *find_command(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i];
    return NULL;
}

static int usage(struct entry *entry)
{
    if (entry_drop(entry) < 0)
        return 1;
    fputs("usage:", stderr);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(stderr, "%s flux-imp %s\n", i > 0 ? "      " : "", commands[i]->usage);
    return 1;
}

int imp_check_caller(const struct imp *imp, const char *path, struct imp_error *err)
{
    const struct conf *users = NULL;
    int r = conf_get_strings(imp->conf, path, &users, err);

    if (r < 0)
        return r;
    if (!conf_has(users, imp->caller.name))
        return imp_error_set(err, -EPERM, "%s is not in %s", imp->caller.name, path);
    return 0;
}

static int configure(struct imp *imp, struct imp_error *err)
{
    const char *level;
    int r = conf_load(PLACES_IMP, 0, &imp->conf, err);

    if (r < 0)
        return r;
    r = conf_check(imp->conf, &conf_keys_imp, err);
    if (r < 0)
        return r;
    r = conf_get_string(imp->conf, "log-level", &level, err);
    if (r > 0 && log_set_level(level) < 0)
        return imp_error_set(err, -EINVAL,
                             "log-level '%.32s' is not one of err, warning, info, debug", level);
    return r < 0 ? r : user_find(imp->entry.uid, &imp->caller, err);
}

static int with_privileges(struct imp *imp, const struct command *command, struct imp_error *err)
{
    struct kv *request;
    int r;

    if (!imp->entry.privileged)
        return imp_error_set(err, -EPERM, "%s",
                             imp->entry.uid == 0
                                 ? "root is not served: call as another user"
                                 : "not installed setuid root, or not allowed to be");
    if (sodium_init() < 0) /* the confined half cannot */
        return imp_error_set(err, -EIO, "libsodium does not start");
    r = configure(imp, err);
    r = r < 0 || !command->users ? r : imp_check_caller(imp, command->users, err);
    r = r < 0 ? r : privsep_ask(imp, command, &request, err);
    if (r < 0)
        return r;
    r = command->act(imp, request, err);
    kv_free(request);
    return r;
}

int main(int argc, char **argv)
{
    const struct command *command = find_command(argc, argv);
    struct imp imp = {.argc = argc - 1, .argv = argv + 1};
    struct imp_error err = {{0}};
    int r = entry_harden(&imp.entry, command == &command_exec, &err);

    if (r == 0 && !command)
        return usage(&imp.entry);
    if (r == 0 && command->ask)
        r = with_privileges(&imp, command, &err);
    else if (r == 0 && entry_drop(&imp.entry) < 0)
        r = imp_error_set(&err, -EPERM, "cannot give up privileges");
    else if (r == 0)
        r = command->act(&imp, NULL, &err);
    if (r < 0)
        log_refuse(&imp.entry, err.text);
    conf_free(imp.conf);
    user_done(&imp.caller);
    return 0;
}
