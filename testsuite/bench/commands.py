# SPDX-License-Identifier: LGPL-3.0-only
"""What a person at a terminal waits for: commands, starts of instances, launches, output, round trips."""
import re
import statistics
import tempfile
import time

from measure import FLUX, Instance, command_ms, limits, median, options, report, scaled, spawn_ms, timed

LISTINGS = (("jobs", "jobs -a"), ("job-list", "job list -a"), ("resource-list", "resource list"),
            ("resource-status", "resource status"), ("queue-status", "queue status"), ("queue-list", "queue list"),
            ("module-list", "module list"), ("overlay-status", "overlay status"), ("uptime", "uptime"),
            ("getattr", "getattr size"), ("kvs-get", "kvs get bench"))


def latency():
    """One command in an idle instance, from start to exit."""
    n = scaled(20, 5)
    with Instance(1) as i:
        i.timed("kvs", "put", "bench=1")
        report("latency.run", i.ms("run", "true", n=n), "ms", n, spawn_ms(3))
        report("latency.submit", i.ms("submit", "true", n=n), "ms", n, command_ms(writes=1))
        report("latency.kvs-put", i.ms("kvs", "put", "a=1", n=n), "ms", n, command_ms(writes=1))
        for name, command in LISTINGS:
            report(f"latency.{name}", i.ms(*command.split(), n=n), "ms", n, command_ms())


def startup():
    """flux start of a command that does nothing, start to exit."""
    for size in (1, 16) if options["quick"] else (1, 4, 16, 64, 128):
        n = 3 if size <= 16 else 1
        limit = spawn_ms(size + 2) / 1000
        report(f"start.s{size}", median(n, lambda s=size: timed([FLUX, "start", f"-s{s}", "true"])), "s", n, limit)


def launch():
    """A parallel job on 16 nodes of 4 cores; 256 tasks are four on each core."""
    config = '[resource]\nnoverify = true\n[[resource.config]]\nhosts = "node[0-15]"\ncores = "0-3"\n'
    with Instance(16, "--test-hosts=node[0-15]", config=config) as i:
        n = scaled(10, 3)
        for name, args, spawns in (("N1n1", ["-N1", "-n1"], 2), ("N16n16", ["-N16", "-n16"], 32),
                                   ("N16n64", ["-N16", "-n64"], 80),
                                   ("N16n256", ["-N16", "--tasks-per-node=16"], 272)):
            limit = spawns * 1000 / limits["limit.spawn.2"]
            report(f"launch.{name}", i.ms("run", *args, "true", n=n), "ms", n, limit)


def stdio():
    """Lines of 80 bytes from one task to the terminal."""
    lines = scaled(200_000)
    with Instance(1) as i, tempfile.NamedTemporaryFile("w") as f:
        f.writelines(f"{n:079}\n" for n in range(lines))
        f.flush()
        seconds = median(3, lambda: i.timed("run", "-n1", "cat", f.name))
        report("stdio.lines", lines / seconds, "/s", lines, limits["limit.pipe"] * 1e6 / 80)


def ping(instance, rank, n):
    out = instance.output("ping", f"--count={n}", "--interval=0.001", str(rank))
    return statistics.median(float(ms) for ms in re.findall(r"time=([0-9.]+)", out))


def rpc():
    """Round trips on 16 brokers: inside rank 0, to a leaf one hop away, to a leaf at depth 4."""
    n = scaled(200, 50)
    trip = limits["limit.ping"]
    with Instance(16) as i:
        report("rpc.local", ping(i, 0, n), "ms", n, trip)
        report("rpc.flat", ping(i, 15, n), "ms", n, 2 * trip)
    with Instance(16, "-Stbon.topo=kary:2") as i:
        report("rpc.depth4", ping(i, 15, n), "ms", n, 5 * trip)


def idle():
    """What 16 brokers hold and use when nothing happens."""
    seconds = scaled(10, 3)
    with Instance(16) as i:
        i.timed("run", "true")
        before = i.cpu()
        time.sleep(seconds)
        report("idle.s16.cpu", (i.cpu() - before) / seconds * 100, "%", seconds)
        report("idle.s16.pss", i.pss() / 1024, "MiB", len(i.pids()))


def command():
    """flux exec: how soon a command has run on all ranks, how fast its output comes."""
    for size in (1, 16):
        with Instance(size) as i:
            report(f"exec.s{size}", i.ms("exec", "-n", "true", n=scaled(20, 5)), "ms", scaled(20, 5),
                   spawn_ms(size + 1))
            seconds = i.timed("exec", "-n", "head", "-c", "64M", "/dev/zero")
            report(f"exec.s{size}.output", 64 * size / seconds, "MiB/s", 1, limits["limit.pipe"])


SUITES = {"latency": latency, "startup": startup, "launch": launch, "stdio": stdio, "rpc": rpc, "idle": idle,
          "command": command}
