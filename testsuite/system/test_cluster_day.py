# SPDX-License-Identifier: LGPL-3.0-only
"""A day in the life of a cluster: two users run jobs while nodes are drained, cut off and switched off, and the leader
is killed again and again. No job that was acknowledged is lost or run twice, and no core has two masters; who ended has
its exit status and all of its output, and nobody runs on when its resources are another's.

FLUX_TEST_DAY=long makes it 200 jobs and ten kills of the leader; FLUX_TEST_SEED=N is another day.
"""
import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster import invariants

LONG = os.environ.get("FLUX_TEST_DAY") == "long"
JOBS, KILLS = (200, 10) if LONG else (40, 3)
CONFIG = """
[tbon]
torpid_min = "200ms"
torpid_max = "2s"
[exec]
lost-timeout = "20s"
"""
# What each task leaves behind: when it ran, where, and whether it came to its end. It writes whole lines, so that there
# are no others wherever it is killed. task SECONDS LINES CODE
TASK = """#!/bin/sh
log=$HOME/evidence/$FLUX_JOB_ID.$FLUX_TASK_RANK
echo "start $(hostname) $(date +%s.%N)" >>"$log"
stdbuf -oL seq -f "$FLUX_TASK_RANK %.0f" "$2"
sleep "$1"
echo "$FLUX_TASK_RANK ends"
echo "end $(hostname) $(date +%s.%N)" >>"$log"
exit "$3"
"""
REASON = "noise in the fan"


@dataclass
class Order:
    """What a job was to do."""
    tasks: int
    lines: int
    code: int

    def output(self, task):
        return [f"{task} {i}" for i in range(1, self.lines + 1)] + [f"{task} ends"]


class User(threading.Thread):
    """Submits jobs from a node of its choice; a submission that fails is tried again elsewhere, as people do."""

    def __init__(self, cluster, name, count, dice):
        super().__init__(daemon=True)
        self.cluster, self.name, self.count, self.dice = cluster, name, count, dice
        self.acknowledged, self.refused, self.failure = {}, 0, None  # id: Order
        self.canceled = set()
        self.stopped = threading.Event()

    def run(self):
        try:
            while len(self.acknowledged) < self.count and not self.stopped.is_set():
                self.submit()
                self.stopped.wait(self.dice.uniform(0.05, 0.4))
        except BaseException as e:
            self.failure = e

    def submit(self):
        nodes, seconds = self.dice.choice([1, 1, 1, 2, 3]), self.dice.choice([0.1, 0.5, 1, 2, 4])
        order = Order(nodes, self.dice.choice([0, 1, 10, 100, 20000]), self.dice.choice([0, 0, 0, 3, 77]))
        node = self.dice.choice(self.cluster.nodes)
        if node.pid is None:
            return
        r = node.flux("submit", f"-N{nodes}", f"-n{nodes}", "-t5m", "sh", "-c",
                      f"~/task {seconds} {order.lines} {order.code}", user=self.name, check=False, timeout=60)
        if not r.ok:
            self.refused += 1
            return
        job = r.out.strip()
        self.acknowledged[job] = order
        if self.dice.random() < 0.1:
            self.canceled.add(job)
            node.flux("cancel", job, user=self.name, check=False, timeout=60)


class Day:
    """What goes wrong, in an order that the dice decide."""

    def __init__(self, cluster, dice):
        self.cluster, self.dice = cluster, dice
        self.drained = []  # (rank, from, to), wall clock
        self.noisy = None  # (node that is drained, since)
        self.recoveries = []
        self.powerless = []  # (rank, when)
        self.shutdowns = []  # from, to

    def victim(self):
        return self.dice.choice(self.cluster.nodes[1:])

    def recover(self):
        """What the administrator does after a crash of the leader."""
        self.cluster.wait_online(timeout=60)
        self.cluster.flux("queue enable --all")
        self.cluster.flux("queue start --all")

    def leader_is_killed(self):
        began = time.monotonic()
        self.cluster.leader.kill_broker(signal.SIGKILL)
        self.cluster.wait_until(lambda: self.cluster.flux("uptime", check=False).ok, what="the leader is back")
        self.recover()
        self.recoveries.append(time.monotonic() - began)

    def leader_is_killed_as_it_comes_back(self):
        for _ in range(3):
            self.cluster.leader.kill_broker(signal.SIGKILL)
            self.pass_time(self.dice.uniform(0.9, 1.2))
        self.recover()

    def leader_is_restarted(self):
        self.cluster.leader.restart()
        self.recover()

    def leader_loses_power(self):
        self.powerless.append((0, time.time()))
        self.cluster.leader.power_off()
        self.cluster.leader.boot()
        self.recover()

    def leader_is_cut_off(self):
        self.cluster.leader.cut_network()
        self.pass_time(4)
        self.cluster.leader.restore_network()
        self.recover()

    def instance_is_shut_down(self):
        began = time.time()
        self.cluster.flux("shutdown", timeout=60)
        self.cluster.wait_until(lambda: self.cluster.leader.unit() == "inactive", what="the leader is down")
        self.shutdowns.append((began, time.time()))
        self.cluster.leader.start()
        self.recover()

    def broker_hangs(self):
        node = self.victim()
        node.kill_broker(signal.SIGSTOP)
        self.pass_time(self.dice.choice([1, 3]))
        node.run("systemctl kill --signal=CONT flux")
        self.cluster.wait_online(timeout=60)

    def broker_is_restarted(self):
        self.victim().restart()
        self.cluster.wait_online(timeout=60)

    def broker_is_killed(self):
        self.victim().kill_broker(signal.SIGKILL)
        self.cluster.wait_online(timeout=60)

    def node_is_drained(self):
        """It stays so through what comes next, until another is."""
        self.node_is_mended()
        node = self.victim()
        self.cluster.flux("resource", "drain", node.host, REASON)
        self.noisy = node, time.time()
        self.pass_time(1)

    def node_is_mended(self):
        if not self.noisy:
            return
        node, since = self.noisy
        drains = self.cluster.flux("resource", "drain", "-no", "{nodelist} {reason}").lines
        assert drains == [f"{node.host} {REASON}"], drains
        self.drained.append((node.index, since, time.time()))
        self.cluster.flux("resource", "undrain", node.host)
        self.noisy = None

    def node_is_cut_off(self):
        node = self.victim()
        node.cut_network()
        self.pass_time(self.dice.choice([0.5, 4]))
        node.restore_network()
        self.cluster.wait_online(timeout=60)

    def node_loses_power(self):
        node = self.victim()
        self.powerless.append((node.index, time.time()))
        node.power_off()
        node.boot()
        self.cluster.wait_online(timeout=60)

    def pass_time(self, seconds):
        threading.Event().wait(seconds)


def evidence(cluster, name):
    """What the tasks wrote: {job: {task: [(what, host, time)]}}. One that was killed as it began may have written nothing."""
    found = {}
    for path in Path(cluster.files / "home" / name / "evidence").iterdir():
        job, _, task = path.name.rpartition(".")
        lines = [line.split() for line in path.read_text().splitlines()]
        if lines:
            found.setdefault("ƒ" + job[1:], {})[int(task)] = [(what, host, float(when)) for what, host, when in lines]
    return found


def ran_twice(job, tasks):
    for task, lines in tasks.items():
        if [what for what, _, _ in lines] not in (["start"], ["start", "end"]):
            yield f"{job.id}: task {task} left {lines}"


def misfit(job, order, tasks):
    """Events and evidence tell the same story."""
    if not job.fatal:
        ended = [t for t, lines in tasks.items() if lines[-1][0] == "end"]
        if sorted(ended) != list(range(order.tasks)):
            yield f"{job.id}: no exception, but tasks {sorted(ended)} of {order.tasks} came to their end"
        if job.status != order.code << 8:
            yield f"{job.id}: status {job.status}, not that of exit {order.code}"


def mutilated(job, order, output):
    """Each task's lines in order and once; all of them, if the job came to its end by itself."""
    for task in range(order.tasks):
        wanted, found = order.output(task), [line for line in output if line.startswith(f"{task} ")]
        if found != (wanted if not job.fatal else wanted[:len(found)]):
            good = next((i for i, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]), min(len(found), len(wanted)))
            yield (f"{job.id} {job.fatal}: of the output of task {task} the first {good} lines of {len(wanted)} are right, "
                   f"then {found[good:good + 2]}")


def ran_on(job, tasks):
    """A task that still runs when its cores are free to be given away."""
    free = job.time("free") or float("inf")
    for task, lines in tasks.items():
        if lines[-1][2] > free:
            yield f"{job.id}: task {task} still ran {lines[-1][2] - free:.3f} s after its resources were freed"


def mislisted(job, row):
    """flux jobs tells what the eventlog tells."""
    right = {"CD": job.status == 0, "CA": "cancel" in job.fatal, "F": job.status != 0, "TO": "timeout" in job.fatal}
    if row is None or not right.get(row):
        yield f"{job.id}: listed as {row}, with status {job.status} and exceptions {job.fatal}"


def crowds(found, cores):
    """No host runs more tasks at a time than it has cores."""
    marks = {}
    for tasks in found:
        for lines in tasks.values():
            if len(lines) == 2:
                marks.setdefault(lines[0][1], []).extend([(lines[0][2], 1), (lines[1][2], -1)])
    for host, changes in marks.items():
        running = 0
        for when, change in sorted(changes):
            running += change
            if running > cores:
                yield f"{host}: {running} tasks on {cores} cores at {when}"


def given_while_drained(jobs, day):
    for rank, begin, end in day.drained:
        for job in jobs.values():
            if rank in job.ranks and begin < job.time("alloc") < end:
                yield f"{job.id}: got rank {rank} while that was drained"


def excused(job, day, canceled):
    """Why it may have been ended: canceled by its user, by a shutdown, or a node of it lost its power as it ran."""
    when, begin = job.time("exception"), job.time("alloc")
    if job.id in canceled and job.fatal == ["cancel"]:
        return True
    if any(begin and before <= when <= after for before, after in day.shutdowns):
        return True
    return any(rank in job.ranks and begin - 1 <= off <= when for rank, off in day.powerless)


def test_a_day_in_the_life(cluster_start):
    seed = int(os.environ.get("FLUX_TEST_SEED", "1"))
    print(f"FLUX_TEST_SEED={seed}")
    dice = random.Random(seed)
    own = cluster_start(4, config=CONFIG, parents=dice.choice([{}, {"test4": "test2"}]))
    own.wait_online()
    for name in ("alice", "bob"):
        own.leader.run("mkdir ~/evidence; cat >~/task; chmod +x ~/task", user=name, stdin=TASK)
    users = [User(own, name, JOBS // 2, random.Random(dice.random())) for name in ("alice", "bob")]
    day = Day(own, dice)
    often = [day.broker_is_killed, day.node_is_drained, day.node_is_cut_off, day.node_loses_power]
    seldom = [day.broker_hangs, day.broker_is_restarted, day.leader_is_killed_as_it_comes_back, day.leader_is_restarted,
              day.leader_loses_power, day.leader_is_cut_off, day.instance_is_shut_down]
    troubles = [day.leader_is_killed] * KILLS + often * (KILLS // 3) + (seldom if LONG else dice.sample(seldom, 2))
    dice.shuffle(troubles)
    began = time.monotonic()
    for user in users:
        user.start()
    try:
        for trouble in troubles:
            print(f"{time.monotonic() - began:6.1f} s: {trouble.__name__}")
            trouble()
            day.pass_time(dice.uniform(0.2, 1))
        for user in users:
            user.join(120)
            assert not user.is_alive() and user.failure is None, f"{user.name}: {user.failure}"
        day.node_is_mended()
    finally:
        for user in users:
            user.stopped.set()
    own.wait_until(lambda: own.flux("jobs -A -no {id}").out == "", 120, "no job is active")
    print(f"{time.monotonic() - began:6.1f} s: all is quiet")
    check(own, day, users)


def outputs(cluster, user):
    """What its jobs have written, line by line."""
    script = 'for id; do echo "= $id"; flux job attach $id </dev/null 2>/dev/null; done; true'
    found = {}
    for line in cluster.leader.run(["sh", "-c", script, "outputs", *user.acknowledged], user=user.name, timeout=240).lines:
        if line.startswith("= "):
            lines = found.setdefault(line[2:], [])
        else:
            lines.append(line)
    return found


def listing(cluster):
    """{job: status} as flux jobs has it."""
    return dict(line.split() for line in
                cluster.flux("jobs", "-a", "-A", "--count=0", "-no", "{id.f58} {status_abbrev}").lines)


def check(cluster, day, users):
    canceled = {job for user in users for job in user.canceled}
    acknowledged = {job: order for user in users for job, order in user.acknowledged.items()}
    # a history that a crash has cut short is made complete while the instance runs
    cluster.wait_until(lambda: set(acknowledged) <= set(listing(cluster)), 30, "all acknowledged jobs are listed")
    listed = listing(cluster)
    written = {job: lines for user in users for job, lines in outputs(cluster, user).items()}
    jobs = invariants.collect(cluster, sorted(set(listed) | set(acknowledged)))
    found = {job: tasks for user in users for job, tasks in evidence(cluster, user.name).items()}
    wrong = [f"{job}: lost" for job in acknowledged if job not in listed or not jobs[job].events]
    wrong += invariants.violations(jobs)
    for job in jobs.values():
        wrong += ran_twice(job, found.get(job.id, {}))
        wrong += ran_on(job, found.get(job.id, {}))
        wrong += mislisted(job, listed.get(job.id))
        if job.id in acknowledged:
            wrong += misfit(job, acknowledged[job.id], found.get(job.id, {}))
            wrong += mutilated(job, acknowledged[job.id], written[job.id])
        if job.fatal and not excused(job, day, canceled):
            wrong.append(f"{job.id} on {set(job.ranks)}: ended for no reason of ours: {job.contexts('exception')}")
    wrong += crowds(found.values(), cluster.cores)
    wrong += given_while_drained(jobs, day)
    wrong += [f"{node.host}: {line} is left" for node in cluster
              for line in node.run("pgrep -l -u alice,bob", check=False).lines]
    wrong += [f"allocated: {line}" for line in cluster.flux("resource list -no {nodelist} -s allocated").lines if line]
    ok = sum(job.status == 0 for job in jobs.values())
    print(f"{len(jobs)} jobs, {len(acknowledged)} acknowledged, {ok} succeeded, {len(canceled)} canceled by their users, "
          f"{sum(bool(job.fatal) and job.id not in canceled for job in jobs.values())} ended by a shutdown or with their "
          f"node; submissions refused meanwhile: {[user.refused for user in users]}")
    print("leader back and all online after " + ", ".join(f"{r:.1f}" for r in day.recoveries) + " s")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("events, complaint", [
    ("submit depend priority alloc start finish release free clean", None),
    ("submit depend priority alloc start start finish release free clean", "start twice"),
    ("submit depend priority start finish clean", "start without alloc"),
    ("submit depend priority alloc start finish release free clean alloc", "alloc after clean"),
    ("submit depend priority alloc", "not at its end"),
])
def test_the_checker_sees_what_is_wrong(events, complaint):
    log = [{"name": name, "timestamp": float(i)} for i, name in enumerate(events.split())]
    wrong = invariants.violations({"j": invariants.Job("j", log)})
    assert any(complaint in text for text in wrong) if complaint else wrong == []


def test_the_checker_sees_a_core_with_two_masters():
    R = {"execution": {"R_lite": [{"rank": "0-1", "children": {"core": "0"}}]}}

    def job(name, begin, end):
        return invariants.Job(name, [{"name": n, "timestamp": t} for n, t in (
            ("submit", 0), ("depend", 0), ("priority", 0), ("alloc", begin), ("free", end), ("clean", end))], R)
    assert invariants.violations({"a": job("a", 1, 2), "b": job("b", 2, 3)}) == []
    assert len(invariants.violations({"a": job("a", 1, 2), "b": job("b", 1.5, 3)})) == 2
