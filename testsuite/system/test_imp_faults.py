# SPDX-License-Identifier: LGPL-3.0-only
"""flux-imp when one call fails, each in turn: memory, a file, a change of ids. It may refuse, or work; nothing else."""
import json

import pytest

from conftest import BUILD
from imp_world import CONFIG, LAB, USERS, World, needs_world

pytestmark = needs_world
FAULTS = BUILD / "testsuite/unit/imp/flux-imp-faults"
SAY = "ls /proc/$$/fd; echo $UID $EUID; id -G; env | wc -l; :"


@pytest.fixture(scope="module")
def world():
    w = World()
    w.install(FAULTS, "/usr/libexec/flux/faults", 0o4755)
    w.write("/etc/pam.d/flux", "auth required pam_localuser.so\nsession required pam_limits.so\n")
    w.write("/usr/libexec/flux/say", f"#!/bin/bash\n{SAY}\n", 0o755)
    w.configure(imp=CONFIG + 'pam-support = true\njournal = "/var/lib/flux-imp"\n'
                '[run.say]\nallowed-users = ["flux"]\npath = "/usr/libexec/flux/say"\n')
    yield w
    w.close()


def each_fault(world, args, stdin, good):
    """Every k-th call fails, until there is no k-th call any more. How often it was refused all the same."""
    refused = worked = k = 0
    while worked < 60:  # in a row: nothing is left to fail
        k += 1
        result = world.run("flux", "/usr/libexec/flux/faults", *args, stdin=stdin(k), env={"IMP_FAULT": k})
        assert result.out in ("", good), f"call {k}: {result}"
        assert result.ok or not result.out, f"call {k}: {result}"
        assert result.rc in (0, 1, 126, 127, -31), f"call {k}: {result}"  # -31: the filter's
        if result.out:
            worked += 1
        else:
            refused, worked = refused + 1, 0
            assert result.rc != 0, f"call {k}: {result}"
    return refused


def test_no_job_starts_as_the_wrong_user_or_with_too_much(world):
    def request(k):
        return json.dumps({"J": world.sign("alice", f'{{"k": {k}}}')})
    good = world.imp("exec", "/usr/bin/bash", "-c", SAY, stdin=request(0)).out
    alice = USERS["alice"]
    assert good.splitlines()[:-1] == ["0", "1", "2", "4", f"{alice} {alice}", f"{alice} {LAB}"]
    assert each_fault(world, ["exec", "/usr/bin/bash", "-c", SAY], request, good) > 100


def test_no_program_of_root_starts_with_too_much(world):
    good = world.imp("run", "say").out
    assert good.splitlines()[:-1] == ["0", "1", "2", "255", "0 0", "0"]
    assert each_fault(world, ["run", "say"], lambda k: "", good) > 60
