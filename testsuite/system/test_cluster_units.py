# SPDX-License-Identifier: LGPL-3.0-only
"""flux.service under a real systemd: start, stop, reload and restart on one node and on all, and what the journal shows."""
import re
import signal

import pytest

from cluster import FLUX_UID
from conftest import PATIENCE

UNIT_LINES = [
    r"systemd\[1\]: Starting flux.service - Flux message broker...",
    r"systemd\[1\]: Started flux.service - Flux message broker.",
]
STATE_LINES = [
    r"flux\[\d+\]: broker.info\[2\]: start: none->join [\d.e-]+s",
    r"flux\[\d+\]: broker.info\[2\]: parent-ready: join->init [\d.e-]+s",
    r"flux\[\d+\]: broker.info\[2\]: rc1.0: running /etc/flux/rc1.d/01-enclosing-instance",
    r"flux\[\d+\]: broker.info\[2\]: rc1.0: /bin/sh -c /etc/flux/rc1 Exited \(rc=0\) \d+.\ds",
    r"flux\[\d+\]: broker.info\[2\]: rc1-success: init->quorum [\d.e-]+s",
    r"flux\[\d+\]: broker.info\[2\]: quorum-full: quorum->run [\d.e-]+s",
]


def states(cluster):
    """What flux overlay status says of each host."""
    return dict(re.findall(r"\d+ (test\d+): (\w+)", cluster.flux("overlay status").out))


def changes(node, since):
    """The changes of state that the journal has."""
    return re.findall(r"broker.info\[\d+\]: ([\w-]+: \w+->\w+)", node.journal(since=since))


@pytest.fixture(scope="module")
def own(_clusters):
    """A cluster whose units these tests stop and start; each leaves it complete."""
    with _clusters.start(4) as c:
        c.wait_online()
        yield c


@pytest.fixture(autouse=True)
def complete(own):
    yield
    for node in own:
        node.run("rm -f /etc/flux/system/conf.d/more.toml /etc/flux/rc1.d/*; systemctl start flux")
    own.wait_online()


def test_places_belong_to_the_owner(own):
    node = own[1]
    assert node.run("stat -c '%U %G %a' /run/flux /var/lib/flux").lines == ["flux flux 755", "flux flux 700"]
    assert node.run(f"stat -c %u /proc/{node.broker_pid}").out.strip() == str(FLUX_UID)
    assert node.run("stat -c '%U %a' /etc/flux/system/curve.cert").out == "flux 600\n"


def test_the_journal_shows_the_life_of_a_broker(own):
    node = own[2]
    node.write("/etc/flux/rc1.d/01-enclosing-instance", "#!/bin/sh\ntrue\n", 0o755)
    since = node.cursor()
    node.restart()
    own.wait_until(lambda: "quorum->run" in node.journal(since=since))
    node.run("rm /etc/flux/rc1.d/01-enclosing-instance")
    lines = node.journal(since=since).splitlines()
    lines = lines[next(i for i, line in enumerate(lines) if ": Starting flux" in line):]
    lines = [line for line in lines if re.search(r"systemd\[1\]: \w+ing |systemd\[1\]: Started |broker\.", line)]
    lines.sort(key=lambda line: "systemd" not in line)  # which of two processes writes first is chance
    assert len(lines) == len(UNIT_LINES + STATE_LINES)
    for line, want in zip(lines, UNIT_LINES + STATE_LINES):
        assert re.fullmatch(r"\w{3} [ \d]\d \d\d:\d\d:\d\d test3 " + want, line)


def test_what_scripts_say_is_logged_and_their_failure_ends_the_broker(own):
    node = own[3]
    node.write("/etc/flux/rc1.d/10-site", "#!/bin/sh\necho to; echo from >&2\n/usr/bin/flux getattr rank\n", 0o755)
    since = node.cursor()
    node.restart()
    own.wait_until(lambda: "quorum->run" in node.journal(since=since))
    assert [t for t in re.findall(r"rc1.0: (\w+)$", node.journal(since=since), re.M)] == ["to", "from", "3"]
    node.write("/etc/flux/rc1.d/10-site", "#!/bin/sh\nexit 3\n", 0o755)
    since = node.cursor()
    node.run("systemctl restart flux", check=False)
    own.wait_until(lambda: "rc1-fail: init->shutdown" in node.journal(since=since))
    assert "broker.err[3]: rc1.0: /bin/sh -c /etc/flux/rc1 Exited (rc=3)" in node.journal(since=since)
    node.run("rm /etc/flux/rc1.d/10-site")


def test_stop_of_one_node_ends_that_node_only(own):
    node = own[1]
    since, others = node.cursor(), [n.broker_pid for n in own if n is not node]
    node.stop()
    assert node.unit() == "inactive"
    assert states(own) == {"test1": "partial", "test2": "offline", "test3": "full", "test4": "full"}
    assert changes(node, since) == ["shutdown: run->cleanup", "cleanup-success: cleanup->shutdown",
                                    "children-complete: shutdown->finalize", "rc3-success: finalize->goodbye",
                                    "goodbye: goodbye->exit"]
    assert [n.broker_pid for n in own if n is not node] == others
    node.start()
    own.wait_online()
    assert states(own) == {host: "full" for host in own.hosts}


def test_a_broker_that_crashes_comes_back(own):
    node = own[2]
    restarts = int(node.unit("NRestarts"))
    node.kill_broker(signal.SIGKILL)
    own.wait_until(lambda: int(node.unit("NRestarts")) > restarts and node.unit() == "active")
    own.wait_online()


def test_after_a_crash_of_the_leader_nothing_is_scheduled(own):
    """Not even in the moment before the crash is noticed."""
    own.flux("queue stop --nocheckpoint")
    waiting = [own.flux("submit true").out.strip() for _ in range(6)]
    own.leader.kill_broker(signal.SIGKILL)
    own.wait_until(lambda: own.flux("queue status").ok)
    own.wait_online()
    reason = "Flux is in safe mode due to an incomplete shutdown."
    assert own.flux("queue status").lines == [f"Job submission is disabled: {reason}", f"Scheduling is disabled: {reason}"]
    assert own.flux("jobs", "-no", "{state}", *waiting).lines == ["SCHED"] * 6
    own.flux("queue enable --all")
    own.flux("queue start --all")
    for job in waiting:
        own.flux(f"job wait-event {job} clean")


def test_reload_acts_on_the_node_where_it_is_asked_for(own):
    node = own[1]
    node.write("/etc/flux/system/conf.d/more.toml", "[archive]\nperiod = \"5m\"\n")
    pid = node.broker_pid
    node.reload()
    assert node.flux("config get archive.period").out == "5m\n"
    assert not own[0].flux("config get archive.period", check=False).ok
    node.run("rm /etc/flux/system/conf.d/more.toml")
    node.reload()
    assert not node.flux("config get archive.period", check=False).ok
    assert node.broker_pid == pid


def test_a_configuration_that_is_wrong_is_refused_as_a_whole(own):
    node = own[1]
    node.write("/etc/flux/system/conf.d/more.toml", "[archive]\nperiod = \"5m\"\n[access]\nallow-gest-user = true\n")
    assert not node.reload(check=False).ok
    assert "allow-gest-user" in node.journal()
    assert not node.flux("config get archive.period", check=False).ok
    assert node.unit() == "active"
    node.run("rm /etc/flux/system/conf.d/more.toml")
    node.reload()


def test_restart_of_all_nodes_at_once(own):
    before = [n.broker_pid for n in own]
    procs = [n.spawn("systemctl restart flux") for n in own]
    assert [p.wait(60 * PATIENCE) for p in procs] == [0] * 4
    [p.communicate() for p in procs]
    own.wait_online()
    assert all(pid != n.broker_pid for pid, n in zip(before, own))
    assert states(own) == {host: "full" for host in own.hosts}


def test_when_the_leader_stops_the_others_wait_for_it(own):
    since = [n.cursor() for n in own]
    own.leader.stop()
    for node, cursor in list(zip(own, since))[1:]:
        own.wait_until(lambda: changes(node, cursor)[-1:] == ["start: none->join"], what=f"{node} waits")
        assert node.unit() == "active"
    own.leader.start()
    own.wait_online()


def test_shutdown_keeps_the_leader_down_and_lets_the_others_wait(own):
    history = own.flux("submit true").out.strip()
    own.flux(f"job wait-event {history} clean")
    own.flux("queue stop --all", check=False)
    waiting = own.flux("submit sleep 0").out.strip()
    since = [n.cursor() for n in own]
    own.flux("shutdown", timeout=60)
    own.wait_until(lambda: own.leader.unit() == "inactive")
    assert own.leader.unit("ExecMainStatus") == "42"
    for node, cursor in list(zip(own, since))[1:]:
        own.wait_until(lambda: changes(node, cursor)[-1:] == ["start: none->join"], what=f"{node} waits")
    assert own.leader.unit() == "inactive"
    own.leader.start()
    own.wait_online()
    own.flux("queue start --all", check=False)
    own.flux(f"job wait-event {waiting} clean")
    assert own.flux(f"jobs -no {{status}} {history} {waiting}").lines == ["COMPLETED", "COMPLETED"]


def test_a_shutdown_starts_no_more_jobs(own):
    """What waits for resources does not take the place of what is ended; and the queue is open again after it."""
    running = own.flux("submit -N4 sleep 100").out.strip()
    own.flux(f"job wait-event {running} start")
    waiting = [own.flux("submit -N4 sleep 0.1").out.strip() for _ in range(5)]
    own.flux("shutdown", timeout=60)
    own.wait_until(lambda: own.leader.unit() == "inactive")
    own.leader.start()
    own.wait_online()
    assert own.flux("queue status").lines == ["Job submission is enabled", "Scheduling is enabled"]
    assert own.flux(f"jobs -no {{result}} {running}").out == "CANCELED\n"
    begun = float(own.flux("getattr broker.starttime").out)
    for job in waiting:
        own.flux(f"job wait-event {job} clean")
        assert own.flux(f"jobs -no {{result}} {job}").out == "COMPLETED\n"
        assert float(own.flux(f"jobs -no {{t_run}} {job}").out) > begun
