// SPDX-License-Identifier: LGPL-3.0-only
/* flux-configfile PATH: a TOML or JSON configuration file, or a directory of them, as one JSON
 * object. A program of its own, so that the flux command need not load the TOML parser's C++
 * runtime. */
#include <stdio.h>

#include <flux/config.h>

int main(int argc, char **argv)
{
    FLUX_AUTO(configfile) cfg = NULL;
    struct flux_error err = {""};

    if (argc != 2) {
        fprintf(stderr, "Usage: flux-configfile PATH\n");
        return 2;
    }
    if (flux_configfile_load(argv[1], &cfg, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return json_dumpf(flux_configfile_json(cfg), stdout, JSON_COMPACT) < 0 || fflush(stdout) != 0;
}
