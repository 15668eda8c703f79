// SPDX-License-Identifier: LGPL-3.0-only
/* flux sign: keys for signing requests, and a look at signed requests. A program of its own,
 * because only it needs libflux-sign from the start. */
#include <flux/signer.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_MAX = 25 << 20 }; /* bytes of a signed request, and some */

static const char usage[] =
    "usage: flux sign keygen [--ca] [PATH]     make a key for signing (~/.flux/curve/sig)\n"
    "       flux sign wrap [-t TYPE]           sign standard input\n"
    "       flux sign revoke UUID              revoke a certificate (root)\n"
    "       flux sign unwrap [-v] [--no-verify]  verify, and print what was signed\n";

struct options {
    const char *type;
    int ca, verbose, no_verify;
};

static int fail(const struct flux_signer_error *err)
{
    fprintf(stderr, "flux-sign: ERROR: %s\n", err->text);
    return 1;
}

static int misused(void)
{
    fputs(usage, stderr);
    return 2;
}

/* All of standard input, with a NUL after its end; NULL if it can't be. */
static char *read_input(size_t *len)
{
    char *text = malloc(INPUT_MAX + 1);
    size_t n = text ? fread(text, 1, INPUT_MAX + 1, stdin) : 0;

    if (!text || ferror(stdin) || n > INPUT_MAX) {
        fprintf(stderr, "flux-sign: ERROR: standard input: %s\n",
                n > INPUT_MAX ? "too large" : strerror(errno));
        free(text);
        return NULL;
    }
    text[n] = '\0';
    *len = n;
    return text;
}

static int keygen(const struct options *o, const char *path)
{
    struct flux_signer_error err = {""};
    const struct passwd *pw = getpwuid(geteuid());
    char own[PATH_MAX];

    if (!path && (o->ca || !pw))
        return misused();
    if (!path)
        snprintf(own, sizeof(own), "%s/.flux/curve/sig", pw->pw_dir);
    if (flux_signer_keygen(path ? path : own, o->ca, &err) < 0)
        return fail(&err);
    printf("%s\n%s.pub\n", path ? path : own, path ? path : own);
    return 0;
}

static int revoke_cert(const char *uuid)
{
    struct flux_signer_error err = {""};
    struct flux_signer *signer = NULL;
    int r = flux_signer_open(NULL, &signer, &err);

    if (r == 0)
        r = flux_signer_revoke(signer, uuid, &err);
    flux_signer_close(signer);
    return r == 0 ? 0 : fail(&err);
}

static int wrap(const struct options *o)
{
    struct flux_signer_error err = {""};
    struct flux_signer *signer = NULL;
    struct flux_signer_request in = {.type = o->type};
    char *j = NULL, *text = read_input(&in.len);
    int r = text ? flux_signer_open(NULL, &signer, &err) : -EIO;

    in.payload = text;
    if (r == 0)
        r = flux_signer_sign(signer, &in, &j, &err);
    if (r == 0)
        puts(j);
    flux_signer_close(signer);
    free(j);
    free(text);
    return r == 0 ? 0 : text ? fail(&err) : 1;
}

static void describe(const struct flux_signer_result *result)
{
    time_t expires = result->expires;
    char date[32];

    fprintf(stderr, "user %u, type %s", result->userid, result->type);
    if (expires && strftime(date, sizeof(date), "%FT%TZ", gmtime(&expires)))
        fprintf(stderr, ", expires %s", date);
    fputc('\n', stderr);
}

static int unwrap(const struct options *o)
{
    struct flux_signer_error err = {""};
    struct flux_signer *signer = NULL;
    struct flux_signer_result result;
    size_t len;
    char *text = read_input(&len);
    int r = text && !o->no_verify ? flux_signer_open(NULL, &signer, &err) : 0;

    if (!text)
        return 1;
    text[strcspn(text, "\n")] = '\0';
    if (r == 0)
        r = flux_signer_verify(signer, text, o->no_verify ? FLUX_SIGNER_NOVERIFY : 0, &result,
                               &err);
    if (r == 0) {
        if (o->verbose)
            describe(&result);
        fwrite(result.payload, 1, result.len, stdout);
        free(result.payload);
    }
    flux_signer_close(signer);
    free(text);
    return r == 0 ? 0 : fail(&err);
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {
        {"ca", no_argument, NULL, 'c'},      {"type", required_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'}, {"no-verify", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},    {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "ht:v", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->ca = 1;
            break;
        case 't':
            o->type = optarg;
            break;
        case 'v':
            o->verbose = 1;
            break;
        case 'n':
            o->no_verify = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return -EINVAL;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int r;

    if (parse(argc, argv, &o) < 0 || optind == argc)
        return misused();
    const char *what = argv[optind++];
    if (strcmp(what, "keygen") == 0 && argc - optind <= 1)
        r = keygen(&o, argv[optind]);
    else if (strcmp(what, "revoke") == 0 && argc - optind == 1)
        r = revoke_cert(argv[optind]);
    else if (strcmp(what, "wrap") == 0 && argc == optind)
        r = wrap(&o);
    else if (strcmp(what, "unwrap") == 0 && argc == optind)
        r = unwrap(&o);
    else
        return misused();
    if (r == 0 && fflush(stdout) != 0) {
        fprintf(stderr, "flux-sign: ERROR: standard output: %s\n", strerror(errno));
        r = 1;
    }
    return r;
}
