# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs by the thousand: their rate, what they cost in CPU, messages and memory, and what history costs."""
import json
import os
import tempfile
import time

from measure import FLUX, SCRATCH, Instance, absent, limits, median, report, scaled, timed

SIMULATED = "--setattr=exec.test.run_duration=0.001s"


def run_jobs(instance, count, *args):
    """Seconds from submission until the queue is empty."""
    start = time.monotonic()
    instance.timed("submit", "--quiet", f"--cc=1-{count}", *args, "true")
    instance.timed("queue", "idle", "--quiet")
    return time.monotonic() - start


def real():
    """Real jobs: a shell and a task each, two processes at a time at best."""
    jobs = scaled(1000, 100)
    for size in (1, 4):
        with Instance(size) as i:
            run_jobs(i, 20)
            cpu = i.cpu()
            rate = median(3, lambda: jobs / run_jobs(i, jobs))
            report(f"jobs.real.s{size}", rate, "/s", jobs, limits["limit.spawn.2"] / 2)
            report(f"jobs.real.s{size}.cpu", (i.cpu() - cpu) * 1000 / jobs / 3, "ms/job", jobs,
                   limits["limit.spawn.cpu"] * 2)


def simulated():
    """Jobs without processes: what the instance itself costs."""
    jobs = scaled(4000, 400)
    for size in (1, 4):
        with Instance(size) as i:
            run_jobs(i, 20, SIMULATED)
            cpu = i.cpu()
            report(f"jobs.simulated.s{size}", jobs / run_jobs(i, jobs, SIMULATED), "/s", jobs,
                   size * len(os.sched_getaffinity(0)) * 1000)
            report(f"jobs.simulated.s{size}.cpu", (i.cpu() - cpu) * 1000 / jobs, "ms/job", jobs)


def history():
    """Rate, memory and restart of an instance that has run many jobs."""
    for kept in (scaled(2000), scaled(64000)):
        with tempfile.TemporaryDirectory(prefix="flux-bench-", dir=SCRATCH) as statedir:
            aged(kept, statedir)
            restart(kept, statedir)
    with tempfile.TemporaryDirectory(prefix="flux-bench-", dir=SCRATCH) as statedir:
        restart(0, statedir)


def aged(jobs, statedir):
    part = min(4000, jobs // 2)
    with Instance(1, statedir=statedir) as i:
        first = part / run_jobs(i, part, SIMULATED)
        before, done = i.rss(), part
        while jobs - done > part:
            run_jobs(i, part, SIMULATED)
            done += part
        last = (jobs - done) / run_jobs(i, jobs - done, SIMULATED)
        report(f"jobs.after-{jobs}", last, "/s", jobs - done, first)
        report(f"jobs.after-{jobs}.ratio", last / first, "", jobs, 1)
        report(f"jobs.after-{jobs}.memory", (i.rss() - before) / (jobs - part), "KiB/job", jobs - part)


def restart(jobs, statedir):
    """Start and stop on what earlier jobs left."""
    args = [FLUX, "start", f"-Sstatedir={statedir}"]
    report(f"restart.{jobs}", median(3, lambda: timed([*args, "true"])), "s", 3)
    with Instance(1, statedir=statedir) as i:
        known = json.loads(i.output("job", "stats"))["job_states"]["total"]
        report(f"restart.{jobs}.known", known, "jobs")


def messages():
    """Messages that brokers switch for a detached job, and what others than rank 0 hear of it."""
    jobs = scaled(200, 50)
    with Instance(4, "-Stbon.topo=kary:2") as i:
        for nodes, where in ((1, ["--requires=rank:0"]), (4, [])):
            before = [i.stats(rank)["messages"] for rank in range(4)]
            run_jobs(i, jobs, f"-N{nodes}", *where)
            after = [i.stats(rank)["messages"] for rank in range(4)]
            report(f"messages.N{nodes}", (after[0] - before[0]) / jobs, "/job", jobs)
            report(f"messages.N{nodes}.others", sum(a - b for a, b in zip(after[1:], before[1:])) / jobs / 3,
                   "/job", jobs)


SUITES = {"real": real, "simulated": simulated, "history": history, "messages": messages}
