// SPDX-License-Identifier: LGPL-3.0-only
/* How many calls of one method a user other than the owner has open here: what keeps guests from
 * growing a service without bound. A row lives while its count is above zero. */
#include "private.h"

#define OPEN_MAX_DEFAULT 4096

struct quota_key {
    const struct flux_method *method;
    uint64_t userid; /* wide, so that the key has no padding */
};

struct quota {
    struct quota_key key;
    unsigned open;
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

bool quota_take(struct flux *h, const struct flux_method *m, uint32_t userid)
{
    struct quota *q = find(h, m, userid);

    if (q && q->open >= quota_limit(m))
        return false;
    if (!q) {
        q = flux_alloc(sizeof(*q));
        q->key = (struct quota_key){m, userid};
        HASH_ADD(hh, h->quotas, key, sizeof(q->key), q);
    }
    q->open++;
    return true;
}

void quota_release(struct flux *h, const struct flux_method *m, uint32_t userid)
{
    struct quota *q = find(h, m, userid);

    if (q && --q->open == 0) {
        HASH_DEL(h->quotas, q);
        free(q);
    }
}
