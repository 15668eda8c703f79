# SPDX-License-Identifier: LGPL-3.0-only
"""What must be true of the eventlogs of all jobs of an instance, whatever has happened to its brokers.

`violations(jobs)` takes {id: Job} and gives sentences; none is good. A job's eventlog is that of RFC 21, its R that
of RFC 20.
"""
import json
from dataclasses import dataclass, field

# Events of the state machine, and those that must have come before (RFC 21). Others may come anywhere before clean.
NEEDS = {
    "submit": [],
    "validate": ["submit"],
    "depend": ["submit"],
    "priority": ["depend"],
    "alloc": ["priority"],
    "start": ["alloc"],
    "finish": ["start"],
    "release": ["alloc"],
    "free": ["alloc"],
    "clean": ["submit"],
}
ONCE = {"submit", "validate", "depend", "alloc", "start", "finish", "free", "clean"}


@dataclass
class Job:
    id: str
    events: list
    R: dict = None
    ranks: dict = field(default_factory=dict)  # rank: set of cores

    def __post_init__(self):
        if self.R:
            for part in self.R["execution"]["R_lite"]:
                for rank in expand(part["rank"]):
                    self.ranks[rank] = expand(part["children"]["core"])

    def time(self, name):
        """When an event happened, or None."""
        return next((e["timestamp"] for e in self.events if e["name"] == name), None)

    def contexts(self, name):
        return [e.get("context", {}) for e in self.events if e["name"] == name]

    @property
    def status(self):
        """The wait status of the finish event; None: it never ran to an end."""
        return next((c["status"] for c in self.contexts("finish")), None)

    @property
    def fatal(self):
        """Types of the exceptions that ended it."""
        return [c["type"] for c in self.contexts("exception") if c["severity"] == 0]


def expand(idset):
    found = set()
    for part in str(idset).strip("[]").split(","):
        if part:
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def collect(cluster, ids):
    """The jobs of these ids, as the instance has them."""
    script = ('for id; do echo "{\\"id\\": \\"$id\\", \\"events\\": ["; '
              'flux job eventlog --format=json $id 2>/dev/null | sed "2,\\$s/^/,/"; '
              'echo "], \\"R\\": "; flux job info $id R 2>/dev/null || echo null; echo "}"; echo; done')
    out = cluster.leader.run(["sh", "-c", script, "collect", *ids], user="flux", timeout=120).out
    return {data["id"]: Job(data["id"], data["events"], data["R"])
            for data in map(json.loads, filter(str.strip, out.split("\n\n")))}


def order_of(job):
    """Legal by RFC 21: what is needed came before, nothing twice, nothing after clean, time does not go back."""
    names = [e["name"] for e in job.events]
    if names[:1] != ["submit"]:
        yield f"{job.id}: begins with {names[:1]}"
    for i, name in enumerate(names):
        for need in NEEDS.get(name, []):
            if need not in names[:i]:
                yield f"{job.id}: {name} without {need}"
        if name in ONCE and name in names[:i]:
            yield f"{job.id}: {name} twice"
        if "clean" in names[:i]:
            yield f"{job.id}: {name} after clean"
    if "alloc" in names and "free" not in names and "clean" in names:
        yield f"{job.id}: its resources were not freed"
    if "start" in names and "finish" not in names and "clean" in names:
        yield f"{job.id}: started, not finished"
    times = [e["timestamp"] for e in job.events]
    if times != sorted(times):
        yield f"{job.id}: time goes back in {list(zip(names, times))}"


def overlaps(jobs):
    """No core is given to two jobs at a time."""
    held = {}
    for job in jobs.values():
        begin, end = job.time("alloc"), job.time("free")
        if begin is None:
            continue
        for rank, cores in job.ranks.items():
            for core in cores:
                held.setdefault((rank, core), []).append((begin, end or float("inf"), job.id))
    for (rank, core), spans in held.items():
        spans.sort()
        for (_, end, first), (begin, _, second) in zip(spans, spans[1:]):
            if begin < end:
                yield f"core {core} of rank {rank}: {second} got it {end - begin:.3f} s before {first} gave it back"


def violations(jobs):
    found = [text for job in jobs.values() for text in order_of(job)]
    found += [f"{job.id}: not at its end" for job in jobs.values() if job.time("clean") is None]
    return found + list(overlaps(jobs))
