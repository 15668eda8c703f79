// SPDX-License-Identifier: LGPL-3.0-only
/* An instance of several brokers in one process and one loop. */
#include "fabric.h"

#include <stdio.h>
#include <unistd.h>

#include <flux/paths.h>

#include "../../../server/modules/exec/module.h"

static const char *attr(void *arg, const char *name)
{
    struct node *n = arg;

    if (strcmp(name, "rundir") == 0)
        return n->fabric->dir;
    if (strcmp(name, "hostlist") == 0)
        return n->fabric->hosts;
    if (strcmp(name, "local-uri") == 0)
        return "local:///nowhere";
    if (strcmp(name, "statedir") == 0)
        return n->fabric->statedir;
    return NULL;
}

static int on_register(void *arg, const struct flux_service *svc, struct flux_service_stats *stats,
                       struct flux_error *err)
{
    struct node *n = arg;

    return router_add_service(n->router, &n->module_port, svc, stats, err);
}

static void on_log(void *arg, const char *name, int level, const char *text)
{
    fprintf(stderr, "# %s[%u]: %s\n", name, ((struct node *)arg)->rank, text);
}

static void on_router_msg(struct flux_msg *m, void *arg)
{
    struct node *n = arg;
    struct port *p = m->port;

    if (p->kind != PORT_MODULE && FLUX_CONTAINER_OF(p, struct link_end, port)->cut) {
        flux_msg_free(m);
        return;
    }
    router_receive(n->router, p, m);
}

static void module_send(struct port *p, struct flux_msg *m)
{
    flux_mailbox_push(FLUX_CONTAINER_OF(p, struct node, module_port)->module_box, m);
}

static void client_send(struct port *p, struct flux_msg *m)
{
    flux_mailbox_push(FLUX_CONTAINER_OF(p, struct node, client_port)->client_box, m);
}

static void link_send(struct port *p, struct flux_msg *m)
{
    struct link_end *end = FLUX_CONTAINER_OF(p, struct link_end, port);

    m->port = &end->peer->port;
    flux_mailbox_push(end->peer_box, m);
}

static const struct port_ops module_ops = {.send = module_send};
static const struct port_ops client_ops = {.send = client_send};
static const struct port_ops link_ops = {.send = link_send};

static void module_open(struct node *n)
{
    n->module_port = (struct port){.kind = PORT_MODULE, .ops = &module_ops, .name = "exec"};
    n->module = flux_open_thread(&n->fabric->loop, "exec", &n->env, n->box, &n->module_port,
                                 &n->module_box);
    router_add(n->router, &n->module_port);
}

static void node_init(struct fabric *f, uint32_t rank)
{
    struct node *n = &f->nodes[rank];

    n->fabric = f;
    n->rank = rank;
    n->router = router_new(rank, getuid());
    router_set_topology(n->router, f->topo);
    n->box = flux_mailbox_new(&f->loop, on_router_msg, n);
    flux_mailbox_keep_alive(n->box, false);
    n->env = (struct flux_thread_env){.rank = rank,
                                      .size = f->size,
                                      .owner = getuid(),
                                      .topology = f->topo,
                                      .attr = attr,
                                      .attr_arg = n,
                                      .on_register = on_register,
                                      .register_arg = n,
                                      .log = on_log,
                                      .log_arg = n};
    n->client_port = (struct port){.kind = PORT_MODULE, .ops = &client_ops, .name = "test"};
    n->client =
        flux_open_thread(&f->loop, "test", &n->env, n->box, &n->client_port, &n->client_box);
    router_add(n->router, &n->client_port);
}

static void link_up(struct fabric *f, uint32_t rank)
{
    struct node *child = &f->nodes[rank];
    struct node *parent = &f->nodes[flux_topology_parent(f->topo, rank)];

    child->up = (struct link_end){.port = {.kind = PORT_PARENT, .ops = &link_ops},
                                  .peer = &child->down,
                                  .peer_box = parent->box};
    child->up.port.rank = parent->rank;
    snprintf(child->up.port.name, sizeof(child->up.port.name), "rank %u", parent->rank);
    child->down = (struct link_end){
        .port = {.kind = PORT_CHILD, .ops = &link_ops}, .peer = &child->up, .peer_box = child->box};
    child->down.port.rank = rank;
    snprintf(child->down.port.name, sizeof(child->down.port.name), "rank %u", rank);
    router_add(child->router, &child->up.port);
    router_add(parent->router, &child->down.port);
}

void fabric_start_part(struct fabric *f, uint32_t rank)
{
    struct node *n = &f->nodes[rank];
    struct flux_error err;

    module_open(n);
    if (exec_part.start(n->module, 0, NULL, &n->state, &err) < 0)
        fail_msg("%s", err.text);
}

void fabric_stop_part(struct fabric *f, uint32_t rank)
{
    struct node *n = &f->nodes[rank];

    exec_part.stop(n->module, n->state);
    n->state = NULL;
    router_remove(n->router, &n->module_port, "was unloaded");
    flux_close(n->module);
}

void fabric_cut(struct fabric *f, uint32_t rank)
{
    struct node *child = &f->nodes[rank];
    struct node *parent = &f->nodes[flux_topology_parent(f->topo, rank)];

    child->up.cut = child->down.cut = true;
    router_remove(parent->router, &child->down.port, "was lost");
    router_remove(child->router, &child->up.port, "was lost");
}

struct fabric *fabric_new(uint32_t size, const char *topology)
{
    struct fabric *f = flux_alloc(sizeof(*f));
    struct flux_error err;

    strcpy(f->dir, "/tmp/test-exec-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->hosts, sizeof(f->hosts), "node[0-%u]", size - 1);
    f->size = size;
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->watchdog);
    if (flux_topology_new(topology, size, &f->topo, &err) < 0)
        fail_msg("%s", err.text);
    f->nodes = flux_alloc(size * sizeof(*f->nodes));
    for (uint32_t r = 0; r < size; r++)
        node_init(f, r);
    for (uint32_t r = 1; r < size; r++)
        link_up(f, r);
    for (uint32_t r = 0; r < size; r++)
        fabric_start_part(f, r);
    return f;
}

static void too_late(uv_timer_t *timer)
{
    fail_msg("nothing happened in a minute");
}

void fabric_step(struct fabric *f)
{
    uv_timer_start(&f->watchdog, too_late, 60000, 0);
    uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->watchdog);
}

static void wait_helpers(struct fabric *f)
{
    for (uint32_t r = 0; r < f->size; r++) {
        FLUX_AUTO_STR path = flux_printf(FLUX_SPAWND_SOCKET, f->dir, r);
        for (int i = 0; access(path, F_OK) == 0 && i < 60000; i++)
            usleep(1000);
        assert_int_equal(access(path, F_OK), -1);
    }
}

void fabric_free(struct fabric *f)
{
    for (uint32_t r = 0; r < f->size; r++) {
        if (f->nodes[r].state)
            fabric_stop_part(f, r);
        router_remove(f->nodes[r].router, &f->nodes[r].client_port, "is gone");
        flux_close(f->nodes[r].client);
    }
    for (uint32_t r = 1; r < f->size; r++) {
        if (!f->nodes[r].up.cut)
            fabric_cut(f, r);
    }
    for (uint32_t r = 0; r < f->size; r++) {
        router_free(f->nodes[r].router);
        flux_mailbox_close(f->nodes[r].box);
    }
    uv_close((uv_handle_t *)&f->watchdog, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    wait_helpers(f);
    assert_int_equal(rmdir(f->dir), 0);
    flux_topology_free(f->topo);
    free(f->nodes);
    free(f);
}
