# SPDX-License-Identifier: LGPL-3.0-only
"""How figures are taken and told: one JSON line each, beside what the machine could do at best.

A line has name, value, unit, n (how often, or of how many), limit (the machine's own, in the same unit; null
where there is none) and load (the load average when it was taken: figures of a busy machine show themselves).
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLUX = str(Path(os.environ.get("FLUX", "flux")).resolve()) if "/" in os.environ.get("FLUX", "") else "flux"
BUILD = Path(FLUX).parent.parent
BOUND = 900  # seconds any one suite may take
SCRATCH = "/var/tmp"
NULL = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

limits = {}  # name: value, as programs `limits` measured it in this run
options = {"quick": False}


def scaled(n, least=1):
    """How often to do something; a quick run does a tenth."""
    return max(least, n // 10) if options["quick"] else n


def report(name, value, unit, n=1, limit=None):
    print(json.dumps({"name": name, "value": float(f"{value:.4g}"), "unit": unit, "n": n,
                      "limit": limit and float(f"{limit:.4g}"), "load": round(os.getloadavg()[0], 2)}), flush=True)


def absent(name, why):
    """A figure that cannot be taken here."""
    print(json.dumps({"name": name, "value": None, "note": why}), flush=True)


def measure_limits():
    """The machine at its best, also as figures of their own."""
    out = subprocess.run([BUILD / "testsuite/bench/limits"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in out.splitlines():
        name, value, unit = line.split()
        limits[name] = float(value)
        report(name, float(value), unit)


def spawn_ms(n):
    """What n processes one after the other take at best."""
    return n * 1000 / limits["limit.spawn.1"]


def command_ms(writes=0):
    """A command at best: a process, a round trip, and durable writes."""
    return spawn_ms(1) + limits["limit.ping"] + writes * limits["limit.fdatasync"]


def timed(args, env=None):
    """Seconds from start to exit of a command that must succeed; as lean as this language can."""
    quiet = [(os.POSIX_SPAWN_DUP2, NULL, 0), (os.POSIX_SPAWN_DUP2, NULL, 1)]
    start = time.monotonic()
    pid = os.posix_spawnp(args[0], [str(a) for a in args], env or os.environ, file_actions=quiet)
    status = os.waitpid(pid, 0)[1]
    seconds = time.monotonic() - start
    if status:
        raise OSError(f"{' '.join(map(str, args))}: exit status {os.waitstatus_to_exitcode(status)}")
    return seconds


def median(n, measure):
    return statistics.median(measure() for _ in range(n))


class Bound:
    """Ends what takes longer than BOUND seconds with a TimeoutError."""

    def __enter__(self):
        def expire(*_):
            raise TimeoutError(f"no end after {BOUND} s")
        signal.signal(signal.SIGALRM, expire)
        signal.alarm(BOUND)

    def __exit__(self, *exc):
        signal.alarm(0)


class Instance:
    """A running instance of `size` brokers, until the with block ends."""

    def __init__(self, size, *args, config=None, statedir=None):
        self.args = [f"-s{size}", *args]
        self.config, self.statedir = config, statedir

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="flux-bench-", dir=SCRATCH)
        if self.config:
            path = Path(self.dir.name, "bench.toml")
            path.write_text(self.config)
            self.args.append(f"--config-path={path}")
        if self.statedir:
            self.args.append(f"-Sstatedir={self.statedir}")
        fifo = Path(self.dir.name, "uri")
        os.mkfifo(fifo)
        self.env = {**os.environ, "TMPDIR": self.dir.name}
        self.process = subprocess.Popen([FLUX, "start", *self.args, "sh", "-c", f"echo $FLUX_URI >{fifo}; cat"],
                                        stdin=subprocess.PIPE, env=self.env)
        self.env["FLUX_URI"] = fifo.read_text().strip()
        self.leader = int(self.output("getattr", "broker.pid"))
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self.dir.cleanup()

    def timed(self, *args):
        return timed([FLUX, *args], self.env)

    def ms(self, *args, n=20):
        """Median over n runs of a command, after one to warm up."""
        self.timed(*args)
        return median(n, lambda: self.timed(*args)) * 1000

    def output(self, *args):
        return subprocess.run([FLUX, *args], env=self.env, check=True, stdout=subprocess.PIPE, text=True,
                              timeout=BOUND).stdout.strip()

    def stats(self, rank=0):
        return json.loads(self.output("call", f"--rank={rank}", "broker.Stats"))

    def pids(self):
        """Processes of the instance: brokers, helpers, flux start; not what it runs."""
        mark, found = f"TMPDIR={self.dir.name}".encode(), []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass
        return [pid for pid in found if name_of(pid).startswith("flux")]

    def cpu(self):
        """Seconds of CPU that the instance and all it waited for have used."""
        return sum(cpu_of(pid) for pid in self.pids())

    def pss(self):
        """KiB of memory, what is shared counted once."""
        return sum(memory(pid, "smaps_rollup", "Pss:") for pid in self.pids())

    def rss(self):
        """KiB that rank 0 has resident."""
        return memory(self.leader, "status", "VmRSS:")


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory(pid, file, field):
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


def program(*args):
    """The figures ("name value unit") that a benchmark written in C prints."""
    out = subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, text=True, timeout=BOUND).stdout
    for line in out.splitlines():
        name, value, unit = line.split()
        yield name, float(value), unit


def complain(suite, why):
    print(f"bench: {suite}: {why}", file=sys.stderr, flush=True)
