// SPDX-License-Identifier: LGPL-3.0-only
/* Links between brokers in one process and one loop: joining, refusals, messages, losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "overlay_link.h"

#define NODES 4

struct node {
    struct overlay_link *link;
    struct cert cert;
    char log[2048];
    int events[NODES][6]; /* by rank, by event */
    char why[256];
    unsigned received;
    uint64_t bytes;
    uint32_t next_tag; /* expected: order is kept */
    bool out_of_order;
    bool closed;
};

static uv_loop_t loop;
static struct flux_topology *topo;
static char dir[] = "/tmp/flux-link-XXXXXX";
static char endpoint[80];

static void on_peer(void *arg, uint32_t rank, enum overlay_peer_event ev, const char *hostname,
                    const char *why)
{
    struct node *n = arg;

    n->events[rank][ev]++;
    snprintf(n->why, sizeof(n->why), "%s", why);
}

static void on_message(void *arg, uint32_t rank, struct flux_msg *m)
{
    struct node *n = arg;

    n->received++;
    n->bytes += m->body_len;
    if (m->tag != ++n->next_tag)
        n->out_of_order = true;
    flux_msg_free(m);
}

static void on_log(void *arg, int level, const char *text)
{
    struct node *n = arg;

    snprintf(n->log + strlen(n->log), sizeof(n->log) - strlen(n->log), "%s\n", text);
}

static void on_closed(void *arg)
{
    ((struct node *)arg)->closed = true;
}

static size_t queue_max; /* of the nodes made next; 0 = default */
static int rcvhwm;
static double period, timeout, warn_after;
static uint64_t hosts_digest;

static struct node *node_new(uint32_t rank, const char *uuid)
{
    struct node *n = flux_alloc(sizeof(*n));
    struct overlay_link_conf conf = {
        .loop = &loop,
        .cert = &n->cert,
        .topology = topo,
        .rank = rank,
        .hostname = "host",
        .version = rank ? "1.child" : "1.parent",
        .uuid = uuid,
        .beat = {.torpid_min = 0.05, .torpid_max = 0.2, .period = period, .timeout = timeout},
        .hosts_digest = hosts_digest,
        .warn_after = warn_after,
        .queue_max = queue_max,
        .child_rcvhwm = rcvhwm,
        .ops = {.on_peer = on_peer, .on_message = on_message, .log = on_log},
        .arg = n,
    };

    assert_int_equal(cert_generate(&n->cert, NULL), 0);
    assert_int_equal(overlay_link_new(&conf, &n->link, NULL), 0);
    return n;
}

static void node_free(struct node *n)
{
    if (!n->closed)
        overlay_link_close(n->link, on_closed, n);
    while (!n->closed)
        uv_run(&loop, UV_RUN_ONCE);
    cert_done(&n->cert);
    free(n);
}

/* The loop is not in a state to go on with: no further test. */
static void on_limit(uv_timer_t *t)
{
    fprintf(stderr, "nothing happened for 100 seconds\n");
    abort();
}

#define RUN_UNTIL(cond)                                                                            \
    do {                                                                                           \
        uv_timer_t limit;                                                                          \
        uv_timer_init(&loop, &limit);                                                              \
        uv_timer_start(&limit, on_limit, 100000, 0);                                               \
        while (!(cond))                                                                            \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
        uv_close((uv_handle_t *)&limit, NULL);                                                     \
        uv_run(&loop, UV_RUN_NOWAIT);                                                              \
    } while (0)

static struct node *parent_new(void)
{
    struct node *n = node_new(0, "uuid-parent");

    assert_int_equal(overlay_link_bind(n->link, endpoint, NULL, NULL), 0);
    return n;
}

static struct node *child_new(struct node *parent, uint32_t rank, const char *uuid)
{
    struct node *n = node_new(rank, uuid);

    overlay_link_authorize(parent->link, n->cert.public_key, rank);
    assert_int_equal(overlay_link_connect(n->link, endpoint, parent->cert.public_key, NULL), 0);
    return n;
}

static struct node *joined_child(struct node *parent, uint32_t rank, const char *uuid)
{
    struct node *n = child_new(parent, rank, uuid);

    RUN_UNTIL(n->events[0][OVERLAY_PEER_UP]);
    assert_true(overlay_link_is_up(parent->link, rank));
    return n;
}

static void send_many(struct node *from, uint32_t to, unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++) {
        struct flux_msg *m = flux_msg_new(FLUX_MSG_REQUEST);
        struct flux_bytes *body = flux_bytes_new(size);
        memset(body->data, i, size);
        m->tag = i + 1;
        strcpy(m->method, "flux.v1.Test/Take");
        flux_msg_set_body(m, body);
        assert_int_equal(overlay_link_send(from->link, to, m), 0);
    }
}

static void messages_pass_both_ways_in_order(void **state)
{
    struct node *p = parent_new(), *c = joined_child(p, 1, "a");

    send_many(c, 0, 20000, 50);
    send_many(p, 1, 20000, 50);
    RUN_UNTIL(p->received == 20000 && c->received == 20000);
    assert_false(p->out_of_order || c->out_of_order);
    p->next_tag = 0;
    send_many(c, 0, 10, 4 << 20);
    RUN_UNTIL(p->received == 20010);
    assert_false(p->out_of_order);
    assert_int_equal(p->bytes, 20000 * 50 + 10 * (4 << 20));
    node_free(c);
    node_free(p);
}

static void a_goodbye_is_not_a_loss(void **state)
{
    struct node *p = parent_new(), *c = joined_child(p, 1, "a"), *d = joined_child(p, 2, "b");

    overlay_link_goodbye(c->link);
    node_free(c);
    RUN_UNTIL(p->events[1][OVERLAY_PEER_GONE]);
    node_free(d);
    RUN_UNTIL(p->events[2][OVERLAY_PEER_LOST]);
    assert_int_equal(p->events[1][OVERLAY_PEER_LOST], 0);
    assert_int_equal(p->events[2][OVERLAY_PEER_GONE], 0);
    node_free(p);
}

static void a_lost_child_may_come_back(void **state)
{
    struct node *p = parent_new(), *c;

    for (int i = 1; i <= 3; i++) {
        char uuid[8];
        snprintf(uuid, sizeof(uuid), "u%d", i);
        c = joined_child(p, 1, uuid);
        assert_int_equal(p->events[1][OVERLAY_PEER_UP], i);
        node_free(c);
    }
    RUN_UNTIL(p->events[1][OVERLAY_PEER_LOST] == 3);
    node_free(p);
}

static void the_loss_of_the_parent_is_told(void **state)
{
    struct node *p = parent_new(), *c = joined_child(p, 1, "a");

    node_free(p);
    RUN_UNTIL(c->events[0][OVERLAY_PEER_LOST]);
    node_free(c);
}

static void an_unknown_key_is_refused(void **state)
{
    struct node *p = parent_new(), *c = node_new(1, "a");

    assert_int_equal(overlay_link_connect(c->link, endpoint, p->cert.public_key, NULL), 0);
    RUN_UNTIL(c->events[0][OVERLAY_PEER_REFUSED]);
    assert_non_null(strstr(p->log, "unknown public key"));
    assert_int_equal(p->events[1][OVERLAY_PEER_UP], 0);
    node_free(c);
    node_free(p);
}

static void a_key_is_good_for_its_rank_only(void **state)
{
    struct node *p = parent_new(), *c = node_new(2, "a");

    overlay_link_authorize(p->link, c->cert.public_key, 1);
    assert_int_equal(overlay_link_connect(c->link, endpoint, p->cert.public_key, NULL), 0);
    RUN_UNTIL(c->events[0][OVERLAY_PEER_REFUSED]);
    assert_non_null(strstr(p->log, "not that of rank 2"));
    assert_non_null(strstr(c->why, "not that of rank 2"));
    node_free(c);
    node_free(p);
}

static void a_duplicate_rank_is_refused(void **state)
{
    struct node *p = parent_new(), *c = joined_child(p, 1, "a"), *d = child_new(p, 1, "b");

    RUN_UNTIL(d->events[0][OVERLAY_PEER_REFUSED]);
    assert_non_null(strstr(p->log, "connected already"));
    assert_non_null(strstr(d->why, "1.parent"));
    assert_true(overlay_link_is_up(p->link, 1));
    node_free(d);
    node_free(c);
    node_free(p);
}

static void another_protocol_is_refused_with_both_versions(void **state)
{
    struct node *p = parent_new(), *c = flux_alloc(sizeof(*c));
    struct overlay_link_conf conf = {
        .loop = &loop,
        .cert = &c->cert,
        .topology = topo,
        .rank = 1,
        .hostname = "host",
        .version = "9.9.9",
        .uuid = "x",
        .protocol_min = 7,
        .protocol_max = 9,
        .ops = {.on_peer = on_peer, .on_message = on_message, .log = on_log},
        .arg = c,
    };

    assert_int_equal(cert_generate(&c->cert, NULL), 0);
    assert_int_equal(overlay_link_new(&conf, &c->link, NULL), 0);
    overlay_link_authorize(p->link, c->cert.public_key, 1);
    assert_int_equal(overlay_link_connect(c->link, endpoint, p->cert.public_key, NULL), 0);
    RUN_UNTIL(c->events[0][OVERLAY_PEER_REFUSED]);
    assert_non_null(strstr(p->log, "9.9.9"));
    assert_non_null(strstr(p->log, "1.parent"));
    assert_non_null(strstr(c->why, "9.9.9"));
    assert_non_null(strstr(c->why, "1.parent"));
    node_free(c);
    node_free(p);
}

static void garbage_on_the_port_disturbs_nobody(void **state)
{
    struct node *p = parent_new(), *c;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fds[8];

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", endpoint + strlen("ipc://"));
    for (int i = 0; i < 8; i++) {
        char junk[512];
        memset(junk, i * 37, sizeof(junk));
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&addr, sizeof(addr)), 0);
        if (i < 6)
            assert_true(send(fds[i], junk, i * 100, MSG_NOSIGNAL) >= 0);
        if (i % 2)
            close(fds[i]);
    }
    c = joined_child(p, 1, "a");
    send_many(c, 0, 10, 100);
    RUN_UNTIL(p->received == 10);
    for (int i = 0; i < 8; i += 2)
        close(fds[i]);
    node_free(c);
    node_free(p);
}

static void signs_of_life_keep_an_idle_child_lively(void **state)
{
    struct node *p = parent_new(), *c = joined_child(p, 1, "a");
    double until = flux_monotime() + 0.3;

    RUN_UNTIL(flux_monotime() > until);
    poll(NULL, 0, 300); /* none of us runs: that is nobody's silence */
    until = flux_monotime() + 0.3;
    RUN_UNTIL(flux_monotime() > until);
    assert_int_equal(p->events[1][OVERLAY_PEER_TORPID], 0);
    assert_int_equal(p->events[1][OVERLAY_PEER_LOST], 0);
    node_free(c);
    node_free(p);
}

static void a_child_that_is_cut_off_is_told(void **state)
{
    struct node *p = parent_new(), *c = joined_child(p, 1, "a");

    assert_int_equal(overlay_link_disconnect(p->link, 1, "by request"), 0);
    assert_int_equal(overlay_link_disconnect(p->link, 1, "by request"), -ENOENT);
    RUN_UNTIL(c->events[0][OVERLAY_PEER_LOST]);
    assert_string_equal(c->why, "by request");
    assert_int_equal(overlay_link_send(p->link, 1, flux_msg_new(FLUX_MSG_REQUEST)), -EHOSTUNREACH);
    node_free(c);
    node_free(p);
}

/* The loop does not run, so the child reads nothing of what its parent sends. */
static void a_child_that_does_not_read_is_given_up(void **state)
{
    struct node *p, *c;
    int r = 0;

    queue_max = 1 << 20;
    rcvhwm = 4;
    p = parent_new();
    c = joined_child(p, 1, "a");
    queue_max = rcvhwm = 0;
    for (int i = 0; i < 2000 && r == 0; i++) {
        struct flux_msg *m = flux_msg_new(FLUX_MSG_REQUEST);
        m->tag = i + 1;
        strcpy(m->method, "flux.v1.Test/Take");
        flux_msg_set_body(m, flux_bytes_new(100000));
        r = overlay_link_send(p->link, 1, m);
    }
    assert_int_equal(r, -EHOSTUNREACH);
    RUN_UNTIL(p->events[1][OVERLAY_PEER_LOST]);
    assert_non_null(strstr(p->why, "does not read"));
    assert_false(overlay_link_is_up(p->link, 1));
    node_free(c);
    node_free(p);
}

static int setup(void **state)
{
    if (!mkdtemp(dir) || uv_loop_init(&loop) < 0)
        return -1;
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/sock", dir);
    return flux_topology_new("flat", NODES, &topo, NULL);
}

static int teardown(void **state)
{
    flux_topology_free(topo);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) < 0 || rmdir(dir) < 0;
}

static void another_list_of_hosts_is_refused_on_both_sides(void **state)
{
    struct node *p, *c;

    hosts_digest = 17;
    p = parent_new();
    hosts_digest = 18;
    c = child_new(p, 1, "a");
    RUN_UNTIL(c->events[0][OVERLAY_PEER_REFUSED]);
    assert_non_null(strstr(c->why, "its bootstrap.hosts names other hosts than that of rank 0"));
    assert_non_null(strstr(p->log, "refused host (rank 1): its bootstrap.hosts names other hosts"));
    node_free(c);
    p->log[0] = '\0';
    c = child_new(p, 1, "b"); /* the same again is not worth another line */
    RUN_UNTIL(c->events[0][OVERLAY_PEER_REFUSED]);
    assert_null(strstr(p->log, "refused"));
    node_free(c);
    hosts_digest = 0; /* one that has no list is let in */
    c = joined_child(p, 1, "b");
    node_free(c);
    node_free(p);
}

static void a_parent_that_is_silent_too_long_is_lost(void **state)
{
    struct node *p = parent_new(), *c;

    timeout = 0.2;
    c = joined_child(p, 1, "a");
    RUN_UNTIL(c->events[0][OVERLAY_PEER_LOST]);
    assert_non_null(strstr(c->why, "silent for "));
    timeout = 0;
    node_free(c);
    node_free(p);
}

static void a_parent_that_gives_signs_of_life_is_kept(void **state)
{
    struct overlay_beat beat = {.torpid_min = 5, .timeout = 0.4};
    struct node *p, *c;

    period = 0.05;
    p = parent_new();
    c = joined_child(p, 1, "a");
    overlay_link_tune(c->link, &beat);
    RUN_UNTIL(p->events[1][OVERLAY_PEER_TORPID]); /* the child is silent now, for 0.2 s */
    assert_int_equal(c->events[0][OVERLAY_PEER_LOST], 0);
    beat.period = 0; /* and now the parent is, too */
    overlay_link_tune(p->link, &beat);
    RUN_UNTIL(c->events[0][OVERLAY_PEER_LOST]);
    period = 0;
    node_free(c);
    node_free(p);
}

static void a_parent_that_does_not_come_is_told_of(void **state)
{
    struct node *c;

    warn_after = 0.05;
    c = node_new(1, "a");
    assert_int_equal(
        overlay_link_connect(c->link, "tcp://no-such-host.invalid:8050", c->cert.public_key, NULL),
        0);
    RUN_UNTIL(strstr(c->log, "the host of tcp://no-such-host.invalid:8050 is not known"));
    node_free(c);
    c = node_new(1, "a");
    assert_int_equal(overlay_link_connect(c->link, "tcp://127.0.0.1:1", c->cert.public_key, NULL),
                     0);
    RUN_UNTIL(strstr(c->log, "no broker lets us in at tcp://127.0.0.1:1 yet"));
    node_free(c);
    warn_after = 0;
}

static void what_cannot_be_listened_on_is_told(void **state)
{
    struct node *p = node_new(0, "a");
    struct flux_error err;

    assert_true(overlay_link_bind(p->link, "tcp://nosuch0:9999", NULL, &err) < 0);
    assert_non_null(strstr(err.text, "cannot listen on tcp://nosuch0:9999"));
    assert_non_null(strstr(err.text, "name an interface or an address of this host"));
    node_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_pass_both_ways_in_order),
        cmocka_unit_test(a_goodbye_is_not_a_loss),
        cmocka_unit_test(a_lost_child_may_come_back),
        cmocka_unit_test(the_loss_of_the_parent_is_told),
        cmocka_unit_test(an_unknown_key_is_refused),
        cmocka_unit_test(a_key_is_good_for_its_rank_only),
        cmocka_unit_test(a_duplicate_rank_is_refused),
        cmocka_unit_test(another_protocol_is_refused_with_both_versions),
        cmocka_unit_test(garbage_on_the_port_disturbs_nobody),
        cmocka_unit_test(signs_of_life_keep_an_idle_child_lively),
        cmocka_unit_test(a_child_that_is_cut_off_is_told),
        cmocka_unit_test(a_child_that_does_not_read_is_given_up),
        cmocka_unit_test(another_list_of_hosts_is_refused_on_both_sides),
        cmocka_unit_test(a_parent_that_is_silent_too_long_is_lost),
        cmocka_unit_test(a_parent_that_gives_signs_of_life_is_kept),
        cmocka_unit_test(a_parent_that_does_not_come_is_told_of),
        cmocka_unit_test(what_cannot_be_listened_on_is_told),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
