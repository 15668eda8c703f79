# SPDX-License-Identifier: LGPL-3.0-only
"""Resources and the scheduler in real instances: where the inventory comes from, which nodes get work,
what a drain outlives, and in which order jobs are served."""
import json

import pytest

CONFIGURED = """
[resource]
noverify = true
[[resource.config]]
hosts = "a[0-3]"
cores = "0-1"
[[resource.config]]
hosts = "a[2-3]"
properties = ["big"]
"""


def ranks_of(instance, job):
    r = json.loads(instance.run("job", "info", job, "R"))
    return [entry["rank"] for entry in r["execution"]["R_lite"]]


def drained(instance):
    return instance.run("resource", "drain", "-n", "-o", "{ranks} {reason}")


def test_discovery_gathers_every_node(instance4):
    r = json.loads(instance4.run("resource R"))
    assert r["version"] == 1
    assert [entry["rank"] for entry in r["execution"]["R_lite"]] == ["0-3"]


def test_configuration_is_the_inventory(flux_start):
    i = flux_start(4, config=CONFIGURED)
    r = json.loads(i.run("resource R"))
    assert r["execution"]["nodelist"] == ["a[0-3]"]
    assert r["execution"]["properties"] == {"big": "2-3"}
    assert i.run("resource list -s free -no {nodelist}") == "a[0-3]"


def test_a_node_that_differs_from_its_configuration_is_drained(flux_start):
    i = flux_start(1, config='[[resource.config]]\nhosts = "elsewhere"\ncores = "0"\n')
    assert drained(i).startswith("0 rank 0: host name is ")
    i.run("resource undrain 0")
    assert drained(i) == ""


def test_a_bad_configuration_ends_the_start_and_names_the_key(flux_start):
    with pytest.raises(AssertionError, match=r"resource.config\[0\]: hosts is missing|resource.config"):
        flux_start(1, config='[[resource.config]]\ncores = "0"\n')


def test_excluded_nodes_get_no_work_and_cannot_be_drained(flux_start):
    i = flux_start(4, config=CONFIGURED.replace("noverify = true", 'noverify = true\nexclude = "a[0-2]"'))
    job = i.run("submit -n1 true")
    i.run("job", "wait-event", job, "clean")
    assert ranks_of(i, job) == ["3"]
    refused = i.flux("resource drain 1 why")
    assert not refused.ok and "excluded" in refused.err
    refused = i.flux("run -n3 true")
    assert not refused.ok and "unsatisfiable" in refused.err


def test_constraints_choose_nodes(flux_start):
    i = flux_start(4, config=CONFIGURED)
    for requires, rank in (("big", "2"), ("^big", "0"), ("host:a[1,3]", "1"), ("rank:3|rank:2", "2"),
                           ("big -host:a2", "3")):
        job = i.run("submit", "-n1", f"--requires={requires}", "true")
        i.run("job", "wait-event", job, "clean")
        assert ranks_of(i, job) == [rank], requires
    refused = i.flux("run", "-n1", "--requires=small", "true")
    assert not refused.ok and "no node meets the constraint" in refused.err


def test_drained_nodes_get_no_new_work(flux_start):
    i = flux_start(4, config=CONFIGURED)
    i.run("resource drain 0-1 bad fan")
    job = i.run("submit -N2 true")
    i.run("job", "wait-event", job, "clean")
    assert ranks_of(i, job) == ["2-3"]
    waiting = i.run("submit -N4 true")
    i.run("resource undrain 0-1")
    i.run("job", "wait-event", waiting, "clean")
    assert ranks_of(i, waiting) == ["0-3"]


def test_drains_outlive_a_restart(flux_start, tmp_path):
    i = flux_start(1, statedir=tmp_path)
    i.run("resource drain 0 broken for good")
    assert i.stop() == 0
    i = flux_start(1, statedir=tmp_path)
    assert drained(i) == "0 broken for good"
    log = i.run("kvs get resource.eventlog")
    assert [json.loads(line)["name"] for line in log.splitlines()].count("restart") == 2


def test_drain_modes(flux_start):
    i = flux_start(1)
    i.run("resource drain 0 first")
    again = i.flux("resource drain 0 second")
    assert not again.ok and "rank(s) 0 already drained" in again.err
    i.run("resource drain -f 0 second")
    assert drained(i) == "0 second"
    i.run("resource undrain 0")
    again = i.flux("resource undrain 0")
    assert not again.ok and "rank(s) 0 not drained" in again.err


def test_the_first_job_is_not_overtaken(flux_start):
    i = flux_start(4, config=CONFIGURED)
    blocker = i.run("submit -N1 -n1 --exclusive sleep inf")
    i.run("job", "wait-event", blocker, "start")
    whole = i.run("submit -N4 --exclusive true")
    small = i.run("submit -n1 true")
    i.run("job", "wait-event", small, "priority")
    i.run("cancel", blocker)
    i.run("job", "wait-event", small, "clean")

    def alloc_time(job):
        log = i.run("job", "eventlog", "--format=json", job)
        return next(e["timestamp"] for e in map(json.loads, log.splitlines()) if e["name"] == "alloc")

    assert alloc_time(whole) < alloc_time(small)


def test_fake_nodes_schedule_like_real_ones(flux_start):
    i = flux_start(1, config="[fake-resources]\nnnodes = 64\ncores-per-node = 8\n")
    assert i.run("resource info") == "64 Nodes, 512 Cores, 0 GPUs"
    job = i.run("submit", "-N64", "--setattr=system.exec.test.run_duration=0.01s", "true")
    i.run("job", "wait-event", job, "clean")
    assert ranks_of(i, job) == ["0-63"]


def test_an_instance_in_a_job_has_the_resources_of_the_job(instance4):
    r = json.loads(instance4.run("run", "-N2", "-n2", "flux", "start", "flux", "resource", "R", timeout=60))
    assert [e["rank"] for e in r["execution"]["R_lite"]] == ["0-1"]
    assert [e["children"] for e in r["execution"]["R_lite"]] == [{"core": "0"}]
    # more brokers than nodes: what they find themselves
    r = json.loads(instance4.run("run", "-N1", "-n2", "flux", "start", "flux", "resource", "R", timeout=60))
    assert [e["rank"] for e in r["execution"]["R_lite"]] == ["0-1"]


def test_a_lost_node_is_down_and_its_work_ends(flux_start):
    i = flux_start(4)
    job = i.run("submit -N4 sleep inf")
    i.run("job", "wait-event", job, "start")
    i.run("overlay disconnect 3")
    i.run("job", "wait-event", job, "clean")
    after = i.run("submit -N3 true")
    i.run("job", "wait-event", after, "clean")
    assert ranks_of(i, after) == ["0-2"]
    assert i.run("resource list -s down -no {ranks}") == "3"


def test_the_modules_can_be_loaded_anew(flux_start):
    i = flux_start(4)
    i.run("resource drain 1 before")
    i.run("module reload resource")
    assert drained(i) == "1 before"
    assert json.loads(i.run("resource R"))["execution"]["R_lite"][0]["rank"] == "0-3"
    job = i.run("submit -N3 true")
    i.run("job", "wait-event", job, "clean")
    assert ranks_of(i, job) == ["0,2-3"]
    i.run("module reload sched-simple")
    job = i.run("submit -N3 true")
    i.run("job", "wait-event", job, "clean")
    assert ranks_of(i, job) == ["0,2-3"]
