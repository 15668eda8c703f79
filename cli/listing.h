// SPDX-License-Identifier: LGPL-3.0-only
/* What the verbs that list things share: the options, the choice of a format, the printing. */
#ifndef FLUX_CLI_LISTING_H
#define FLUX_CLI_LISTING_H

#include "color.h"
#include "format/format.h"
#include "verb.h"

/* Rows of the option table of every such verb. */
#define LISTING_OPTIONS                                                                            \
    {"no-header", 'n', OPT_FLAG, NULL, "Suppress printing of header line"},                        \
    {                                                                                              \
        "format", 'o', OPT_STR, "FORMAT", "Output format, or its name (help: list them)"           \
    }

struct listing {
    const char *tool;        /* "flux-jobs": of the files with formats of users and the site */
    const char *env_default; /* the variable that names the format without --format */
    const struct format_field *fields;
    const struct format_named *formats;
    /* Escape sequence for a row, or NULL for none; NULL where the verb has no COLOR_OPTION. */
    const char *(*color)(const void *row);
};

/* The format to use; free it with format_free(). 1: --format was a question, and is answered: the
 * verb is done. -EINVAL: there is no such format, or it is wrong. */
int listing_format(const struct cli *cli, const struct listing *l, struct format **ret,
                   struct flux_error *err);
/* format_rows() to standard output, of `count` rows of `size` bytes each. */
int listing_print(struct format *f, const void *rows, size_t size, size_t count, const char *order,
                  bool header, struct flux_error *err);

/* Is `name` (`n` bytes) a word of the comma-separated `list`? */
bool listing_has(const char *list, const char *name, size_t n);

#endif
