// SPDX-License-Identifier: LGPL-3.0-only
/* What the unprivileged half can still do: read, write, get memory, end. The rest kills it. */
#include "../../../imp/filter.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../../imp/sign/kv.h"

static void do_open(void)
{
    open("/dev/null", O_RDONLY);
}

static void do_socket(void)
{
    socket(AF_UNIX, SOCK_STREAM, 0);
}

static void do_fork(void)
{
    fork();
}

static void do_exec(void)
{
    execl("/bin/true", "true", NULL);
}

static void do_kill(void)
{
    kill(getppid(), 0);
}

static void do_map_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_make_code(void)
{
    mprotect(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096,
             PROT_READ | PROT_EXEC);
}

static void do_ids(void)
{
    setuid(getuid());
}

static void do_work(void)
{
    struct kv *kv = kv_new(), *copy;
    size_t len;
    char *big = malloc(8 << 20);

    memset(big, 'x', (8 << 20) - 1);
    big[(8 << 20) - 1] = '\0';
    kv_put_string(kv, "J", big);
    const void *bytes = kv_encode(kv, &len);
    if (kv_decode(bytes, len, &copy) < 0 || write(STDERR_FILENO, "", 0) != 0)
        _exit(1);
    kv_free(copy);
    kv_free(kv);
    free(realloc(big, 16 << 20));
}

/* The signal that ends a confined child which does this; 0: it ends well. */
static int ends_by(void (*what)(void))
{
    static const struct rlimit no_core;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (filter_install() < 0)
            _exit(2);
        what();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void parsing_works(void **state)
{
    assert_int_equal(ends_by(do_work), 0);
}

static void everything_else_kills(void **state)
{
    assert_int_equal(ends_by(do_open), SIGSYS);
    assert_int_equal(ends_by(do_socket), SIGSYS);
    assert_int_equal(ends_by(do_fork), SIGSYS);
    assert_int_equal(ends_by(do_exec), SIGSYS);
    assert_int_equal(ends_by(do_kill), SIGSYS);
    assert_int_equal(ends_by(do_map_code), SIGSYS);
    assert_int_equal(ends_by(do_make_code), SIGSYS);
    assert_int_equal(ends_by(do_ids), SIGSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_works),
        cmocka_unit_test(everything_else_kills),
    };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 77; /* sanitizers make calls of their own */
#endif
    return cmocka_run_group_tests_name("imp_confinement", tests, NULL, NULL);
}
