// SPDX-License-Identifier: LGPL-3.0-only
/* flux exec in parts: the call, what comes out of it, what goes into it. */
#ifndef FLUX_CLI_EXEC_EXEC_H
#define FLUX_CLI_EXEC_EXEC_H

#include <flux/buf.h>
#include <flux/idset.h>
#include <flux/v1/exec.h>

#include "../verb.h"

struct exec_output;
struct exec_input;

/* Lines of many ranks kept whole; with one rank and no label bytes pass as they come. */
struct exec_output *exec_output_new(bool label, bool whole_lines);
void exec_output_write(struct exec_output *o, const flux_exec_run_output *item);
void exec_output_flush(struct exec_output *o);
/* What was left without a newline goes out too. */
void exec_output_free(struct exec_output *o);

/* Read descriptor 0 and send it to the call `label`, one piece at a time. */
struct exec_input *exec_input_new(struct flux *h, const char *label);
void exec_input_free(struct exec_input *in);

#endif
