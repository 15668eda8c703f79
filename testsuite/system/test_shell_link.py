# SPDX-License-Identifier: LGPL-3.0-only
"""What flux-shell tells its broker, and when; with a broker that is made of the test."""
import os
import re
import subprocess

import pytest

from conftest import PATIENCE, clean_env
from fake_broker import DROP, FakeBroker, message
from test_shell import PMI, SHELL, Job, sh

STDOUT, STDERR, LOG, REDIRECT = 1, 2, 3, 4


class Service:
    """JobIo as a shell sees it: keeps what is written, each number once."""

    def __init__(self, path):
        self.frames, self.done, self.last, self.raised, self.input, self.drops = [], False, 0, [], [], 0
        self.writes = self.forget_at = self.forget_bytes = 0
        self.broker = FakeBroker(path, {"JobIo/Write": self.write, "JobIo/ReadInput": self.read_input,
                                        "JobManager/Raise": self.raise_, "Collective/Exchange": self.exchange,
                                        "JobIo/Read": self.read})

    def forget(self):
        """As a service that was restarted."""
        self.frames, self.done, self.last, self.forget_at, self.forget_bytes = [], False, 0, 0, 0

    def write(self, request):
        self.writes += 1
        stored = sum(len(f.data) for f in self.frames if f.stream <= STDERR)
        if self.forget_at and self.writes == self.forget_at or self.forget_bytes and stored > self.forget_bytes:
            self.forget()
        if not self.last and request.seq > 1:
            return message("JobIoWriteResponse", restarted=True)
        if request.seq > self.last:
            assert request.seq == self.last + 1 and not self.done
            self.last = request.seq
            self.frames += request.frames
            self.done = request.done
        if self.drops:
            self.drops -= 1
            return DROP
        return message("JobIoWriteResponse", stored=sum(len(f.data) for f in self.frames if f.stream <= STDERR))

    def read_input(self, request):
        return self.input

    def read(self, request):
        return [message("JobIoReadResponse", frames=self.remote)]

    def raise_(self, request):
        self.raised.append(request)
        return message("JobManagerRaiseResponse")

    def exchange(self, request):
        self.exchanged = request
        part = message("CollectivePart", rank=0, data=request.data)
        other = message("CollectivePart", rank=1, data=b"card2\0card of 2\0card3\0card of 3\0")
        return message("CollectiveExchangeResponse", parts=[part, other])

    def text(self, stream, rank=None):
        return b"".join(f.data for f in self.frames if f.stream == stream and rank in (None, f.rank)).decode()


class LinkedJob(Job):
    def popen(self, command, ntasks=1, **kw):
        document = self.document(command, ntasks, local_uri=f"local://{self.tmp}/sock", **kw)
        return subprocess.Popen([SHELL, f"--start={document}"], env=clean_env(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.fixture
def service(tmp_path):
    s = Service(tmp_path / "sock")
    yield s
    s.broker.close()


@pytest.fixture
def job(tmp_path):
    return LinkedJob(tmp_path)


def test_a_silent_job_says_nothing(job, service):
    assert job.run(["true"]).rc == 0
    assert job.run(["false"]).rc == 1
    assert service.broker.seen == []


def test_output_is_delivered_before_the_shell_ends(job, service):
    p = job.run(sh("echo out$FLUX_TASK_RANK; echo err$FLUX_TASK_RANK >&2"), 2)
    assert (p.rc, p.out, p.err) == (0, "", "")
    assert [service.text(STDOUT, r) for r in (0, 1)] == ["out0\n", "out1\n"]
    assert [service.text(STDERR, r) for r in (0, 1)] == ["err0\n", "err1\n"]
    assert service.done


def test_large_output_arrives_whole_and_in_few_messages(job, service):
    assert job.run(sh("seq 1 2000000"), timeout=60).rc == 0
    assert service.text(STDOUT) == "".join(f"{i}\n" for i in range(1, 2000001))
    assert service.writes < 600


def test_nothing_is_lost_or_doubled_when_the_connection_is(job, service):
    service.drops = 5
    assert job.run(sh("for i in $(seq 1 1000); do echo $i; done"), timeout=60).rc == 0
    assert service.text(STDOUT) == "".join(f"{i}\n" for i in range(1, 1001))
    assert service.done and service.drops == 0


@pytest.mark.parametrize("when", [2, 3, 5])
def test_what_a_restarted_service_has_lost_is_sent_again(job, service, when):
    service.forget_at = when
    assert job.run(sh("for i in 1 2 3 4 5 6; do echo $i; sleep 0.02; done"), timeout=60).rc == 0
    assert service.text(STDOUT) == "1\n2\n3\n4\n5\n6\n" and service.done


def test_what_is_not_kept_any_more_is_told(job, service):
    service.forget_bytes = 12 << 20
    assert job.run(sh("seq 1 3000000"), timeout=60).rc == 0
    (log,) = [f.data.decode() for f in service.frames if f.stream == LOG]
    lost = int(re.search(r"the instance was restarted: (\d+) bytes of earlier output are lost", log)[1])
    everything = "".join(f"{i}\n" for i in range(1, 3000001))
    assert lost and service.text(STDOUT) == everything[lost:] and service.done


def test_output_waits_for_a_service_that_is_not_there_yet(job, service):
    write, left = service.broker.handlers["JobIo/Write"], [38, 113, 11, 38]
    service.broker.handlers["JobIo/Write"] = lambda request: left.pop() if left else write(request)
    assert job.run(["echo", "hello"]).rc == 0
    assert service.text(STDOUT) == "hello\n" and not left


def test_output_waits_for_a_broker_that_is_away(job, service):
    service.broker.close()
    p = job.popen(sh("echo hello"))
    with pytest.raises(subprocess.TimeoutExpired):
        p.wait(0.3)
    service.broker.open()
    p.communicate(timeout=30 * PATIENCE)
    assert p.returncode == 0 and service.text(STDOUT) == "hello\n"


@pytest.mark.parametrize("before", [0, 1], ids=["at first", "after a loss"])
def test_output_waits_for_the_broker_after_one_that_ends(job, service, before):
    """A broker that ends refuses guests, by its hello."""
    write, refusals = service.write, [108, 11, 108]

    def lose(request):
        service.broker.handlers["JobIo/Write"] = write
        service.broker.refusals = refusals
        return DROP
    if before:
        service.broker.handlers["JobIo/Write"] = lose
    else:
        service.broker.refusals = refusals
    p = job.run(sh("echo hello; exit 3"))
    assert (p.rc, p.err, service.raised) == (3, "", []) and not refusals
    assert service.text(STDOUT) == "hello\n" and service.done


def test_output_that_is_refused_is_an_exception_of_the_job(job, service):
    service.broker.handlers["JobIo/Write"] = lambda request: 27
    p = job.run(sh("echo first; sleep 0.1; echo second"))
    (raised,) = service.raised
    assert p.rc == 0 and (raised.type, raised.severity) == ("output", 1)
    assert re.fullmatch("output of .* is lost: refused", raised.note)


def test_output_stops_at_the_limit_with_a_notice(job, service):
    job.run(sh("seq 1 100000"), options={"output": {"limit": "10k"}})
    assert len(service.text(STDOUT)) == 10240
    logs = [f for f in service.frames if f.stream == LOG]
    assert len(logs) == 1 and logs[0].component == "output" and "stdout will be truncated" in logs[0].data.decode()


def test_input_is_fed_to_the_tasks(job, service):
    service.input = [message("JobIoReadInputResponse", data=b"one\n"),
                     message("JobIoReadInputResponse", tasks="1", data=b"two\n"),
                     message("JobIoReadInputResponse", eof=True)]
    assert job.run(["cat"], 2, stdin_service=True).rc == 0
    assert [service.text(STDOUT, r) for r in (0, 1)] == ["one\n", "one\ntwo\n"]


def test_input_to_a_task_that_does_not_read_is_dropped(job, service):
    service.input = [message("JobIoReadInputResponse", data=b"x" * 65536) for _ in range(10)]
    assert job.run(["true"], stdin_service=True).rc == 0


def test_a_failed_start_raises_an_exception(job, service):
    p = job.run(["/no/such/command"])
    assert p.rc == 127 and len(service.raised) == 1
    assert service.raised[0].type == "exec" and service.raised[0].severity == 0
    assert "start failed: /no/such/command: No such file or directory" in service.raised[0].note


def test_warnings_travel_as_log_frames(job, service):
    job.run(["true"], options={"rlimit": {"nofile": 1 << 40}})
    (log,) = [f for f in service.frames if f.stream == LOG]
    assert (log.level, log.component) == (4, "rlimit")
    assert log.data == b"nofile exceeds current max, raising value to hard limit"


def test_a_redirected_stream_says_where_to(job, service):
    job.run(["echo", "x"], options={"output": {"stdout": {"type": "file", "path": "out.{{id.dec}}"}}})
    paths = {f.data.decode() for f in service.frames if f.stream == REDIRECT}
    assert len(paths) == 1 and (job.tmp / paths.pop()).read_text() == "x\n" and service.done


def test_the_first_shell_writes_the_file_for_all(job, service):
    service.remote = [message("JobIoFrame", stream=STDOUT, rank=2, component="file", data=b"from 2\n"),
                      message("JobIoFrame", stream=STDOUT, rank=2, component="file", eof=True),
                      message("JobIoFrame", stream=STDOUT, rank=3, data=b"not this\n")]
    p = job.run(["echo", "here"], 4, cores="0-1", nnodes=2, options={"output": {"stdout": {"type": "file", "path": "f"}}})
    assert p.rc == 0 and sorted((job.tmp / "f").read_text().splitlines()) == ["from 2", "here", "here"]


def test_other_shells_send_it_theirs(job, service):
    p = job.run(["echo", "there"], 4, cores="0-1", nnodes=2, broker_rank=1,
                options={"output": {"stdout": {"type": "file", "path": "f"}}})
    frames = [f for f in service.frames if f.component == "file"]
    assert p.rc == 0 and not (job.tmp / "f").exists()
    assert b"".join(f.data for f in frames) == b"there\n" * 2
    assert sorted((f.stream, f.rank) for f in frames if f.eof) == [(1, 2), (1, 3), (2, 2), (2, 3)]


def test_pmi_is_exchanged_between_nodes(job, service):
    p = job.run(["/usr/bin/python3", "-c", PMI + "assert 'rc=0' in ask('cmd=finalize')"], 4, cores="0-1", nnodes=2)
    assert p.rc == 0, p.err
    assert service.exchanged.ranks == "0-1" and b"card0\0card of 0\0" in service.exchanged.data
    assert service.text(STDOUT) == "(vector,(0,2,2))\n" * 2


def test_a_refused_exchange_fails_the_barrier(job, service):
    service.broker.handlers["Collective/Exchange"] = lambda request: 22
    p = job.run(["/usr/bin/python3", "-c", PMI], 4, cores="0-1", nnodes=2)
    assert p.rc == 1 and "exchange" in service.raised[0].note
    assert any("exchange" in f.data.decode() for f in service.frames if f.stream == LOG)


def test_an_exchange_is_tried_again_while_a_broker_is_away(job, service):
    answers = [113, 11, service.exchange]

    def exchange(request):
        answer = answers.pop(0)
        return answer(request) if callable(answer) else answer
    service.broker.handlers["Collective/Exchange"] = exchange
    p = job.run(["/usr/bin/python3", "-c", PMI + "assert 'rc=0' in ask('cmd=finalize')"], 4, cores="0-1", nnodes=2)
    assert p.rc == 0 and not answers and service.exchanged.persistent, p.err


def test_a_bad_document_raises_too(job, service):
    p = job.run(["true"], 1, resources="{}")
    assert p.rc == 1 and service.raised and service.raised[0].note
