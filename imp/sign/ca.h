// SPDX-License-Identifier: LGPL-3.0-only
/* The certificate authority of a site: signs users' certificates (flux-imp casign, as root) and
 * tells whether one is its own, for that user, in time, and not revoked. */
#ifndef IMP_SIGN_CA_H
#define IMP_SIGN_CA_H

#include "../conf/conf.h"
#include "cert.h"

struct ca;

/* From the [ca] table of the security configuration, which must outlive it. The public certificate
 * (ca.cert-path + ".pub") is read through secure_open() for root. */
int ca_new(const struct conf *security, struct ca **ret, struct imp_error *err);
void ca_free(struct ca *ca);

/* Read the secret of the CA (ca.cert-path), which only root can and ca_sign() needs. */
int ca_load_secret(struct ca *ca, struct imp_error *err);
/* Sign a user's public certificate, under a new uuid: who, from now on, for `ttl` seconds (0:
 * ca.max-cert-ttl), with requests of at most ca.max-sign-ttl. */
int ca_sign(struct ca *ca, struct cert *cert, uid_t userid, int64_t ttl, struct imp_error *err);
/* Is this a certificate of this CA for that user, now? -EKEYREJECTED or -ETIME if not; else
 * *max_sign_ttl is set. */
int ca_verify(const struct ca *ca, const struct cert *cert, uid_t userid, int64_t *max_sign_ttl,
              struct imp_error *err);
/* Revoke a certificate by its uuid: an empty file in ca.revoke-dir. -EPERM unless ca.revoke-allow.
 */
int ca_revoke(const struct ca *ca, const char *uuid, struct imp_error *err);

#endif
