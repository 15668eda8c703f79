// SPDX-License-Identifier: LGPL-3.0-only
/* Configuration: TOML (or JSON) files read into one object that remembers where each key came from.
 * Library flux-config (not part of libflux: it brings in the TOML parser's C++ runtime). */
#ifndef FLUX_CONFIG_H
#define FLUX_CONFIG_H

#include <jansson.h>

#include <flux/base.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What a configuration is for: the messages SystemConfig, SecurityConfig, ImpConfig of
 * config.proto. */
enum flux_configfile_space {
    FLUX_CONFIG_SYSTEM,
    FLUX_CONFIG_SECURITY,
    FLUX_CONFIG_IMP,
};

/* Whose files are read: those below are refused otherwise, each by its open descriptor. */
enum flux_configfile_trust {
    FLUX_CONFIG_TRUST_ANY,   /* anybody's: to show them */
    FLUX_CONFIG_TRUST_OWNER, /* root's and our own, that not everybody may write to */
    FLUX_CONFIG_TRUST_ROOT,  /* root's, with all directories above, that nobody else may write to */
};

struct flux_configfile;

struct flux_configfile *flux_configfile_new(void); /* empty */
void flux_configfile_free(struct flux_configfile *cfg);
#ifndef __cplusplus
FLUX_DEFINE_AUTO(configfile);
#endif

/* Read a .toml or .json file, or every *.toml of a directory in the order of their names: tables
 * merge, and where two files set one key the later one wins. A directory may hold a single .json
 * instead. 0 or a negative errno; *ret is written on success only. */
int flux_configfile_load(const char *path, enum flux_configfile_trust trust,
                         struct flux_configfile **ret, struct flux_error *err);
/* Lay `from` over `to`, as if it were a later file. */
void flux_configfile_merge(struct flux_configfile *to, const struct flux_configfile *from);
/* The same from text; `name` stands for the file in messages. */
int flux_configfile_parse(const char *toml, const char *name, struct flux_configfile **ret,
                          struct flux_error *err);
int flux_configfile_parse_json(const char *json, const char *name, struct flux_configfile **ret,
                               struct flux_error *err);

/* Everything, as one object; belongs to cfg. */
json_t *flux_configfile_json(const struct flux_configfile *cfg);
/* The value at a dotted path ("kvs.gc-threshold", "resource.config.0.hosts", "" for all), or NULL.
 */
json_t *flux_configfile_get(const struct flux_configfile *cfg, const char *path);
/* "system.toml:12" for a dotted path, the nearest known table's place if it has none, else "". */
const char *flux_configfile_where(const struct flux_configfile *cfg, const char *path);

/* Typed: 1 and *ret written if the key is set, 0 if it is not, -EINVAL (with file and line) if it
 * is of another type. Strings belong to cfg. `fsd` takes a duration as text or number, in seconds.
 */
int flux_configfile_get_string(const struct flux_configfile *cfg, const char *path,
                               const char **ret, struct flux_error *err);
int flux_configfile_get_bool(const struct flux_configfile *cfg, const char *path, bool *ret,
                             struct flux_error *err);
int flux_configfile_get_int(const struct flux_configfile *cfg, const char *path, int64_t *ret,
                            struct flux_error *err);
int flux_configfile_get_real(const struct flux_configfile *cfg, const char *path, double *ret,
                             struct flux_error *err);
int flux_configfile_get_fsd(const struct flux_configfile *cfg, const char *path, double *ret,
                            struct flux_error *err);

enum flux_configfile_severity {
    FLUX_CONFIG_ERROR,
    FLUX_CONFIG_UNKNOWN,  /* a top-level table nobody here knows; it may be another package's */
    FLUX_CONFIG_UNUSED,   /* a key that nothing in this version acts on */
    FLUX_CONFIG_REPLACED, /* a list of tables that an earlier file has, too: only this one counts */
};

/* One finding about a configuration. */
typedef void (*flux_configfile_problem_f)(const char *text, enum flux_configfile_severity severity,
                                          void *arg);

/* Check every key and value, and what they mean together; `problem` (may be NULL) is called for
 * each finding. Returns how many errors there are; err gets the first. */
int flux_configfile_check(const struct flux_configfile *cfg, enum flux_configfile_space space,
                          flux_configfile_problem_f problem, void *arg, struct flux_error *err);

/* Keys that differ between two configurations and act only after a restart: a new JSON array of
 * dotted paths. */
json_t *flux_configfile_needs_restart(const struct flux_configfile *from,
                                      const struct flux_configfile *to);
/* What config.proto says of a key ("kvs.gc-threshold"), or NULL if it is not known. */
const char *flux_configfile_doc(enum flux_configfile_space space, const char *path);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
