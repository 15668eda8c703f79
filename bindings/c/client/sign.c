// SPDX-License-Identifier: LGPL-3.0-only
/* Signing requests with libflux-sign. It is loaded by the first request that needs a signature:
 * owners of an instance, who need none, do not pay for it. */
#include <flux/sign.h>

#include <dlfcn.h>

#include <flux/paths.h>
#include <flux/signer.h>

#include "private.h"

struct signer {
    struct flux_signer *signer;
    __typeof__(&flux_signer_open) open;
    __typeof__(&flux_signer_close) close;
    __typeof__(&flux_signer_sign) sign;
};

static void unload(struct signer *s)
{
    if (s->signer)
        s->close(s->signer);
    free(s); /* the library stays: libsodium, for one, cannot be unloaded */
}

static int load(struct signer **ret, struct flux_error *err)
{
    FLUX_AUTO_STR path = flux_path_get("sign_library_path");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct flux_signer_error why = {""};

    if (!library) /* a foreign program, such as python, with a libflux from elsewhere */
        library = dlopen(strrchr(path, '/') + 1, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return flux_error_set(err, -ENOENT,
                              "a job of another user than the instance owner must be signed, and "
                              "libflux-sign is not installed: %s",
                              dlerror());
    struct signer *s = flux_alloc(sizeof(*s));
    *(void **)&s->open = dlsym(library, "flux_signer_open");
    *(void **)&s->close = dlsym(library, "flux_signer_close");
    *(void **)&s->sign = dlsym(library, "flux_signer_sign");
    int r = s->open && s->close && s->sign
                ? s->open(NULL, &s->signer, &why)
                : flux_error_set(err, -ENOSYS, "%s: is not libflux-sign", path);
    if (r < 0) {
        if (why.text[0])
            flux_error_set(err, r, "cannot sign the job: %s", why.text);
        unload(s);
        return r;
    }
    *ret = s;
    return 0;
}

void signer_done(struct flux *h)
{
    if (h->signer)
        unload(h->signer);
    h->signer = NULL;
}

int flux_sign_request(struct flux *h, const char *type, const char *jobspec, char **j,
                      struct flux_error *err)
{
    struct flux_signer_error why = {""};
    struct flux_signer_request in = {.payload = jobspec, .len = strlen(jobspec), .type = type};
    int r = 0;

    *j = NULL;
    if (!type && flux_owner(h) == flux_userid(h))
        return 0;
    if (!h->signer && (r = load(&h->signer, err)) < 0)
        return r;
    r = h->signer->sign(h->signer->signer, &in, j, &why);
    return r < 0 ? flux_error_set(err, r, "cannot sign the job: %s", why.text) : 1;
}
