// SPDX-License-Identifier: LGPL-3.0-only
/* Finding a verb by its words, and near misses. */
#include "verb.h"

/* How many of the words of `path` (all of them) begin `argv`; 0 if they do not. */
static int match_words(const char *path, int argc, char **argv)
{
    int words = 0;

    while (*path) {
        size_t n = strcspn(path, " ");

        if (words >= argc || strlen(argv[words]) != n || memcmp(argv[words], path, n) != 0)
            return 0;
        words++;
        path += n + (path[n] == ' ');
    }
    return words;
}

const struct flux_verb *cli_verb_find(int argc, char **argv, int *words)
{
    const struct flux_verb *best = NULL;

    *words = 0;
    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        int n = match_words((*v)->path, argc, argv);

        if (n > *words) {
            *words = n;
            best = *v;
        }
    }
    return best;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

enum { LONGEST_WORD = 31 };

/* Edits (insert, delete, replace) from `a` to `b`; long words count as far apart. */
static unsigned distance(const char *a, const char *b, size_t nb)
{
    unsigned row[LONGEST_WORD + 1];

    if (nb > LONGEST_WORD || strlen(a) > LONGEST_WORD)
        return LONGEST_WORD;
    for (unsigned j = 0; j <= nb; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            unsigned above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

/* The word of `path` that stands after `group`, or its first one; *n is its length. */
static const char *candidate(const char *path, const char *group, size_t *n)
{
    size_t skip = group ? strlen(group) : 0;

    if (group && (strncmp(path, group, skip) != 0 || path[skip] != ' '))
        return NULL;
    path += group ? skip + 1 : 0;
    *n = strcspn(path, " ");
    return path;
}

void cli_suggest(FILE *out, const char *group, const char *word)
{
    const char *best = NULL;
    size_t best_len = 0, n;
    unsigned nearest = strlen(word) < 4 ? 2 : 3; /* further away is no help */

    for (const struct flux_verb *const *v = cli_verbs; *v; v++) {
        const char *name = (*v)->summary ? candidate((*v)->path, group, &n) : NULL;
        unsigned d = name ? distance(word, name, n) : LONGEST_WORD;

        if (d < nearest) {
            nearest = d;
            best = name;
            best_len = n;
        }
    }
    if (best)
        fprintf(out, "Did you mean 'flux %s%s%.*s'?\n", group ? group : "", group ? " " : "",
                (int)best_len, best);
}
