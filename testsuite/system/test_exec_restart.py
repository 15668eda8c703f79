# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs survive the death of their broker: the spawn helper keeps the shells, the next broker finds them."""
import os
import select
import signal
import subprocess
from pathlib import Path

import processes
import pytest
from conftest import FLUX, PATIENCE, clean_env, execute


class Broker:
    """One broker with directories of its own, so that it can be killed and started again."""

    def __init__(self, path):
        self.path = path
        (path / "run").mkdir()
        (path / "state").mkdir()
        self.uri = f"local://{path}/run/local-0"
        self.env = clean_env(TMPDIR=path)
        self.process = None

    def start(self):
        up = self.path / "up"
        up.unlink(missing_ok=True)
        os.mkfifo(up)
        read_end = os.open(up, os.O_RDWR | os.O_CLOEXEC)
        with open(self.path / "log", "ab") as log:
            self.process = subprocess.Popen(
                [FLUX, "broker", f"-Srundir={self.path}/run", f"-Sstatedir={self.path}/state", "sh", "-c",
                 f"echo up >{up}; cat >/dev/null"],
                stdin=subprocess.PIPE, stdout=log, stderr=log, env=self.env, start_new_session=True)
        assert select.select([read_end], [], [], 20 * PATIENCE)[0], (self.path / "log").read_text()
        os.close(read_end)

    def crash(self):
        self.process.kill()  # its initial program goes with standard input
        self.process.stdin.close()
        self.process.wait()

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20 * PATIENCE) == 0, (self.path / "log").read_text()

    def flux(self, *args, timeout=30):
        return execute([FLUX, *args], timeout, env={**self.env, "FLUX_URI": self.uri}, cwd=self.path)

    def run(self, *args):
        r = self.flux(*args)
        assert r.ok, f"{r!r}\n{(self.path / 'log').read_text()}"
        return r.out.strip()

    def shells(self):
        rows = self.run("sproc", "ps", "-n", "-o", "{label} {pid}").splitlines()
        return {label: int(pid) for label, pid in (row.split() for row in rows)}


@pytest.fixture
def broker(tmp_path):
    # a short path: socket names are limited to 107 bytes
    b = Broker(tmp_path)
    if len(b.uri) > 100:
        pytest.skip("the temporary directory has too long a name")
    b.start()
    yield b
    if b.process.poll() is None:
        b.stop()
    assert processes.left_behind(f"TMPDIR={tmp_path}") == []


def wait_gone(pidfd):
    assert not processes.await_ends([pidfd])


def waits_for(path, code):
    return ["sh", "-c", f"until [ -e {path} ]; do sleep 0.02; done; exit {code}"]


def test_a_running_job_goes_on(broker, tmp_path):
    job = broker.run("submit", *waits_for(tmp_path / "go", 7))
    broker.run("job", "wait-event", job, "start")
    shell = broker.shells()[job]
    broker.crash()
    os.kill(shell, 0)
    broker.start()
    assert broker.shells()[job] == shell
    (tmp_path / "go").touch()
    assert broker.flux("job", "status", job).rc == 7


def test_an_end_while_there_was_no_broker_is_known(broker, tmp_path):
    job = broker.run("submit", *waits_for(tmp_path / "go", 6))
    broker.run("job", "wait-event", job, "start")
    gone = os.pidfd_open(broker.shells()[job])
    broker.crash()
    (tmp_path / "go").touch()
    wait_gone(gone)
    broker.start()
    assert broker.flux("job", "status", job).rc == 6


def test_a_job_can_be_canceled_after_the_restart(broker):
    job = broker.run("submit", "sleep", "1000")
    broker.run("job", "wait-event", job, "start")
    broker.crash()
    broker.start()
    broker.run("cancel", job)
    assert broker.flux("job", "status", job).rc != 0
    assert broker.shells() == {}


def test_the_helper_dies_while_there_is_no_broker(broker, tmp_path):
    job = broker.run("submit", "sleep", "1000")
    broker.run("job", "wait-event", job, "start")
    shell = broker.shells()[job]
    helper = int(Path(f"/proc/{shell}/stat").read_text().rsplit(")", 1)[1].split()[1])
    broker.crash()
    gone = os.pidfd_open(shell)
    os.kill(helper, signal.SIGKILL)
    wait_gone(gone)  # nothing runs unsupervised
    broker.start()
    r = broker.flux("job", "status", job)
    assert r.rc != 0
    assert "knows of no shell of job" in broker.run("job", "eventlog", job)
