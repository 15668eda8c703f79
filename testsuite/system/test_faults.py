# SPDX-License-Identifier: LGPL-3.0-only
"""What goes wrong, and what is said and left of it: configuration, modules, rights, bodies, processes."""
import importlib.util
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from conftest import BUILD, FLUX, PATIENCE, ROOT, Instance, clean_env, execute
from test_exec_loss import exceptions, parent, shell_of, start_job, task_pids, wait_gone

GUESTS = "[access]\nallow-guest-user = true\n"
NOBODY = 65534
EPROTO = 71
# the instance goes on without the brokers that the test kills
TREE = ["-Stbon.topo=kary:2", "--test-exit-mode=leader"]


def broker_pid(instance, rank):
    return int(instance.run("exec", "-r", str(rank), "flux", "getattr", "broker.pid"))


def alive(instance):
    assert instance.run("run", "echo", "alive") == "alive"


# --- configuration ---


@pytest.mark.parametrize("text, place, hint", [
    ("[access]\nallow-guest-user = true\n[resource\n", "bad.toml:3:", "']'"),
    ("[resource]\n\nexcludee = \"0\"\n", "bad.toml:3:", "resource.excludee: unknown key; did you mean 'exclude'?"),
    ("[acess]\nallow-guest-user = true\n", "bad.toml:1:", "did you mean 'access'?"),
    ("[access]\nallow-guest-user = 1\n", "bad.toml:2:", "access.allow-guest-user"),
])
@pytest.mark.parametrize("size", [1, 2])
def test_a_bad_configuration_is_refused_with_its_place(tmp_path, text, place, hint, size):
    (tmp_path / "bad.toml").write_text(text)
    r = execute([FLUX, "start", f"-s{size}", f"--config-path={tmp_path}", "true"], env=clean_env())
    assert r.rc == 1 and place in r.err and hint in r.err, repr(r)


@pytest.mark.parametrize("text, hint", [
    ("[access]\nallow-guest-user = true\n[resource\n", "test.toml:3:"),
    ("[access]\nallow-guest-user = true\nallow-root-ownr = true\n", "did you mean 'allow-root-owner'?"),
    ("[access]\nallow-guest-user = true\n[resource]\nexclude = \"no-such-host\"\n", "no-such-host"),
])
def test_a_bad_reload_changes_nothing(flux_start, text, hint):
    instance = flux_start(1, config="[access]\nallow-guest-user = false\n")
    (instance.dir / "config" / "test.toml").write_text(text)
    r = instance.flux("config", "reload")
    assert r.rc == 1 and hint in r.err, repr(r)
    assert instance.run("config", "get", "access.allow-guest-user") == "false"
    assert instance.flux("config", "get", "resource.exclude").rc == 1
    alive(instance)


# --- modules ---

MODULE = """
#include <flux/module.h>
static int start(struct flux *h, int argc, char *const *argv, void **state, struct flux_error *err)
{
    return flux_error_set(err, -ENODEV, "the frobnicator is not plugged in");
}
const struct flux_part flux_module_part = {.name = "broken", .start = start};
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A module whose start fails."""
    out = tmp_path_factory.mktemp("broken")
    (out / "broken.c").write_text(MODULE)
    flags = subprocess.check_output(["pkg-config", "--cflags", "libuv", "jansson"], text=True).split()
    include = [f"-I{ROOT}/bindings/c/include", f"-I{BUILD}/proto"]
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-shared", "-fPIC", *flags, *include, out / "broken.c",
                    "-o", out / "broken.so"], check=True)
    (out / "notours.c").write_text("int nothing;\n")
    subprocess.run(["cc", "-shared", "-fPIC", out / "notours.c", "-o", out / "notours.so"], check=True)
    (out / "text.so").write_text("not an object\n")
    return out


@pytest.mark.plain
def test_a_module_that_fails_to_start_says_why(instance, broken):
    for _ in range(3):
        r = instance.flux("module", "load", broken / "broken.so")
        assert r.rc == 1 and "the frobnicator is not plugged in" in r.err, repr(r)
        assert "broken" not in instance.run("module", "list")
    r = instance.flux("module", "load", broken / "notours.so")
    assert r.rc == 1 and "flux_module_part" in r.err, repr(r)
    r = instance.flux("module", "load", broken / "text.so")
    assert r.rc == 1 and "text.so" in r.err, repr(r)
    alive(instance)


def test_a_module_of_the_start_that_fails_ends_the_broker(tmp_path):
    """The KVS cannot open what is no database."""
    statedir = tmp_path / "state"
    statedir.mkdir()
    (statedir / "content.sqlite").write_text("this is no database\n" * 1000)
    r = execute([FLUX, "start", "-s1", f"-Sstatedir={statedir}", "echo", "ran"], env=clean_env())
    assert r.rc == 1 and r.out == "" and "content.sqlite: file is not a database" in r.err, repr(r)


def test_module_stats(instance):
    instance.run("kvs", "put", "faults.stats=1")
    lines = instance.flux("module", "stats", "kvs", check=True).lines
    assert lines[0].split() == ["METHOD", "CALLS", "ERRORS", "OPEN", "BUSY", "LONGEST"]
    names = {line.split("/")[0] for line in lines[1:]}
    modules = {line.split()[0]: line.split()[-1].split(",") for line in instance.flux("module", "list").lines[1:]}
    assert "Kvs" in names and len(names) == len(modules["kvs"])
    commits = next(line.split() for line in lines if line.startswith("Kvs/Commit "))
    assert int(commits[1]) >= 1
    assert any(line.startswith("Broker/Ping ") for line in instance.flux("module", "stats", "broker").lines)
    assert len(instance.flux("module", "stats").lines) > len(lines)
    instance.run("module", "stats", "-c", "kvs")
    after = next(line.split() for line in instance.flux("module", "stats", "kvs").lines if line.startswith("Kvs/Commit "))
    assert int(after[1]) < int(commits[1])
    r = instance.flux("module", "stats", "no-such-thing")
    assert r.rc == 1 and "no module and no service named 'no-such-thing'" in r.err


# --- rights and bodies ---


def third_party():
    path = ROOT / "testsuite/system/third_party/client.py"
    spec = importlib.util.spec_from_file_location("third_party_client", path)
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    return client


@pytest.fixture(scope="module")
def raw(instance):
    """A client that writes envelopes itself."""
    module = third_party()
    client = module.Client(module.Contract(BUILD / "proto/flux/v1/flux.v1.desc"), instance.uri.removeprefix("local://"))
    yield client
    client.socket.close()


def send_raw(client, method, body):
    tag = next(client.tags)
    client.send(kind="KIND_REQUEST", method="flux.v1." + method, tag=tag, body=body)
    while True:
        m = client.receive()
        if m.tag == tag:
            return m


BAD_BODIES = [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab", b"\x0b\x0b\x0b", b"\x0a\x02\xc3\x28"]


def methods():
    """All rpcs of the contract."""
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "proto/flux/v1/flux.v1.desc").read_bytes()).file
    return [f"{service.name}/{rpc.name}" for f in files for service in f.service for rpc in service.method]


def test_a_body_that_does_not_decode_fails_that_call_alone(instance, raw):
    assert len(methods()) > 50
    for method in methods():
        for body in BAD_BODIES[:-1]:
            m = send_raw(raw, method, body)
            assert m.status == EPROTO and m.text and not m.more, (method, body, m)
    # the connection is as good as before
    (answer,) = raw.call("Broker/Ping", seq=7)
    assert answer.seq == 7
    alive(instance)


def test_a_string_that_is_no_text_is_refused(instance, raw):
    m = send_raw(raw, "Broker/GetAttr", BAD_BODIES[-1])
    assert m.status and m.text
    alive(instance)


def open_to_others(instance):
    """Let other users reach the socket of an instance in a private directory."""
    for folder in Path(instance.uri.removeprefix("local://")).parents:
        if folder.stat().st_mode & 0o777 == 0o700 and folder.owner() == instance.dir.owner():
            folder.chmod(0o755)


def as_guest(instance, *args):
    command = [FLUX, *args]
    p = subprocess.run(list(map(str, command)), user=NOBODY, group=NOBODY, extra_groups=[], env=instance.env, cwd="/",
                       capture_output=True, text=True, timeout=30 * PATIENCE, stdin=subprocess.DEVNULL)
    return p


def guest_can_run():
    return subprocess.run(["test", "-x", str(FLUX)], user=NOBODY, group=NOBODY, extra_groups=[]).returncode == 0


@pytest.mark.root
def test_a_guest_is_refused_where_none_are_admitted(flux_start):
    if not guest_can_run():
        pytest.skip("the build directory is private")
    instance = flux_start(1)
    open_to_others(instance)
    r = as_guest(instance, "ping", "-c", "1", "0")
    assert r.returncode == 1 and "admits no guests" in r.stderr
    alive(instance)


@pytest.fixture(scope="module")
def guested():
    if not guest_can_run():
        pytest.skip("the build directory is private")
    instance = Instance(1, config=GUESTS)
    instance.dir.chmod(0o755)
    yield instance
    assert instance.clean() == [], "processes were left behind"


@pytest.mark.root
def test_a_guest_reaches_the_socket_where_guests_are_admitted(guested):
    r = as_guest(guested, "ping", "-c", "1", "0")
    assert r.returncode == 0, r.stderr


@pytest.mark.root
@pytest.mark.parametrize("command", [
    "exec true", "sproc ps", "module remove kvs", "module load kvs", "setattr a b", "shutdown", "config reload",
    "resource drain 0 why", "resource undrain 0", "queue stop", "queue disable -m x", "kvs put a=1", "kvs namespace create x",
    "kvs dropcache", "content load sha1-00", "content flush", "event pub x", "call overlay.Disconnect rank=0", "dmesg -C", "stats -C",
    "job purge -f --num-limit=0", "cancel --all --user=all", "module stats -c kvs", "logger hello",
])
def test_what_is_the_owners_is_refused_to_a_guest(guested, command):
    r = as_guest(guested, *command.split())
    assert r.returncode == 1 and re.search(r"owner|not permitted|belongs to user 0|their own jobs", r.stderr, re.I), (r.returncode, r.stderr)
    assert guested.run("module", "list").count("kvs")


@pytest.mark.root
def test_a_guest_cannot_touch_the_owners_job(guested):
    job = guested.run("submit", "sleep", "inf")
    guested.run("job", "wait-event", job, "start")
    for command in (["cancel", job], ["job", "kill", job], ["job", "urgency", job, "0"], ["job", "memo", job, "a=1"],
                    ["update", job, "duration=1s"], ["job", "attach", job], ["job", "info", job, "jobspec"],
                    ["job", "eventlog", job], ["job", "raise", job]):
        r = as_guest(guested, *command)
        assert r.returncode != 0 and r.stderr, command
    assert guested.run("jobs", "-no", "{state}", job) == "RUN"
    guested.run("cancel", job)
    guested.run("job", "wait-event", job, "clean")


def junk(rng):
    """A body that mostly decodes: fields of any number with values that mean something to some service."""
    words = [b"", b"a", b"0", b"0-3", b"{}", b"primary", b"a.b", b"kvs", b"\x08\x01"]
    body = b""
    for _ in range(rng.randint(0, 4)):
        word = rng.choice([*words, rng.randbytes(rng.randint(0, 20))])
        body += rng.choice([bytes([rng.randint(1, 12) << 3, rng.randint(0, 127)]),
                            bytes([rng.randint(1, 12) << 3 | 2, len(word)]) + word])
    return body


@pytest.mark.root
def test_a_guest_that_sends_junk_to_every_method_harms_nobody(guested):
    module, rng = third_party(), random.Random(7)
    os.seteuid(NOBODY)
    try:
        client = module.Client(module.Contract(BUILD / "proto/flux/v1/flux.v1.desc"), guested.uri.removeprefix("local://"))
    finally:
        os.seteuid(0)
    assert client.hello.userid == NOBODY
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: client.socket.recv(65536), b"")])
    reader.start()
    for _ in range(50):
        for method in methods():
            client.send(kind="KIND_REQUEST", method="flux.v1." + method, tag=next(client.tags), body=junk(rng))
    client.socket.shutdown(socket.SHUT_RDWR)
    reader.join()
    client.socket.close()
    alive(guested)
    assert guested.run("queue", "status").count("enabled") == 2
    assert guested.run("resource", "list", "-s", "down", "-no", "{ranks}") == ""


# What may do what it says, even if it is junk that says so.
MEANT = {"Broker/Shutdown", "Module/Load", "Module/Remove", "Resource/Drain", "Resource/Reload", "JobManager/QueueControl"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_junk_of_the_owner_leaves_an_instance_that_runs_jobs(flux_start, seed):
    """Methods that brokers and modules call each other by are no exception."""
    instance, module, rng = flux_start(1), third_party(), random.Random(seed)
    client = module.Client(module.Contract(BUILD / "proto/flux/v1/flux.v1.desc"), instance.uri.removeprefix("local://"))
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: client.socket.recv(65536), b"")])
    reader.start()
    for _ in range(60):
        for method in sorted(set(methods()) - MEANT):
            client.send(kind="KIND_REQUEST", method="flux.v1." + method, tag=next(client.tags), body=junk(rng))
    client.socket.shutdown(socket.SHUT_RDWR)
    reader.join()
    client.socket.close()
    alive(instance)


# --- brokers, shells, helpers that die ---


def ranks_of(instance, job):
    """The ranks that a job got, of its R."""
    lite = json.loads(instance.run("job", "info", job, "R"))["execution"]["R_lite"]
    spans = [span.split("-") for e in lite for span in e["rank"].split(",")]
    return sorted(r for span in spans for r in range(int(span[0]), int(span[-1]) + 1))


def pin(instance, rank, *command):
    """A job on the node of that rank: it waits there, its process id in pid.RANK."""
    job = instance.run("submit", "-N1", "-n1", f"--requires=rank:{rank}", "sh", "-c",
                       f"echo $$ >{instance.dir}/t.{rank}; mv {instance.dir}/t.{rank} {instance.dir}/pid.{rank}; "
                       + (" ".join(command) or "exec sleep 1000"))
    instance.run("job", "wait-event", job, "start")
    return job


def pinned_pid(instance, rank):
    script = f"until [ -e {instance.dir}/pid.{rank} ]; do sleep 0.01; done; cat {instance.dir}/pid.{rank}"
    return int(execute(["sh", "-c", script], timeout=20).out)


def failed_by_node(instance, job, rank):
    instance.run("job", "wait-event", job, "clean")
    assert instance.flux("job", "status", job).rc != 0
    assert any("node-failure" in e and "severity=0" in e and re.search(rf"rank {rank}\b", e) and os.uname().nodename in e
               for e in exceptions(instance, job)), exceptions(instance, job)


def test_a_killed_leaf_fails_its_jobs_alone(flux_start):
    instance = flux_start(4, args=TREE)
    lost, other = pin(instance, 3), pin(instance, 2)
    task, kept = os.pidfd_open(pinned_pid(instance, 3)), pinned_pid(instance, 2)
    os.kill(broker_pid(instance, 3), signal.SIGKILL)
    failed_by_node(instance, lost, 3)
    wait_gone(task)
    assert re.search(r"3 \S+: lost", instance.run("overlay", "status"))
    assert instance.run("resource", "list", "-s", "down", "-no", "{ranks}") == "3"
    os.kill(kept, 0)
    assert instance.run("jobs", "-no", "{state}", other) == "RUN"
    job = instance.run("submit", "-N3", "-n3", "true")
    assert instance.flux("job", "status", job).rc == 0
    assert ranks_of(instance, job) == [0, 1, 2]
    waits = instance.run("submit", "-N4", "-n4", "true")
    instance.run("job", "wait-event", waits, "priority")
    instance.run("cancel", waits, other)
    assert instance.stop() == 0


def test_a_killed_interior_broker_takes_its_subtree_and_no_more(flux_start):
    instance = flux_start(7, args=TREE)
    jobs = {rank: pin(instance, rank) for rank in (0, 1, 2, 3, 4, 5)}
    tasks = {rank: os.pidfd_open(pinned_pid(instance, rank)) for rank in jobs}
    os.kill(broker_pid(instance, 1), signal.SIGKILL)
    for rank in (1, 3, 4):
        failed_by_node(instance, jobs[rank], rank)
        wait_gone(tasks.pop(rank))
    status = instance.run("overlay", "status")
    assert [bool(re.search(rf"{r} \S+: lost", status)) for r in range(7)] == [r in (1, 3, 4) for r in range(7)], status
    assert instance.run("resource", "list", "-s", "down", "-no", "{ranks}") == "1,3-4"
    for rank in (0, 2, 5):
        assert instance.run("jobs", "-no", "{state}", jobs[rank]) == "RUN"
    assert instance.flux("run", "-N4", "-n4", "true").ok
    assert instance.stop() == 0
    for pidfd in tasks.values():
        wait_gone(pidfd)
    assert instance.leftovers() == []


def test_a_killed_task_counts_as_its_signal(instance):
    job = instance.run("submit", "sh", "-c", "kill -9 $$")
    assert instance.flux("job", "status", job).rc == 128 + signal.SIGKILL
    r = instance.flux("run", "sh", "-c", "kill -9 $$")
    assert r.rc == 128 + signal.SIGKILL and "137" in r.err, repr(r)
    alive(instance)


def test_after_a_killed_shell_the_next_job_works(flux_start):
    instance = flux_start(2)
    job = start_job(instance, 2)
    tasks = [os.pidfd_open(pid) for pid in task_pids(instance, 2)]
    os.kill(shell_of(instance, 1, job), signal.SIGKILL)
    instance.run("job", "wait-event", job, "clean")
    assert instance.flux("job", "status", job).rc != 0
    assert any('"lost-shell" severity=0 note="job shell on rank 1: Killed"' in e for e in exceptions(instance, job))
    for task in tasks:
        wait_gone(task)
    assert instance.run("run", "-N2", "-n2", "echo", "next") == "next\nnext"


def test_a_signal_for_the_tasks_loses_no_shell(flux_start):
    instance = flux_start(2)
    job = start_job(instance, 2)
    task_pids(instance, 2)
    instance.run("job", "kill", "-s", "KILL", job)
    instance.run("job", "wait-event", job, "clean")
    assert instance.flux("job", "status", job).rc == 128 + signal.SIGKILL
    assert exceptions(instance, job) == []


def test_after_a_killed_helper_the_next_job_works(flux_start):
    instance = flux_start(1)
    for _ in range(2):
        job = pin(instance, 0)
        task = os.pidfd_open(pinned_pid(instance, 0))
        os.kill(parent(shell_of(instance, 0, job)), signal.SIGKILL)
        failed_by_node(instance, job, 0)
        wait_gone(task)
        (instance.dir / "pid.0").unlink()
        alive(instance)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_flux_start_ends_everything(flux_start, size, signum):
    instance = flux_start(size)
    job = pin(instance, size - 1)
    task = os.pidfd_open(pinned_pid(instance, size - 1))
    assert job
    instance.process.send_signal(signum)
    instance.process.wait(30 * PATIENCE)
    wait_gone(task)
    assert instance.process.returncode != 0
    assert instance.leftovers() == []


# --- jobs that cannot start, or do not end ---


def test_commands_that_cannot_run(instance, tmp_path):
    (tmp_path / "file").write_text("x")
    r = instance.flux("run", "no-such-command-at-all")
    assert r.rc == 127 and "no-such-command-at-all: No such file or directory" in r.err
    r = instance.flux("run", tmp_path / "file")
    assert r.rc == 126 and f"{tmp_path}/file: Permission denied" in r.err
    r = instance.flux("run", tmp_path)
    assert r.rc == 126 and "Permission denied" in r.err
    r = instance.flux("run", "--cwd=/no/such/directory", "pwd")
    assert r.rc == 0 and r.out == "/tmp\n" and "Could not change dir to /no/such/directory" in r.err
    alive(instance)


def test_the_time_limit_ends_a_job(instance):
    r = instance.flux("run", "-t", "1s", "sleep", "100")
    assert r.rc == 128 + signal.SIGALRM and "timeout" in r.err and "resource allocation expired" in r.err
    assert instance.run("jobs", "-ano", "{result}", "-c1") == "TIMEOUT"
    alive(instance)


def test_the_time_limit_ends_a_job_that_will_not(flux_start):
    instance = flux_start(1, config='[exec]\nkill-timeout = "0.2s"\n')
    job = instance.run("submit", "-t", "0.5s", "sh", "-c", "trap '' ALRM TERM INT; while :; do sleep 1000; done")
    instance.run("job", "wait-event", job, "clean")
    r = instance.flux("job", "status", job)
    assert r.rc in (128 + signal.SIGKILL, 128 + signal.SIGALRM), repr(r)
    assert any("timeout" in e for e in exceptions(instance, job))
    alive(instance)


# --- queues, order, dependencies ---


@pytest.fixture
def idle(instance):
    """The shared instance; no job of the test stays."""
    yield instance
    instance.run("queue", "start")
    instance.flux("cancel", "--all", "--quiet")
    instance.run("queue", "drain")


def events(instance, job):
    return [line.split()[1] for line in instance.flux("job", "eventlog", job).lines]


def test_a_stopped_queue_holds_jobs_until_it_starts(idle):
    idle.run("queue", "stop")
    jobs = [idle.run("submit", "true") for _ in range(3)]
    for job in jobs:
        idle.run("job", "wait-event", job, "priority")
    assert all("alloc" not in events(idle, job) for job in jobs)
    idle.run("cancel", jobs[1])
    idle.run("job", "wait-event", jobs[1], "clean")
    assert "alloc" not in events(idle, jobs[1]) and idle.flux("job", "status", jobs[1]).rc != 0
    idle.run("queue", "start")
    assert idle.flux("job", "status", jobs[0], jobs[2]).rc == 0


def test_urgency_decides_the_order(idle):
    idle.run("queue", "stop")
    every = idle.run("resource", "list", "-s", "up", "-no", "{ncores}")
    low, normal, high, expedited, held = (
        idle.run("submit", "-n", every, f"--urgency={u}", "true") for u in ("5", "default", "20", "expedite", "hold"))
    idle.run("queue", "start")
    assert idle.flux("job", "status", low, normal, high, expedited).rc == 0

    def started(job):
        line = next(x for x in idle.flux("job", "eventlog", job).lines if x.split()[1] == "alloc")
        return float(line.split()[0])
    order = sorted((low, normal, high, expedited), key=started)
    assert order == [expedited, high, normal, low]
    assert "alloc" not in events(idle, held)
    idle.run("job", "urgency", held, "16")
    assert idle.flux("job", "status", held).rc == 0


def test_dependencies_of_jobs_decide(idle):
    idle.run("queue", "stop")
    good, bad = idle.run("submit", "true"), idle.run("submit", "false")

    def after(how, job):
        return idle.run("submit", f"--dependency={how}:{job}", "true")
    ok = [after("afterok", good), after("afternotok", bad), after("afterany", good), after("afterany", bad)]
    never = [after("afterok", bad), after("afternotok", good)]
    assert all(idle.run("jobs", "-no", "{state}", job) == "DEPEND" for job in ok + never)
    idle.run("queue", "start")
    assert idle.flux("job", "status", *ok).rc == 0
    for job in never:
        idle.run("job", "wait-event", job, "clean")
        assert any("dependency" in e and "severity=0" in e for e in exceptions(idle, job))
        assert "alloc" not in events(idle, job)
    # of jobs that have ended
    assert idle.flux("run", f"--dependency=afterok:{good}", "true").ok
    assert not idle.flux("run", f"--dependency=afterok:{bad}", "true").ok
    r = idle.flux("run", "--dependency=afterok:1234567", "true")
    assert not r.ok and r.err
    r = idle.flux("run", "--dependency=nonsense:1", "true")
    assert not r.ok and "nonsense" in r.err


def test_singletons_of_a_name_run_one_after_the_other(idle):
    idle.run("queue", "stop")
    spec = json.loads(idle.run("submit", "--dry-run", "--job-name=one", "true"))
    spec["attributes"]["system"]["dependencies"] = [{"scheme": "singleton", "value": ""}]
    first = idle.run("submit", "--job-name=one", "true")
    rest = [idle.run("job", "submit", stdin=json.dumps(spec)) for _ in range(3)]
    assert [idle.run("jobs", "-no", "{state}", job) for job in (first, *rest)] == ["SCHED"] + ["DEPEND"] * 3
    other = idle.run("submit", "--job-name=two", "true")
    idle.run("cancel", other, rest[0])
    assert idle.run("jobs", "-no", "{state}", rest[1]) == "DEPEND"
    idle.run("queue", "start")
    assert idle.flux("job", "status", first, *rest[1:]).rc == 0

    def when(job, name):
        return next(float(line.split()[0]) for line in idle.flux("job", "eventlog", job).lines if line.split()[1] == name)
    assert when(first, "clean") <= when(rest[1], "alloc") and when(rest[1], "clean") <= when(rest[2], "alloc")


def test_begin_time_delays(idle):
    later = idle.run("submit", "--begin-time=+1h", "true")
    soon = idle.run("submit", "--begin-time=+1s", "true")
    assert idle.run("jobs", "-no", "{state}", later) == "DEPEND"
    assert idle.flux("job", "status", soon).rc == 0
    log = {line.split()[1]: float(line.split()[0]) for line in idle.flux("job", "eventlog", soon).lines}
    wanted = json.loads(idle.run("job", "info", soon, "jobspec"))["attributes"]["system"]["dependencies"][0]["value"]
    assert log["alloc"] >= float(wanted)
    idle.run("cancel", later)
    idle.run("job", "wait-event", later, "clean")


def test_waitable_jobs_are_told_once(idle):
    good = idle.run("submit", "--flags=waitable", "true")
    bad = idle.run("submit", "--flags=waitable", "false")
    plain = idle.run("submit", "true")
    assert idle.flux("job", "wait", plain).rc != 0
    assert idle.flux("job", "wait", bad).rc == 1
    assert idle.flux("job", "wait", good).rc == 0
    assert idle.flux("job", "wait", good).rc != 0
    assert idle.flux("job", "wait").rc == 2


# --- many brokers ---


def test_sixty_four_brokers(flux_start):
    instance = flux_start(64, timeout=90)
    status = instance.run("overlay", "status", timeout=60)
    assert "0 " in status and ": full" in status and "lost" not in status
    host = os.uname().nodename
    assert instance.run("run", "-N64", "-n64", "hostname", timeout=90).split() == [host] * 64
    assert instance.run("exec", "-r", "0-63", "echo", "x", timeout=60).count("x") == 64
    assert instance.stop(60) == 0
