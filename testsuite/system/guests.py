# SPDX-License-Identifier: LGPL-3.0-only
"""Users who are not the instance owner: commands and clients of theirs, and signed requests.

The users have numbers only, no names, and the IMP that starts their jobs is one of a few lines that verifies
nothing: what is tested with them is everything around it. With real users and the real IMP it is the virtual
cluster's turn."""
import base64
import functools
import importlib.util
import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import BUILD, FLUX, PATIENCE, ROOT

ALICE, BOB = 64101, 64102

IMP = """#!/usr/bin/python3
import base64, json, os, sys
assert sys.argv[1] == "exec", sys.argv
header, payload, _ = json.load(sys.stdin)["J"].split(".")
fields = base64.b64decode(header).split(b"\\0")
uid = int(fields[fields.index(b"userid") + 1][1:])
os.closerange(4, 256)
fd = os.memfd_create("request", 0)
os.write(fd, base64.b64decode(payload))
os.lseek(fd, 0, 0)
if fd != 4:
    os.dup2(fd, 4)
os.set_inheritable(4, True)
null = os.open("/dev/null", os.O_RDWR)
os.dup2(null, 0)
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
os.chdir("/")
env = {"PATH": "/usr/bin:/bin", "HOME": "/", "FLUX_IMP_REQUEST_FD": "4"}
os.execve(sys.argv[2], sys.argv[2:], env)
"""


def can_run():
    """Whether another user can run what was built."""
    return subprocess.run(["test", "-x", str(FLUX)], user=ALICE, group=ALICE, extra_groups=[]).returncode == 0


@contextmanager
def public_dir():
    """A directory that everybody can look into; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="flux-guests-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def make_imp(directory):
    path = directory / "imp"
    path.write_text(IMP)
    path.chmod(0o755)
    return path


def spawn_as(user, instance, *args, **kwargs):
    """A flux command of that user in the background."""
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    env = {**instance.env, "HOME": "/", **kwargs.pop("env", {})}
    return subprocess.Popen([str(FLUX), *map(str, args)], user=user, group=user, extra_groups=[], env=env, cwd="/",
                            text=True, **kwargs)


def flux_as(user, instance, *args, stdin=None, timeout=30, **kwargs):
    """A flux command of that user, to its end."""
    with spawn_as(user, instance, *args, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, **kwargs) as p:
        try:
            out, err = p.communicate(stdin, timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
            pytest.fail(f"flux {' '.join(map(str, args))} as {user}: no end\n{out}\n{err}")
    return subprocess.CompletedProcess(args, p.returncode, out, err)


@functools.cache
def third_party():
    """The module of the Python client, and the contract as it knows it."""
    spec = importlib.util.spec_from_file_location("client", ROOT / "testsuite/system/third_party/client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.Contract(BUILD / "proto/flux/v1/flux.v1.desc")


def client_as(user, uri):
    """A client on a connection of that user (the kernel asks at connect() who it is)."""
    module, contract = third_party()
    os.setegid(user)
    os.seteuid(user)
    try:
        return module.Client(contract, uri.removeprefix("local://"))
    finally:
        os.seteuid(0)
        os.setegid(0)


def sign(user, payload, mechanism="munge", **extra):
    """A J that names the user; its signature is nobody's."""
    header = b"".join(k.encode() + b"\0" + v.encode() + b"\0"
                      for k, v in {"version": "i1", "mechanism": f"s{mechanism}", "userid": f"i{user}", **extra}.items())
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return f"{base64.b64encode(header).decode()}.{base64.b64encode(payload).decode()}.nobody"


def jobspec(instance, *args):
    """What `flux submit` would send."""
    return json.dumps(json.loads(instance.run("submit", "--dry-run", *args)))


def submit(client, instance, *args, user=ALICE):
    """A job of that user; its id."""
    (answer,) = client.call("JobIngest/Submit", jobs=[dict(signed=sign(user, jobspec(instance, *args)))])
    outcome = answer.outcomes[0]
    assert outcome.errnum == 0, outcome.text
    return outcome.id
