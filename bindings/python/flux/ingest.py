# SPDX-License-Identifier: LGPL-3.0-only
"""What `flux job-validator` and `flux job-frobnicator` share: plugins, and the loop that reads a job a
line and writes an answer a line.

A plugin is a class with a docstring, whose first line is its summary, and a method __call__(job). It is
named by its name in PLUGINS, by module ("site.plugins.mine") or by file ("/etc/flux/mine.py"): then the
class is the module's `Validator` or `Frobnicator`."""

import argparse
import importlib
import importlib.util
import json
import os
import sys


class Refused(Exception):
    """The job is not accepted: the text is for its submitter."""

    def __init__(self, text, errnum=22):
        super().__init__(text)
        self.errnum = errnum


class Job:
    """What a plugin is given."""

    def __init__(self, line, jobspec_only, context):
        given = json.loads(line)
        if not isinstance(given, dict):
            raise Refused("not a JSON object")
        self.jobspec = given if jobspec_only else given.get("jobspec")
        self.userid = os.getuid() if jobspec_only else given.get("userid")
        self.urgency = 16 if jobspec_only else given.get("urgency", 16)
        self.flags = 0 if jobspec_only else given.get("flags", 0)
        self.context = context
        if not isinstance(self.jobspec, dict):
            raise Refused("there is no jobspec")

    @property
    def system(self):
        """attributes.system, made if need be."""
        return self.jobspec.setdefault("attributes", {}).setdefault("system", {})


class Context:
    """The instance, opened when first needed."""

    def __init__(self, args):
        self.args = args
        self._handle = self._config = None

    @property
    def handle(self):
        if self._handle is None:
            import flux

            self._handle = flux.Flux()
        return self._handle

    @property
    def config(self):
        if self._config is None:
            self._config = json.loads(self.handle.config.get().json or "{}")
        return self._config

    def get(self, *keys, default=None):
        at = self.config
        for key in keys:
            if not isinstance(at, dict) or key not in at:
                return default
            at = at[key]
        return at


def load(name, plugins, attribute):
    if name in plugins:
        return plugins[name]
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location(os.path.basename(name)[:-3], name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(name)
    return getattr(module, attribute)


def summary(cls):
    return (cls.__doc__ or "").strip().split("\n")[0].rstrip(".")


def show_plugins(plugins):
    print("Available plugins:")
    for name in sorted(plugins):
        print(f"{name:<20}  {summary(plugins[name])}")


def answer(line, jobspec_only, context, active, finish):
    try:
        job = Job(line, jobspec_only, context)
        for plugin in active:
            plugin(job)
    except Refused as e:
        return {"errnum": e.errnum, "errstr": str(e)}
    except OSError as e:
        return {"errnum": e.errno or 5, "errstr": str(e)}
    except Exception as e:  # a plugin's own mistake must not end the worker
        return {"errnum": 22, "errstr": f"{type(e).__name__}: {e}"}
    return {"errnum": 0, **finish(job)}


def main(tool, plugins, attribute, default, finish, argv=None):
    parser = argparse.ArgumentParser(prog=f"flux-{tool}", description=sys.modules["__main__"].__doc__)
    parser.add_argument("--plugins", metavar="LIST", default=default, help="plugins to use, in order")
    parser.add_argument("--list-plugins", action="store_true", help="list plugins and exit")
    parser.add_argument("--jobspec-only", action="store_true", help="each line is a jobspec alone")
    own = {}
    for cls in plugins.values():
        if hasattr(cls, "add_arguments"):
            own[cls] = cls.add_arguments(parser)
    args = parser.parse_args(argv)
    if args.list_plugins:
        show_plugins(plugins)
        return 0
    context = Context(args)
    try:
        names = [n for n in args.plugins.split(",") if n]
        active = [load(n, plugins, attribute)(context) for n in names]
    except (ImportError, OSError, AttributeError, SyntaxError) as e:
        print(f"flux-{tool}: ERROR: cannot load plugins: {e}", file=sys.stderr)
        return 1
    for line in sys.stdin:
        if line.strip():
            out = answer(line, args.jobspec_only, context, active, finish)
            print(json.dumps(out, separators=(",", ":")), flush=True)
    return 0
