// SPDX-License-Identifier: LGPL-3.0-only
/* tar archives, compressed by the program that the file's name asks for. Written in GNU form; read
 * in ustar, GNU and pax form. */
#ifndef FLUX_CLI_TAR_H
#define FLUX_CLI_TAR_H

#include <stdio.h>

#include <flux/buf.h>

/* A file or a pipe to or from gzip, bzip2, xz or zstd. "-" is standard output or input. */
struct tar {
    FILE *stream;
    const char *name;
    int pid; /* of the filter, or 0 */
};

int tar_open(struct tar *tar, const char *name, bool write, struct flux_error *err);
/* Also waits for the filter: only then the archive is known to be whole. */
int tar_close(struct tar *tar, struct flux_error *err);

/* The end of a written archive is two blocks of zeros. */
int tar_write_end(struct tar *tar, struct flux_error *err);
int tar_write_file(struct tar *tar, const char *path, const void *data, size_t len,
                   struct flux_error *err);
int tar_write_dir(struct tar *tar, const char *path, struct flux_error *err);
int tar_write_symlink(struct tar *tar, const char *path, const char *target,
                      struct flux_error *err);

struct tar_entry {
    char type; /* '0' file, '2' symlink, '5' directory; others are skipped by the reader */
    struct flux_buf path, target;
    uint64_t size; /* of a file: read it with tar_read_data() before the next entry */
};

/* 1: an entry; 0: the end; negative: an error. */
int tar_read_entry(struct tar *tar, struct tar_entry *e, struct flux_error *err);
/* All of the present file. */
int tar_read_data(struct tar *tar, struct tar_entry *e, struct flux_buf *data,
                  struct flux_error *err);
void tar_entry_done(struct tar_entry *e);

#endif
