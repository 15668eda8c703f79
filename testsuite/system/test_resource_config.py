# SPDX-License-Identifier: LGPL-3.0-only
"""The table [resource]: files, what is compared with the node, what is withheld; and drains that meet
changes of it."""
import json
import os
import signal

import pytest

NODES = '[[resource.config]]\nhosts = "a[0-3]"\ncores = "0-1"\n'
HOSTS = ["--test-hosts=a[0-3]"]


def drains(instance):
    return instance.run("resource", "drain", "-no", "{state} {ranks} {reason}").splitlines()


def test_R_from_a_file_with_keys_for_the_scheduler(flux_start, tmp_path):
    plain = flux_start(4, config=NODES + "[resource]\nnoverify = true\n", args=HOSTS)
    r = plain.run("resource", "R", "-s", "all")
    (tmp_path / "R").write_text(r)
    (tmp_path / "scheduling.json").write_text('{"graph": {"nodes": []}}')
    other = flux_start(4, args=HOSTS, config=f"""
[resource]
path = "{tmp_path}/R"
scheduling = "{tmp_path}/scheduling.json"
noverify = true
""")
    assert other.run("resource", "info") == "4 Nodes, 8 Cores, 0 GPUs"
    assert json.loads(other.run("call", "resource.Get"))["r"].count('"graph"') == 1


@pytest.mark.parametrize("text, why", [
    ('path = "/no/such/file"\n', "/no/such/file"),
    ('noverify = true\nexclude = "b7"\n', "b7"),
    ('verify = {core = "sometimes"}\n', "sometimes"),
    ('exclud = "a0"\n', "exclud"),
])
def test_mistakes_are_named(flux_start, text, why):
    nodes = "" if text.startswith("path") else NODES
    with pytest.raises(AssertionError, match=why):
        flux_start(4, config=nodes + "[resource]\n" + text, args=HOSTS)


def test_what_is_missing_is_in_the_reason(flux_start):
    i = flux_start(2, args=["--test-hosts=a[0-1]"], config='[[resource.config]]\nhosts = "a[0-1]"\ncores = "0-4095"\n')
    assert drains(i) == ["drained 0 rank 0 (a0): missing resources: core[%d-4095]" % os.cpu_count(),
                         "drained 1 rank 1 (a1): missing resources: core[%d-4095]" % os.cpu_count()]
    assert i.run("resource", "list", "-s", "down", "-no", "{nodelist}") == "a[0-1]"
    i.run("resource", "undrain", "0-1")
    assert drains(i) == []


@pytest.mark.parametrize("rules, complaint", [
    ('{core = "allow-missing"}', None),
    ('{default = "ignore"}', None),
    ("false", None),
    ("{}", "missing resources: core"),
    ('{core = "strict"}', "missing resources: core"),
])
def test_rules_of_the_comparison(flux_start, rules, complaint):
    i = flux_start(1, args=["--test-hosts=a0"],
                   config=f'[[resource.config]]\nhosts = "a0"\ncores = "0-4095"\n[resource]\nverify = {rules}\n')
    assert [complaint in line for line in drains(i)] == ([True] if complaint else [])


def test_extra_cores_matter_to_strict_rules_only(flux_start):
    text = '[[resource.config]]\nhosts = "a0"\ncores = "0"\n'
    assert drains(flux_start(1, args=["--test-hosts=a0"], config=text)) == []
    if os.cpu_count() > 1:
        strict = flux_start(1, args=["--test-hosts=a0"], config=text + '[resource]\nverify = {core = "strict"}\n')
        assert "extra resources: core" in drains(strict)[0]


def test_a_broker_confined_to_few_cores_gives_all_with_norestrict(flux_start):
    if os.cpu_count() < 2:
        pytest.skip("this machine has one core")
    text = f'[[resource.config]]\nhosts = "a0"\ncores = "0-{os.cpu_count() - 1}"\n[resource]\n'
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        confined = flux_start(1, args=["--test-hosts=a0"], config=text)
        free = flux_start(1, args=["--test-hosts=a0"], config=text + "norestrict = true\n")
    finally:
        os.sched_setaffinity(0, before)
    assert "missing resources: core" in drains(confined)[0]
    assert drains(free) == []


def test_exclusion_ends_a_drain(flux_start, tmp_path):
    text = NODES + "[resource]\nnoverify = true\n"
    i = flux_start(4, config=text, args=HOSTS, statedir=tmp_path)
    i.run("resource", "drain", "a[1-2]", "broken")
    assert i.stop() == 0
    i = flux_start(4, config=text + 'exclude = "a1"\n', args=HOSTS, statedir=tmp_path)
    assert drains(i) == ["drained 2 broken"]
    assert i.run("resource", "status", "-no", "{state} {nodelist}").splitlines() == [
        "avail a[0,3]", "exclude a1", "drained a2"]
    assert i.run("resource", "list", "-s", "all", "-no", "{nodelist}") == "a[0,2-3]"
    assert i.stop() == 0
    i = flux_start(4, config=text, args=HOSTS, statedir=tmp_path)
    assert drains(i) == ["drained 2 broken"]


def test_targets_that_are_not_there(flux_start):
    i = flux_start(4, config=NODES + '[resource]\nnoverify = true\nexclude = "3"\n', args=HOSTS)
    for target, why in (("a9", "a9"), ("", "'' names no hosts or ranks"), ("7", "rank(s) 7 are not in the resource set"),
                        ("a[1", "a[1"), ("a3", "rank(s) 3 excluded by configuration, cannot be drained")):
        r = i.flux("resource", "drain", target, "why")
        assert r.rc == 1 and why in r.err, repr(r)
    assert drains(i) == []
    i.run("resource", "drain", "a[0-1]")
    assert drains(i) == ["drained 0-1 "]


def test_a_drained_node_that_goes_offline_has_a_star(flux_start):
    i = flux_start(4, config=NODES + "[resource]\nnoverify = true\n", args=HOSTS)
    i.run("resource", "drain", "a3", "to be opened")
    pid = int(i.run("exec", "-r", "3", "flux", "getattr", "broker.pid"))
    os.kill(pid, signal.SIGKILL)
    i.run("overlay", "status", "-w", "degraded")
    assert i.run("resource", "status", "-no", "{state} {up.ascii} {nodelist}").splitlines() == [
        "avail y a[0-2]", "drained* n a3"]
    assert drains(i) == ["drained* 3 to be opened"]


def test_forced_and_updated_drains_keep_or_change_time(flux_start):
    i = flux_start(4, config=NODES + "[resource]\nnoverify = true\n", args=HOSTS)

    def rows():
        return i.run("resource", "drain", "-no", "{nodelist} {timestamp} {reason}").splitlines()

    i.run("resource", "drain", "a0", "first")
    first = rows()[0].split()[1]
    i.run("resource", "drain", "-f", "a0", "second")
    assert rows() == [f"a0 {first} second"]
    i.run("resource", "drain", "-ff", "a0", "third")
    assert rows()[0].endswith("third") and rows()[0].split()[1] != first
    i.run("resource", "drain", "--update", "a[0-1]", "fourth")
    assert [line.split()[2] for line in rows()] == ["third", "fourth"]
    r = i.flux("resource", "drain", "-fu", "a2", "x")
    assert not r.ok and "--force" in r.err
