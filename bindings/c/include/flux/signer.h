// SPDX-License-Identifier: LGPL-3.0-only
/* libflux-sign: signed requests (RFC 15, 39) for programs that submit jobs as users of a system
 * instance, or that want to know whose a request is. It stands alone: no libflux needed. Not for
 * several threads at once with one signer. */
#ifndef FLUX_SIGNER_H
#define FLUX_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* One line, no newline. */
struct flux_signer_error {
    char text[512];
};

struct flux_signer;

/* Read the security configuration: `conf_dir`, or for NULL $FLUX_SECURITY_CONF (ignored by setuid
 * programs), or else /etc/flux/security/conf.d. Its files must belong to root or to the caller.
 * -ENOENT: there is none. All functions return 0 or a negative errno, and fill err (may be NULL).
 */
int flux_signer_open(const char *conf_dir, struct flux_signer **ret, struct flux_signer_error *err);
void flux_signer_close(struct flux_signer *signer);

struct flux_signer_request {
    const void *payload;
    size_t len;
    const char *type; /* "munge", "curve", "none", or NULL: sign.default-type */
};
/* Sign as the calling user. *j is a new string. */
int flux_signer_sign(struct flux_signer *signer, const struct flux_signer_request *in, char **j,
                     struct flux_signer_error *err);

struct flux_signer_result {
    char *payload; /* with a NUL after its end; free() it */
    size_t len;
    uint32_t userid;
    const char *type; /* static */
    int64_t expires;  /* seconds since 1970; 0: never */
};
enum { FLUX_SIGNER_NOVERIFY = 1 }; /* take apart only; signer may be NULL */
/* -EINVAL: no signed request. -EPERM, -EBADMSG, -EKEYREJECTED, -ETIME: not to be trusted.
 * -ECONNREFUSED: munged does not answer. */
int flux_signer_verify(struct flux_signer *signer, const char *j, unsigned flags,
                       struct flux_signer_result *ret, struct flux_signer_error *err);

/* A new key pair for signatures of type curve: the secret at `path` (mode 0600) and the public half
 * at `path`.pub (0644). Directories of the last two levels of the path are made (0700). With `ca`
 * the certificate of a CA. -EEXIST: never writes over a key. */
int flux_signer_keygen(const char *path, int ca, struct flux_signer_error *err);

/* Revoke the certificate with this uuid: an empty file in ca.revoke-dir of this host. -EPERM unless
 * ca.revoke-allow is set. */
int flux_signer_revoke(struct flux_signer *signer, const char *uuid, struct flux_signer_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
