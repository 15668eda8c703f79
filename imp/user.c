// SPDX-License-Identifier: LGPL-3.0-only
/* Looking users up, and becoming one. Groups come from this host's own database alone. */
#include "user.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ENTRY_MAX = 1 << 20, /* bytes of an entry of the database */
    GROUPS_MAX = 65536,
};

static int find_groups(struct user *user, struct imp_error *err)
{
    int n = 64;

    for (;;) {
        int got = n;
        gid_t *groups = reallocarray(user->groups, n, sizeof(*groups));
        if (!groups)
            return imp_error_sys(err, -ENOMEM, "groups of %s", user->name);
        user->groups = groups;
        if (getgrouplist(user->name, user->gid, groups, &got) >= 0) {
            user->ngroups = got;
            return 0;
        }
        n = got > n ? got : n * 2;
        if (n > GROUPS_MAX)
            return imp_error_set(err, -E2BIG, "%s is in too many groups", user->name);
    }
}

static int take(struct user *user, const struct passwd *pw, struct imp_error *err)
{
    user->uid = pw->pw_uid;
    user->gid = pw->pw_gid;
    user->name = strdup(pw->pw_name);
    user->home = strdup(pw->pw_dir && pw->pw_dir[0] ? pw->pw_dir : "/");
    user->shell = strdup(pw->pw_shell && pw->pw_shell[0] ? pw->pw_shell : "/bin/sh");
    if (!user->name || !user->home || !user->shell)
        return imp_error_sys(err, -ENOMEM, "user %u", (unsigned)pw->pw_uid);
    return find_groups(user, err);
}

int user_find(uid_t uid, struct user *ret, struct imp_error *err)
{
    struct user user = {0};
    struct passwd pw, *found = NULL;
    char *buf = NULL, *more;
    int r = ERANGE;

    for (size_t size = 4096; r == ERANGE && size <= ENTRY_MAX; size *= 2) {
        more = realloc(buf, size);
        if (!more) {
            free(buf);
            return imp_error_sys(err, -ENOMEM, "user %u", (unsigned)uid);
        }
        buf = more;
        r = getpwuid_r(uid, &pw, buf, size, &found);
    }
    if (!found || pw.pw_uid != uid)
        r = imp_error_set(err, -ENOENT, "no user has id %u on this host", (unsigned)uid);
    else
        r = take(&user, found, err);
    free(buf);
    if (r < 0)
        user_done(&user);
    else
        *ret = user;
    return r;
}

void user_done(struct user *user)
{
    free(user->name);
    free(user->home);
    free(user->shell);
    free(user->groups);
    memset(user, 0, sizeof(*user));
}

/* Also what a change of ids leaves: inheritable and ambient ones. */
static int clear_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

int user_become(const struct user *user)
{
    uid_t uid = user->uid, ids[3];
    gid_t gid = user->gid, gids[3];

    if (setgroups(user->ngroups, user->groups) < 0 || setresgid(gid, gid, gid) < 0 ||
        setresuid(uid, uid, uid) < 0)
        return -errno;
    if (uid != 0 && clear_capabilities() < 0)
        return -EPERM;
    if (getresuid(&ids[0], &ids[1], &ids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return -EPERM;
    for (int i = 0; i < 3; i++)
        if (ids[i] != uid || gids[i] != gid)
            return -EPERM;
    if (uid != 0 && (setresuid(-1, 0, -1) == 0 || seteuid(0) == 0 || setuid(0) == 0))
        return -EPERM;
    return 0;
}
