// SPDX-License-Identifier: LGPL-3.0-only
/* Hardening at entry. After it: descriptors 0 to 2 (and 3 for exec) and no others, an empty
 * environment, default signals, no timers, no core dumps, nobody can trace us, limits that do not
 * break us half-way, no groups of the caller's. */
#include "entry.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "signals.h"
#include "user.h"

enum {
    DOCUMENT_FD = 3,
    OWN_NOFILE = 1024,
    OWN_STACK = 8 << 20,
};

/* Where a descriptor was closed the dynamic linker has put /dev/full or /dev/null, open in the
 * wrong direction. */
static int check_standard(int fd, int wrong, struct imp_error *err)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & O_ACCMODE) == wrong || (flags & O_PATH))
        return imp_error_set(err, -EBADF, "descriptor %d is not open", fd);
    return 0;
}

/* Nothing that we open may take the place of a descriptor that is passed on. */
static int reserve_document(struct imp_error *err)
{
    int fd;

    if (fcntl(DOCUMENT_FD, F_GETFD) >= 0)
        return 0;
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd == DOCUMENT_FD ? 0 : imp_error_set(err, -EBADF, "cannot reserve descriptor 3");
}

static int keep_descriptors(bool keep_document, struct imp_error *err)
{
    int r;

    if (close_range(keep_document ? DOCUMENT_FD + 1 : DOCUMENT_FD, ~0U, 0) < 0)
        return imp_error_sys(err, -errno, "close_range");
    if ((r = check_standard(0, O_WRONLY, err)) < 0 || (r = check_standard(1, O_RDONLY, err)) < 0 ||
        (r = check_standard(2, O_RDONLY, err)) < 0)
        return r;
    return keep_document ? reserve_document(err) : 0;
}

static void default_signals(void)
{
    static const struct itimerval off;
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none; /* but for what waits until there is somebody to pass it on to */

    setitimer(ITIMER_REAL, &off, NULL);
    setitimer(ITIMER_VIRTUAL, &off, NULL);
    setitimer(ITIMER_PROF, &off, NULL);
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &dfl, NULL); /* fails for KILL, STOP and libc's own: they are as they are */
    dfl.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &dfl, NULL);
    sigemptyset(&none);
    sigaddset(&none, IMP_SIGNAL_CARRIER);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The soft limit, at least: to raise a hard one takes a capability that root has not everywhere. A
 * hard limit is never lowered, since it could not be given back there. */
static void set_limit(int resource, rlim_t wanted)
{
    struct rlimit limit, more;

    if (getrlimit(resource, &limit) < 0)
        return;
    more.rlim_cur = wanted;
    more.rlim_max = wanted > limit.rlim_max ? wanted : limit.rlim_max;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(resource, &more) < 0)
        setrlimit(resource, &limit);
}

void entry_own_limits(void)
{
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_FSIZE, RLIM_INFINITY);
    set_limit(RLIMIT_CPU, RLIM_INFINITY);
    set_limit(RLIMIT_AS, RLIM_INFINITY);
    set_limit(RLIMIT_DATA, RLIM_INFINITY);
    set_limit(RLIMIT_NOFILE, OWN_NOFILE);
    set_limit(RLIMIT_STACK, OWN_STACK);
}

int entry_restore_limits(const struct entry *entry)
{
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (setrlimit(i, &entry->limits[i]) < 0)
            return -errno;
    return 0;
}

static int save_limits(struct entry *entry, struct imp_error *err)
{
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (getrlimit(i, &entry->limits[i]) < 0)
            return imp_error_sys(err, -errno, "getrlimit");
    return 0;
}

/* What only makes sense with privileges. The real uid stays: by it the caller may signal us. */
static int take_charge(struct entry *entry, struct imp_error *err)
{
    if (prctl(PR_GET_SECUREBITS) & ~(SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED))
        return imp_error_set(err, -EPERM,
                             "the caller has set securebits: giving up privileges "
                             "would not work");
    prctl(PR_SET_KEEPCAPS, 0);
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0)
        return imp_error_sys(err, -errno, "cannot leave the caller's groups");
    /* A job must not possess the caller's keys. Kernels without keys answer ENOSYS. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS &&
        errno != EPERM)
        return imp_error_sys(err, -errno, "cannot make a session keyring");
    return 0;
}

int entry_harden(struct entry *entry, bool keep_document, struct imp_error *err)
{
    static char *empty[] = {NULL};
    int r;

    entry->environment = environ;
    environ = empty;
    entry->uid = getuid();
    entry->gid = getgid();
    entry->parent = getppid();
    entry->privileged = geteuid() == 0 && entry->uid != 0;
    prctl(PR_SET_DUMPABLE, 0);
    umask(077);
    r = keep_descriptors(keep_document, err);
    if (r < 0)
        return r;
    default_signals();
    r = save_limits(entry, err);
    if (r < 0)
        return r;
    entry_own_limits();
    return entry->privileged ? take_charge(entry, err) : 0;
}

int entry_drop(struct entry *entry)
{
    struct user caller = {.uid = entry->uid, .gid = entry->gid};

    if (entry->privileged && (entry->uid == 0 || user_become(&caller) < 0))
        return -EPERM;
    entry->privileged = false;
    prctl(PR_SET_DUMPABLE, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -EPERM : 0;
}
