# SPDX-License-Identifier: LGPL-3.0-only
"""A guest cannot grow the broker without bound, nor keep others from it: connections, calls, requests, parts of
frames, answers that nobody reads, bodies that decode into far more than they are."""
import json
import resource
import select
import socket
import struct
import time
from contextlib import ExitStack, contextmanager

import pytest

import guests
from conftest import PATIENCE, SANITIZE, Instance
from guests import ALICE, BOB, client_as, submit

pytestmark = [pytest.mark.root, pytest.mark.plain]
EAGAIN, EPROTO, EMSGSIZE, ENOSPC, EFBIG = 11, 71, 90, 28, 27
MIB = 1 << 20


@pytest.fixture(scope="module")
def shared():
    if not guests.can_run():
        pytest.skip("the build directory is private")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    stack = ExitStack()
    imp = guests.make_imp(stack.enter_context(guests.public_dir()))
    instance = Instance(1, config=f'[access]\nallow-guest-user = true\n[exec]\nimp = "{imp}"\n'
                        "[exec.testexec]\nallow-guests = true\n")
    instance.dir.chmod(0o755)
    instance.pid = int(instance.run("getattr", "broker.pid"))
    yield instance
    assert instance.stop() == 0, instance.log[-4000:]
    assert instance.clean() == [], "processes were left behind"
    stack.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def peak(instance):
    """The most memory that the broker has had, in MiB."""
    with open(f"/proc/{instance.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) >> 10


@contextmanager
def bounded(instance, mib):
    """What is done inside makes the broker grow by no more than that, and others are served."""
    with open(f"/proc/{instance.pid}/clear_refs", "w") as f:
        f.write("5")
    before = peak(instance)
    yield
    assert instance.run("getattr", "rank") == "0"
    assert guests.flux_as(ALICE, instance, "getattr", "rank").stdout == "0\n"
    grown = peak(instance) - before
    assert grown < mib, f"grew by {grown} MiB"


def answers(client, count, timeout=20):
    """The status of that many answers."""
    client.socket.settimeout(timeout * PATIENCE)
    found = []
    while len(found) < count:
        m = client.receive()
        if m.kind == client.kind["KIND_RESPONSE"] and not m.more:
            found.append(m.status)
    return found


def test_connections_of_a_guest_are_bounded(shared):
    with ExitStack() as stack, bounded(shared, 64):
        made = 0
        while made < 4000:
            try:
                client = client_as(BOB, shared.uri)
            except Exception:
                break
            stack.callback(client.socket.close)
            made += 1
        assert 200 <= made <= 1024
        assert "which is the limit" in guests.flux_as(BOB, shared, "getattr", "rank").stderr
        assert shared.run("getattr", "rank") == "0"
    deadline = time.monotonic() + 20 * PATIENCE
    while guests.flux_as(BOB, shared, "getattr", "rank").returncode and time.monotonic() < deadline:
        pass
    assert guests.flux_as(BOB, shared, "getattr", "rank").stdout == "0\n"


def test_calls_that_wait_are_bounded(shared):
    with ExitStack() as stack, bounded(shared, 64):
        errors, body = [], b""
        for _ in range(3):
            client = client_as(BOB, shared.uri)
            stack.callback(client.socket.close)
            for _ in range(2000):
                client.send(kind="KIND_REQUEST", method="flux.v1.Broker/WatchState", tag=next(client.tags), body=body)
        errors = answers(client, 2000 * 3 - 4096)
        assert set(errors) == {EAGAIN}


def test_requests_under_way_are_bounded_in_bytes(shared):
    with ExitStack() as stack, bounded(shared, 250):
        statuses = []
        for c in range(4):
            client = client_as(BOB, shared.uri)
            stack.callback(client.socket.close)
            for i in range(10):
                request = client.contract.message("CollectiveExchangeRequest")(
                    name=f"{c}.{i}", ranks="0", local=2, data=bytes(8 * MIB))
                client.send(kind="KIND_REQUEST", method="flux.v1.Collective/Exchange", tag=next(client.tags),
                            body=request.SerializeToString())
        statuses = answers(client, 10)
        assert set(statuses) == {EAGAIN}


def test_what_collectives_leave_behind_is_bounded(shared):
    client = client_as(BOB, shared.uri)

    def enter(**fields):
        tag = next(client.tags)
        request = client.contract.message("CollectiveExchangeRequest")(ranks="0", **fields)
        client.send(kind="KIND_REQUEST", method="flux.v1.Collective/Exchange", tag=tag, body=request.SerializeToString())
        return tag
    with bounded(shared, 100):
        for i in range(40):  # one that fails is remembered, but not what was brought to it
            client.cancel(enter(name=f"failed-{i}", local=2, data=bytes(7 * MIB)))
            assert answers(client, 1) != [0]
    with bounded(shared, 150):
        for i in range(300):  # and of those that succeed, so much of the results
            enter(name=f"kept-{i}", local=1, persistent=True, data=bytes(MIB - 1024))
            assert answers(client, 1) == [0]
    client.socket.close()


def test_frames_that_never_end_are_bounded(shared):
    with ExitStack() as stack, bounded(shared, 200):
        clients = [client_as(BOB, shared.uri) for _ in range(100)]
        chunk, sent = bytes(MIB), 0
        for c in clients:
            stack.callback(c.socket.close)
            c.socket.setblocking(False)
            c.socket.send(struct.pack(">I", 16 * MIB - 1))
        left = {c.socket: 15 * MIB for c in clients}
        deadline = time.monotonic() + 20 * PATIENCE
        while left:
            ready = select.select([], list(left), [], 2)[1]
            if not ready and (sent > 32 * MIB or time.monotonic() > deadline):
                break
            for s in ready:
                n = s.send(chunk[:left[s]])
                sent += n
                left[s] -= n
                if not left[s]:
                    del left[s]
        assert sent > 32 * MIB
    assert guests.flux_as(BOB, shared, "getattr", "rank").stdout == "0\n"


def test_frames_that_take_turns_all_arrive(shared):
    """A user who sends more at a time than there is room for is slowed down, and gets through."""
    with ExitStack() as stack, bounded(shared, 400):
        clients = [client_as(BOB, shared.uri) for _ in range(20)]
        body = clients[0].contract.message("BrokerPingRequest")(pad=bytes(8 * MIB)).SerializeToString()
        pending = {}
        for c in clients:
            stack.callback(c.socket.close)
            data = c.envelope(kind="KIND_REQUEST", method="flux.v1.Broker/Ping", tag=1, body=body).SerializeToString()
            pending[c] = memoryview(struct.pack(">I", len(data)) + data)
            c.socket.setblocking(False)
        deadline = time.monotonic() + 60 * PATIENCE
        answered = {}
        while len(answered) < len(clients) and time.monotonic() < deadline:
            unsent = [c.socket for c in clients if pending[c]]
            readable, writable, _ = select.select([c.socket for c in clients if not pending[c] and c not in answered],
                                                  unsent, [], 5)
            for c in clients:
                if c.socket in writable:
                    pending[c] = pending[c][c.socket.send(pending[c][:MIB]):]
                elif c.socket in readable:
                    c.socket.setblocking(True)
                    answered[c] = answers(c, 1)[0]
        assert len(answered) == len(clients)
        assert set(answered.values()) <= {0, EAGAIN} and list(answered.values()).count(0) >= 4


def test_answers_that_nobody_reads_are_bounded(shared):
    with ExitStack() as stack, bounded(shared, 350):
        for _ in range(8):
            client = client_as(BOB, shared.uri)
            stack.callback(client.socket.close)
            body = client.contract.message("BrokerPingRequest")(pad=bytes(MIB)).SerializeToString()
            try:
                for _ in range(100):
                    client.send(kind="KIND_REQUEST", method="flux.v1.Broker/Ping", tag=next(client.tags), body=body)
            except OSError:
                pass  # cut off
    assert guests.flux_as(BOB, shared, "getattr", "rank").stdout == "0\n"


@pytest.mark.parametrize("method, statuses", [("JobIngest/Submit", {EPROTO}), ("JobIo/Write", {EPROTO}),
                                              ("JobManager/Wait", {EMSGSIZE}), ("Collective/Exchange", {EPROTO})])
def test_bodies_of_unknown_fields_are_refused(shared, method, statuses):
    with ExitStack() as stack, bounded(shared, 300):
        client = client_as(BOB, shared.uri)
        stack.callback(client.socket.close)
        body = b"\xf8\x01\x00" * (5 * MIB)  # field 31, a varint
        client.send(kind="KIND_REQUEST", method="flux.v1." + method, tag=next(client.tags), body=body)
        assert set(answers(client, 1)) == statuses


def test_notes_on_a_job_are_bounded(shared):
    client = client_as(BOB, shared.uri)
    job = submit(client, shared, "--setattr=system.exec.test.run_duration=1000s", "true", user=BOB)
    memo = '{"a":"%s"}' % ("x" * 16000)
    request = client.contract.message("JobManagerMemoRequest")(id=job, memo=memo).SerializeToString()
    for _ in range(100):
        client.send(kind="KIND_REQUEST", method="flux.v1.JobManager/Memo", tag=next(client.tags), body=request)
    found = answers(client, 100)
    assert found[0] == 0 and found[-1] == ENOSPC
    assert guests.flux_as(BOB, shared, "cancel", job).returncode == 0
    shared.run("job", "wait-event", str(job), "clean")
    with pytest.raises(Exception, match="has ended"):
        list(client.call("JobIo/WriteInput", id=job, data=b"x"))
    with pytest.raises(Exception, match="has ended"):
        list(client.call("JobIo/Write", id=job, shells=1, seq=1))


@contextmanager
def limited_jobs(instance, most):
    """No guest may have more jobs than that."""
    path = instance.dir / "config" / "test.toml"
    text = path.read_text()
    path.write_text(text.replace("[access]\n", f"[access]\nmax-guest-jobs = {most}\n"))
    instance.run("config", "reload")
    yield
    path.write_text(text)
    instance.run("config", "reload")


SLOW = "--setattr=system.exec.test.run_duration=1000s"


def test_jobs_of_a_guest_are_bounded_in_number(shared):
    client = client_as(BOB, shared.uri)
    with limited_jobs(shared, 2):
        jobs = [submit(client, shared, SLOW, "true", user=BOB) for _ in range(2)]
        with pytest.raises(AssertionError, match="has 2 jobs, which is the limit"):
            submit(client, shared, SLOW, "true", user=BOB)
        jobs.append(submit(client_as(ALICE, shared.uri), shared, SLOW, "true"))
        jobs += shared.run("submit", "--cc=1-3", SLOW, "true").split()  # the owner has no limit
        shared.run("cancel", str(jobs[0]))
        shared.run("job", "wait-event", str(jobs[0]), "clean")
        jobs[0] = submit(client, shared, SLOW, "true", user=BOB)
    jobs.append(submit(client, shared, SLOW, "true", user=BOB))
    shared.run("cancel", *map(str, jobs))
    shared.run("queue", "drain")


def test_jobs_of_a_guest_are_bounded_in_bytes(shared):
    client = client_as(BOB, shared.uri)
    spec = json.loads(guests.jobspec(shared, SLOW, "true"))
    spec["attributes"]["system"]["environment"] = {"A": "x" * (5 * MIB)}
    signed, found = guests.sign(BOB, json.dumps(spec)), []
    with limited_jobs(shared, 10):
        while len(found) < 10 and (not found or found[-1].errnum == 0):
            (answer,) = client.call("JobIngest/Submit", jobs=[dict(signed=signed)])
            found.append(answer.outcomes[0])
        assert len(found) == 6 and "58 MiB of jobspecs" in found[-1].text
    shared.run("cancel", *[str(o.id) for o in found[:-1]])
    shared.run("queue", "drain")


@pytest.mark.parametrize("fields", [dict(tasks="4194303", data=b"x"),
                                    dict(tasks="0,4194303", eof=True)])
def test_input_counts_as_what_it_takes_not_as_its_data(shared, fields):
    """Sets of tasks, and ends of input, are kept as well: whether anybody still waits for the answer or not."""
    job = submit(client_as(BOB, shared.uri), shared, SLOW, "-n1", "true", user=BOB)
    found = set()
    with bounded(shared, 120):
        while EFBIG not in found:
            client = client_as(BOB, shared.uri)
            request = client.contract.message("JobIoWriteInputRequest")(id=job, **fields).SerializeToString()
            for _ in range(4000):
                client.send(kind="KIND_REQUEST", method="flux.v1.JobIo/WriteInput", tag=next(client.tags), body=request)
            found = set(answers(client, 4000))
            client.socket.close()
            assert found <= {0, EFBIG, EAGAIN}
    shared.run("cancel", str(job))
    shared.run("job", "wait-event", str(job), "clean")


def test_readers_of_input_count_as_what_they_take(shared):
    client = client_as(BOB, shared.uri)
    job = submit(client, shared, SLOW, "-n1", "true", user=BOB)
    request = client.contract.message("JobIoReadInputRequest")(id=job, tasks="4194303").SerializeToString()
    with bounded(shared, 180):
        for _ in range(400):
            client.send(kind="KIND_REQUEST", method="flux.v1.JobIo/ReadInput", tag=next(client.tags), body=request)
        assert set(answers(client, 400 - 256)) == {EAGAIN}
    client.socket.close()
    shared.run("cancel", str(job))
    shared.run("job", "wait-event", str(job), "clean")


def test_shells_of_a_job_are_at_most_the_nodes(shared):
    client = client_as(BOB, shared.uri)
    job = submit(client, shared, SLOW, "-n1", "true", user=BOB)
    with bounded(shared, 8):
        for shells, rank in ((1 << 20, (1 << 20) - 1), (2, 1), (1, 1), (0, 0)):
            with pytest.raises(Exception, match="no such shell rank"):
                list(client.call("JobIo/Write", id=job, shells=shells, shell_rank=rank, seq=1))
    shared.run("cancel", str(job))
    shared.run("job", "wait-event", str(job), "clean")


def test_input_that_nobody_reads_is_bounded(shared):
    client = client_as(BOB, shared.uri)
    jobs = [submit(client, shared, "--setattr=system.exec.test.run_duration=1000s", "-n1", "true", user=BOB)
            for _ in range(6)]
    refused = []
    with bounded(shared, 300):
        for job in jobs:
            for _ in range(4):
                try:
                    list(client.call("JobIo/WriteInput", id=job, data=bytes(7 * MIB)))
                except Exception as e:
                    refused.append(str(e))
        assert refused and all("is limited to 128 MiB" in text for text in refused)
    shared.run("cancel", *map(str, jobs))
    for job in jobs:
        shared.run("job", "wait-event", str(job), "clean")
