// SPDX-License-Identifier: LGPL-3.0-only
/* FLUID (RFC 19): 64-bit job ids = 40 bits of milliseconds, 14 of generator, 10 of sequence;
 * their generator and every way to write them. */
#ifndef FLUX_FLUID_H
#define FLUX_FLUID_H

#include <flux/base.h>

#pragma GCC visibility push(default)

#define FLUX_FLUID_MAX 64 /* room for any encoding, NUL included */
#define FLUX_FLUID_GENERATORS (1u << 14)
#define FLUX_FLUID_NONE UINT64_MAX /* never generated: "no job" */

enum flux_fluid_form {
    FLUX_FLUID_DEC,       /* 6731191091817518 */
    FLUX_FLUID_HEX,       /* 0x17e9fb8df16c2e */
    FLUX_FLUID_DOTHEX,    /* 0017.e9fb.8df1.6c2e */
    FLUX_FLUID_KVS,       /* job.0017.e9fb.8df1.6c2e */
    FLUX_FLUID_WORDS,     /* reform-remote-galileo--heart-package-academy */
    FLUX_FLUID_EMOJI,     /* base 576 */
    FLUX_FLUID_F58,       /* the next two, as locale and FLUX_F58_FORCE_ASCII want it */
    FLUX_FLUID_F58_UTF8,  /* U+0192, then base 58: "\u0192uZZybuNNy" */
    FLUX_FLUID_F58_ASCII, /* fuZZybuNNy */
};

/* A generator; not thread-safe. Its ids are unique and increase, even when the clock steps back. */
struct flux_fluid_gen {
    uint64_t epoch; /* ms since 1970 that count as 0 */
    uint64_t time;  /* ms since epoch of the last id */
    uint32_t id;
    uint32_t seq;
};

/* 0, or -EINVAL when id is not below FLUX_FLUID_GENERATORS. `epoch`: seconds since 1970. */
int flux_fluid_init(struct flux_fluid_gen *gen, unsigned id, double epoch);
/* The next id: 0, or -EOVERFLOW 34 years after the epoch. Never waits: more than 1024 ids in a
 * millisecond borrow from the next. */
int flux_fluid_next(struct flux_fluid_gen *gen, uint64_t *ret);
/* After a restart: all further ids are above `id`, a previously issued one. */
void flux_fluid_seed(struct flux_fluid_gen *gen, uint64_t id);
/* Seconds after the generator's epoch at which an id was made. */
double flux_fluid_age(uint64_t id);

/* Any form to id, blanks around it ignored: 0 or -EINVAL. */
int flux_fluid_parse(const char *s, uint64_t *ret, struct flux_error *err);
/* Id to text: its length, or -EOVERFLOW when `size` is too small (FLUX_FLUID_MAX never is). */
int flux_fluid_encode(uint64_t id, enum flux_fluid_form form, char *buf, size_t size);
/* Name of a form ("dec", "hex", "dothex", "kvs", "words", "emoji", "f58", "f58plain"): form or
 * -EINVAL. */
int flux_fluid_form(const char *name);

/* The usual form (F58) for messages: one of 16 static buffers of this thread, in turn. */
const char *flux_fluid_f58(uint64_t id);

#pragma GCC visibility pop
#endif
