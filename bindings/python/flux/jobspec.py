# SPDX-License-Identifier: LGPL-3.0-only
"""Jobspecs of version 1 (RFC 25): what to run, on what, how long."""

import copy
import json
import numbers
import os


def _positive(name, n, least=1):
    if not isinstance(n, int) or isinstance(n, bool) or n < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {n!r}")


def _duration(value):
    if isinstance(value, str):
        from flux.fsd import parse_fsd

        value = parse_fsd(value)
    elif hasattr(value, "total_seconds"):
        value = value.total_seconds()
    if not isinstance(value, numbers.Real) or value < 0:
        raise ValueError(f"duration must be a number of seconds, not {value!r}")
    return 0.0 if value == float("inf") else float(value)


class JobspecV1:
    """Make one with from_command(); change it through its properties; str() is the JSON text."""

    def __init__(self, resources, tasks, attributes=None, version=1, **_):
        if version != 1:
            raise ValueError(f"jobspec version {version} is not supported here")
        self.jobspec = {
            "resources": resources,
            "tasks": tasks,
            "attributes": attributes or {"system": {"duration": 0}},
            "version": 1,
        }

    @classmethod
    def from_command(
        cls,
        command,
        num_tasks=1,
        cores_per_task=1,
        gpus_per_task=None,
        num_nodes=None,
        exclusive=False,
        duration=None,
        environment=None,
        cwd=None,
        name=None,
        input=None,
        output=None,
        error=None,
        label_io=False,
        unbuffered=False,
        queue=None,
        bank=None,
    ):
        """`command` (list of strings) as `num_tasks` tasks, spread over `num_nodes` nodes if given."""
        if isinstance(command, (str, bytes)) or not command:
            raise ValueError("command must be a list of at least one string")
        _positive("num_tasks", num_tasks)
        _positive("cores_per_task", cores_per_task)
        within = [{"type": "core", "count": cores_per_task}]
        if gpus_per_task:
            _positive("gpus_per_task", gpus_per_task)
            within.append({"type": "gpu", "count": gpus_per_task})
        slot = {"type": "slot", "count": num_tasks, "with": within, "label": "task"}
        count = {"per_slot": 1}
        resources = [slot]
        if num_nodes is not None:
            _positive("num_nodes", num_nodes)
            if num_nodes > num_tasks:
                raise ValueError(f"num_nodes ({num_nodes}) is more than num_tasks ({num_tasks})")
            slot["count"] = -(-num_tasks // num_nodes)
            if num_tasks % num_nodes:
                count = {"total": num_tasks}
            node = {"type": "node", "count": num_nodes, "with": [slot]}
            if exclusive:
                node["exclusive"] = True
            resources = [node]
        elif exclusive:
            raise ValueError("exclusive needs num_nodes")
        tasks = [{"command": list(command), "slot": "task", "count": count}]
        spec = cls(resources, tasks)
        spec.environment = dict(os.environ if environment is None else environment)
        spec.cwd = os.getcwd() if cwd is None else cwd
        spec._set_given(duration, name, input, output, error, label_io, unbuffered, queue, bank)
        return spec

    @classmethod
    def from_batch_command(cls, script, jobname, args=None, num_slots=1, **kwargs):
        """A batch script, given as text, as the initial program of an instance on `num_slots` slots."""
        if not script.startswith("#!"):
            raise ValueError(f"{jobname}: the script does not start with #!")
        command = ["flux", "broker", "{{tmpdir}}/script", *(args or [])]
        spec = cls._instance(command, num_slots, name=jobname, **kwargs)
        spec.add_file("script", script, perms=0o700)
        return spec

    @classmethod
    def from_nest_command(cls, command, num_slots=1, **kwargs):
        """A command as the initial program of an instance of its own."""
        return cls._instance(["flux", "broker", *command], num_slots, **kwargs)

    @classmethod
    def _instance(cls, command, num_slots, num_nodes=None, cores_per_slot=1, gpus_per_slot=None, **kw):
        spec = cls.from_command(
            command, num_slots, cores_per_slot, gpus_per_slot, num_nodes=num_nodes, **kw
        )
        if num_nodes is None:
            spec.jobspec["tasks"][0]["count"] = {"per_slot": 1}
            spec.setattr_shell_option("per-resource.type", "node")
        else:
            spec.jobspec["tasks"][0]["count"] = {"total": num_nodes}
        spec.setattr_shell_option("mpi", "none")
        return spec

    @classmethod
    def from_json(cls, text):
        return cls(**json.loads(text))

    def _set_given(self, duration, name, input, output, error, label_io, unbuffered, queue, bank):
        self.duration = duration if duration is not None else 0
        if name is not None:
            self.setattr("system.job.name", name)
        for stream, path in (("stdin", input), ("stdout", output), ("stderr", error)):
            if path is not None:
                setattr(self, stream, path)
        if label_io:
            self.setattr_shell_option("output.stdout.label", True)
            self.setattr_shell_option("output.stderr.label", True)
        if unbuffered:
            self.setattr_shell_option("output.stdout.buffer.type", "none")
            self.setattr_shell_option("output.stderr.buffer.type", "none")
        if queue is not None:
            self.queue = queue
        if bank is not None:
            self.setattr("system.bank", bank)

    # --- attributes ---

    @staticmethod
    def _full(key):
        return key if key.startswith(("attributes.", "system.", "user.")) else "system." + key

    def setattr(self, key, value):
        """Set an attribute by dotted key; "x" means "system.x". None removes it."""
        parts = self._full(key).removeprefix("attributes.").split(".")
        at = self.jobspec["attributes"]
        for part in parts[:-1]:
            at = at.setdefault(part, {})
        if value is None:
            at.pop(parts[-1], None)
        else:
            at[parts[-1]] = value

    def getattr(self, key):
        """KeyError if it is not set."""
        at = self.jobspec["attributes"]
        for part in self._full(key).removeprefix("attributes.").split("."):
            at = at[part]
        return at

    def _get(self, key, default=None):
        try:
            return self.getattr(key)
        except KeyError:
            return default

    def setattr_shell_option(self, key, value):
        self.setattr("system.shell.options." + key, value)

    def add_file(self, name, data, perms=0o600):
        """A file that appears in the job's directory ({{tmpdir}}); text, or anything JSON can say."""
        files = self._get("system.files", {})
        files[name] = {"mode": 0o100000 | perms, "data": data}
        if isinstance(data, str):
            files[name]["encoding"] = "utf-8"
        self.setattr("system.files", files)

    @property
    def duration(self):
        """Seconds; 0 = no limit. May be set as "1h" or a timedelta too."""
        return self._get("system.duration", 0)

    @duration.setter
    def duration(self, value):
        self.setattr("system.duration", _duration(value))

    @property
    def environment(self):
        return self._get("system.environment", {})

    @environment.setter
    def environment(self, value):
        self.setattr("system.environment", dict(value))

    @property
    def cwd(self):
        return self._get("system.cwd")

    @cwd.setter
    def cwd(self, value):
        self.setattr("system.cwd", os.fspath(value))

    @property
    def queue(self):
        return self._get("system.queue")

    @queue.setter
    def queue(self, value):
        self.setattr("system.queue", value)

    def _redirect(self, stream, path):
        which = "input" if stream == "stdin" else "output"
        self.setattr_shell_option(f"{which}.{stream}.type", "file")
        self.setattr_shell_option(f"{which}.{stream}.path", os.fspath(path))

    def _path(self, stream):
        which = "input" if stream == "stdin" else "output"
        return self._get(f"system.shell.options.{which}.{stream}.path")

    stdin = property(lambda s: s._path("stdin"), lambda s, p: s._redirect("stdin", p))
    stdout = property(lambda s: s._path("stdout"), lambda s, p: s._redirect("stdout", p))
    stderr = property(lambda s: s._path("stderr"), lambda s, p: s._redirect("stderr", p))

    @property
    def resources(self):
        return self.jobspec["resources"]

    @property
    def tasks(self):
        return self.jobspec["tasks"]

    @property
    def attributes(self):
        return self.jobspec["attributes"]

    @property
    def version(self):
        return 1

    def copy(self):
        return JobspecV1(**copy.deepcopy(self.jobspec))

    def dumps(self, **kwargs):
        kwargs.setdefault("separators", (",", ":"))
        return json.dumps(self.jobspec, **kwargs)

    __str__ = dumps
