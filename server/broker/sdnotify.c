// SPDX-License-Identifier: LGPL-3.0-only
/* One datagram to $NOTIFY_SOCKET for each change. Nobody there, or no such attribute: nothing. A
 * broker is ready when it starts to join: it may wait for its parent for as long as it takes, and a
 * unit that waits must not time out. */
#include "sdnotify.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "broker.h"

static void notify(const char *text)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;
    FLUX_AUTO_FD int fd = -1;

    if (n == 0 || n >= sizeof(addr.sun_path) || (*path != '/' && *path != '@'))
        return;
    memcpy(addr.sun_path, path, n);
    if (*path == '@')
        addr.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&addr,
                      offsetof(struct sockaddr_un, sun_path) + n);
}

void sdnotify_state_changed(struct broker *b)
{
    enum broker_state st = state_get(b->state);
    FLUX_AUTO_STR text = NULL;

    if (attrs_get_int(b->attrs, "broker.sd-notify", 0) == 0)
        return;
    if (st == STATE_RUN && b->rank == 0)
        text = flux_printf("STATUS=Running as leader of %u node Flux instance", b->size);
    else if (st == STATE_RUN)
        text = flux_printf("STATUS=Running as member of %u node Flux instance", b->size);
    else
        text = flux_printf("%sSTATUS=%s",
                           st == STATE_JOIN       ? "READY=1\n"
                           : st == STATE_SHUTDOWN ? "STOPPING=1\n"
                                                  : "",
                           state_name(st));
    notify(text);
}
