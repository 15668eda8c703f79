// SPDX-License-Identifier: LGPL-3.0-only
/* Jobspec text of any kind: what is accepted is bounded, and its JSON is accepted again. */
#include <flux/jobspec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FLUX_AUTO(jobspec) js = NULL;
    FLUX_AUTO(jobspec) again = NULL;
    FLUX_AUTO_STR text = NULL;
    struct flux_error err;

    if (flux_jobspec_decode((const char *)data, size, &js, &err) < 0)
        return 0;
    if (js->nslots > FLUX_JOBSPEC_COUNT_MAX || js->ntasks > FLUX_JOBSPEC_COUNT_MAX)
        abort();
    text = flux_jobspec_encode(js);
    if (text && flux_jobspec_decode(text, strlen(text), &again, &err) < 0)
        abort();
    return 0;
}
