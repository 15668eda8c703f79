// SPDX-License-Identifier: LGPL-3.0-only
/* Jobspecs: the canonical form (RFC 14), version 1 (RFC 25), and the compact view of what the job
 * path needs from one. Texts may be YAML or JSON; everywhere else a jobspec is JSON. */
#ifndef FLUX_JOBSPEC_H
#define FLUX_JOBSPEC_H

#include <jansson.h>

#include <flux/base.h>
#include <flux/count.h>

#pragma GCC visibility push(default)

#define FLUX_JOBSPEC_MAX ((size_t)12 << 20) /* bytes of text */
#define FLUX_JOBSPEC_COUNT_MAX (16u << 20)  /* largest total of slots, cores or tasks */
#define FLUX_JOBSPEC_SLOT_LABEL "task"      /* label of slots that we make */

/* Read YAML, or JSON when the first character is '{'; the result is an object (caller decrefs).
 * -EPROTO: not well-formed, with the place; aliases and repeated keys are refused. */
int flux_jobspec_parse(const char *text, size_t len, json_t **ret, struct flux_error *err);

enum flux_jobspec_rules {
    FLUX_JOBSPEC_CANONICAL, /* RFC 14, any version >= 1 */
    FLUX_JOBSPEC_V1,        /* RFC 25 */
};

/* 0, or -EINVAL with a text like
 * "jobspec: resources[0].with[1].count: must be a positive integer". */
int flux_jobspec_validate(const json_t *o, enum flux_jobspec_rules rules, struct flux_error *err);

enum flux_jobspec_tasks { FLUX_TASKS_PER_SLOT, FLUX_TASKS_TOTAL, FLUX_TASKS_PER_RESOURCE };

/* The compact view. Pointers other than node_count, slot_count live as long as `json`. */
struct flux_jobspec {
    json_t *json;
    int version;

    /* Resources. `beyond` is NULL when the request is one of nodes, slots, cores and gpus and the
     * numbers below say all; else it tells which field a simple scheduler cannot serve. */
    char *beyond;
    unsigned nnodes;         /* smallest acceptable; 0: wherever the slots fit */
    unsigned slots_per_node; /* 0 if nnodes is 0 */
    unsigned nslots;         /* smallest acceptable total: nnodes * slots_per_node if nnodes */
    unsigned cores_per_slot; /* 0 (not asked for) only with whole nodes */
    unsigned gpus_per_slot;
    bool exclusive;                /* whole nodes */
    struct flux_count *node_count; /* NULL unless the number of nodes is flexible */
    struct flux_count *slot_count; /* NULL unless the number of slots is flexible; nnodes is 0 */

    /* Tasks. With FLUX_TASKS_PER_RESOURCE the shell option per-resource, or count.per_resource,
     * decides, and `ntasks` is 0 when only R can tell. */
    enum flux_jobspec_tasks task_mode;
    unsigned task_count;       /* per slot, in total, or per resource */
    const char *task_resource; /* type counted by FLUX_TASKS_PER_RESOURCE */
    unsigned ntasks;           /* for the smallest acceptable resources */
    const json_t *command;     /* array of strings, of the first task */

    /* attributes.system; NULL where absent */
    double duration; /* seconds; 0: no limit */
    const char *queue;
    const char *bank;
    const char *project;
    const char *name; /* job.name, or the last path component of the command */
    const char *cwd;
    const json_t *environment;
    const json_t *constraints;
    const json_t *dependencies;
    const json_t *shell_options;
    const json_t *attributes; /* the whole of attributes.system; may be NULL */
};

void flux_jobspec_free(struct flux_jobspec *js);
FLUX_DEFINE_AUTO(jobspec);

/* Validate (V1 rules for version 1, canonical otherwise) and take the view. `o` gains a reference.
 */
int flux_jobspec_from_json(json_t *o, struct flux_jobspec **ret, struct flux_error *err);
/* The same without validation, for a document that has passed it before, or a part of one: tasks
 * may be missing (command, name are NULL then). What is malformed shows up in `beyond`. */
int flux_jobspec_view(json_t *o, struct flux_jobspec **ret, struct flux_error *err);
/* Parse, validate and take the view. */
int flux_jobspec_decode(const char *text, size_t len, struct flux_jobspec **ret,
                        struct flux_error *err);
/* Compact JSON text; caller frees. */
char *flux_jobspec_encode(const struct flux_jobspec *js);

/* Set "attributes.system.duration" and the like (RFC 21 jobspec-update; null removes) and take the
 * view anew. On failure nothing has changed. `json` must not be shared with another holder. */
int flux_jobspec_update(struct flux_jobspec *js, const char *path, json_t *value,
                        struct flux_error *err);

/* Value at a path like "attributes.system.job.name", or NULL. */
json_t *flux_jobspec_get(const json_t *o, const char *path);
/* Set a value at a path under attributes, making objects on the way. -EINVAL: a part of the path is
 * not an object. Takes its own reference to `value`. */
int flux_jobspec_set(json_t *o, const char *path, json_t *value, struct flux_error *err);

/* What `flux run`, `submit`, `batch`, `alloc` ask for. Zero or NULL: not given. Counts either by
 * task (ntasks, cores_per_task, gpus_per_task) or by resource (cores, tasks_per_node,
 * tasks_per_core, gpus_per_node), not both. */
struct flux_jobspec_request {
    const char *const *command;
    size_t ncommand;

    unsigned nnodes;
    bool exclusive;
    unsigned ntasks; /* slots, for batch and alloc */
    unsigned cores_per_task;
    unsigned gpus_per_task;
    unsigned cores;
    unsigned tasks_per_node;
    unsigned tasks_per_core;
    unsigned gpus_per_node;
    bool instance; /* batch, alloc: one task (a broker) on each node of the slots */

    double duration; /* seconds; 0: no limit (unless a default applies) */
    const char *queue;
    const char *bank;
    const char *name;
    const char *cwd;
    const json_t *environment;   /* object */
    const json_t *rlimits;       /* object: shell option rlimit */
    const json_t *shell_options; /* object, merged into attributes.system.shell.options */
    const json_t *constraints;   /* RFC 31 */
    const json_t *dependencies;  /* array */
    const json_t *attributes;    /* object of path -> value ("system.foo", "user.x.y"), set last */
};

/* A version 1 jobspec (caller decrefs). -EINVAL: options that do not go together, named as the
 * command line names them. */
int flux_jobspec_from_command(const struct flux_jobspec_request *rq, json_t **ret,
                              struct flux_error *err);

/* Carbon copies: {cc} in the strings of a jobspec (but not in its environment) stands for the
 * number of a copy, and FLUX_JOB_CC is set to it. First mark the places in an object, ... */
void flux_jobspec_cc_mark(json_t *o);
/* ... then make texts of its JSON, or that of a part of it; takes the text. */
struct flux_jobspec_cc;
struct flux_jobspec_cc *flux_jobspec_cc_new(char *text);
char *flux_jobspec_cc_make(const struct flux_jobspec_cc *t, unsigned cc); /* caller frees */
void flux_jobspec_cc_free(struct flux_jobspec_cc *t);
FLUX_DEFINE_AUTO(jobspec_cc);

#pragma GCC visibility pop
#endif
