// SPDX-License-Identifier: LGPL-3.0-only
/* The command of a job that is an instance: its brokers, which find each other through the shells.
 */
#include "instance.h"

#include <unistd.h>

#include <flux/paths.h>

void words_add(struct words *w, char *word)
{
    if ((w->count & (w->count + 1)) == 0)
        w->list = flux_realloc(w->list, w->count * 2 + 2, sizeof(w->list[0]));
    w->list[w->count++] = word;
    w->list[w->count] = NULL;
}

void words_done(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->list[i]);
    free(w->list);
}

/* A file keeps its meaning in another directory; anything else is KEY=VALUE or a table. */
static char *conf_option(const char *conf)
{
    FLUX_AUTO_STR path = access(conf, R_OK) == 0 ? realpath(conf, NULL) : NULL;

    return flux_printf("--conf=%s", path ? path : conf);
}

void instance_command(const struct cli *cli, struct words *w)
{
    const char *dump = cli_str(cli, "dump", "flux-{{jobid}}-dump.tgz");
    const char *arg;
    size_t i = 0, k = 0;

    words_add(w, flux_path_get("broker_path"));
    while ((arg = cli_next(cli, "conf", &i)))
        words_add(w, conf_option(arg));
    while ((arg = cli_next(cli, "broker-opts", &k)))
        words_add(w, flux_strdup(arg));
    if (cli_has(cli, "dump"))
        words_add(w, flux_printf("-Scontent.dump=%s", dump ? dump : "flux-{{jobid}}-dump.tgz"));
}
