// SPDX-License-Identifier: LGPL-3.0-only
/* Trees and logs against a plain model: random edits, old versions kept, bodies evicted and
 * reloaded, node sizes bounded. */
#include "rig.h"

#include <stdio.h>

#define NAMES 3000

static int setup(void **state)
{
    struct rig *rig = flux_alloc(sizeof(*rig));

    rig->kopt.cache_bytes = 32 * 1024;
    rig_init(rig);
    assert_int_equal(rig_open(rig), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_done(*state);
    free(*state);
    return 0;
}

static void set(struct kvs_heap *heap, struct kvs_object **root, int i, int value)
{
    struct kvs_entry *e;
    char name[16];
    char text[16];

    snprintf(name, sizeof(name), "n%d", i);
    snprintf(text, sizeof(text), "%d", value);
    assert_int_equal(kvs_tree_edit(heap, root, name, strlen(name), true, &e, NULL), 0);
    kvs_payload_unref(heap, e->kind, e->p);
    e->kind = KVS_INLINE;
    e->p = kvs_bytes_new(text, strlen(text));
}

static int get(struct kvs_heap *heap, struct kvs_object *root, int i)
{
    struct kvs_entry *e;
    char name[16];
    int r;

    snprintf(name, sizeof(name), "n%d", i);
    r = kvs_tree_find(heap, root, name, strlen(name), &e, NULL);
    if (r == -ENOENT)
        return 0;
    assert_int_equal(r, 0);
    return atoi(((struct kvs_bytes *)e->p)->data);
}

static void compare(struct kvs_heap *heap, struct kvs_object *root, const int *model)
{
    for (int i = 0; i < NAMES; i++)
        assert_int_equal(get(heap, root, i), model[i]);
}

static int in_order(void *arg, const char *name, size_t len, const struct kvs_entry *e)
{
    char *last = arg;

    assert_true(kvs_name_cmp(last, strlen(last), name, len) < 0);
    memcpy(last, name, len);
    last[len] = '\0';
    return 0;
}

static int check_node(struct kvs_object *o)
{
    struct kvs_body *b = o->data;
    int depth = 0;

    assert_true(b->count > 0 && b->count <= KVS_NODE_MAX);
    for (int i = 0; i < b->count && b->level > 0; i++) {
        struct kvs_object *child = b->entries[i].p;

        assert_int_equal(((struct kvs_body *)child->data)->level, b->level - 1);
        depth = check_node(child);
    }
    return depth + 1;
}

static void random_edits_match_a_model(void **state)
{
    struct rig *rig = *state;
    struct kvs_heap *heap = &rig->kvs->heap;
    struct kvs_object *root = NULL, *old[10];
    static int model[NAMES], models[10][NAMES];
    char last[32];

    srandom(42);
    for (int round = 0; round < 10; round++) {
        for (int n = 0; n < 4000; n++) {
            int i = random() % NAMES;
            char name[16];

            if (random() % 10 < (round < 6 ? 7 : 3)) {
                model[i] = 1 + random() % 1000;
                set(heap, &root, i, model[i]);
            } else {
                snprintf(name, sizeof(name), "n%d", i);
                assert_int_equal(kvs_tree_remove(heap, &root, name, strlen(name), NULL),
                                 model[i] ? 0 : -ENOENT);
                model[i] = 0;
            }
        }
        old[round] = kvs_object_ref(root);
        memcpy(models[round], model, sizeof(model));
        last[0] = '\0';
        assert_int_equal(kvs_tree_each(heap, root, in_order, last, NULL), 0);
        assert_in_range(check_node(root), 1, 5);
    }
    for (int round = 0; round < 10; round++) {
        compare(heap, old[round], models[round]);
        kvs_object_unref(heap, old[round]);
    }
    for (int i = 0; i < NAMES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%d", i);
        kvs_tree_remove(heap, &root, name, strlen(name), NULL);
    }
    assert_null(root);
    assert_int_equal(heap->objects, 0);
    assert_int_equal(heap->bytes, 0);
}

static void ascending_names_fill_their_nodes(void **state)
{
    struct kvs_heap *heap = &((struct rig *)*state)->kvs->heap;
    struct kvs_object *root = NULL;
    struct kvs_entry *e;
    char name[16];

    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "%08d", i);
        assert_int_equal(kvs_tree_edit(heap, &root, name, 8, true, &e, NULL), 0);
        e->kind = KVS_DIR;
    }
    assert_in_range(heap->objects, 20000 / 32, 20000 / 25);
    kvs_object_unref(heap, root);
}

static void a_log_keeps_its_versions_apart(void **state)
{
    struct kvs_heap *heap = &((struct rig *)*state)->kvs->heap;
    struct kvs_log *log = kvs_log_new(heap, "one", 3), *old, *fork;
    struct flux_buf out = FLUX_BUF_INIT(0);

    log->refs++;
    old = log;
    assert_int_equal(kvs_log_append(heap, &log, "two", 3, NULL), 0);
    old->refs++;
    fork = old;
    assert_int_equal(kvs_log_append(heap, &fork, "xxx", 3, NULL), 0);
    assert_int_equal(kvs_log_append(heap, &log, "three", 5, NULL), 0);
    assert_int_equal(kvs_log_size(old), 3);
    kvs_log_read(heap, old, 0, 100, &out, NULL);
    kvs_log_read(heap, fork, 1, 100, &out, NULL);
    kvs_log_read(heap, log, 3, 4, &out, NULL);
    assert_string_equal(out.data, "onenexxxtwot");
    kvs_log_unref(heap, old);
    kvs_log_unref(heap, fork);
    kvs_log_unref(heap, log);
    flux_buf_done(&out);
    assert_int_equal(heap->objects, 0);
}

static void a_long_log_reads_from_any_offset(void **state)
{
    struct kvs_heap *heap = &((struct rig *)*state)->kvs->heap;
    struct kvs_log *log = kvs_log_new(heap, "", 0);
    struct flux_buf all = FLUX_BUF_INIT(0), out = FLUX_BUF_INIT(0);

    srandom(7);
    for (int i = 0; i < 5000; i++) {
        size_t n = i % 1000 == 999 ? 40000 : random() % 300;
        char *text = flux_alloc(n + 1);

        memset(text, 'a' + i % 26, n);
        flux_buf_add(&all, text, n);
        assert_int_equal(kvs_log_append(heap, &log, text, n, NULL), 0);
        free(text);
    }
    assert_int_equal(kvs_log_size(log), all.len);
    for (int i = 0; i < 300; i++) {
        size_t at = random() % all.len, n = random() % 50000;

        flux_buf_reset(&out);
        assert_int_equal(kvs_log_read(heap, log, at, n, &out, NULL), 0);
        if (n > all.len - at)
            n = all.len - at;
        assert_int_equal(out.len, n);
        assert_memory_equal(out.data, all.data + at, n);
    }
    kvs_log_unref(heap, log);
    flux_buf_done(&all);
    flux_buf_done(&out);
}

static void decoding_refuses_what_is_not_a_node(void **state)
{
    struct rig *rig = *state;
    struct kvs_heap *heap = &rig->kvs->heap;
    struct kvs_object *root = NULL;
    struct kvs_body *body;
    unsigned char *data, *copy;
    size_t len;

    for (int i = 0; i < 20; i++)
        set(heap, &root, i, i + 1);
    kvs_body_encode(root->data, (void **)&data, &len);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(kvs_body_decode(heap, data, cut, &body, NULL), -EUCLEAN);
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        copy = flux_memdup(data, len);
        copy[random() % len] = random();
        copy[random() % len] = random();
        if (kvs_body_decode(heap, copy, len, &body, NULL) == 0)
            kvs_body_free(heap, body);
        free(copy);
    }
    free(data);
    kvs_object_unref(heap, root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_edits_match_a_model, setup, teardown),
        cmocka_unit_test_setup_teardown(ascending_names_fill_their_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_keeps_its_versions_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_log_reads_from_any_offset, setup, teardown),
        cmocka_unit_test_setup_teardown(decoding_refuses_what_is_not_a_node, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
