# SPDX-License-Identifier: LGPL-3.0-only
"""Nodes that vanish, hang, or come back on a virtual cluster: what the others notice, and when."""
import re
import signal

import pytest

IMPATIENT = '[tbon]\ntorpid_min = "200ms"\ntorpid_max = "1s"\n'


def states(cluster):
    """What flux overlay status says of each host."""
    return dict(re.findall(r"\d+ (test\d+): (\w+)", cluster.flux("overlay status").out))


@pytest.fixture(scope="module")
def own(_clusters):
    with _clusters.start(4, config=IMPATIENT) as c:
        c.wait_online()
        yield c


@pytest.fixture(autouse=True)
def complete(own):
    yield
    for node in own:
        if node.pid is None:
            node.boot()
        node.restore_network()
        node.run("systemctl kill --signal=CONT flux", check=False)
    own.wait_online()


def becomes(cluster, host, *want, timeout=30):
    cluster.wait_until(lambda: states(cluster)[host] in want, timeout, f"{host}: {want}")


def test_a_node_without_power_is_lost_until_it_is_back(own):
    since = own.leader.cursor()
    own[3].power_off()
    becomes(own, "test4", "lost")
    assert states(own)["test1"] == "degraded"
    own.wait_online([0, 1, 2])
    assert re.search(r"broker.(warning|err)\[0\]: .*test4.*lost", own.leader.journal(since=since))
    own[3].boot()
    own.wait_online()
    assert states(own) == {host: "full" for host in own.hosts}


def test_a_node_without_network_is_lost_and_joins_again(own):
    before = own[2].broker_pid
    own[2].cut_network()
    becomes(own, "test3", "lost")
    own.wait_online([0, 1, 3])
    assert own.flux("run -N3 hostname").ok
    own[2].restore_network()
    own.wait_online()
    assert own[2].broker_pid != before
    assert states(own) == {host: "full" for host in own.hosts}


def test_a_cut_that_is_short_is_not_noticed(own):
    pids = [n.broker_pid for n in own]
    own.in_network("sh", "-c", "ip link set node2 down; ip link set node2 up")
    own.wait_online()
    assert own.flux("run -N4 hostname").ok
    assert [n.broker_pid for n in own] == pids


def test_a_broker_that_hangs_is_torpid_until_it_goes_on(own):
    pid, since = own[1].broker_pid, own.leader.cursor()
    own[1].kill_broker(signal.SIGSTOP)
    own.wait_until(lambda: "torpid" in own.leader.journal(since=since))
    assert re.search(r"test2 \(rank 1\).*torpid", own.leader.journal(since=since))
    own.wait_until(lambda: own.flux("resource list -s free -no {nnodes}").out == "3\n")
    own[1].kill_broker(signal.SIGCONT)
    own.wait_until(lambda: own.flux("resource list -s free -no {nnodes}").out == "4\n")
    assert own[1].broker_pid == pid


def test_the_leader_without_power_takes_up_where_it_was(own):
    job = own.flux("submit true").out.strip()
    own.flux(f"job wait-event {job} clean")
    own.leader.power_off()
    own.leader.boot()
    own.wait_online()
    assert own.flux(f"jobs -no {{status}} {job}").out == "COMPLETED\n"
    own.flux("queue enable --all")
    own.flux("queue start --all")
    assert own.flux("run -N4 hostname").ok


def test_below_a_lost_node_others_wait_for_it(cluster_start):
    tree = cluster_start(4, config=IMPATIENT, parents={"test4": "test2"})
    tree.wait_online()
    assert tree[3].flux("overlay parentof 3").out == "1\n"
    since = tree[3].cursor()
    tree[1].power_off()
    tree.wait_online([0, 2])
    tree.wait_until(lambda: "start: none->join" in tree[3].journal(since=since))
    assert states(tree)["test2"] == "lost"
    tree[1].boot()
    tree.wait_online()
    assert states(tree) == {host: "full" for host in tree.hosts}


def test_a_job_survives_a_broker_that_ends_as_it_starts(own):
    """The helper has been asked to start a shell, and has not said yet that it runs."""
    node = own[1]
    helper = node.run("pgrep -x flux-spawnd").out.strip()
    node.run(f"kill -STOP {helper}")
    job = own.flux("submit --requires=hosts:test2 -N1 sh -c 'sleep 0.5; hostname'", user="alice").out.strip()
    own.wait_until(lambda: own.flux(f"jobs -no {{state}} {job}").out == "RUN\n")
    node.stop()
    node.run(f"kill -CONT {helper}")
    node.start()
    own.wait_online()
    assert own.flux(f"job attach {job}", user="alice").out == "test2\n"
