// SPDX-License-Identifier: LGPL-3.0-only
/* flux keygen: make a certificate for the overlay network of an instance. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "cert.h"

#define META_MAX 64 /* names and values of metadata */

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"name", required_argument, NULL, 'n'},
    {"meta", required_argument, NULL, 'm'},
    {NULL, 0, NULL, 0},
};

static const char usage[] = "Usage: flux-keygen [OPTIONS] PATH\n"
                            "Write a new CURVE certificate to PATH, readable by its owner only.\n"
                            "  -n, --name=NAME          set its name (default: the host's)\n"
                            "      --meta=KEY=VAL,...   add metadata\n"
                            "  -h, --help               show this\n";

struct meta {
    const char *v[META_MAX + 1];
    size_t n;
};

static void add(struct meta *m, const char *name, const char *value)
{
    if (m->n + 2 > META_MAX) {
        fputs("flux-keygen: too much metadata\n", stderr);
        exit(1);
    }
    m->v[m->n++] = name;
    m->v[m->n++] = value;
    m->v[m->n] = NULL;
}

static void add_list(struct meta *m, char *list)
{
    char *save = NULL;

    for (char *kv = strtok_r(list, ",", &save); kv; kv = strtok_r(NULL, ",", &save)) {
        char *eq = strchr(kv, '=');
        if (!eq || eq == kv) {
            fprintf(stderr, "flux-keygen: --meta: '%s' is not KEY=VAL\n", kv);
            exit(1);
        }
        *eq = '\0';
        add(m, kv, eq + 1);
    }
}

int main(int argc, char **argv)
{
    char host[256] = "localhost", now[32], user[16], version[32];
    const char *name = NULL;
    struct meta meta = {.n = 0}, given = {.n = 0};
    struct flux_error err;
    struct cert cert;
    time_t t = time(NULL);
    int c, major, minor, patch;

    while ((c = getopt_long(argc, argv, "hn:", options, NULL)) >= 0) {
        if (c == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (c == 'n')
            name = optarg;
        else if (c == 'm')
            add_list(&given, optarg);
        else
            return 1;
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return 1;
    }
    gethostname(host, sizeof(host) - 1);
    strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%S", localtime(&t));
    snprintf(user, sizeof(user), "%u", getuid());
    zmq_version(&major, &minor, &patch);
    snprintf(version, sizeof(version), "%d.%d.%d", major, minor, patch);
    add(&meta, "name", name ? name : host);
    add(&meta, "keygen.hostname", host);
    add(&meta, "keygen.time", now);
    add(&meta, "keygen.userid", user);
    add(&meta, "keygen.flux-core-version", FLUX_VERSION);
    add(&meta, "keygen.zmq-version", version);
    for (size_t i = 0; i < given.n; i += 2)
        add(&meta, given.v[i], given.v[i + 1]);
    if (cert_generate(&cert, &err) < 0 || cert_save(&cert, argv[optind], meta.v, &err) < 0) {
        fprintf(stderr, "flux-keygen: %s\n", err.text);
        return 1;
    }
    cert_done(&cert);
    return 0;
}
