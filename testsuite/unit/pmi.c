// SPDX-License-Identifier: LGPL-3.0-only
/* PMI-1: the server's engine fed by hand and by the client over socketpairs, and the mapping. */
#include <flux/pmi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct bench {
    struct flux_pmi_server *server;
    struct flux_buf out[4]; /* answers by task */
    int barriers, aborts, abort_code;
    char abort_text[128];
};

static void on_send(void *arg, unsigned task, const char *data, size_t len)
{
    struct bench *b = arg;

    flux_buf_add(&b->out[task], data, len);
}

static void on_barrier(void *arg)
{
    struct bench *b = arg;

    b->barriers++;
}

static void on_abort(void *arg, unsigned task, int code, const char *text)
{
    struct bench *b = arg;

    b->aborts++;
    b->abort_code = code;
    snprintf(b->abort_text, sizeof(b->abort_text), "%s", text);
}

static void bench_init(struct bench *b, unsigned local, unsigned size, size_t max_bytes)
{
    struct flux_pmi_server_conf conf = {
        .kvsname = "fjob",
        .size = size,
        .local = local,
        .max_bytes = max_bytes,
        .arg = b,
        .send = on_send,
        .barrier = on_barrier,
        .abort = on_abort,
    };

    memset(b, 0, sizeof(*b));
    b->server = flux_pmi_server_new(&conf);
}

static void bench_done(struct bench *b)
{
    flux_pmi_server_free(b->server);
    for (int i = 0; i < 4; i++)
        flux_buf_done(&b->out[i]);
}

static int say(struct bench *b, unsigned task, const char *line)
{
    flux_buf_reset(&b->out[task]);
    return flux_pmi_server_input(b->server, task, line, strlen(line), NULL);
}

/* Say a line and compare the answer. */
static void talk(struct bench *b, unsigned task, const char *line, const char *answer)
{
    assert_int_equal(say(b, task, line), 0);
    assert_string_equal(b->out[task].len ? b->out[task].data : "", answer);
}

static void init_all(struct bench *b, unsigned local)
{
    for (unsigned i = 0; i < local; i++)
        talk(b, i, "cmd=init pmi_version=1 pmi_subversion=1\n",
             "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\n");
}

static void answers_the_simple_requests(void **state)
{
    struct bench b;

    bench_init(&b, 1, 8, 0);
    init_all(&b, 1);
    talk(&b, 0, "cmd=get_maxes\n", "cmd=maxes rc=0 kvsname_max=64 keylen_max=64 vallen_max=1024\n");
    talk(&b, 0, "cmd=get_my_kvsname\n", "cmd=my_kvsname rc=0 kvsname=fjob\n");
    talk(&b, 0, "cmd=get_universe_size\n", "cmd=universe_size rc=0 size=8\n");
    talk(&b, 0, "cmd=get_appnum\n", "cmd=appnum rc=0 appnum=0\n");
    talk(&b, 0, "cmd=put kvsname=fjob key=a value=one two = three\n", "cmd=put_result rc=0\n");
    talk(&b, 0, "cmd=get kvsname=fjob key=a\n", "cmd=get_result rc=0 value=one two = three\n");
    talk(&b, 0, "cmd=get kvsname=fjob key=b\n", "cmd=get_result rc=4 msg=unknown_key\n");
    talk(&b, 0, "cmd=lookup_name service=x\n",
         "cmd=lookup_result rc=-1 msg=name_publishing_is_not_supported\n");
    assert_int_equal(flux_pmi_server_eof(b.server, 0, NULL), -EPROTO);
    assert_int_equal(say(&b, 0, "cmd=finalize\n"), 1);
    assert_string_equal(b.out[0].data, "cmd=finalize_ack rc=0\n");
    assert_int_equal(flux_pmi_server_eof(b.server, 0, NULL), 0);
    bench_done(&b);
}

static void refuses_other_versions(void **state)
{
    struct bench b;

    bench_init(&b, 1, 1, 0);
    talk(&b, 0, "cmd=init pmi_version=2 pmi_subversion=0\n",
         "cmd=response_to_init rc=-1 pmi_version=1 pmi_subversion=1\n");
    assert_int_equal(say(&b, 0, "cmd=get_appnum\n"), -EPROTO);
    bench_done(&b);
}

static void takes_lines_in_pieces_and_several_at_once(void **state)
{
    struct bench b;

    bench_init(&b, 1, 1, 0);
    talk(&b, 0, "cmd=init pmi_ver", "");
    talk(&b, 0, "sion=1 pmi_subversion=1", "");
    talk(&b, 0, "\ncmd=get_appnum\ncmd=get_app",
         "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\ncmd=appnum rc=0 appnum=0\n");
    talk(&b, 0, "num\n", "cmd=appnum rc=0 appnum=0\n");
    bench_done(&b);
}

static void bounds_what_a_client_can_send(void **state)
{
    char line[FLUX_PMI_LINE_MAX + 200];
    struct bench b;

    bench_init(&b, 1, 1, 4096);
    init_all(&b, 1);
    snprintf(line, sizeof(line), "cmd=put kvsname=fjob key=%065d value=x\n", 1);
    talk(&b, 0, line, "cmd=put_result rc=-1 msg=invalid_key_or_value\n");
    snprintf(line, sizeof(line), "cmd=put kvsname=fjob key=k value=%01024d\n", 1);
    talk(&b, 0, line, "cmd=put_result rc=-1 msg=invalid_key_or_value\n");
    snprintf(line, sizeof(line), "cmd=put kvsname=fjob key=k value=%01023d\n", 1);
    talk(&b, 0, line, "cmd=put_result rc=0\n");
    talk(&b, 0, "cmd=put kvsname=other key=k value=1\n",
         "cmd=put_result rc=-1 msg=unknown_kvsname\n");
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof(line), "cmd=put kvsname=fjob key=k%d value=%01000d\n", i, 1);
        talk(&b, 0, line, "cmd=put_result rc=0\n");
    }
    snprintf(line, sizeof(line), "cmd=put kvsname=fjob key=last value=%01000d\n", 1);
    talk(&b, 0, line, "cmd=put_result rc=-1 msg=no_space_left\n");
    memset(line, 'x', sizeof(line));
    assert_int_equal(flux_pmi_server_input(b.server, 0, line, sizeof(line), NULL), -EPROTO);
    bench_done(&b);
}

static void drops_nonsense(void **state)
{
    static const char *const bad[] = {"\n",
                                      "hello\n",
                                      "cmd=\n",
                                      "cmd=nosuch\n",
                                      "cmd=put\n",
                                      "cmd=init\n",
                                      "cmd=init pmi_version=x\n",
                                      "cmd=finalize\n"};
    struct bench b;

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++) {
        bench_init(&b, 1, 1, 0);
        assert_int_equal(say(&b, 0, bad[i]), -EPROTO);
        bench_done(&b);
    }
    bench_init(&b, 1, 1, 0);
    init_all(&b, 1);
    assert_int_equal(flux_pmi_server_input(b.server, 0, "cmd=get key=\0\n", 14, NULL), -EPROTO);
    assert_int_equal(flux_pmi_server_input(b.server, 1, "x", 1, NULL), -EINVAL);
    bench_done(&b);
}

static void barrier_waits_for_all_and_releases_all(void **state)
{
    struct bench b;

    bench_init(&b, 2, 2, 0);
    init_all(&b, 2);
    talk(&b, 0, "cmd=barrier_in\n", "");
    assert_int_equal(b.barriers, 0);
    talk(&b, 1, "cmd=barrier_in\n", "");
    assert_int_equal(b.barriers, 1);
    flux_pmi_server_release(b.server, true);
    assert_string_equal(b.out[0].data, "cmd=barrier_out rc=0\n");
    assert_string_equal(b.out[1].data, "cmd=barrier_out rc=0\n");
    talk(&b, 0, "cmd=barrier_in\n", "");
    assert_int_equal(say(&b, 0, "cmd=get_appnum\n"), -EPROTO);
    bench_done(&b);
}

static void exchanges_only_what_is_new(void **state)
{
    struct flux_buf blob = FLUX_BUF_INIT(0);
    struct bench a, b;

    bench_init(&a, 1, 2, 0);
    bench_init(&b, 1, 2, 0);
    init_all(&a, 1);
    flux_pmi_server_put(a.server, "preset", "p", NULL);
    talk(&a, 0, "cmd=put kvsname=fjob key=k value=1\n", "cmd=put_result rc=0\n");
    talk(&a, 0, "cmd=put kvsname=fjob key=k value=2 \n", "cmd=put_result rc=0\n");
    talk(&a, 0, "cmd=put kvsname=fjob key=local::n value=2\n", "cmd=put_result rc=0\n");
    assert_int_equal(flux_pmi_server_take_dirty(a.server, &blob), 0);
    assert_int_equal(blob.len, 5);
    assert_memory_equal(blob.data, "k\0002 \0", 5);
    assert_int_equal(flux_pmi_server_merge(b.server, blob.data, blob.len, NULL), 0);
    assert_string_equal(flux_pmi_server_get(b.server, "k"), "2 ");
    assert_null(flux_pmi_server_get(b.server, "local::n"));
    flux_buf_reset(&blob);
    assert_int_equal(flux_pmi_server_take_dirty(a.server, &blob), 0);
    assert_int_equal(blob.len, 0);
    assert_int_equal(flux_pmi_server_take_dirty(b.server, &blob), 0);
    assert_int_equal(blob.len, 0);
    assert_int_equal(flux_pmi_server_merge(b.server, "k", 1, NULL), -EPROTO);
    assert_int_equal(flux_pmi_server_merge(b.server, "k\0v", 3, NULL), -EPROTO);
    assert_int_equal(flux_pmi_server_merge(b.server, "\0v\0", 3, NULL), -EINVAL);
    flux_buf_done(&blob);
    bench_done(&a);
    bench_done(&b);
}

static void get_may_wait_for_a_node_key(void **state)
{
    struct bench b;

    bench_init(&b, 2, 2, 0);
    init_all(&b, 2);
    talk(&b, 0, "cmd=get kvsname=fjob key=local::x wait=1\n", "");
    talk(&b, 1, "cmd=put kvsname=fjob key=local::x value=v\n", "cmd=put_result rc=0\n");
    assert_string_equal(b.out[0].data, "cmd=get_result rc=0 value=v\n");
    bench_done(&b);
}

static void abort_is_passed_on(void **state)
{
    struct bench b;

    bench_init(&b, 1, 1, 0);
    init_all(&b, 1);
    talk(&b, 0, "cmd=abort exitcode=7 error_msg=it went\twrong\n", "");
    assert_int_equal(b.aborts, 1);
    assert_int_equal(b.abort_code, 7);
    assert_string_equal(b.abort_text, "it went wrong");
    bench_done(&b);
}

static void spawn_is_refused(void **state)
{
    struct bench b;

    bench_init(&b, 1, 1, 0);
    init_all(&b, 1);
    talk(&b, 0, "mcmd=spawn\nnprocs=1\nexecname=x\nendcmd\n",
         "cmd=spawn_result rc=-1 msg=spawn_is_not_supported\n");
    talk(&b, 0, "cmd=get_appnum\n", "cmd=appnum rc=0 appnum=0\n");
    bench_done(&b);
}

static void mapping_is_read(void **state)
{
    struct flux_pmi_block *map;

    assert_int_equal(flux_pmi_mapping_decode("(vector,(0,2,4),(2,1,1))", &map), 2);
    assert_int_equal(flux_pmi_mapping_node(map, 2, 0), 0);
    assert_int_equal(flux_pmi_mapping_node(map, 2, 3), 0);
    assert_int_equal(flux_pmi_mapping_node(map, 2, 4), 1);
    assert_int_equal(flux_pmi_mapping_node(map, 2, 8), 2);
    assert_int_equal(flux_pmi_mapping_node(map, 2, 9), 0);
    free(map);
    assert_int_equal(flux_pmi_mapping_decode(" ( vector , ( 0 , 1 , 1 ) ) ", &map), 1);
    free(map);
    assert_int_equal(flux_pmi_mapping_decode("(vector)", &map), 0);
    assert_int_equal(flux_pmi_mapping_node(NULL, 0, 0), -ENOENT);
    assert_int_equal(flux_pmi_mapping_decode("(vector,(0,0,0))", &map), 1);
    assert_int_equal(flux_pmi_mapping_node(map, 1, 5), -ENOENT);
    free(map);
    static const char *const bad[] = {"",
                                      "(",
                                      "vector",
                                      "(vector,)",
                                      "(vector,(0,1))",
                                      "(vector,(0,1,1)",
                                      "(vector,(-1,1,1))",
                                      "(vector,(0,1,1))x",
                                      "(vector,(0,1,99999999999999999999))"};
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(bad); i++)
        assert_int_equal(flux_pmi_mapping_decode(bad[i], &map), -EINVAL);
}

/* --- the client, against the engine in a thread --- */

struct pair {
    struct flux_pmi_server *server;
    int fd;
};

static void pair_send(void *arg, unsigned task, const char *data, size_t len)
{
    struct pair *p = arg;

    assert_int_equal(write(p->fd, data, len), len);
}

static void pair_barrier(void *arg)
{
    struct pair *p = arg;

    flux_pmi_server_release(p->server, true);
}

static void *pair_serve(void *arg)
{
    struct pair *p = arg;
    char data[100];
    ssize_t n;

    while ((n = read(p->fd, data, sizeof(data))) > 0)
        if (flux_pmi_server_input(p->server, 0, data, n, NULL) != 0)
            break;
    close(p->fd);
    return NULL;
}

static void client_and_server_understand_each_other(void **state)
{
    struct pair p;
    struct flux_pmi_server_conf conf = {.kvsname = "f1",
                                        .size = 3,
                                        .local = 1,
                                        .arg = &p,
                                        .send = pair_send,
                                        .barrier = pair_barrier};
    struct flux_pmi_client *c;
    pthread_t thread;
    char text[64];
    unsigned n;
    int fd[2];

    assert_int_equal(flux_pmi_client_open(&c, NULL), -ENOENT);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    p.server = flux_pmi_server_new(&conf);
    p.fd = fd[0];
    assert_int_equal(pthread_create(&thread, NULL, pair_serve, &p), 0);
    snprintf(text, sizeof(text), "%d", fd[1]);
    setenv("PMI_FD", text, 1);
    setenv("PMI_RANK", "2", 1);
    setenv("PMI_SIZE", "3", 1);
    assert_int_equal(flux_pmi_client_open(&c, NULL), 0);
    assert_int_equal(flux_pmi_client_rank(c), 2);
    assert_int_equal(flux_pmi_client_size(c), 3);
    assert_int_equal(flux_pmi_client_value_max(c), FLUX_PMI_VALUE_MAX);
    assert_string_equal(flux_pmi_client_kvsname(c), "f1");
    assert_int_equal(flux_pmi_client_put(c, "key", "a value", NULL), 0);
    assert_int_equal(flux_pmi_client_put(c, "bad key", "a", NULL), -EINVAL);
    assert_int_equal(flux_pmi_client_barrier(c, NULL), 0);
    assert_int_equal(flux_pmi_client_get(c, "key", text, sizeof(text), NULL), 0);
    assert_string_equal(text, "a value");
    assert_int_equal(flux_pmi_client_get(c, "key", text, 3, NULL), -ENOSPC);
    assert_int_equal(flux_pmi_client_get(c, "none", text, sizeof(text), NULL), -ENOENT);
    assert_int_equal(flux_pmi_client_universe_size(c, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_int_equal(flux_pmi_client_appnum(c, &n, NULL), 0);
    assert_int_equal(n, 0);
    assert_int_equal(flux_pmi_client_finalize(c, NULL), 0);
    assert_int_equal(flux_pmi_client_barrier(c, NULL), -EIO);
    flux_pmi_client_free(c);
    pthread_join(thread, NULL);
    flux_pmi_server_free(p.server);
    unsetenv("PMI_FD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_the_simple_requests),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(takes_lines_in_pieces_and_several_at_once),
        cmocka_unit_test(bounds_what_a_client_can_send),
        cmocka_unit_test(drops_nonsense),
        cmocka_unit_test(barrier_waits_for_all_and_releases_all),
        cmocka_unit_test(exchanges_only_what_is_new),
        cmocka_unit_test(get_may_wait_for_a_node_key),
        cmocka_unit_test(abort_is_passed_on),
        cmocka_unit_test(spawn_is_refused),
        cmocka_unit_test(mapping_is_read),
        cmocka_unit_test(client_and_server_understand_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
