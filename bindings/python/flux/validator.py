# SPDX-License-Identifier: LGPL-3.0-only
"""Validators: may this job be accepted? See flux.ingest for what a plugin is."""

import json

from flux import ingest
from flux.ingest import Refused

DIRECT = (
    "Direct job submission is disabled for this instance. "
    "Please use the flux-batch(1) or flux-alloc(1) commands."
)


def _positive(least):
    return {"type": "integer", "minimum": least}


# RFC 25 as far as a schema says it.
SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["version", "resources", "tasks"],
    "properties": {
        "version": {"enum": [1]},
        "resources": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#/definitions/vertex"}},
        "tasks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["command", "slot", "count"],
                "properties": {
                    "command": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                    "slot": {"type": "string"},
                    "count": {
                        "type": "object",
                        "properties": {"per_slot": _positive(1), "total": _positive(1)},
                    },
                },
            },
        },
        "attributes": {
            "type": ["object", "null"],
            "properties": {
                "system": {
                    "type": "object",
                    "properties": {
                        "duration": {"type": "number", "minimum": 0},
                        "cwd": {"type": "string"},
                        "environment": {"type": "object"},
                    },
                },
                "user": {"type": "object"},
            },
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
    "definitions": {
        "vertex": {
            "type": "object",
            "required": ["type", "count"],
            "properties": {
                "type": {"enum": ["node", "slot", "core", "gpu"]},
                "count": {"anyOf": [_positive(1), {"type": "string"}, {"type": "object"}]},
                "unit": {"type": "string"},
                "label": {"type": "string"},
                "exclusive": {"type": "boolean"},
                "with": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/vertex"}},
            },
            "additionalProperties": False,
        }
    },
}


class JobspecValidator:
    """Python bindings based jobspec validator"""

    def __init__(self, context):
        self.version = context.args.require_version

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--require-version", metavar="V", default="any", help="jobspec version to accept")

    def __call__(self, job):
        from flux._lib import check, ffi, lib, new_error

        version = job.jobspec.get("version")
        if self.version != "any" and str(version) != self.version:
            raise Refused(f"only jobspec version {self.version} is accepted, not {version}")
        text = json.dumps(job.jobspec).encode()
        err, ret = new_error(), ffi.new("struct flux_jobspec **")
        check(lib.flux_jobspec_decode(text, len(text), ret, err), err, Refused)
        lib.flux_jobspec_free(ret[0])


class FeasibilityValidator:
    """Use sched.feasibility RPC to validate job"""

    def __init__(self, context):
        self.context = context

    def __call__(self, job):
        self.context.handle.sched.feasible(jobspec=json.dumps(job.jobspec))


def _size(vertex, times=1):
    """(nodes, cores) that a resource request asks for at least; words for ranges count as one."""
    count = vertex["count"] if isinstance(vertex["count"], int) else 1
    times *= count
    if vertex["type"] == "core":
        return 0, times
    nodes, cores = (times if vertex["type"] == "node" else 0), 0
    for child in vertex.get("with", []):
        n, c = _size(child, times)
        nodes, cores = nodes + n, cores + c
    return nodes, cores


class RequireInstanceValidator:
    """Require that all jobs are new instances of Flux"""

    def __init__(self, context):
        args = context.args
        self.nodes, self.cores = args.require_instance_minnodes, args.require_instance_mincores
        if self.cores is None:
            self.cores = 16 * self.nodes

    @staticmethod
    def add_arguments(parser):
        for what in ("nodes", "cores"):
            parser.add_argument(
                f"--require-instance-min{what}", metavar="N", type=int, default=0 if what == "nodes" else None,
                help=f"let jobs of fewer {what} pass",
            )  # fmt: skip

    def __call__(self, job):
        command = job.jobspec["tasks"][0]["command"]
        if [c.rsplit("/", 1)[-1] for c in command[:1]] == ["flux"] and command[1:2] in (["broker"], ["start"]):
            return
        nodes, cores = _size(job.jobspec["resources"][0])
        if (self.nodes or self.cores) and nodes < max(self.nodes, 1) and cores < max(self.cores, 1):
            return
        raise Refused(DIRECT)


class SchemaValidator:
    """Validate jobspec using jsonschema"""

    def __init__(self, context):
        import jsonschema

        self.error = jsonschema.ValidationError
        self.validate = jsonschema.Draft4Validator(SCHEMA).validate

    def __call__(self, job):
        try:
            self.validate(job.jobspec)
        except self.error as e:
            where = ".".join(map(str, e.absolute_path))
            raise Refused(f"jobspec: {where + ': ' if where else ''}{e.message}") from None


PLUGINS = {
    "feasibility": FeasibilityValidator,
    "jobspec": JobspecValidator,
    "require-instance": RequireInstanceValidator,
    "schema": SchemaValidator,
}


def main(argv=None):
    return ingest.main("job-validator", PLUGINS, "Validator", "jobspec", lambda job: {}, argv)
