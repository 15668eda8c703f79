# SPDX-License-Identifier: LGPL-3.0-only
"""A virtual cluster: nodes with a systemd, a network and users of their own on this machine. See README.md."""
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from commands import BUILD, PATIENCE, SANITIZE

from .image import USERS, Image, cores_of_this_machine, read_options
from .node import HERE, Node

PLACE = Path("/var/tmp")
PREFIX = "flux-cluster-"
# Each node has four or so; the kernel's default for all processes of a user is 128, and who finds none does not boot.
INOTIFY, INOTIFY_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances"), 4096
TOOLS = ("unshare", "nsenter", "ip", "setpriv", "munged", "meson", "lscpu", "/lib/systemd/systemd", "dbus-daemon")


def cgroup2():
    """Where the unified hierarchy is mounted, or None."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "ro" not in options.split(","):
            return Path(place)
    return None


def cannot_run():
    """Why there can be no virtual cluster here; None: there can."""
    if os.geteuid() != 0:
        return "a virtual cluster needs root"
    if SANITIZE:
        return f"no virtual cluster of a build with -fsanitize={SANITIZE}"
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        return f"a virtual cluster needs {', '.join(missing)}"
    if cgroup2() is None:
        return "a virtual cluster needs a writable cgroup2 hierarchy"
    try:
        options = read_options(BUILD)
    except OSError:
        return f"{BUILD} is no build directory"
    if options["prefix"] != "/usr":
        return "a virtual cluster needs a build with prefix /usr"
    probe = subprocess.run(["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "sh", "-c",
                            "mount -t tmpfs probe /mnt && ip link add probe type bridge"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return f"no namespaces here: {probe.stderr.strip()}" if probe.returncode else None


def make_room():
    """Let the kernel carry many systemds. Where it may not be told, some tens of nodes still find room."""
    try:
        if int(INOTIFY.read_text()) < INOTIFY_INSTANCES:
            INOTIFY.write_text(f"{INOTIFY_INSTANCES}\n")
    except OSError:
        pass


class Cluster:
    """`size` nodes test1, test2... Use as a context manager, or call close()."""

    def __init__(self, size=4, config="", parents=(), boot=True, flux=True):
        self.size = size
        self.hosts = [f"test{i}" for i in range(1, size + 1)]
        self.hostlist = f"test[1-{size}]" if size > 1 else "test1"
        self.cores = cores_of_this_machine()  # of each node
        self.keeper = None
        make_room()
        guard = os.open(PLACE, os.O_RDONLY)
        fcntl.flock(guard, fcntl.LOCK_EX)
        sweep()
        self.dir = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PLACE))
        self.lock = open(self.dir / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        os.close(guard)
        self.cgroup = cgroup2() / self.dir.name
        self.log = open(self.dir / "log", "w+")
        self.nodes = []
        try:
            self._build(config, dict(parents))
            if not flux:
                (self.files / "image/etc/systemd/system/multi-user.target.wants/flux.service").unlink()
            if boot:
                self.boot()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getitem__(self, index):
        return self.nodes[index]

    def __iter__(self):
        return iter(self.nodes)

    def __len__(self):
        return self.size

    def _build(self, config, parents):
        self.cgroup.mkdir()
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--", "/usr/bin/python3",
             str(HERE / "keeper.py"), str(self.dir), "4g"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        if self.keeper.stdout.readline() != "ready\n":
            raise RuntimeError(f"the cluster's keeper did not start: {self.log_text()}")
        self.keeper_pid = child_of(self.keeper.pid)
        self.files = Path(f"/proc/{self.keeper_pid}/root{self.dir}")
        (self.files / "image").mkdir()
        self._make_homes()
        image = Image(self, config, parents)
        image.build_all()
        self.nodes = [Node(self, i) for i in range(self.size)]

    def _make_homes(self):
        """/home, the same on all nodes."""
        (self.files / "home").mkdir()
        for name, (uid, _) in USERS.items():
            home = self.files / "home" / name
            home.mkdir()
            os.chown(home, uid, uid)
            home.chmod(0o750)

    def in_keeper(self, *args, **kwargs):
        """Run where the cluster's file systems are mounted."""
        return subprocess.run(["nsenter", f"--target={self.keeper_pid}", "--mount", "--", *map(str, args)], check=True,
                              stdin=subprocess.DEVNULL, **kwargs)

    def in_network(self, *args, **kwargs):
        """Run where the bridge is that joins the nodes."""
        return subprocess.run(["nsenter", f"--target={self.keeper_pid}", "--net", "--", *map(str, args)], check=True,
                              stdin=subprocess.DEVNULL, **kwargs)

    def log_text(self):
        return (self.dir / "log").read_text(errors="replace")

    # --- all nodes ---

    def boot(self, nodes=None, timeout=120):
        """Switch on all nodes that are off, and wait for them."""
        nodes = [n for n in (nodes or self.nodes) if n.pid is None]
        for node in nodes:
            node.power_on()
        for node in nodes:
            node.await_boot(timeout)
        return self

    def run(self, args, **kwargs):
        """The same on each node, one after the other."""
        return [node.run(args, **kwargs) for node in self.nodes]

    @property
    def leader(self):
        return self.nodes[0]

    def flux(self, *args, **kwargs):
        """A flux command on the first node."""
        return self.leader.flux(*args, **kwargs)

    def wait_until(self, condition, timeout=30, what=None):
        """Until condition() is true, asked every 50 ms; its value. An AssertionError is a "not yet", too."""
        deadline, last = time.monotonic() + timeout * PATIENCE, None
        while True:
            try:
                value = condition()
                if value:
                    return value
            except AssertionError as e:
                last = e
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout * PATIENCE:.0f} s: {what or condition.__name__}\n"
                                     f"{last or ''}")
            time.sleep(0.05)

    def wait_online(self, ranks=None, timeout=30):
        """Until the leader counts exactly these ranks (a list; default all) as online."""
        want = set(range(self.size) if ranks is None else ranks)

        def online():
            rows = self.flux("resource", "status", "-no", "{up} {ranks}")
            return set().union(*(expand(line[1:]) for line in rows.lines if line.startswith("✔"))) == want
        return self.wait_until(online, timeout, f"online {sorted(want)}")

    def is_well(self):
        """All nodes on and online, none drained, no jobs: fit for the next test."""
        if not all(node.is_on for node in self.nodes):
            return False
        out = self.leader.run("flux resource status -no {state}:{nnodes}; flux jobs -A -no {id}", user="flux",
                              check=False).out
        return out.split() == [f"avail:{self.size}"]

    def report(self, lines=60):
        """The ends of all nodes' journals of flux."""
        def end(node):
            told = [t for t in node.journal().splitlines() if not re.search(r"systemd\[1\]: .*( process |usually)", t)]
            return f"--- {node.host}\n" + "\n".join(told[-lines:]) + "\n"
        return "".join(end(n) for n in self.nodes if n.is_on) + self.log_text()

    def close(self):
        """Everything goes: processes, mounts, interfaces, control groups, files. Never fails."""
        for node in self.nodes:
            node.power_off(gently=True)
        if self.keeper:
            self.keeper.kill()
            self.keeper.wait()
            self.keeper.stdin.close()
            self.keeper.stdout.close()
            self.keeper = None
        self.log.close()
        remove(self.dir, self.cgroup)
        self.lock.close()


class Clusters:
    """The clusters of a test session."""

    def __init__(self):
        self._shared = None
        self._excuse = cannot_run()

    def start(self, size=4, **kwargs):
        if self._excuse:
            pytest.skip(self._excuse)
        return Cluster(size, **kwargs)

    def shared(self):
        """The one that all may use; one that a test has left in disorder is replaced."""
        if self._shared and not self._shared.is_well():
            self.close()
        if not self._shared:
            self._shared = self.start()
            self._shared.wait_online()
        return self._shared

    def close(self):
        if self._shared:
            self._shared.close()
            self._shared = None


def expand(ranks):
    found = set()
    for part in ranks.replace("\n", ",").split(","):
        if part.strip():
            first, _, last = part.strip().partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def remove(directory, cgroup, timeout=10):
    """The kernel may still be at the burial of the last process."""
    deadline = time.monotonic() + timeout
    while cgroup.exists() and time.monotonic() < deadline:
        for path, _, _ in os.walk(cgroup, topdown=False):
            try:
                os.rmdir(path)
            except OSError:
                time.sleep(0.01)
    shutil.rmtree(directory, ignore_errors=True)


def sweep():
    """Remove what clusters whose owner was killed have left: no process is, only names."""
    for directory in PLACE.glob(f"{PREFIX}*"):
        try:
            with open(directory / "lock", "r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(directory, cgroup2() / directory.name)
        except BlockingIOError:
            pass
        except FileNotFoundError:
            remove(directory, cgroup2() / directory.name)
