// SPDX-License-Identifier: LGPL-3.0-only
/* Signed requests (RFC 15, 39). Taken apart here, not verified: that is for the IMP, on each node,
 * before anything runs as somebody. What counts here is that the request is of the user whom the
 * kernel named to the broker, and that it is one which an IMP could ever accept. */
#include "ingest.h"

#include "../../../imp/sign/sign.h"

static int check(const struct sign_request *request, struct flux_call *call, struct flux_error *err)
{
    uint32_t userid = flux_call_userid(call);

    if (request->userid != userid)
        return flux_error_set(err, -EPERM, "the request was signed by user %u, and you are user %u",
                              (unsigned)request->userid, userid);
    if (userid == 0 && flux_owner(flux_call_handle(call)) != 0)
        return flux_error_set(err, -EPERM, "nothing runs as root here: submit as another user");
    if (userid != flux_owner(flux_call_handle(call)) && strcmp(request->mechanism, "none") == 0)
        return flux_error_set(err, -EPERM,
                              "mechanism none signs for the instance owner only: set "
                              "sign.default-type of the security configuration to munge or curve");
    if (request->len > FLUX_JOBSPEC_MAX || memchr(request->payload, '\0', request->len))
        return flux_error_set(err, -EINVAL, "what was signed is not a jobspec");
    return 0;
}

int ingest_unwrap(struct flux_call *call, const char *j, char **jobspec, struct flux_error *err)
{
    struct sign_request request;
    struct imp_error why;
    int r = sign_unwrap(NULL, j, SIGN_NOVERIFY, &request, &why);

    if (r < 0)
        return flux_error_set(err, r, "signed request: %s", why.text);
    r = check(&request, call, err);
    if (r == 0)
        *jobspec = flux_strdup(request.payload);
    sign_request_done(&request);
    return r;
}
