// SPDX-License-Identifier: LGPL-3.0-only
/* Who may have written a file: the matrix of owners, modes, links and kinds, for the file and for
 * each directory above it. */
#include "setup.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../../imp/conf/secure.h"

enum { OTHER = 12345 };

static int try(const char *path, uid_t owner, struct imp_error *err)
{
    *err = (struct imp_error){""};
    int fd = secure_open(path, owner, err);

    if (fd >= 0) {
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        return 0;
    }
    assert_true(err->text[0]);
    return fd;
}

static int setup(void **state)
{
    if (make_dir(state) < 0)
        return -1;
    mkdir(in_dir("a"), 0755);
    mkdir(in_dir("a/b"), 0755);
    write_text(in_dir("a/b/file"), 0644, "text");
    return 0;
}

static void modes_of_the_file_count(void **state)
{
    static const struct {
        mode_t mode;
        int r;
    } rows[] = {{0644, 0},      {0600, 0},      {0755, 0},      {0400, 0},      {04755, 0},
                {0664, -EPERM}, {0646, -EPERM}, {0666, -EPERM}, {0620, -EPERM}, {01666, -EPERM}};
    struct imp_error err;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        chmod(in_dir("a/b/file"), rows[i].mode);
        if (try(in_dir("a/b/file"), geteuid(), &err) != rows[i].r)
            fail_msg("%04o: %s", rows[i].mode, err.text);
    }
    chmod(in_dir("a/b/file"), 0644);
}

static void modes_of_every_directory_count(void **state)
{
    static const char *const dirs[] = {"a", "a/b"};
    static const struct {
        mode_t mode;
        int r;
    } rows[] = {{0755, 0}, {0711, 0}, {01777, 0}, {01775, 0}, {0775, -EPERM}, {0757, -EPERM}};
    struct imp_error err;

    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            chmod(in_dir(dirs[d]), rows[i].mode);
            if (try(in_dir("a/b/file"), geteuid(), &err) != rows[i].r)
                fail_msg("%s %04o: %s", dirs[d], rows[i].mode, err.text);
            chmod(in_dir(dirs[d]), 0755);
        }
}

static void owners_count(void **state)
{
    static const char *const paths[] = {"a", "a/b", "a/b/file"};
    struct imp_error err;

    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chown(in_dir(paths[i]), OTHER, 0), 0);
        assert_int_equal(try(in_dir("a/b/file"), 0, &err), -EPERM);
        assert_non_null(strstr(err.text, "belongs to user 12345"));
        assert_non_null(strstr(err.text, in_dir(paths[i])));
        assert_int_equal(try(in_dir("a/b/file"), OTHER, &err), 0);
        assert_int_equal(try(in_dir("a/b/file"), OTHER + 1, &err), -EPERM);
        assert_int_equal(chown(in_dir(paths[i]), 0, 0), 0);
    }
}

static void links_are_not_followed(void **state)
{
    struct imp_error err;

    assert_int_equal(symlink(in_dir("a/b/file"), in_dir("link")), 0);
    assert_int_equal(symlink(in_dir("a"), in_dir("linkdir")), 0);
    assert_int_equal(try(in_dir("link"), geteuid(), &err), -ELOOP);
    assert_int_equal(try(in_dir("linkdir/b/file"), geteuid(), &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "symbolic link"));
    assert_int_equal(secure_open_dir(in_dir("linkdir"), geteuid(), &err), -ENOTDIR);
}

static void paths_are_plain(void **state)
{
    static const char *const bad[] = {
        "",      "a/b",    "/",      "//", "/tmp/../etc/passwd", "/./etc/passwd", "/etc//passwd",
        "/etc/", "/etc/.", "/etc/.."};
    struct imp_error err;
    char longest[5000];

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (try(bad[i], 0, &err) != -EINVAL)
            fail_msg("'%s': %s", bad[i], err.text);
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(try(longest, 0, &err), -EINVAL);
    assert_int_equal(try(in_dir("a/none"), geteuid(), &err), -ENOENT);
    assert_int_equal(secure_open_at(AT_FDCWD, "..", "..", 0, &err), -EINVAL);
    assert_int_equal(secure_open_at(AT_FDCWD, "a/b", "a/b", 0, &err), -EINVAL);
}

static void only_regular_files_are_read(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct imp_error err;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(try(in_dir("a/b"), geteuid(), &err), -EPERM);
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_int_equal(try(in_dir("fifo"), geteuid(), &err), -EPERM);
    assert_int_equal(try("/dev/null", 0, &err), -EPERM);
    strcpy(un.sun_path, in_dir("sock"));
    assert_int_equal(bind(s, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_true(try(in_dir("sock"), geteuid(), &err) < 0);
    close(s);
    assert_int_equal(secure_open_dir(in_dir("a/b/file"), geteuid(), &err), -ENOTDIR);
}

static void reading_is_bounded(void **state)
{
    struct imp_error err;
    char *text;
    int fd = secure_open(in_dir("a/b/file"), geteuid(), &err);

    assert_true(fd >= 0);
    assert_int_equal(secure_read(fd, 3, &text), -EFBIG);
    assert_int_equal(secure_read(fd, 4, &text), 4);
    assert_string_equal(text, "text");
    free(text);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_of_the_file_count),
        cmocka_unit_test(modes_of_every_directory_count),
        cmocka_unit_test(owners_count),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(paths_are_plain),
        cmocka_unit_test(only_regular_files_are_read),
        cmocka_unit_test(reading_is_bounded),
    };

    return cmocka_run_group_tests(tests, setup, remove_dir);
}
