// SPDX-License-Identifier: LGPL-3.0-only
/* Memory and cleanup idioms used everywhere. Out of memory aborts: none of these returns NULL. */
#ifndef FLUX_BASE_H
#define FLUX_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <flux/error.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* FLUX_AUTO(idset) set = flux_idset_new();   freed by flux_idset_free() on every way out.
 * A type takes part with FLUX_DEFINE_AUTO(idset) after its declaration of flux_idset_free(). */
#define FLUX_AUTO(type) __attribute__((cleanup(flux_##type##_autofree))) struct flux_##type *
#define FLUX_DEFINE_AUTO(type)                                                                     \
    static inline void flux_##type##_autofree(struct flux_##type **p)                              \
    {                                                                                              \
        if (*p)                                                                                    \
            flux_##type##_free(*p);                                                                \
    }                                                                                              \
    struct flux_##type /* takes the semicolon */

/* FLUX_AUTO_STR s = flux_printf(...);  for anything that free() releases. */
#define FLUX_AUTO_STR __attribute__((cleanup(flux_autofree_str))) char *
#define FLUX_AUTO_MEM(type) __attribute__((cleanup(flux_autofree_mem))) type *
static inline void flux_autofree_str(char **p)
{
    free(*p);
}
static inline void flux_autofree_mem(void *p)
{
    free(*(void **)p);
}

/* FLUX_AUTO_FD int fd = open(...);  closed on every way out if >= 0. */
#define FLUX_AUTO_FD __attribute__((cleanup(flux_autoclose)))
void flux_autoclose(int *fd);

/* Hand an automatically freed pointer over: its value, and the variable becomes NULL. */
#define FLUX_GIVE(p)                                                                               \
    ({                                                                                             \
        __typeof__(p) give_ = (p);                                                                 \
        (p) = NULL;                                                                                \
        give_;                                                                                     \
    })

#define FLUX_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FLUX_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void *flux_alloc(size_t size);                          /* zeroed */
void *flux_realloc(void *p, size_t count, size_t size); /* count*size, overflow aborts */
char *flux_strdup(const char *s);                       /* NULL stays NULL */
char *flux_strndup(const char *s, size_t n);
void *flux_memdup(const void *p, size_t n);
char *flux_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *flux_vprintf(const char *fmt, va_list ap);

/* Seconds, as a double: of the monotonic clock, and of the wall clock since the epoch. */
double flux_monotime(void);
double flux_walltime(void);
/* Before there are threads: this process's wall clock is so many seconds ahead from here on. */
void flux_walltime_shift(double seconds);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
