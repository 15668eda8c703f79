# SPDX-License-Identifier: LGPL-3.0-only
"""The namespace of a job in the KVS: its tasks' own while it runs, kept in job.ID.guest when it has ended."""
import json

import pytest

MIB = 1 << 20
# Writes `first`, then waits for `go` in the job's namespace: whoever puts that lets it end.
WAITS = "flux kvs put first=1 && flux kvs get --watch --waitcreate --count=1 go"


def names(run):
    return [line.split()[0] for line in run("kvs namespace list").splitlines()[1:]]


def namespace_of(run, job):
    return "job-" + run(f"job id --to=dec {job}").strip()


# --- what a job has of it ---


def test_its_tasks_tell_each_other(instance4):
    task = "if [ $FLUX_TASK_RANK = 0 ]; then flux kvs get --watch --waitcreate --count=1 said; else flux kvs put said=hello; fi"
    assert instance4.run("run", "-N2", "-n2", "sh", "-c", task) == "hello"
    instance4.run("job", "wait-event", "-t20", instance4.run("job", "last"), "clean")
    assert names(instance4.run) == ["primary"]


def test_what_is_there_at_its_end_is_kept_beside_what_the_system_keeps(instance4):
    job = instance4.run("submit", "sh", "-c", "flux kvs put a.b=1 c=2 exec.eventlog=forged exec.more=1")
    instance4.run("job", "wait-event", "-t20", job, "clean")
    where = instance4.run("job", "id", "--to=kvs", job)
    assert [instance4.run("kvs", "get", f"{where}.guest.{key}") for key in ("a.b", "c")] == ["1", "2"]
    assert instance4.run("job", "info", job, "guest.c") == "2"
    events = instance4.run("job", "eventlog", "-p", "exec", job)
    assert "starting" in events and "done" in events and "forged" not in events
    assert not instance4.flux("kvs", "get", f"{where}.guest.exec.more").ok
    assert sorted(instance4.run("kvs", "ls", "-1", where).split()) == ["R", "eventlog", "guest", "jobspec"]
    assert names(instance4.run) == ["primary"]
    r = instance4.flux("kvs", "get", "--namespace", namespace_of(instance4.run, job), "c")
    assert not r.ok and "does not run" in r.err


def test_one_that_is_not_used_is_not_made(instance4):
    assert instance4.run("run", "sh", "-c", "FLUX_KVS_NAMESPACE= flux kvs namespace list | tail -n +2 | cut -d' ' -f1") == "primary"


@pytest.mark.parametrize("name", ["job-1", "job-", "job-01", "job-99999999999999999999", "job-x"])
def test_names_of_no_job_are_of_no_namespace(instance4, name):
    r = instance4.flux("kvs", "get", "--namespace", name, "a")
    assert not r.ok and f"no namespace '{name}'" in r.err


# --- whose it is ---


@pytest.fixture
def hers(cluster):
    """A job of alice that has used its namespace, and the name of that."""
    job = cluster.flux("submit", "-N2", "sh", "-c", WAITS, user="alice").out.strip()
    name = "job-" + cluster.flux(f"job id --to=dec {job}").out.strip()
    cluster.flux(f"kvs get --namespace {name} --watch --waitcreate --count=1 first", user="alice")
    yield job, name
    cluster.flux(f"kvs put --namespace {name} go=1", user="alice", check=False)
    cluster.flux(f"cancel {job}", check=False)
    cluster.flux(f"job wait-event -t 40 {job} clean")


def test_only_its_user_and_the_owner_may(cluster, hers):
    job, name = hers
    for node in cluster[:2]:
        for user, may in (("alice", True), ("flux", True), ("bob", False)):
            for command in ("get first", f"put {user}=1", "ls"):
                verb, *rest = command.split()
                r = node.flux("kvs", verb, "--namespace", name, *rest, user=user, check=False)
                assert r.ok == may, r
                assert may or "belongs to user" in r.err, r
    cluster.flux(f"kvs put --namespace {name} go=1", user="alice")
    cluster.flux(f"job wait-event -t 40 {job} clean")
    where = cluster.flux(f"job id --to=kvs {job}").out.strip()
    assert cluster.flux(f"kvs ls -1 {where}.guest").lines == ["alice", "exec", "first", "flux", "go"]
    assert cluster.flux(f"job info {job} guest.first", user="alice").out == "1\n"
    assert not cluster.flux(f"job info {job} guest.first", user="bob", check=False).ok


def test_nobody_else_has_it_made(cluster):
    job = cluster.flux("submit sleep 1000", user="alice").out.strip()
    cluster.flux(f"job wait-event -t 20 {job} start")
    name = "job-" + cluster.flux(f"job id --to=dec {job}").out.strip()
    for command in (f"kvs put --namespace {name} a=1", f"kvs get --namespace {name} a"):
        r = cluster.flux(command, user="bob", check=False)
        assert not r.ok and "is a job of user" in r.err, r
    assert name not in cluster.flux("kvs namespace list").out
    cluster.flux(f"cancel {job}", user="alice")
    cluster.flux(f"job wait-event -t 40 {job} clean")


def test_what_she_puts_there_leads_nowhere_and_has_a_bound(cluster, hers):
    _, name = hers
    for command in (f"kvs link --namespace {name} first job-x", f"kvs copy --namespace {name} first second"):
        r = cluster.flux(command, user="alice", check=False)
        assert not r.ok and "copies" in r.err, r
    big = "x" * (9 * MIB)
    rs = [cluster.flux("kvs", "put", "--raw", "--namespace", name, "big=-", user="alice", stdin=big, check=False) for _ in range(8)]
    assert [r.ok for r in rs] == [True] * 7 + [False] and "64 MiB" in rs[-1].err, rs[-1]


# --- restarts ---


def test_it_outlives_a_broker_and_what_was_left_is_kept(cluster_start):
    own = cluster_start(1)
    own[0].run("mkfifo fifo", user="alice")
    job = own.flux("submit", "sh", "-c", "flux kvs put first=1 && cat fifo && flux kvs put go=1", user="alice").out.strip()
    name = "job-" + own.flux(f"job id --to=dec {job}").out.strip()
    own.flux(f"kvs get --namespace {name} --watch --waitcreate --count=1 first", user="alice")
    ended = own.flux("submit true", user="alice").out.strip() if own.cores > 1 else None
    if ended:  # as when the broker had died between the end of the job and that of its namespace
        own.flux(f"job wait-event -t 20 {ended} clean")
        left = "job-" + own.flux(f"job id --to=dec {ended}").out.strip()
        own.flux(f"kvs namespace create -o 5001 {left}")
        own.flux(f"kvs put --namespace {left} late=1")
    own[0].restart()
    own.wait_online()
    assert own.flux(f"kvs get --namespace {name} first", user="alice").out == "1\n"
    own[0].run("echo go >fifo", user="alice")
    own.flux(f"job wait-event -t 40 {job} clean")
    assert own.flux(f"job info {job} guest.first", user="alice").out == "1\n"
    assert own.flux(f"job info {job} guest.go", user="alice").out == "1\n"
    if ended:
        assert own.flux(f"job info {ended} guest.late", user="alice").out == "1\n"
    assert own.flux("kvs namespace list").out.count("\n") == 2
    assert json.loads(own.flux("job stats").out)["job_states"]["run"] == 0
