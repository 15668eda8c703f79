// SPDX-License-Identifier: LGPL-3.0-only
/* Opening what only root (or the user himself) can have written: by descriptor from "/" down, so
 * that what was checked is what is used. */
#ifndef IMP_CONF_SECURE_H
#define IMP_CONF_SECURE_H

#include <sys/types.h>

#include "error.h"

/* Open the regular file at an absolute path for reading, close-on-exec. The file must belong to
 * root or to `owner` (0: to root alone) and be writable by nobody else; every directory above it
 * must, too, except that others may write to one with the sticky bit. Symbolic links, "." and ".."
 * are refused. Returns a descriptor (for fstat, read, fexecve) or a negative errno. */
int secure_open(const char *path, uid_t owner, struct imp_error *err);
/* The same for a directory (O_RDONLY|O_DIRECTORY). */
int secure_open_dir(const char *path, uid_t owner, struct imp_error *err);
/* The same for a file `name` (no '/') in a directory that was opened so; `path` of it for messages.
 */
int secure_open_at(int dir, const char *name, const char *path, uid_t owner, struct imp_error *err);
/* All of a file of at most `max` bytes: *ret is a new buffer with a NUL after its end. Returns its
 * length or a negative errno. */
ssize_t secure_read(int fd, size_t max, char **ret);

#endif
