# SPDX-License-Identifier: LGPL-3.0-only
"""Running commands of the build under test, each within a bound."""
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FLUX_BUILD", ROOT / "build")).resolve()
SANITIZE = os.environ.get("FLUX_SANITIZE", "")
# Every bound is multiplied by this: bounds end what hangs, they do not measure. A machine may be much slower than another,
# or busy with something else for seconds, and sanitizers cost more.
PATIENCE = float(os.environ.get("FLUX_TEST_PATIENCE", "10" if SANITIZE else "4"))
FLUX = BUILD / "cli" / "flux"


class Result:
    """What a command did: .out, .err, .rc, .ok; .json parses the output."""

    def __init__(self, args, rc, out, err):
        self.args, self.rc, self.out, self.err = args, rc, out, err
        self.ok = rc == 0

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"{' '.join(map(str, self.args))}: exit {self.rc}\n-- out\n{self.out}-- err\n{self.err}"


def clean_env(**more):
    """The tests' environment without what an enclosing instance may have put there."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FLUX_", "PMI_", "PMIX_", "SLURM_"))}
    env.update(PATH=f"{FLUX.parent}:{env['PATH']}", LC_ALL="C.UTF-8", TZ="UTC")
    env.update({k: str(v) for k, v in more.items()})
    return env


def execute(args, timeout=30, stdin=None, env=None, cwd=None):
    """Run to the end, within a bound; a command that hangs is killed with all of its children."""
    with subprocess.Popen(list(map(str, args)), stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=cwd,
                          start_new_session=True) as p:
        try:
            out, err = p.communicate(stdin, timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            pytest.fail(f"{' '.join(map(str, args))}: no end after {timeout * PATIENCE:.0f} s\n{out}\n{err}")
    return Result(args, p.returncode, out, err)
