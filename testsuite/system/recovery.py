# SPDX-License-Identifier: LGPL-3.0-only
"""An instance booted from a configuration file on this host, whose brokers are killed and come back.

`Cluster(path, parents=[None, 0, 0, 2])`: brokers with run directories and ports of their own, joined
over loopback TCP. A thread plays systemd: a broker that ends is started again, unless it is held
down. Its spawn helper and what that runs live on, as they do on real nodes.
"""
import json
import os
import signal
import subprocess
import threading
import time

import processes
import pytest
from conftest import FLUX, PATIENCE, clean_env, execute
from ports import free_ports


class Cluster:
    def __init__(self, path, parents=(None, 0, 0, 0), config="", lost_timeout="60s"):
        self.path, self.size = path, len(parents)
        self.brokers, self.down, self.closing = {}, set(), False
        self.lock = threading.Lock()
        cert = path / "cert"
        assert execute([FLUX, "keygen", "-n", "test", cert]).ok
        entries = "".join(
            f'{{ host = "c{i}", bind = "tcp://127.0.0.1:{port}", connect = "tcp://127.0.0.1:{port}"'
            + (f', parent = "c{parents[i]}"' if parents[i] is not None else "") + " },\n"
            for i, port in enumerate(free_ports(self.size)))
        (path / "conf").mkdir()
        (path / "state").mkdir()
        (path / "conf" / "system.toml").write_text(f"""
[bootstrap]
curve_cert = "{cert}"
hosts = [
{entries}]
[exec]
lost-timeout = "{lost_timeout}"
kill-timeout = "0.5s"
[resource]
noverify = true
[[resource.config]]
hosts = "c[0-{self.size - 1}]"
cores = "0-3"
{config}""")
        self.env = clean_env(FLUX_URI=f"local://{path}/r0/local-0", TMPDIR=path)
        for rank in range(self.size):
            self.up(rank)
        self.wait_online()

    def log(self, rank):
        return (self.path / f"log{rank}").read_text(errors="replace")

    def _start(self, rank):
        command = [FLUX, "broker", f"-c{self.path}/conf", f"-Shostname=c{rank}", f"-Srundir={self.path}/r{rank}",
                   f"-Sstatedir={self.path}/state" if rank == 0 else "-Sx.y=z",
                   "-Sbroker.rc2_none=1", "-Sbroker.quorum=1", "-Slog-stderr-mode=local", "-Slog-stderr-level=7"]
        with open(self.path / f"log{rank}", "a") as log:
            self.brokers[rank] = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                                  stderr=log, start_new_session=True)

    def _watch(self, rank):
        """What systemd does: start it, and again whenever it ends."""
        while True:
            with self.lock:
                if self.closing or rank in self.down:
                    return
                self._start(rank)
            self.brokers[rank].wait()

    def up(self, rank):
        with self.lock:
            self.down.discard(rank)
        thread = threading.Thread(target=self._watch, args=(rank,), daemon=True)
        thread.start()

    def hold(self, *ranks, sig=signal.SIGKILL):
        """Kill these, and do not start them until up()."""
        with self.lock:
            self.down.update(ranks)
        for rank in ranks:
            self.brokers[rank].send_signal(sig)
        for rank in ranks:
            self.brokers[rank].wait(20 * PATIENCE)

    def kill(self, *ranks, sig=signal.SIGKILL):
        """Kill these; they start again at once."""
        for rank in ranks:
            self.brokers[rank].send_signal(sig)

    def helper(self, rank):
        """Pid of the spawn helper of a rank."""
        mark = f"--socket={self.path}/r{rank}/spawnd-{rank}.sock".encode()
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and mark in open(f"/proc/{name}/cmdline", "rb").read().split(b"\0"):
                    return int(name)
            except OSError:
                pass
        return None

    def reboot(self, rank):
        """As a host that was powered off and on: nothing of before is left."""
        self.hold(rank)
        helper = self.helper(rank)
        if helper:
            fd = os.pidfd_open(helper)
            children = [int(c) for c in open(f"/proc/{helper}/task/{helper}/children").read().split()]
            os.kill(helper, signal.SIGKILL)
            for child in children:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            os.close(fd)
        self.up(rank)

    def flux(self, *args, timeout=60, **kwargs):
        return execute([FLUX, *args], timeout, env=self.env, cwd=self.path, **kwargs)

    def run(self, *args, **kwargs):
        r = self.flux(*args, **kwargs)
        assert r.ok, f"{r!r}\n" + "".join(f"--- log of {i}\n{self.log(i)[-6000:]}" for i in range(self.size))
        return r.out.strip()

    def until(self, condition, what, timeout=30):
        deadline = time.monotonic() + timeout * PATIENCE
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not in time: {what}\n" + "".join(
                f"--- log of {i}\n{self.log(i)[-6000:]}" for i in range(self.size))
            time.sleep(0.02)
        return value

    def wait_online(self, n=None):
        self.until(lambda: self.flux("uptime").ok and f"size {self.size}" in self.flux("uptime").out
                   and "offline" not in self.flux("uptime").out, "all are online", 60)

    def wait_event(self, job, name, **kwargs):
        return self.run("job", "wait-event", "-t", str(40 * PATIENCE), job, name, **kwargs)

    def events(self, job, path="eventlog"):
        text = self.run("job", "eventlog", "-f", "json", *(["-p", path] if path != "eventlog" else []), job)
        return [json.loads(line) for line in text.splitlines()]

    def names(self, job, path="eventlog"):
        return [e["name"] for e in self.events(job, path)]

    def exec_names(self, job):
        return self.names(job, "guest.exec.eventlog")

    def await_exec(self, job, name, count=1):
        return self.until(lambda: self.exec_names(job).count(name) >= count, f"{count} x {name} of {job}")

    def status(self, job):
        """Exit code of the job, once it has ended."""
        return self.flux("job", "status", job).rc

    def report(self):
        """For a test that fails."""
        return "".join(f"--- log of {rank}\n{self.log(rank)[-6000:]}" for rank in self.brokers)

    def close(self):
        self.closing = True
        for broker in self.brokers.values():
            if broker.poll() is None:
                broker.kill()
                broker.wait()
        processes.end(f"TMPDIR={self.path}")


@pytest.fixture
def cluster(tmp_path):
    """start(...): a Cluster in a directory of the test, ended after it."""
    if len(str(tmp_path)) > 80:
        pytest.skip("the temporary directory has too long a name")
    made = []

    def start(*args, **kwargs):
        made.append(Cluster(tmp_path, *args, **kwargs))
        return made[0]
    start.report = lambda: "".join(c.report() for c in made)
    yield start
    for c in made:
        c.close()
