# SPDX-License-Identifier: LGPL-3.0-only
"""The system instance comes up on a virtual cluster: in any order, with nodes that are late or lost."""
import re


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


def test_a_broker_may_live_in_another_time(cluster_start):
    own = cluster_start(1)
    own.leader.set_clock_offset(86400)
    own.leader.restart()
    now = float(own.leader.run("date +%s").out)
    assert 86300 < float(own.flux("getattr broker.starttime").out) - now < 86500
