# SPDX-License-Identifier: LGPL-3.0-only
"""Brokers booted from configuration files, each with a directory of its own, all on this host."""
import os
import signal
import subprocess
import time
from pathlib import Path

from conftest import FLUX, PATIENCE, clean_env, execute
from ports import free_ports


class Configured:
    """Hosts c0, c1, ... of one instance; `parents` maps a rank to its parent's where that is not 0."""

    def __init__(self, path, size=3, parents=None, more=""):
        self.path, self.size, self.brokers = path, size, {}
        self.cert = path / "cert"
        assert execute([FLUX, "keygen", "-n", "test", self.cert], env=clean_env()).ok
        self.ports = free_ports(size)
        self.text = self.bootstrap(parents or {}) + more
        for rank in range(size):
            (path / f"conf{rank}").mkdir()
            self.write(rank, self.text)

    def bootstrap(self, parents):
        entries = "".join(
            f'{{ host = "c{i}", bind = "tcp://lo:{port}", connect = "tcp://127.0.0.1:{port}"'
            + (f', parent = "c{parents[i]}"' if i in parents else "") + " },\n" for i, port in enumerate(self.ports))
        return f'[bootstrap]\ncurve_cert = "{self.cert}"\nhosts = [\n{entries}]\n'

    def write(self, rank, text, name="a.toml"):
        (self.path / f"conf{rank}" / name).write_text(text)

    def start(self, rank, *args, hostname=None, conf=None, program=(FLUX, "broker")):
        """A broker; rank 0 says "up" when it runs, and ends when its standard input does."""
        command = [*program, f"-c{self.path}/conf{rank if conf is None else conf}",
                   f"-Shostname={hostname or f'c{rank}'}", f"-Srundir={self.path}/r{rank}",
                   "-Slog-stderr-mode=local", "-Slog-stderr-level=7", "-Sbroker.quorum=1", *args]
        if rank == 0:
            command += ["sh", "-c", "echo up; cat"]
        with open(self.path / f"log{rank}", "a") as log:
            self.brokers[rank] = subprocess.Popen(list(map(str, command)), env=clean_env(), stdin=subprocess.PIPE,
                                                  stdout=subprocess.PIPE, text=True, stderr=log)
        return self.brokers[rank]

    def start_all(self, *args):
        leader = self.start(0, *args)
        assert leader.stdout.readline() == "up\n", self.log(0)
        for rank in range(1, self.size):
            self.start(rank, *args)
        result = self.flux("overlay", "status", "-w", "full")
        assert result.ok, repr(result) + self.log(0) + self.log(1)

    def log(self, rank):
        return (self.path / f"log{rank}").read_text()

    def await_log(self, rank, text):
        deadline = time.monotonic() + 20 * PATIENCE
        while text not in self.log(rank):
            assert time.monotonic() < deadline, f"no '{text}' in the log of rank {rank}:\n{self.log(rank)}"
            time.sleep(0.01)

    def flux(self, *args, rank=0):
        return execute([FLUX, *args], 30, env=clean_env(FLUX_URI=f"local://{self.path}/r{rank}/local-{rank}"))

    def report(self):
        """For a test that fails."""
        return "".join(f"--- log of {rank}\n{self.log(rank)[-6000:]}" for rank in self.brokers)

    def end(self):
        for p in self.brokers.values():
            p.kill()
            p.wait()
            p.stdin.close()
            p.stdout.close()
        self.end_helpers()

    def end_helpers(self):
        """The spawn helper of a broker that may come back waits for it."""
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"--socket={self.path}/".encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass
