// SPDX-License-Identifier: LGPL-3.0-only
/* Carbon copies of a job, and of its brief. */
#include "ingest.h"

struct cc_template {
    struct flux_jobspec_cc *jobspec, *brief;
};

char *ingest_brief(json_t *o)
{
    json_t *system = flux_jobspec_get(o, "attributes.system");

    json_object_del(system, "environment");
    json_object_del(system, "files");
    json_object_del(system, "shell");
    return json_dumps(o, JSON_COMPACT);
}

struct cc_template *cc_template_new(json_t *o)
{
    struct cc_template *t = flux_alloc(sizeof(*t));

    flux_jobspec_cc_mark(o);
    t->jobspec = flux_jobspec_cc_new(json_dumps(o, JSON_COMPACT));
    t->brief = flux_jobspec_cc_new(ingest_brief(o));
    return t;
}

void cc_template_make(const struct cc_template *t, unsigned cc, char **jobspec, char **brief)
{
    *jobspec = flux_jobspec_cc_make(t->jobspec, cc);
    *brief = flux_jobspec_cc_make(t->brief, cc);
}

void cc_template_free(struct cc_template *t)
{
    flux_jobspec_cc_free(t->jobspec);
    flux_jobspec_cc_free(t->brief);
    free(t);
}
