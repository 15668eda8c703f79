// SPDX-License-Identifier: LGPL-3.0-only
/* Any text to every decoder of floor 0; what is accepted must read back as the same. */
#include <assert.h>

#include <flux/count.h>
#include <flux/eventlog.h>
#include <flux/fluid.h>
#include <flux/fsd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/jobspec.h>
#include <flux/rset.h>
#include <flux/taskmap.h>

static void idset(const char *s)
{
    FLUX_AUTO(idset) set = NULL;
    FLUX_AUTO(idset) again = NULL;
    struct flux_error err;

    if (flux_idset_decode(s, &set, &err) < 0)
        return;
    FLUX_AUTO_STR text = flux_idset_encode(set, FLUX_IDSET_RANGE | FLUX_IDSET_BRACKETS);
    assert(flux_idset_decode(text, &again, NULL) == 0 && flux_idset_equal(set, again));
}

static void hostlist(const char *s)
{
    FLUX_AUTO(hostlist) hl = NULL;
    FLUX_AUTO(hostlist) again = NULL;
    struct flux_error err;

    if (flux_hostlist_decode(s, &hl, &err) < 0 || flux_hostlist_count(hl) > 10000)
        return;
    FLUX_AUTO_STR text = flux_hostlist_encode(hl);
    assert(flux_hostlist_decode(text, &again, NULL) == 0 && flux_hostlist_equal(hl, again));
    flux_hostlist_sort(hl);
    flux_hostlist_uniq(hl);
    assert(flux_hostlist_count(hl) <= flux_hostlist_count(again));
}

static void fluid(const char *s)
{
    char text[FLUX_FLUID_MAX];
    uint64_t id, again;

    if (flux_fluid_parse(s, &id, NULL) < 0)
        return;
    for (int form = FLUX_FLUID_DEC; form <= FLUX_FLUID_F58_ASCII; form++) {
        assert(flux_fluid_encode(id, form, text, sizeof(text)) > 0);
        assert(flux_fluid_parse(text, &again, NULL) == 0 && again == id);
    }
}

static void fsd(const char *s)
{
    char text[FLUX_FSD_MAX];
    double t;

    if (flux_fsd_parse(s, &t, NULL) == 0)
        assert(flux_fsd_parse(flux_fsd_format(t, text), &t, NULL) == 0);
}

static void taskmap(const char *s)
{
    FLUX_AUTO(taskmap) map = NULL;
    FLUX_AUTO(taskmap) again = NULL;

    if (flux_taskmap_decode(s, &map, NULL) < 0 || flux_taskmap_nnodes(map) > 1000)
        return;
    FLUX_AUTO_STR raw = flux_taskmap_encode(map, FLUX_TASKMAP_RAW);
    if (raw && flux_taskmap_ntasks(map) < 10000) {
        assert(flux_taskmap_decode(raw, &again, NULL) == 0);
        assert(flux_taskmap_equal(map, again));
    }
}

static void documents(const char *s, size_t len)
{
    FLUX_AUTO(rset) r = NULL;
    FLUX_AUTO(jobspec) spec = NULL;
    FLUX_AUTO(count) count = NULL;
    json_t *log = NULL;
    struct flux_error err;

    flux_rset_decode(s, &r, &err);
    flux_jobspec_decode(s, len, &spec, &err);
    flux_count_decode(s, &count, &err);
    flux_eventlog_decode(s, len, &log, &err);
    json_decref(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FLUX_AUTO_STR s = flux_strndup((const char *)data, size);

    idset(s);
    hostlist(s);
    fluid(s);
    fsd(s);
    taskmap(s);
    documents(s, strlen(s));
    return 0;
}
