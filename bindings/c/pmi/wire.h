// SPDX-License-Identifier: LGPL-3.0-only
/* Lines of the PMI-1 wire: `cmd=NAME key=value ...`, words parted by blanks. A word's value may be
 * the rest of the line, blanks included, where the caller says so. */
#ifndef PMI_WIRE_H
#define PMI_WIRE_H

#include <flux/base.h>

/* A piece of a line that is not NUL-terminated. */
struct pmi_word {
    const char *s; /* NULL: absent */
    size_t len;
};

/* The value of the first `name=` word. `rest`: it reaches to the end of the line. */
struct pmi_word pmi_wire_word(const char *line, size_t len, const char *name, bool rest);
bool pmi_wire_is(struct pmi_word w, const char *s);
/* A decimal number that fills the word. */
int pmi_wire_int(struct pmi_word w, int *value);
/* Find a line: its length without the newline, or -EAGAIN (none yet). */
ssize_t pmi_wire_line(const char *data, size_t len);

#endif
