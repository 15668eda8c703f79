# SPDX-License-Identifier: LGPL-3.0-only
"""A world for the setuid program: a mount namespace of its own, in which the flux-imp of the build directory
is installed setuid root, with configuration, users, a PAM stack, a munged and a syslog socket of its own. The
program is the one that is installed: nothing in it is made for tests.

`World.exec()` and `World.imp()` run it as an unprivileged user and return what conftest.execute() returns;
`World.log` is what it has told syslog.
"""
import base64
import hashlib
import json
import os
import queue
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from conftest import BUILD, PATIENCE, SANITIZE, execute

IMP = "/usr/libexec/flux/flux-imp"
USERS = {"flux": 5551, "alice": 5552, "bob": 5553, "mallory": 5554}
LAB = 5560  # a group of alice and bob
CONFIG = """
[exec]
allowed-users = ["flux"]
allowed-shells = ["/usr/libexec/flux/flux-shell", "/usr/bin/bash", "/usr/bin/env"]
"""
SECURITY = """
[sign]
max-ttl = 3600
default-type = "munge"
allowed-types = ["munge"]
[sign.munge]
socket-path = "/mnt/munge/socket"
"""
SETUP = """
set -e
mount -t tmpfs -o mode=755 imp-test /mnt
for d in etc usr var/lib; do
    mkdir -p /mnt/up/$d /mnt/scratch/$d
    mount -t overlay imp-test -o lowerdir=/$d,upperdir=/mnt/up/$d,workdir=/mnt/scratch/$d /$d
done
mount -t tmpfs -o mode=755 imp-test /mnt/scratch
for d in null zero full random urandom; do
    touch /mnt/scratch/$d
    mount --bind /dev/$d /mnt/scratch/$d
done
ln -s /proc/self/fd /mnt/scratch/fd
mount --move /mnt/scratch /dev
mkdir -p -m 755 /usr/libexec/flux /etc/flux/imp/conf.d /etc/flux/security/conf.d /mnt/home
mkdir -m 1777 /mnt/tmp
rm -f /etc/nologin
"""


def cannot_run():
    """Why there can be no such world here, or ""."""
    if os.geteuid() != 0:
        return "needs root"
    if SANITIZE:
        return "needs a program without sanitizers"
    missing = [tool for tool in ("munged", "setpriv", "nsenter") if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)}"
    probe = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", SETUP], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
    return f"needs mount namespaces and overlays: {probe.stderr.strip()}" if probe.returncode else ""


WHY_NOT = cannot_run()
# For pytestmark.
needs_world = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can run")


class World:
    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.munged = None
        self.syslog = None
        self.lines = queue.SimpleQueue()
        try:
            self.holder.stdout.readline()
            self._set_up()
        except BaseException:
            self.close()
            raise

    def _set_up(self):
        self.root("sh", "-c", SETUP, check=True)
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.syslog.bind(str(self.path("/dev/log")))
        self.log_reader = threading.Thread(target=self._read_log, daemon=True)
        self.log_reader.start()
        with open(self.path("/etc/passwd"), "a") as passwd, open(self.path("/etc/group"), "a") as group:
            for name, uid in USERS.items():
                passwd.write(f"{name}:x:{uid}:{uid}:{name}:/mnt/home/{name}:/bin/bash\n")
                group.write(f"{name}:x:{uid}:\n")
                home = self.path(f"/mnt/home/{name}")
                home.mkdir()
                os.chown(home, uid, uid)
            group.write(f"lab:x:{LAB}:alice,bob\n")
        self.install(BUILD / "imp" / "flux-imp", IMP, 0o4755)
        self.write("/usr/libexec/flux/flux-shell", "#!/bin/bash\nexec \"$@\"\n", 0o755)
        self.configure()
        self._start_munged()

    def _read_log(self):
        while line := self.syslog.recv(65536):
            self.lines.put(line.decode(errors="replace"))

    def _start_munged(self):
        self.root("mkdir", "-m", "755", "/mnt/munge", check=True)
        self.root("mkdir", "-m", "700", "/mnt/munge/private", check=True)
        self.write("/mnt/munge/private/key", "k" * 32 + os.urandom(16).hex(), 0o400)
        self.munged = subprocess.Popen(self._inside(
            "/usr/sbin/munged", "--foreground", "--socket=/mnt/munge/socket", "--key-file=/mnt/munge/private/key",
            "--pid-file=/mnt/munge/private/pid", "--log-file=/mnt/munge/private/log",
            "--seed-file=/mnt/munge/private/seed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20 * PATIENCE
        while not self.root("munge", "--socket=/mnt/munge/socket", "-n").ok:
            assert time.monotonic() < deadline and self.munged.poll() is None, "munged does not answer"

    def close(self):
        if self.munged:
            self.munged.kill()
            self.munged.wait()
        if self.syslog:
            self.syslog.shutdown(socket.SHUT_RD)
            self.log_reader.join()
            self.syslog.close()
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()

    # -- files

    def path(self, path):
        """Where a path of the world is for this process."""
        return Path(f"/proc/{self.holder.pid}/root{path}")

    def write(self, path, text, mode=0o644, owner="root"):
        where = self.path(path)
        where.write_text(text)
        os.chmod(where, mode)
        self.root("chown", owner, path, check=True)

    def install(self, source, path, mode):
        shutil.copyfile(source, self.path(path))
        os.chmod(self.path(path), mode)

    def configure(self, imp=CONFIG, security=SECURITY):
        self.write("/etc/flux/imp/conf.d/imp.toml", imp)
        self.write("/etc/flux/security/conf.d/security.toml", security)

    # -- processes

    def _inside(self, *args):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--wd=/", *map(str, args)]

    def root(self, *args, check=False, **kwargs):
        result = execute(self._inside(*args), **kwargs)
        assert result.ok or not check, repr(result)
        return result

    def as_user(self, user, *args):
        """The words of a command that runs others as a user without groups or capabilities."""
        return self._inside("setpriv", f"--reuid={USERS[user]}", f"--regid={USERS[user]}", "--clear-groups",
                            "--inh-caps=-all", *args)

    def run(self, user, *args, stdin=None, env=None, timeout=30):
        if env is not None:  # only here, not on the way
            args = ["/usr/bin/env", "-i", *[f"{k}={v}" for k, v in env.items()], *args]
        return execute(self.as_user(user, *args), stdin=stdin, timeout=timeout)

    def imp(self, *args, user="flux", stdin=None, env=None, timeout=30):
        return self.run(user, IMP, *args, stdin=stdin, env=env, timeout=timeout)

    def exec(self, *args, signer="alice", user="flux", payload="{}", env=None, j=None, timeout=30):
        """flux-imp exec with a request of `signer`; args are the shell and its arguments."""
        request = json.dumps({"J": j or self.sign(signer, payload)})
        return self.imp("exec", *args, user=user, stdin=request, env=env, timeout=timeout)

    def script(self, text, **kwargs):
        """flux-imp exec of bash with a script, as alice."""
        return self.exec("/usr/bin/bash", "-c", text, **kwargs)

    def spawn(self, *args, user="flux", **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(self.as_user(user, IMP, *args), stdin=subprocess.PIPE, text=True, **kwargs)

    def spawn_script(self, text, **kwargs):
        """The same as script(), in the background."""
        p = self.spawn("exec", "/usr/bin/bash", "-c", text, **kwargs)
        p.stdin.write(json.dumps({"J": self.sign("alice", "{}")}))
        p.stdin.close()
        return p

    # -- signatures

    def sign(self, user, payload="{}", userid=None, mechanism="munge", **extra):
        """A J, made here from the words of RFC 15, 38 and 39."""
        header = {"version": ("i", 1), "mechanism": ("s", mechanism),
                  "userid": ("i", USERS[user] if userid is None and user != "root" else userid or 0)}
        header.update({k.replace("_", "."): ("s", v) for k, v in extra.items()})
        kv = b"".join(f"{k}\0{t}{v}\0".encode() for k, (t, v) in header.items())
        signed = base64.b64encode(kv) + b"." + base64.b64encode(payload.encode())
        if mechanism == "none":
            return (signed + b".none").decode()
        digest = b"\1" + hashlib.sha256(signed).digest()
        who = USERS.get(user, 0)
        munge = subprocess.run(self._inside("setpriv", f"--reuid={who}", f"--regid={who}", "--clear-groups",
                                            "munge", "--socket=/mnt/munge/socket"),
                               input=digest, capture_output=True, check=True)
        return f"{signed.decode()}.{munge.stdout.decode().strip()}"

    @property
    def log(self):
        """What came to syslog since the last look, one line a message: <PRIORITY>DATE flux-imp[PID]: TEXT."""
        mark = f"mark {time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(mark.encode(), str(self.path("/dev/log")))
        return "\n".join(iter(lambda: self.lines.get(timeout=30 * PATIENCE), mark))
