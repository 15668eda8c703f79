// SPDX-License-Identifier: LGPL-3.0-only
/* Where resources come from: configuration, files, made-up nodes, the enclosing job, this machine.
 */
#include "inventory.h"

#include <flux/discover.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int find(const char *conf, const char *hostlist, const char *job_r, unsigned size,
                struct inventory *inv, struct flux_error *err)
{
    FLUX_AUTO_STR text = flux_strdup(conf);
    json_t *o;
    int r;

    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    o = json_loads(text, 0, NULL);
    assert_non_null(o);
    r = inventory_find(&(struct inventory_input){o, hostlist, job_r, size}, inv, err);
    json_decref(o);
    return r;
}

static void expect(const char *conf, const char *hostlist, const char *job_r, unsigned size,
                   enum inventory_method method, const char *summary)
{
    struct inventory inv = {0};
    struct flux_error err;
    FLUX_AUTO_STR text = NULL;

    if (find(conf, hostlist, job_r, size, &inv, &err) < 0)
        fail_msg("%s: %s", conf, err.text);
    assert_int_equal(inv.method, method);
    text = inv.all ? flux_rset_summary(inv.all) : flux_strdup("none");
    assert_string_equal(text, summary);
    inventory_done(&inv);
}

static void entries_add_up_and_follow_the_brokers(void **state)
{
    const char *conf = "{'resource':{'config':[{'hosts':'n[0-3]','cores':'0-1','properties':['a']},"
                       "{'hosts':'n2','gpus':'0','properties':['b']}]}}";
    struct inventory inv;

    expect(conf, "n[0-3]", NULL, 4, INVENTORY_CONFIG, "rank[0-1,3]/core[0-1] rank2/core[0-1],gpu0");
    expect(conf, "n[2,0,9,1]", NULL, 4, INVENTORY_CONFIG,
           "rank0/core[0-1],gpu0 rank[1,3]/core[0-1]");
    /* names made up for a test */
    expect(conf, "h,h,h", NULL, 3, INVENTORY_CONFIG, "rank[0-1]/core[0-1] rank2/core[0-1],gpu0");
    assert_int_equal(find(conf, "n[3,2,1,0]", NULL, 4, &inv, NULL), 0);
    assert_true(flux_rset_has_property(inv.all, 1, "b"));
    assert_false(flux_rset_has_property(inv.all, 2, "b"));
    assert_true(inv.verify && inv.rules.hostname == FLUX_RSET_STRICT);
    inventory_done(&inv);
}

static void errors_name_the_key(void **state)
{
    static const struct {
        const char *conf, *text;
    } rows[] = {
        {"{'resource':{'config':[{'cores':'0'}]}}", "resource.config[0]: hosts is missing"},
        {"{'resource':{'config':[{'hosts':'a'}]}}",
         "resource.config: host a: R: rank 0 has neither cores nor gpus"},
        {"{'resource':{'config':[{'hosts':'a','cores':'x'}]}}", "resource.config[0].cores: "},
        {"{'resource':{'config':[{'hosts':'a','cores':'0','properties':['a&b']}]}}",
         "resource.config[0].properties: R: 'a&b' is not a property name"},
        {"{'resource':{'path':'/nonexistent'}}",
         "resource.path: /nonexistent: No such file or directory"},
        {"{'fake-resources':{'nnodes':0}}", "fake-resources.nnodes: must be 1 to 262144"},
        {"{'resource':{'config':[{'hosts':'a','cores':'0'}],'verify':{'core':'maybe'}}}",
         "resource.verify.core: 'maybe' is not strict, allow-extra, allow-missing or ignore"},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(rows); i++) {
        struct inventory inv;
        struct flux_error err = {""};

        assert_true(find(rows[i].conf, "a", NULL, 1, &inv, &err) < 0);
        if (strncmp(err.text, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("'%s' is not '%s'", err.text, rows[i].text);
    }
}

static void fake_nodes(void **state)
{
    expect("{'fake-resources':{'nnodes':4096,'gpus-per-node':2}}", "a", NULL, 1, INVENTORY_FAKE,
           "rank[0-4095]/core[0-63],gpu[0-1]");
    expect("{'fake-resources':{'nnodes':1,'cores-per-node':1}}", "a", NULL, 1, INVENTORY_FAKE,
           "rank0/core0");
}

static const char job_r[] =
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"7,9\",\"children\":{\"core\":\"4-5\","
    "\"gpu\":\"1\"}}],\"nodelist\":[\"x,y\"]}}";

static void the_job_gives_its_resources_renumbered(void **state)
{
    expect("{}", "y,x", job_r, 2, INVENTORY_JOB, "rank[0-1]/core[0-1],gpu1");
    /* several brokers a node, or fewer than nodes: it does not fit */
    expect("{}", "x", job_r, 1, INVENTORY_DISCOVERY, "none");
    expect("{'resource':{'rediscover':true}}", "y,x", job_r, 2, INVENTORY_DISCOVERY, "none");
}

static void targets_are_ranks_or_hosts(void **state)
{
    struct inventory inv;
    FLUX_AUTO(idset) a = NULL;
    FLUX_AUTO(idset) b = NULL;
    FLUX_AUTO(idset) none = NULL;
    FLUX_AUTO(idset) excluded = NULL;
    FLUX_AUTO_STR text = NULL;
    json_t *conf = json_pack("{s:{s:s}}", "resource", "exclude", "n[1-2]");
    struct flux_error err;

    assert_int_equal(find("{'resource':{'config':[{'hosts':'n[0-3]','cores':'0'}]}}", "n[0-3]",
                          NULL, 4, &inv, NULL),
                     0);
    assert_int_equal(inventory_targets(inv.all, "1-2", &a, NULL), 0);
    assert_int_equal(inventory_targets(inv.all, "n2,n1", &b, NULL), 0);
    assert_true(flux_idset_equal(a, b));
    assert_int_equal(inventory_targets(inv.all, "3-5", &none, &err), -ENOENT);
    assert_string_equal(err.text, "rank(s) 4-5 are not in the resource set");
    assert_int_equal(inventory_targets(inv.all, "n9", &none, &err), -ENOENT);
    assert_int_equal(inventory_targets(inv.all, "n[", &none, &err), -EINVAL);
    assert_int_equal(inventory_exclude(conf, inv.all, &excluded, NULL), 0);
    assert_true(flux_idset_equal(a, excluded));
    json_decref(conf);
    inventory_done(&inv);
}

/* A made-up sysfs: CPUs 0,4 and 1,5 are siblings, 2 stands alone, 3 has no topology. */
static void cores_are_counted_by_siblings(void **state)
{
    char root[] = "/tmp/flux-discover-XXXXXX", path[200], cmd[64];
    static const char *const siblings[] = {"0,4", "1,5", "2", NULL, "0,4", "1,5"};
    FLUX_AUTO(idset) cpus = flux_idset_new();
    unsigned n = 0;

    assert_non_null(mkdtemp(root));
    for (unsigned i = 0; i < FLUX_ARRAY_SIZE(siblings); i++) {
        if (!siblings[i])
            continue;
        FLUX_AUTO_STR dir =
            flux_printf("mkdir -p %s/sys/devices/system/cpu/cpu%u/topology", root, i);
        assert_int_equal(system(dir), 0);
        snprintf(path, sizeof(path),
                 "%s/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", root, i);
        FILE *fp = fopen(path, "w");
        fprintf(fp, "%s\n", siblings[i]);
        fclose(fp);
    }
    flux_idset_add_range(cpus, 0, 5);
    assert_int_equal(flux_discover_cores(root, cpus, &n, NULL), 0);
    assert_int_equal(n, 4);
    flux_idset_remove(cpus, 0);
    flux_idset_remove(cpus, 2);
    assert_int_equal(flux_discover_cores(root, cpus, &n, NULL), 0);
    assert_int_equal(n, 3);
    snprintf(cmd, sizeof(cmd), "rm -r %s", root);
    assert_int_equal(system(cmd), 0);
}

static void this_machine_has_cores(void **state)
{
    struct flux_discovered d;
    FLUX_AUTO(rset) r = flux_rset_new();
    double start = flux_monotime();

    assert_int_equal(flux_discover_node(true, &d, NULL), 0);
    assert_true(d.ncores >= 1);
    assert_int_equal(flux_discovered_add(&d, r, 3, "here", NULL), 0);
    assert_int_equal(flux_rset_ncores(r), d.ncores);
    print_message("# %.3f ms\n", (flux_monotime() - start) * 1e3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_add_up_and_follow_the_brokers),
        cmocka_unit_test(errors_name_the_key),
        cmocka_unit_test(fake_nodes),
        cmocka_unit_test(the_job_gives_its_resources_renumbered),
        cmocka_unit_test(targets_are_ranks_or_hosts),
        cmocka_unit_test(cores_are_counted_by_siblings),
        cmocka_unit_test(this_machine_has_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
