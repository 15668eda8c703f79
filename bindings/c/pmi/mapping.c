// SPDX-License-Identifier: LGPL-3.0-only
/* PMI_process_mapping: which node each task runs on. Hostile text gives an error, never a crash,
 * and no more blocks than its own length allows. */
#include <flux/pmi.h>

#include <ctype.h>

static const char *skip(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static const char *number(const char *s, unsigned *n)
{
    char *end;
    unsigned long v;

    s = skip(s);
    if (!isdigit((unsigned char)*s))
        return NULL;
    v = strtoul(s, &end, 10);
    if (v > 1u << 30)
        return NULL;
    *n = v;
    return skip(end);
}

static const char *block(const char *s, struct flux_pmi_block *b)
{
    if (*s != '(' || !(s = number(s + 1, &b->node)) || *s != ',' ||
        !(s = number(s + 1, &b->nodes)) || *s != ',' || !(s = number(s + 1, &b->ppn)) || *s != ')')
        return NULL;
    return skip(s + 1);
}

int flux_pmi_mapping_decode(const char *s, struct flux_pmi_block **ret)
{
    FLUX_AUTO_MEM(struct flux_pmi_block) map = NULL;
    int count = 0;

    s = skip(s);
    if (*s != '(')
        return -EINVAL;
    s = skip(s + 1);
    if (strncmp(s, "vector", 6))
        return -EINVAL;
    s = skip(s + 6);
    while (*s == ',') {
        map = flux_realloc(map, count + 1, sizeof(*map));
        s = block(skip(s + 1), &map[count]);
        if (!s)
            return -EINVAL;
        count++;
    }
    if (*s != ')' || *skip(s + 1))
        return -EINVAL;
    *ret = FLUX_GIVE(map);
    return count;
}

int flux_pmi_mapping_node(const struct flux_pmi_block *map, int count, unsigned task)
{
    unsigned long long total = 0, left;

    for (int i = 0; i < count; i++)
        total += (unsigned long long)map[i].nodes * map[i].ppn;
    if (!total)
        return -ENOENT;
    left = task % total;
    for (int i = 0; i < count; i++) {
        unsigned long long n = (unsigned long long)map[i].nodes * map[i].ppn;
        if (left < n)
            return map[i].node + left / map[i].ppn;
        left -= n;
    }
    return -ENOENT;
}
