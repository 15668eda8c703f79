# SPDX-License-Identifier: LGPL-3.0-only
"""The key-value store, the scheduler and the spawn helper: through commands, and their engines alone."""
import subprocess
import time

from jobs import SIMULATED, run_jobs
from measure import BUILD, FLUX, Instance, limits, program, report, scaled


def kvs():
    """Puts by one command and by ten clients at a time."""
    keys = [f"bench.{n // 100}.{n}={n}" for n in range(1000)]
    with Instance(1) as i:
        report("kvs.put-1000", 1000 / i.timed("kvs", "put", *keys), "/s", 1000)
        n = scaled(100)
        start = time.monotonic()
        for k in range(n):
            i.timed("kvs", "put", f"seq.{k}={k}")
        report("kvs.put-seq", n / (time.monotonic() - start), "/s", n, limits["limit.spawn.1"])
        n = scaled(50, 10)
        loop = f"k=0; while [ $k -lt {n} ]; do {FLUX} kvs put par.$0.$k=1 || exit 1; k=$((k + 1)); done"
        start = time.monotonic()
        clients = [subprocess.Popen(["sh", "-c", loop, str(c)], env=i.env) for c in range(10)]
        if any([c.wait() for c in clients]):
            raise OSError("a client could not put")
        report("kvs.put-10x50", 10 * n / (time.monotonic() - start), "/s", 10 * n, limits["limit.spawn.2"])


def engine():
    """Commits beside few and many siblings, appends, restart and garbage of the store without messages."""
    found = {}
    for name, value, unit in program(BUILD / "testsuite/bench/kvs_engine", scaled(10000, 1000)):
        found[name] = value
        report(name, value, unit.replace("1/s", "/s"))
    report("kvs.commit-growth", found["kvs.commit-beside-65536"] / found["kvs.commit-beside-16"], "")
    report("kvs.append-growth", found["kvs.append-100000"] / found["kvs.append-10000"], "")


def scheduler():
    """4,096 nodes of 64 cores: grants of the engine, of the service, and jobs through all of an instance."""
    for name in ("bench_sched_pool", "bench_sched_service"):
        for figure in program(BUILD / "testsuite/unit/sched" / name):
            report(*figure)
    jobs = scaled(4000, 400)
    with Instance(1, config="[fake-resources]\nnnodes = 4096\ncores-per-node = 64\n") as i:
        run_jobs(i, 20, SIMULATED)
        report("sched.jobs", jobs / run_jobs(i, jobs, "-n1", SIMULATED), "/s", jobs)


def spawn():
    """The spawn helper beside plain posix_spawn, with 1, 2 and 4 processes in flight."""
    for k in (1, 2, 4):
        for name, value, unit in program(BUILD / "testsuite/bench/bench_spawn", BUILD / "server/spawnd/flux-spawnd",
                                         "1" if scaled(10) == 1 else "2", k):
            report(name, value, unit)


SUITES = {"kvs": kvs, "engine": engine, "scheduler": scheduler, "spawn": spawn}
