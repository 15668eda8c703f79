# SPDX-License-Identifier: LGPL-3.0-only
"""Frobnicators: what a site changes in a jobspec before it is accepted. See flux.ingest."""

from flux import ingest
from flux.ingest import Refused


def queue_of(job):
    """The job's queue, checked against the configured ones; None where there are none."""
    queues = job.context.get("queues", default={})
    name = job.system.get("queue")
    if name is not None and name not in queues:
        raise Refused(f"Invalid queue '{name}' specified")
    if name is None and queues:
        raise Refused("no queue was specified, and there is no default: use -q, --queue")
    return name


def _duration(value):
    if isinstance(value, str):
        from flux.fsd import parse_fsd

        value = parse_fsd(value)
    return value


class DefaultsFrobnicator:
    """Apply the defaults of [policy.jobspec.defaults] and of the job's queue"""

    def __init__(self, context):
        self.context = context

    def _apply(self, job, defaults, skip=()):
        for key, value in defaults.items():
            if key == "duration":
                if not job.system.get("duration"):
                    job.system["duration"] = _duration(value)
            elif key not in skip:
                job.system.setdefault(key, value)

    def __call__(self, job):
        common = self.context.get("policy", "jobspec", "defaults", "system", default={})
        if "queue" in common:
            job.system.setdefault("queue", common["queue"])
        name = queue_of(job)
        if name is not None:
            own = self.context.get("queues", name, "policy", "jobspec", "defaults", "system", default={})
            self._apply(job, own)
        self._apply(job, common, skip=("queue",))


class ConstraintsFrobnicator:
    """Constrain a job to the resources of its queue"""

    def __init__(self, context):
        self.context = context

    def __call__(self, job):
        name = queue_of(job)
        requires = self.context.get("queues", name, "requires", default=[]) if name else []
        if not requires:
            return
        wanted = {"properties": requires}
        have = job.system.get("constraints")
        job.system["constraints"] = {"and": [have, wanted]} if have else wanted


PLUGINS = {"constraints": ConstraintsFrobnicator, "defaults": DefaultsFrobnicator}


def main(argv=None):
    return ingest.main(
        "job-frobnicator", PLUGINS, "Frobnicator", "defaults,constraints",
        lambda job: {"data": job.jobspec}, argv,
    )  # fmt: skip
