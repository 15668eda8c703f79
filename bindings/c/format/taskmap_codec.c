// SPDX-License-Identifier: LGPL-3.0-only
/* The text forms of task maps: RFC 34 JSON, RFC 13 PMI_process_mapping, raw idsets. */
#include <jansson.h>

#include <flux/buf.h>

#include "taskmap.h"

#define TEXT_MAX ((size_t)64 << 20)

static int append_json_block(struct flux_taskmap *map, json_t *o)
{
    unsigned v[4];

    if (!json_is_array(o) || json_array_size(o) != 4)
        return -EINVAL;
    for (size_t i = 0; i < 4; i++) {
        json_t *n = json_array_get(o, i);
        if (!json_is_integer(n) || json_integer_value(n) < 0 ||
            json_integer_value(n) > FLUX_TASKMAP_MAX)
            return -EINVAL;
        v[i] = json_integer_value(n);
    }
    return flux_taskmap_append(map, v[0], v[1], v[2], v[3]);
}

static int decode_json(struct flux_taskmap *map, json_t *o)
{
    json_t *block;
    size_t i;
    int r = 0;

    if (json_is_object(o)) {
        if (json_integer_value(json_object_get(o, "version")) != 1)
            return -EINVAL;
        o = json_object_get(o, "map");
    }
    if (!json_is_array(o))
        return -EINVAL;
    json_array_foreach (o, i, block) {
        r = append_json_block(map, block);
        if (r < 0)
            break;
    }
    return r;
}

static const char *skip(const char *p)
{
    return p + strspn(p, " \t\n");
}

/* "(1,2,3)" with blanks anywhere; returns what follows, or NULL. */
static const char *parse_triple(const char *p, unsigned v[3])
{
    for (int i = 0; i < 3; i++) {
        if (*p++ != (i ? ',' : '('))
            return NULL;
        p = skip(p);
        if (*p < '0' || *p > '9')
            return NULL;
        for (v[i] = 0; *p >= '0' && *p <= '9'; p++) {
            v[i] = v[i] * 10 + (*p - '0');
            if (v[i] > FLUX_TASKMAP_MAX)
                return NULL;
        }
        p = skip(p);
    }
    return *p == ')' ? skip(p + 1) : NULL;
}

static int decode_pmi(struct flux_taskmap *map, const char *p)
{
    unsigned v[3];

    p = skip(p + 1);
    if (strncmp(p, "vector", 6) != 0)
        return -EINVAL;
    for (p = skip(p + 6); *p == ',';) {
        p = skip(p + 1);
        if (*p == ')')
            break;
        p = parse_triple(p, v);
        if (!p || flux_taskmap_append(map, v[0], v[1], v[2], 1) < 0)
            return -EINVAL;
    }
    return *p == ')' && !*skip(p + 1) ? 0 : -EINVAL;
}

/* node_of[task] for each task; `n` is how many are known so far, FLUX_IDSET_NONE marks a hole. */
struct raw {
    unsigned *node_of;
    size_t size;
    size_t n;
};

static int raw_add(struct raw *raw, const struct flux_idset *tasks, unsigned node)
{
    size_t need = flux_idset_empty(tasks) ? 0 : flux_idset_last(tasks) + 1;

    if (need > raw->size) {
        raw->node_of = flux_realloc(raw->node_of, need, sizeof(unsigned));
        memset(raw->node_of + raw->size, 0xff, (need - raw->size) * sizeof(unsigned));
        raw->size = need;
    }
    FLUX_IDSET_FOREACH(tasks, task)
    {
        if (raw->node_of[task] != FLUX_IDSET_NONE)
            return -EINVAL;
        raw->node_of[task] = node;
        raw->n++;
    }
    return 0;
}

static int parse_raw(struct raw *raw, const char *s)
{
    FLUX_AUTO_STR copy = flux_strdup(s);
    char *rest = copy, *part;
    unsigned node = 0;
    int r = 0;

    while (r == 0 && (part = strsep(&rest, ";"))) {
        FLUX_AUTO(idset) tasks = NULL;
        r = flux_idset_decode(part, &tasks, NULL);
        if (r == 0)
            r = raw_add(raw, tasks, node++);
    }
    return r < 0 || raw->n != raw->size ? -EINVAL : 0;
}

static int decode_raw(struct flux_taskmap *map, const char *s)
{
    struct raw raw = {0};
    int r = parse_raw(&raw, s);

    if (r == 0)
        r = flux_taskmap_append_tasks(map, raw.node_of, raw.n);
    free(raw.node_of);
    return r;
}

int flux_taskmap_decode(const char *s, struct flux_taskmap **ret, struct flux_error *err)
{
    FLUX_AUTO(taskmap) map = flux_taskmap_new();
    const char *p = skip(s);
    int r = 0;

    if (*p == '[' || *p == '{') {
        json_t *o = json_loads(p, JSON_REJECT_DUPLICATES, NULL);
        r = o ? decode_json(map, o) : -EINVAL;
        json_decref(o);
    } else if (*p == '(') {
        r = decode_pmi(map, p);
    } else if (*p) {
        r = decode_raw(map, p);
    }
    if (r < 0)
        return flux_error_set(err, -EINVAL,
                              "'%.64s' is not a task map ([[node,nnodes,ppn,repeat],...], "
                              "(vector,(node,nnodes,ppn),...) or 0-1;2-3)",
                              s);
    *ret = FLUX_GIVE(map);
    return 0;
}

static void put_json(struct flux_buf *b, const struct flux_taskmap *map)
{
    flux_buf_putc(b, '[');
    for (size_t i = 0; i < map->len; i++) {
        const struct block *k = &map->blocks[i];
        flux_buf_printf(b, "%s[%u,%u,%u,%u]", i ? "," : "", k->nodeid, k->nnodes, k->ppn,
                        k->repeat);
    }
    flux_buf_putc(b, ']');
}

static void put_pmi(struct flux_buf *b, const struct flux_taskmap *map)
{
    if (flux_taskmap_unknown(map))
        return;
    flux_buf_puts(b, "(vector");
    for (size_t i = 0; i < map->len; i++) {
        const struct block *k = &map->blocks[i];
        for (unsigned r = 0; r < k->repeat; r++)
            if (flux_buf_printf(b, ",(%u,%u,%u)", k->nodeid, k->nnodes, k->ppn) < 0)
                return;
    }
    flux_buf_putc(b, ')');
}

static void put_raw(struct flux_buf *b, const struct flux_taskmap *map)
{
    for (unsigned node = 0; node < map->nnodes; node++) {
        FLUX_AUTO(idset) tasks = flux_taskmap_tasks(map, node);
        FLUX_AUTO_STR text = flux_idset_encode(tasks, FLUX_IDSET_RANGE);
        if (flux_buf_printf(b, "%s%s", node ? ";" : "", text) < 0)
            return;
    }
}

static void put_multiline(struct flux_buf *b, const struct flux_taskmap *map)
{
    for (unsigned task = 0; task < map->ntasks; task++)
        if (flux_buf_printf(b, "%u: %d\n", task, flux_taskmap_node(map, task)) < 0)
            return;
}

char *flux_taskmap_encode(const struct flux_taskmap *map, enum flux_taskmap_form form)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(TEXT_MAX);

    switch (form) {
    case FLUX_TASKMAP_JSON:
        put_json(&b, map);
        break;
    case FLUX_TASKMAP_WRAPPED:
        flux_buf_puts(&b, "{\"version\":1,\"map\":");
        put_json(&b, map);
        flux_buf_putc(&b, '}');
        break;
    case FLUX_TASKMAP_RAW:
        put_raw(&b, map);
        break;
    case FLUX_TASKMAP_PMI:
        put_pmi(&b, map);
        break;
    case FLUX_TASKMAP_MULTILINE:
        put_multiline(&b, map);
        break;
    }
    return b.failed ? NULL : flux_buf_take(&b);
}
