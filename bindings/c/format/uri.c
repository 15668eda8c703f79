// SPDX-License-Identifier: LGPL-3.0-only
/* Addresses of instances. They come from jobs of anybody, and end in a command line of ssh: only
 * what is plainly a host, a user, a port passes. */
#include <flux/uri.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <flux/base.h>

#define SSH "ssh://"
#define LOCAL "local://"

static bool is_target(const char *s)
{
    static const char known[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@";
    const char *at = strrchr(s, '@'), *host = at ? at + 1 : s;

    return s[0] != '-' && isalnum((unsigned char)host[0]) && strspn(s, known) == strlen(s);
}

static bool is_port(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

static int parse_ssh(const char *text, struct flux_uri *u, struct flux_error *err)
{
    const char *rest = text + strlen(SSH), *path = strchr(rest, '/');
    char *colon;

    if (path) {
        u->target = flux_strndup(rest, (size_t)(path - rest));
        u->path = flux_strndup(path, strcspn(path, "?"));
        colon = strrchr(u->target, ':');
        if (colon) {
            u->port = flux_strdup(colon + 1);
            *colon = '\0';
        }
    }
    if (!path || !is_target(u->target) || (u->port && !is_port(u->port)))
        return flux_error_set(err, -EINVAL, "%.256s: not ssh://[user@]host[:port]/path", text);
    return 0;
}

int flux_uri_parse(const char *text, struct flux_uri *ret, struct flux_error *err)
{
    const char *path = strncmp(text, LOCAL, strlen(LOCAL)) == 0 ? text + strlen(LOCAL) : text;

    *ret = (struct flux_uri){NULL, NULL, NULL};
    if (strncmp(text, SSH, strlen(SSH)) == 0)
        return parse_ssh(text, ret, err);
    if (path[0] != '/')
        return flux_error_set(err, -EINVAL,
                              "%.256s: not a URI that can be opened; expected "
                              "local:///path/to/socket or ssh://host/path/to/socket",
                              text);
    ret->path = flux_strdup(path);
    return 0;
}

int flux_socket_dial(const char *path, struct flux_error *err)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    FLUX_AUTO_FD int fd = -1;
    int done;

    if (strlen(path) >= sizeof(sun.sun_path))
        return flux_error_set(err, -ENAMETOOLONG, "%.256s: socket path is longer than %zu bytes",
                              path, sizeof(sun.sun_path) - 1);
    strcpy(sun.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return flux_error_sys(err, -errno, "socket");
    if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
        return flux_error_sys(err, -errno, "cannot connect to the broker at %s", path);
    done = fd;
    fd = -1;
    return done;
}

bool flux_uri_is_here(const struct flux_uri *u)
{
    char own[HOST_NAME_MAX + 1] = "";

    if (!u->target)
        return true;
    gethostname(own, sizeof(own) - 1);
    return !u->port && (strcmp(u->target, own) == 0 || strcmp(u->target, "localhost") == 0);
}

void flux_uri_done(struct flux_uri *u)
{
    free(u->target);
    free(u->port);
    free(u->path);
    *u = (struct flux_uri){NULL, NULL, NULL};
}
