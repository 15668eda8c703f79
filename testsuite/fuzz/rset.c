// SPDX-License-Identifier: LGPL-3.0-only
/* R text: what is accepted encodes to what is accepted, with the same contents. */
#include <flux/rset.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FLUX_AUTO_STR text = flux_strndup((const char *)data, size);
    FLUX_AUTO(rset) r = NULL;
    FLUX_AUTO(rset) again = NULL;
    FLUX_AUTO(rset) none = NULL;
    FLUX_AUTO_STR encoded = NULL;
    struct flux_error err;

    if (flux_rset_decode(text, &r, &err) < 0)
        return 0;
    encoded = flux_rset_encode(r);
    if (flux_rset_decode(encoded, &again, &err) < 0)
        abort();
    none = flux_rset_diff(r, again);
    if (flux_rset_nnodes(none) || flux_rset_ncores(r) != flux_rset_ncores(again))
        abort();
    flux_rset_remap(again);
    return 0;
}
