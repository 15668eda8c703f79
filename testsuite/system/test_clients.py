# SPDX-License-Identifier: LGPL-3.0-only
"""Clients that misbehave: garbage, floods, silence, sudden death. The broker serves the others."""
import os
import random
import resource
import signal
import socket
import struct
import subprocess

import pytest

from conftest import FLUX, PATIENCE
from test_job_submission import interrupt_twice


def connect(instance):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20 * PATIENCE)
    s.connect(instance.uri.removeprefix("local://"))
    return s


def broker_pid(instance):
    return int(instance.run("getattr", "broker.pid"))


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def alive(instance):
    assert instance.run("getattr", "rank") == "0"
    assert instance.run("run", "echo", "alive") == "alive"


def test_garbage_ends_that_connection_alone(instance):
    rng = random.Random(1)
    for size in (1, 4, 5, 64, 4096):
        s = connect(instance)
        s.sendall(struct.pack(">I", size) + rng.randbytes(size))
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    alive(instance)


def test_truncated_and_abandoned_frames_do_no_harm(instance):
    for data in (b"", b"\0", b"\0\0\1", b"\0\0\1\0", b"\0\0\1\0abc"):
        s = connect(instance)
        s.sendall(data)
        s.close()
    alive(instance)


def test_an_oversized_frame_is_refused_and_the_connection_lives_on(instance):
    s = connect(instance)
    size = (16 << 20) + 1
    s.sendall(struct.pack(">I", size))
    block = b"\0" * 65536
    sent = 0
    while sent < size:
        sent += s.send(block[:min(len(block), size - sent)])
    before = rss_kib(broker_pid(instance))
    assert before < 200 << 10
    # still there: an empty frame is malformed, which ends it
    s.sendall(struct.pack(">I", 0))
    while s.recv(65536):
        pass
    alive(instance)


def test_a_slow_client_is_patiently_read(instance):
    s = connect(instance)
    s.recv(65536)
    for byte in struct.pack(">I", 3) + b"abc":
        s.sendall(bytes([byte]))
        alive_fd = s.fileno()
    assert alive_fd >= 0
    alive(instance)


def test_a_thousand_idle_clients(instance):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    clients = [connect(instance) for _ in range(1000)]
    for c in clients:
        assert c.recv(65536)
    alive(instance)
    for c in clients:
        c.close()


@pytest.mark.plain  # sanitizers keep freed memory
def test_a_client_that_never_reads_holds_nobody_up(instance):
    p = subprocess.Popen([FLUX, "run", "sh", "-c", "yes | head -c 30000000"],
                         stdout=subprocess.PIPE, env=instance.env)
    p.stdout.read(1)
    os.kill(p.pid, signal.SIGSTOP)
    alive(instance)
    before = rss_kib(broker_pid(instance))
    alive(instance)
    assert rss_kib(broker_pid(instance)) - before < 100 << 10
    os.kill(p.pid, signal.SIGKILL)
    p.stdout.close()
    p.wait()
    alive(instance)


def test_unknown_services_and_methods_are_named(instance):
    r = instance.flux("call", "nothing.Get")
    assert not r.ok and "nothing" in r.err
    r = instance.flux("call", "kvs.Nothing")
    assert not r.ok and "Nothing" in r.err


@pytest.mark.parametrize("spec, field", [
    ('{"version": 1}', "resources"),
    ('{"version": 1, "resources": [{"type": "slot", "count": 0, "label": "task", "with": [{"type": "core", "count": 1}]}],'
     ' "tasks": [{"command": ["true"], "slot": "task", "count": {"per_slot": 1}}], "attributes": {"system": {"duration": 0}}}',
     "count"),
    ("{", "jobspec"),
])
def test_a_bad_jobspec_is_refused_by_field(instance, spec, field):
    r = instance.flux("job", "submit", stdin=spec)
    assert not r.ok and field in r.err, repr(r)


def test_a_job_that_can_never_run_fails_with_the_reason(instance):
    r = instance.flux("run", "-n100000", "true")
    assert not r.ok
    assert "unsatisfiable" in r.err or "never" in r.err or "exceed" in r.err or "only" in r.err, repr(r)


def test_sigint_twice_cancels_an_attached_job(instance):
    p = subprocess.Popen([FLUX, "run", "sh", "-c", "echo up; sleep 1000"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=instance.env, text=True)
    assert p.stdout.readline() == "up\n"
    said = interrupt_twice(p)
    assert "ctrl-C" in said and "cancel" in said, said
    assert p.returncode != 0
    assert instance.flux("queue", "drain", timeout=20).ok
