// SPDX-License-Identifier: LGPL-3.0-only
/* The address to be reached under: by interface, by network, by the default route, by host name. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#include "boot.h"

/* Interface of the default route with the lowest metric; "" if there is none. */
static void default_interface(char name[IF_NAMESIZE])
{
    FILE *f = fopen("/proc/net/route", "re");
    char line[256], iface[32];
    unsigned long dest, gate, flags, refs, use, metric, best = ULONG_MAX;

    name[0] = '\0';
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "%31s %lx %lx %lx %lu %lu %lu", iface, &dest, &gate, &flags, &refs, &use,
                   &metric) == 7 &&
            dest == 0 && metric < best) {
            best = metric;
            snprintf(name, IF_NAMESIZE, "%.15s", iface);
        }
    if (f)
        fclose(f);
}

/* The first address that fits: on interface `name` (NULL: any), in net/mask. */
static char *find_address(const char *name, in_addr_t net, in_addr_t mask)
{
    struct ifaddrs *all = NULL;
    char text[INET_ADDRSTRLEN], *found = NULL;

    if (getifaddrs(&all) < 0)
        return NULL;
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        struct sockaddr_in *in = (struct sockaddr_in *)i->ifa_addr;
        if (!in || in->sin_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
            (name && strcmp(name, i->ifa_name)) || (in->sin_addr.s_addr & mask) != net ||
            (!name && !mask && i->ifa_flags & IFF_LOOPBACK))
            continue;
        if (inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)))
            found = flux_strdup(text);
    }
    freeifaddrs(all);
    return found;
}

static char *by_network(const char *hint)
{
    const char *slash = strchr(hint, '/');
    char text[INET_ADDRSTRLEN];
    struct in_addr net;
    unsigned bits;
    in_addr_t mask;

    if (!slash || slash - hint >= (ssize_t)sizeof(text) || sscanf(slash, "/%u", &bits) != 1 ||
        bits < 1 || bits > 32)
        return NULL;
    snprintf(text, sizeof(text), "%.*s", (int)(slash - hint), hint);
    if (inet_pton(AF_INET, text, &net) != 1)
        return NULL;
    mask = htonl(~0u << (32 - bits));
    return find_address(NULL, net.s_addr & mask, mask);
}

static char *by_hostname(void)
{
    struct addrinfo want = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[256], text[INET_ADDRSTRLEN], *addr = NULL;

    if (gethostname(host, sizeof(host)) == 0 && getaddrinfo(host, NULL, &want, &found) == 0 &&
        inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, text, sizeof(text)))
        addr = flux_strdup(text);
    if (found)
        freeaddrinfo(found);
    return addr;
}

char *boot_address(const char *hint)
{
    char name[IF_NAMESIZE], *addr = NULL;

    if (!strcmp(hint, "hostname"))
        return by_hostname();
    if (strchr(hint, '/'))
        return by_network(hint);
    if (strcmp(hint, "default-route"))
        return find_address(hint, 0, 0);
    default_interface(name);
    if (*name)
        addr = find_address(name, 0, 0);
    if (!addr)
        addr = find_address(NULL, 0, 0);
    return addr ? addr : flux_strdup("127.0.0.1"); /* a host without a network: all are here */
}
