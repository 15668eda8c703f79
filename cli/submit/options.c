// SPDX-License-Identifier: LGPL-3.0-only
/* The option tables of submitting verbs. */
#include "submit.h"

const struct flux_option submit_options_common[] = {
    {"nodes", 'N', OPT_INT, "N", "Number of nodes"},
    {"exclusive", 'x', OPT_FLAG, NULL, "Whole nodes: nobody else's work on them"},
    {"queue", 'q', OPT_STR, "NAME", "Submit to this queue"},
    {"bank", 'B', OPT_STR, "NAME", "Charge this bank"},
    {"time-limit", 't', OPT_STR, "MIN|FSD", "Time limit: minutes, or a number with s, m, h or d"},
    {"job-name", 0, OPT_STR, "NAME", "Name of the job (default: the command)"},
    {"flags", 0, OPT_MULTI, "FLAGS", "Comma separated: debug, waitable, novalidate"},
    {"urgency", 0, OPT_STR, "N", "0-31, hold, default (16) or expedite (31)"},
    {"requires", 0, OPT_MULTI, "CONSTRAINT", "Properties, host:LIST, rank:IDS; with & | - ( )"},
    {"dependency", 0, OPT_MULTI, "URI", "Dependency, such as afterok:JOBID"},
    {"begin-time", 0, OPT_STR, "+FSD|DATE", "Do not start before this time"},
    {"signal", 0, OPT_STR, "[SIG][@TIME]", "Send SIG (USR1) this long (60s) before the limit"},
    {"cwd", 0, OPT_STR, "DIR", "Working directory of the job"},
    {"input", 0, OPT_STR, "FILE|RANKS", "Standard input from a file, or for these ranks only"},
    {"output", 0, OPT_STR, "TEMPLATE", "Standard output to a file ({{id}}, {{taskid}} ...)"},
    {"error", 0, OPT_STR, "TEMPLATE", "Standard error to a file"},
    {"unbuffered", 'u', OPT_FLAG, NULL, "Do not hold output back for whole lines"},
    {"label-io", 'l', OPT_FLAG, NULL, "Prefix lines of output with the task rank"},
    {"env", 0, OPT_MULTI, "RULE", "VAR=VAL, PATTERN, -PATTERN or ^FILE"},
    {"env-remove", 0, OPT_MULTI, "PATTERN", "Remove variables (glob, or /REGEX/)"},
    {"env-file", 0, OPT_MULTI, "FILE", "Read rules for --env from a file"},
    {"rlimit", 0, OPT_MULTI, "RULE", "Limits to pass on: NAME, -NAME, NAME=VAL (globs allowed)"},
    {"setopt", 'o', OPT_MULTI, "KEY[=VAL]", "Set a shell option"},
    {"setattr", 'S', OPT_MULTI, "[^]KEY[=VAL]", "Set a job attribute; ^: from a JSON file"},
    {"add-file", 0, OPT_MULTI, "[NAME[:PERM]=]ARG", "Put a file (or ARG itself) into the job"},
    {"sign-type", 0, OPT_STR, "TYPE", "Sign the request by munge, curve or none"},
    {"dry-run", 0, OPT_FLAG, NULL, "Print the jobspec and do not submit"},
    {"debug", 0, OPT_FLAG, NULL, "Ask for debug events"},
    {NULL},
};

const struct flux_option submit_options_tasks[] = {
    {"ntasks", 'n', OPT_INT, "N", "Number of tasks"},
    {"cores-per-task", 'c', OPT_INT, "N", "Cores for each task"},
    {"gpus-per-task", 'g', OPT_INT, "N", "GPUs for each task"},
    {"cores", 0, OPT_INT, "N", "Number of cores in all"},
    {"tasks-per-node", 0, OPT_INT, "N", "Tasks on each node"},
    {"gpus-per-node", 0, OPT_INT, "N", "GPUs of each node"},
    {"tasks-per-core", 0, OPT_INT, "N", "Tasks on each core"},
    {"taskmap", 0, OPT_STR, "SCHEME[:VAL]", "How tasks are placed: block, cyclic[:N], manual:MAP"},
    {NULL},
};

const struct flux_option submit_options_slots[] = {
    {"nslots", 'n', OPT_INT, "N", "Number of resource slots"},
    {"cores-per-slot", 'c', OPT_INT, "N", "Cores in each slot"},
    {"gpus-per-slot", 'g', OPT_INT, "N", "GPUs in each slot"},
    {"conf", 0, OPT_MULTI, "CONF", "Configuration of the new instance: FILE or KEY=VAL"},
    {"broker-opts", 0, OPT_MULTI, "OPT", "Options for its brokers"},
    {"dump", 0, OPT_OPTSTR, "FILE", "Dump its state when it ends"},
    {NULL},
};
