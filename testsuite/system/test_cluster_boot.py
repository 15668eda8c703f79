# SPDX-License-Identifier: LGPL-3.0-only
"""The system instance comes up on a virtual cluster: in any order, with nodes that are late or lost."""
import os
import random
import re
import time

import pytest


def states(cluster):
    """What flux overlay status says of each host."""
    return dict(re.findall(r"\d+ (test\d+): (\w+)", cluster.flux("overlay status").out))


def test_all_nodes_come_online(cluster):
    assert states(cluster) == {host: "full" for host in cluster.hosts}
    assert sorted(cluster.flux("run -N4 hostname").lines) == cluster.hosts


def test_the_system_instance_is_found_without_flux_uri(cluster):
    for node in cluster:
        assert node.flux("getattr rank").out == f"{node.index}\n"
        assert node.flux("getattr rank", user="alice").out == f"{node.index}\n"


def test_nodes_start_in_any_order(cluster_start):
    own = cluster_start(4, boot=False)
    for node in (own[2], own[3]):
        node.boot()
        assert node.unit() == "active"
        assert "start: none->join" in node.journal() and "join->init" not in node.journal()
    own[0].boot()
    own.wait_online([0, 2, 3])
    assert states(own) == {"test1": "partial", "test2": "offline", "test3": "full", "test4": "full"}
    assert own.flux("run -N3 hostname").ok
    own[1].boot()
    own.wait_online()


def test_a_job_waits_for_a_node_that_is_late(cluster_start):
    own = cluster_start(2, boot=False)
    own[0].boot()
    job = own.flux("submit -N2 hostname").out.strip()
    assert own.flux(f"jobs -no {{state}} {job}").out == "SCHED\n"
    own[1].boot()
    assert sorted(own.flux(f"job attach {job}").lines) == own.hosts


def test_a_node_that_is_not_configured_says_so(cluster_start):
    own = cluster_start(2, boot=False)
    own[0].boot()
    own[1].power_on()
    own[1].await_boot()
    own[1].run("hostname stranger; systemctl restart flux", check=False)
    own.wait_until(lambda: "this host, stranger, is not in bootstrap.hosts" in own[1].journal())


def test_a_node_with_another_certificate_is_not_let_in(cluster_start):
    own = cluster_start(2, flux=False)
    own[1].run("rm /etc/flux/system/curve.cert && flux keygen /etc/flux/system/curve.cert && "
               "chown flux /etc/flux/system/curve.cert")
    own.run("systemctl start flux")
    own.wait_until(lambda: re.search(r"broker.\w+\[0\]: .*(certificate|key)", own[0].journal()), what="rank 0 says so")
    assert states(own)["test2"] == "offline"


def test_a_node_that_counts_other_hosts_is_refused_and_both_say_so(cluster_start):
    own = cluster_start(2, flux=False)
    own[1].run("sed -i 's/test\\[1-2\\]/test[1-3]/' /etc/flux/system/conf.d/system.toml")
    own.run("systemctl start flux")
    for node in own:
        own.wait_until(lambda: re.search(r"broker.\w+\[[01]\]: .*instance for [23] brokers", node.journal()), what=f"{node} says so")
    assert states(own)["test2"] == "offline"


@pytest.mark.parametrize("mode, owner", [("0644", "flux"), ("0640", "flux"), ("0600", "alice")])
def test_a_certificate_that_others_can_read_is_refused(cluster_start, mode, owner):
    own = cluster_start(2, flux=False)
    own[0].run(f"chmod {mode} /etc/flux/system/curve.cert; chown {owner} /etc/flux/system/curve.cert")
    assert not own[0].run("systemctl start flux", check=False).ok
    assert "curve.cert" in own[0].journal()


def test_a_broker_may_live_in_another_time(cluster_start):
    own = cluster_start(1)
    own.leader.set_clock_offset(86400)
    own.leader.restart()
    now = float(own.leader.run("date +%s").out)
    assert 86300 < float(own.flux("getattr broker.starttime").out) - now < 86500


def test_sixteen_nodes_in_random_order_with_three_absent(cluster_start):
    """FLUX_TEST_SEED=N is another order."""
    seed = int(os.environ.get("FLUX_TEST_SEED", "1"))
    dice = random.Random(seed)
    print(f"FLUX_TEST_SEED={seed}")
    own = cluster_start(16, boot=False)
    order = list(own.nodes)
    dice.shuffle(order)
    absent = dice.sample(order[1:] if order[0] is own.leader else [n for n in order if n is not own.leader], 3)
    began = time.monotonic()
    own.boot([n for n in order if n not in absent])
    present = [n.index for n in own if n not in absent]
    own.wait_online(present)
    print(f"13 of 16 online after {time.monotonic() - began:.1f} s")
    assert [h for h, s in states(own).items() if s == "offline"] == [n.host for n in own if n in absent]
    assert sorted(own.flux("run -N13 hostname").lines) == sorted(own.hosts[i] for i in present)
    job = own.flux("submit -N16 hostname").out.strip()
    began = time.monotonic()
    own.boot(absent)
    own.wait_online()
    print(f"all online {time.monotonic() - began:.1f} s later")
    assert sorted(own.flux(f"job attach {job}").lines) == sorted(own.hosts)
