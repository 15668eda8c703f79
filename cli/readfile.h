// SPDX-License-Identifier: LGPL-3.0-only
/* Reading a whole file, or standard input ("-"), up to the ceiling of the buffer. */
#ifndef FLUX_CLI_READFILE_H
#define FLUX_CLI_READFILE_H

#include <flux/buf.h>

/* Appends; the text is NUL-terminated. -EFBIG past the ceiling; other errnos from the file. */
int cli_read_file(const char *path, struct flux_buf *out, struct flux_error *err);

#endif
