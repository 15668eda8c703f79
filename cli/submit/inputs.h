// SPDX-License-Identifier: LGPL-3.0-only
/* The input lists of bulksubmit: what stands after ::: and its kin, and {} in templates. */
#ifndef FLUX_CLI_SUBMIT_INPUTS_H
#define FLUX_CLI_SUBMIT_INPUTS_H

#include "submit.h"

struct inputs {
    struct input_list *lists;
    size_t count;
    size_t rows; /* combinations */
};

/* Take the lists off the end of `argv` (*argc is what remains before the first separator). `sep`
 * splits lines of standard input and files; NULL: newlines. -EINVAL with a text. */
int inputs_init(struct inputs *in, char **argv, int *argc, const char *sep, struct flux_error *err);
void inputs_done(struct inputs *in);
/* Put the combinations in random order. */
void inputs_shuffle(struct inputs *in);

/* `template` with {} and the like replaced by row `row` (0 is the first); NULL with a text for an
 * unknown field. Caller frees. {cc} and {{..}} stay. *used is set if anything was replaced. */
char *inputs_expand(const struct inputs *in, const char *template, size_t row, bool *used,
                    struct flux_error *err);

#endif
