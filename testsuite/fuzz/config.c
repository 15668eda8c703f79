// SPDX-License-Identifier: LGPL-3.0-only
/* Configuration files: whatever their bytes, the loader and the checker answer, and what passes the
 * checker can be used. The first byte chooses the space and the format. */
#include <flux/bootstrap.h>
#include <flux/config.h>

static void on_problem(const char *text, enum flux_configfile_severity severity, void *arg)
{
    if (!*text)
        abort();
}

static void use_bootstrap(const struct flux_configfile *cfg)
{
    char where[FLUX_BOOTSTRAP_WHERE];
    FLUX_AUTO(bootstrap) bs = NULL;
    FLUX_AUTO_STR hosts = NULL;

    if (flux_bootstrap_new(flux_configfile_get(cfg, "bootstrap"), &bs, where, NULL) < 0)
        abort(); /* the checker has let it pass */
    hosts = flux_bootstrap_hostlist(bs);
    for (uint32_t rank = 0; rank < flux_bootstrap_size(bs) && rank < 100; rank++) {
        FLUX_AUTO_STR bind = NULL;
        if (flux_bootstrap_rank(bs, flux_bootstrap_host(bs, rank)) != rank)
            abort();
        flux_bootstrap_bind(bs, rank, &bind, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FLUX_AUTO(configfile) cfg = NULL;
    FLUX_AUTO(configfile) empty = flux_configfile_new();
    FLUX_AUTO_STR text = NULL;
    json_t *changed;
    int space, r;

    if (size < 1)
        return 0;
    space = data[0] % 3;
    text = flux_strndup((const char *)data + 1, size - 1);
    r = data[0] & 4 ? flux_configfile_parse_json(text, "fuzz", &cfg, NULL)
                    : flux_configfile_parse(text, "fuzz", &cfg, NULL);
    if (r < 0)
        return 0;
    if (flux_configfile_check(cfg, space, on_problem, NULL, NULL) == 0 &&
        space == FLUX_CONFIG_SYSTEM)
        use_bootstrap(cfg);
    changed = flux_configfile_needs_restart(empty, cfg);
    json_decref(changed);
    return 0;
}
