# SPDX-License-Identifier: LGPL-3.0-only
"""Running jobs survive their brokers: on compute nodes, on the way to them, at rank 0, all at once."""
import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections import Counter

import pytest
from conftest import BUILD, FLUX, PATIENCE
from recovery import cluster  # noqa: F401 (a fixture)


def gated_job(c, nodes=4, code="$FLUX_TASK_RANK", more=()):
    """Each task waits for the file `go`, and leaves a mark for each time it was run."""
    job = c.run("submit", f"-N{nodes}", f"-n{nodes}", *more, "sh", "-c",
                f"echo $FLUX_TASK_RANK >>{c.path}/ran; until [ -e {c.path}/go ]; do sleep 0.05; done; exit {code}")
    c.wait_event(job, "start")
    c.until(lambda: (c.path / "ran").exists() and len((c.path / "ran").read_text().split()) == nodes, "all tasks run")
    return job


def ran_once(c, nodes=4):
    return sorted((c.path / "ran").read_text().split()) == [str(i) for i in range(nodes)]


def no_resources_are_held(c):
    c.until(lambda: c.run("resource", "list", "-n", "-s", "allocated", "-o", "{nnodes}") in ("", "0"),
            "everything is free")


def finish(c, job, code=3):
    (c.path / "go").touch()
    assert c.status(job) == code
    names = c.names(job)
    assert names.count("finish") == names.count("clean") == 1 and "exception" not in names, c.events(job)
    no_resources_are_held(c)


def test_a_compute_broker_is_killed_and_comes_back(cluster):
    c = cluster()
    job = gated_job(c)
    c.kill(3)
    began = time.monotonic()
    c.await_exec(job, "reattach")
    print(f"recovery of a compute broker: {time.monotonic() - began:.2f} s")
    finish(c, job)
    assert ran_once(c)
    assert "found again on c3 (rank 3)" in c.log(0)


def test_rank_0_is_killed_and_comes_back(cluster):
    c = cluster()
    job = gated_job(c)
    c.kill(0)
    began = time.monotonic()
    c.until(lambda: c.flux("uptime").ok and ranks_found(c, job) == {0, 1, 2, 3}, "all are found again")
    print(f"recovery of rank 0: {time.monotonic() - began:.2f} s")
    finish(c, job)
    assert ran_once(c)


def ranks_found(c, job):
    found = set()
    for e in c.events(job, "guest.exec.eventlog"):
        if e["name"] == "reattach":
            for part in e["context"]["ranks"].split(","):
                lo, _, hi = part.partition("-")
                found |= set(range(int(lo), int(hi or lo) + 1))
    return found


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_an_inner_router_goes_and_takes_those_below_along(cluster, sig):
    c = cluster(parents=(None, 0, 1, 2))
    job = gated_job(c)
    c.kill(1, sig=sig)
    c.until(lambda: ranks_found(c, job) == {1, 2, 3}, "all below are found again")
    finish(c, job)
    assert ran_once(c)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_all_brokers_at_once(cluster, sig):
    c = cluster()
    job = gated_job(c)
    c.hold(3, 2, 1, 0, sig=sig)
    for rank in (2, 0, 3, 1):
        c.up(rank)
    c.until(lambda: c.flux("uptime").ok and ranks_found(c, job) == {0, 1, 2, 3}, "all are found again")
    finish(c, job)
    assert ran_once(c)


def test_an_end_while_the_broker_is_away_is_told_exactly(cluster):
    c = cluster()
    job = gated_job(c, code="$((40 + FLUX_TASK_RANK))")
    c.hold(3)
    (c.path / "go").touch()
    c.until(lambda: not open(f"/proc/{c.helper(3)}/task/{c.helper(3)}/children").read(),
            "the shell of rank 3 has ended")
    assert c.names(job)[-1] == "start"
    c.up(3)
    assert c.status(job) == 43
    assert "exception" not in c.names(job)
    no_resources_are_held(c)


def test_all_ends_while_nobody_is_there(cluster):
    c = cluster()
    job = gated_job(c, code="$((40 + FLUX_TASK_RANK))")
    helpers = [c.helper(r) for r in range(4)]
    c.hold(3, 2, 1, 0)
    (c.path / "go").touch()
    c.until(lambda: not any(open(f"/proc/{h}/task/{h}/children").read() for h in helpers), "all shells have ended")
    for rank in range(4):
        c.up(rank)
    c.wait_online()
    assert c.status(job) == 43
    no_resources_are_held(c)


def test_a_cancel_reaches_a_node_that_is_away_when_it_is_back(cluster):
    c = cluster()
    job = gated_job(c)
    c.hold(3)
    c.run("cancel", job)
    c.wait_event(job, "exception")
    assert "clean" not in c.names(job)
    c.up(3)
    c.wait_event(job, "clean")
    types = [e["context"]["type"] for e in c.events(job) if e["name"] == "exception"]
    assert types == ["cancel"]
    no_resources_are_held(c)


def test_a_signal_reaches_a_node_that_is_away_once_when_it_is_back(cluster):
    c = cluster()
    job = c.run("submit", "-N4", "-n4", "sh", "-c",
                f"trap 'echo $FLUX_TASK_RANK >>{c.path}/hits; exit 0' USR1; echo $FLUX_TASK_RANK >>{c.path}/ran; "
                "while :; do sleep 0.05; done")
    c.until(lambda: (c.path / "ran").exists() and len((c.path / "ran").read_text().split()) == 4, "all tasks run")
    c.wait_event(job, "start")
    c.hold(2)
    c.until(lambda: "lost contact" in c.log(0) or "c2 (rank 2) was lost" in c.log(0), "the loss is noticed")
    c.run("job", "kill", "-s", "USR1", job)
    c.up(2)
    assert c.status(job) == 0
    assert sorted((c.path / "hits").read_text().split()) == ["0", "1", "2", "3"]


def test_a_node_that_does_not_come_back_in_time_fails_the_job(cluster):
    c = cluster(lost_timeout="1s")
    job = gated_job(c)
    shell = next(int(p) for p in open(f"/proc/{c.helper(3)}/task/{c.helper(3)}/children").read().split())
    gone = os.pidfd_open(shell)
    c.hold(3)
    c.wait_event(job, "clean")
    failures = [e["context"] for e in c.events(job) if e["name"] == "exception"]
    assert failures[0]["type"] == "node-failure" and failures[0]["severity"] == 0
    assert "c3 (rank 3)" in failures[0]["note"]
    assert c.names(job).count("finish") == 1
    # what was left there is killed when it joins, before it does anything else
    assert not select.select([gone], [], [], 0)[0]
    c.up(3)
    again = c.run("submit", "-N4", "-n4", "true")
    assert c.status(again) == 0
    assert select.select([gone], [], [], 0)[0], "the shell of the failed job is still there"
    os.close(gone)
    assert "its shell that was left here is killed" in c.log(3)


def test_a_node_that_was_rebooted_fails_the_job_at_once(cluster):
    c = cluster()
    job = gated_job(c)
    c.reboot(2)
    c.wait_event(job, "clean")
    failures = [e["context"] for e in c.events(job) if e["name"] == "exception"]
    assert failures[0]["type"] == "node-failure" and "c2 (rank 2) knows of no shell" in failures[0]["note"]
    no_resources_are_held(c)


def test_two_losses_one_after_the_other_and_again(cluster):
    c = cluster(parents=(None, 0, 1, 1))
    job = gated_job(c)
    c.kill(3)
    c.await_exec(job, "reattach")
    c.kill(1)
    c.until(lambda: ranks_found(c, job) == {1, 2, 3}, "found after the second")
    c.kill(0)
    c.until(lambda: c.flux("uptime").ok and ranks_found(c, job) == {0, 1, 2, 3}, "found after the third")
    c.wait_online()
    finish(c, job)
    assert ran_once(c)


def test_rank_0_stops_in_order_and_jobs_go_on(cluster):
    c = cluster()
    job = gated_job(c)
    c.hold(0, sig=signal.SIGTERM)
    assert c.brokers[0].returncode == 0
    c.up(0)
    c.wait_online()
    finish(c, job)
    assert ran_once(c)


def test_a_command_on_a_broker_that_stops_ends_with_a_clear_text(cluster):
    c = cluster()
    command = subprocess.Popen([FLUX, "exec", "-r", "2", "sh", "-c", f"touch {c.path}/runs; exec sleep 1000"],
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=c.env)
    c.until((c.path / "runs").exists, "the command runs")
    c.kill(2, sig=signal.SIGTERM)
    err = command.communicate(timeout=20 * PATIENCE)[1]
    assert command.returncode != 0 and "c2 (rank 2): rank 2 is going down" in err


def test_a_helper_waits_for_brokers_for_its_time_and_not_while_one_is_connected(tmp_path):
    path = tmp_path / "sock"
    broker, connected = socket.socket(socket.AF_UNIX), False
    while not connected:  # it may not have waited for us, on a busy machine
        helper = subprocess.Popen([BUILD / "server/spawnd/flux-spawnd", f"--socket={path}", "--orphan-grace=0.5",
                                   "--linger"], stdin=subprocess.DEVNULL)
        while not connected and helper.poll() is None:
            try:
                broker.connect(str(path))  # and says nothing: it waits for its parent
                connected = True
            except OSError:
                time.sleep(0.01)
    with pytest.raises(subprocess.TimeoutExpired):
        helper.wait(1.5)
    broker.close()
    began = time.monotonic()
    assert helper.wait(20 * PATIENCE) == 0
    assert time.monotonic() - began > 0.4 and not path.exists()


def test_shutdown_ends_running_jobs(cluster):
    c = cluster()
    job = gated_job(c)
    with c.lock:
        c.down.update(range(4))
    assert c.flux("shutdown").ok
    for rank in range(4):
        c.brokers[rank].wait(20 * PATIENCE)
        c.up(rank)
    c.wait_online()
    assert any(e["name"] == "exception" and e["context"]["type"] == "cancel" for e in c.events(job))
    assert "clean" in c.names(job)


def test_an_expiration_passes_while_a_node_is_away(cluster):
    c = cluster()
    job = gated_job(c, more=("-t2s",))
    c.hold(1)
    c.wait_event(job, "exception")
    c.up(1)
    c.wait_event(job, "clean")
    assert [e["context"]["type"] for e in c.events(job) if e["name"] == "exception"] == ["timeout"]


NOT_SAFE = "[job-manager]\nsafe-mode = false\n"


def test_a_restarted_leader_gives_no_node_to_two_jobs(cluster):
    c = cluster(config=NOT_SAFE)
    job = gated_job(c)
    c.run("resource", "drain", "c2", "to", "be", "kept")
    other = c.run("submit", "-N3", "-x", "true")
    c.kill(0)
    c.until(lambda: c.flux("uptime").ok and ranks_found(c, job) == {0, 1, 2, 3}, "all are found again")
    assert "alloc" not in c.names(other)
    assert "to be kept" in c.run("resource", "drain")
    (c.path / "go").touch()
    assert c.status(job) == 3
    assert c.status(other) == 0


def test_jobs_that_start_while_brokers_are_killed_run_exactly_once(cluster):
    c = cluster(parents=(None, 0, 0, 1), config=NOT_SAFE)
    jobs = []
    for turn in range(10):
        out = c.run("submit", "--cc=1-10", "-n1", "sh", "-c", f"echo $FLUX_JOB_ID >>{c.path}/marks")
        jobs += out.split()
        c.kill(1 + turn % 3)
        if turn % 4 == 3:
            c.kill(0)
            c.until(lambda: c.flux("uptime").ok, "rank 0 is back")
    c.wait_online()
    failed = [j for j in jobs if c.status(j) != 0]
    count = Counter((c.path / "marks").read_text().split())
    assert not failed, [(j, c.events(j)) for j in failed[:3]]
    assert len(jobs) == 100 and sorted(count) == sorted(jobs) and set(count.values()) == {1}
    for j in jobs:
        names = c.names(j)
        assert names.count("start") == names.count("finish") == names.count("free") == names.count("clean") == 1
    no_resources_are_held(c)


@pytest.mark.parametrize("victims", [(1,), (3,), (0,), (0, 1, 2, 3)], ids=["one inside", "one outside", "rank 0", "all"])
def test_a_barrier_that_is_under_way_is_completed(cluster, victims):
    """Tasks 0 to 2 wait in it for task 3."""
    c = cluster(parents=(None, 0, 1, 1))
    job = c.run("submit", "-N4", "-n4", "sh", "-c",
                f"[ $FLUX_TASK_RANK = 3 ] && until [ -e {c.path}/go ]; do sleep 0.05; done; "
                f"echo $FLUX_TASK_RANK >>{c.path}/ran; flux pmi exchange")
    c.wait_event(job, "start")
    c.until(lambda: (c.path / "ran").exists() and len((c.path / "ran").read_text().split()) == 3, "three are at it")
    c.kill(*victims)
    c.until(lambda: c.flux("uptime").ok and (ranks_found(c, job) >= set(victims)), "all are found again")
    (c.path / "go").touch()
    assert c.status(job) == 0
    assert "exception" not in c.names(job)
    assert ran_once(c)


@contextlib.contextmanager
def seen_by_rank_0(c, method):
    """Lines for requests with this method between rank 0 and its children, from now on."""
    command = [FLUX, "overlay", "trace", "--type=request", method, "Broker/Ping"]
    with subprocess.Popen(command, env=c.env, stdout=subprocess.PIPE, text=True, bufsize=1) as trace:
        limit = threading.Timer(40 * PATIENCE, trace.kill)
        limit.start()
        try:
            c.until(lambda: c.run("ping", "--count=1", "1") and select.select([trace.stdout], [], [], 0)[0], "it is traced")
            yield (line for line in trace.stdout if "Ping" not in line)
        finally:
            limit.cancel()
            trace.kill()


def test_a_barrier_is_left_by_all_though_its_result_was_lost(cluster):
    """The result has reached tasks 0 and 1 when rank 0 dies, and with it the broker that should have told task 2."""
    c = cluster(parents=(None, 0, 0), config="[job-manager]\nsafe-mode = false\n")
    job = c.run("submit", "-N3", "-n3", "sh", "-c",
                f"until [ -e {c.path}/enter.$FLUX_TASK_RANK ]; do sleep 0.05; done; flux pmi barrier && "
                f"echo $FLUX_TASK_RANK >>{c.path}/left; until [ -e {c.path}/end ]; do sleep 0.05; done")
    c.wait_event(job, "start")
    with seen_by_rank_0(c, "Collective/Gather") as lines:
        for task in 1, 2:
            (c.path / f"enter.{task}").touch()
        assert all("Gather" in next(lines) for _ in range(2))  # both children have entered for their tasks
    c.kill(2, sig=signal.SIGSTOP)
    (c.path / "enter.0").touch()
    left = c.path / "left"
    c.until(lambda: left.exists() and sorted(left.read_text().split()) == ["0", "1"], "two have left")
    c.kill(0, 2)
    c.until(lambda: sorted(left.read_text().split()) == ["0", "1", "2"], "all have left", 60)
    (c.path / "end").touch()
    assert c.status(job) == 0 and "exception" not in c.names(job)
