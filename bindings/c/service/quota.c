// SPDX-License-Identifier: LGPL-3.0-only
/* How many calls of one method a user other than the owner has open here, and how many bytes those
 * of all methods hold: what keeps guests from growing a service without bound. A row lives while
 * its count is above zero. */
#include "private.h"

#define OPEN_MAX_DEFAULT 4096
#define BYTES_MAX ((size_t)256 << 20) /* of requests of one user, as they came and decoded */

struct quota_key {
    const struct flux_method *method; /* NULL: the user's row for all */
    uint64_t userid;                  /* wide, so that the key has no padding */
};

struct quota {
    struct quota_key key;
    unsigned open;
    size_t bytes;
    UT_hash_handle hh;
};

static struct quota *find(struct flux *h, const struct flux_method *m, uint32_t userid)
{
    struct quota_key key = {m, userid};
    struct quota *q;

    HASH_FIND(hh, h->quotas, &key, sizeof(key), q);
    return q;
}

unsigned quota_limit(const struct flux_method *m)
{
    return m->max_open ? m->max_open : OPEN_MAX_DEFAULT;
}

static struct quota *enter(struct flux *h, const struct flux_method *m, uint32_t userid)
{
    struct quota *q = find(h, m, userid);

    if (!q) {
        q = flux_alloc(sizeof(*q));
        q->key = (struct quota_key){m, userid};
        HASH_ADD(hh, h->quotas, key, sizeof(q->key), q);
    }
    q->open++;
    return q;
}

static void leave(struct flux *h, struct quota *q)
{
    if (--q->open)
        return;
    HASH_DEL(h->quotas, q);
    free(q);
}

bool quota_take(struct flux *h, const struct flux_method *m, uint32_t userid, size_t bytes)
{
    struct quota *q = find(h, m, userid), *all = find(h, NULL, userid);

    if ((q && q->open >= quota_limit(m)) || (all && all->bytes + bytes > BYTES_MAX))
        return false;
    enter(h, m, userid);
    enter(h, NULL, userid)->bytes += bytes;
    return true;
}

void quota_add(struct flux *h, uint32_t userid, size_t bytes)
{
    struct quota *all = find(h, NULL, userid);

    if (all)
        all->bytes += bytes;
}

void quota_release(struct flux *h, const struct flux_method *m, uint32_t userid, size_t bytes)
{
    struct quota *q = find(h, m, userid), *all = find(h, NULL, userid);

    if (!q || !all)
        return;
    all->bytes -= bytes;
    leave(h, q);
    leave(h, all);
}
