// SPDX-License-Identifier: LGPL-3.0-only
/* Counts and ages of the rows. */
#include "history.h"

void history_count(struct history *hy, flux_job_list_stats_response *stats)
{
    sqlite3_stmt *st;

    if (sqlite3_prepare_v2(hy->db, "SELECT result, count(*) FROM jobs GROUP BY result", -1, &st,
                           NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(st) == SQLITE_ROW) {
        unsigned n = sqlite3_column_int(st, 1);
        stats->inactive += n;
        switch (sqlite3_column_int(st, 0)) {
        case FLUX_JOB_COMPLETED:
            stats->successful += n;
            break;
        case FLUX_JOB_CANCELED:
            stats->canceled += n;
            break;
        case FLUX_JOB_TIMEOUT:
            stats->timeout += n;
            break;
        default:
            stats->failed += n;
            break;
        }
    }
    sqlite3_finalize(st);
}

uint64_t *history_oldest(struct history *hy, double before, int64_t keep, uint32_t batch,
                         size_t *count)
{
    sqlite3_stmt *st;
    uint64_t *ids = NULL;

    *count = 0;
    /* Oldest first: by age, or all but the newest `keep`. */
    if (sqlite3_prepare_v2(hy->db,
                           "SELECT id FROM jobs WHERE t_inactive<?1 OR (?2>=0 AND id IN"
                           " (SELECT id FROM jobs ORDER BY t_inactive DESC LIMIT -1 OFFSET ?2))"
                           " ORDER BY t_inactive LIMIT ?3",
                           -1, &st, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_double(st, 1, before);
    sqlite3_bind_int64(st, 2, keep);
    sqlite3_bind_int64(st, 3, batch ? (sqlite3_int64)batch : -1);
    while (sqlite3_step(st) == SQLITE_ROW) {
        if ((*count & (*count - 1)) == 0)
            ids = flux_realloc(ids, *count ? *count * 2 : 1, sizeof(*ids));
        ids[(*count)++] = (uint64_t)sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return ids;
}
