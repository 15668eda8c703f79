// SPDX-License-Identifier: LGPL-3.0-only
/* The block of a tar archive, for the reader and the writer. */
#ifndef FLUX_CLI_TAR_BLOCK_H
#define FLUX_CLI_TAR_BLOCK_H

#include "tar.h"

#define TAR_BLOCK 512

union tar_block {
    struct {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
        char type;
        char target[100], magic[8], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
    } h;
    unsigned char bytes[TAR_BLOCK];
};

#endif
