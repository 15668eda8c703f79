# SPDX-License-Identifier: LGPL-3.0-only
"""One node of a virtual cluster: its power switch, its console, its cable and its clock."""
import os
import select
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

from commands import PATIENCE, Result, execute

from .image import FLUX_UID, NETWORK, USERS

HERE = Path(__file__).parent
DROPIN = "/etc/systemd/system/flux.service.d"


class Node:
    """cluster.nodes[i] is host test{i+1}, and as a rule rank i."""

    def __init__(self, cluster, index):
        self.cluster, self.index = cluster, index
        self.host = cluster.hosts[index]
        self.address = f"{NETWORK}.{index + 1}"
        self.dir = cluster.files / "nodes" / self.host
        self.cgroup = cluster.cgroup / self.host
        self.pid = None  # of the node's systemd, as this process sees it
        self._init = self._notify = None
        for name in ("upper", "work", "root", "host"):
            (self.dir / name).mkdir(parents=True)
        etc = self.dir / "upper" / "etc"
        etc.mkdir()
        (etc / "hostname").write_text(f"{self.host}\n")
        (etc / "machine-id").write_text(f"{index + 1:032x}\n")

    def __repr__(self):
        return f"<node {self.host}>"

    # --- power ---

    def power_on(self):
        """Begin to boot; await_boot() waits for the end of it."""
        assert self.pid is None, f"{self.host} is on"
        for part in (self.cgroup, self.cgroup / "console"):
            part.mkdir(exist_ok=True)
        notify = self.dir / "host" / "notify"
        notify.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(notify))
        keeper = self.cluster.keeper_pid
        command = ["nsenter", f"--target={keeper}", "--mount", "--net", "--pid", "--", "unshare", "--mount", "--net",
                   "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--", "sh", HERE / "node-init.sh",
                   self.cluster.dir, self.index + 1, self.host, f"{self.address}/24", keeper]
        self._init = subprocess.Popen(in_cgroup(self.cgroup, command), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=self.cluster.log, text=True)
        line = self._init.stdout.readline()
        if not line:
            self._init.wait()
            raise RuntimeError(f"{self.host} did not start: {self.cluster.log_text()}")
        self.pid = int(line)

    def await_boot(self, timeout=60):
        """Until systemd says that all that is enabled has been started."""
        deadline = time.monotonic() + timeout * PATIENCE
        ended = os.pidfd_open(self._init.pid)
        try:
            while True:
                ready = select.select([self._notify, ended], [], [], max(0, deadline - time.monotonic()))[0]
                assert ready, f"{self.host}: not booted in time\n{self.why_not_booted()}"
                assert self._notify in ready, f"{self.host}: its systemd has ended: {self.cluster.log_text()}"
                if b"READY=1" in self._notify.recv(4096).split(b"\n"):
                    return self
        finally:
            os.close(ended)

    def why_not_booted(self):
        """What there is to read of a boot that does not end."""
        return self.run("timeout 5 systemctl list-jobs; ps -eo pid,ppid,stat,args", check=False).out + self.journal(unit=None)

    def boot(self, timeout=60):
        """Power on, and wait until all that is enabled has been started."""
        self.power_on()
        return self.await_boot(timeout)

    def power_off(self, gently=False):
        """Pull the plug: everything on the node is gone at once, and no peer is told unless `gently`. The disk keeps
        what was written."""
        if self.pid is None:
            return
        if not gently:
            self.cut_network()  # else the dying kernel would close its connections
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._ended()

    def shutdown(self, timeout=60):
        """As `poweroff` does: systemd stops all units."""
        self.run("systemctl poweroff", check=False)
        self._ended(timeout)

    def _ended(self, timeout=30):
        self._init.wait(timeout * PATIENCE)
        self._init.stdout.close()
        self._notify.close()
        self.pid = None

    @property
    def is_on(self):
        return self.pid is not None and self._init.poll() is None

    # --- console ---

    def command(self, args, user="root", env=None, cwd=None, tty=False):
        """The command of this machine that runs `args` (shell text, or a list) as a user on the node."""
        assert self.pid is not None, f"{self.host} is off"
        if isinstance(args, str):
            args = ["sh", "-c", args]
        settings = [f"{k}={v}" for k, v in {"LC_ALL": "C.UTF-8", "TZ": "UTC", **(env or {})}.items()]
        if cwd is None:
            cwd = f"/home/{user}" if user in USERS else "/"
        term = [f"TERM={os.environ.get('TERM', 'dumb')}"] if tty else []
        return in_cgroup(self.cgroup / "console", [
            "nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root",
            f"--wd=/proc/{self.pid}/root", "--", "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups",
            "--reset-env", "--", "env", "-C", cwd, *settings, *term, *map(str, args)])

    def run(self, args, user="root", check=True, timeout=30, stdin=None, env=None, cwd=None):
        """Run to the end, within a bound. Text is for the shell, a list is an argument vector. The result has .out,
        .err, .rc, .ok, .lines and .json; with `check`, failure is an AssertionError that shows all of it."""
        result = execute(self.command(args, user, env, cwd), timeout, stdin)
        result = Result([f"{user}@{self.host}:", args if isinstance(args, str) else shlex.join(map(str, args))],
                        result.rc, result.out, result.err)
        assert result.ok or not check, repr(result)
        return result

    def spawn(self, args, user="root", env=None, cwd=None, **kwargs):
        """Run in the background: a Popen with text pipes, which the test ends. It dies with the node."""
        for name, default in (("stdin", subprocess.DEVNULL), ("stdout", subprocess.PIPE), ("stderr", subprocess.PIPE)):
            kwargs.setdefault(name, default)
        return subprocess.Popen(list(map(str, self.command(args, user, env, cwd))), text=True, start_new_session=True,
                                **kwargs)

    def flux(self, *args, user="flux", **kwargs):
        """A flux command: one string is split at blanks, else each argument is one."""
        if len(args) == 1:
            args = shlex.split(args[0])
        return self.run(["flux", *args], user=user, **kwargs)

    def path(self, name):
        """A file of the node as this process can open it (the node must be on)."""
        return Path(f"/proc/{self.pid}/root") / str(name).lstrip("/")

    def write(self, name, text, mode=0o644, owner="root"):
        """A file on the node, with its directory."""
        self.run(["install", "-D", "-m", f"{mode:o}", "-o", owner, "-g", owner, "/dev/stdin", name], stdin=text)

    # --- units ---

    def start(self, unit="flux", timeout=60):
        return self.run(["systemctl", "start", unit], timeout=timeout)

    def stop(self, unit="flux", timeout=60):
        return self.run(["systemctl", "stop", unit], timeout=timeout)

    def restart(self, unit="flux", timeout=60):
        return self.run(["systemctl", "restart", unit], timeout=timeout)

    def reload(self, unit="flux", check=True, timeout=60):
        return self.run(["systemctl", "reload", unit], check=check, timeout=timeout)

    def unit(self, prop="ActiveState", unit="flux"):
        """A property of a unit: ActiveState, SubState, MainPID, NRestarts, StatusText..."""
        return self.run(["systemctl", "show", "--property", prop, "--value", unit]).out.strip()

    @property
    def broker_pid(self):
        """The broker's process number on the node; 0 if there is none."""
        return int(self.unit("MainPID"))

    def kill_broker(self, sig=signal.SIGKILL):
        """SIGKILL is a crash; SIGSTOP and SIGCONT make it hang for a while. One that is between two lives is awaited."""
        pid = self.cluster.wait_until(lambda: self.broker_pid, what=f"{self.host} has a broker")
        self.run(["kill", f"-{int(sig)}", pid])

    def journal(self, unit="flux", since=None, output="short"):
        """Lines of the journal: of all boots of the node, or since a cursor() taken earlier. All that was written
        before this is in it: journald, which hears of it through sockets, is waited for."""
        args = ["journalctl", "--no-pager", "--quiet", f"--output={output}"]
        args += [f"--unit={unit}"] if unit else []
        args += [f"--after-cursor={since}"] if since else []
        return self.run(f"timeout 10 journalctl --sync; {shlex.join(args)}", check=False).out

    def cursor(self):
        """Here and now in the journal."""
        out = self.run("journalctl --sync; journalctl --quiet --lines=1 --output=json").json
        return out["__CURSOR"]

    # --- what may go wrong ---

    def cut_network(self):
        """Unplug the cable, at the other end: no connection is closed, nothing arrives."""
        self.cluster.in_network("ip", "link", "set", f"node{self.index + 1}", "down")

    def restore_network(self):
        self.cluster.in_network("ip", "link", "set", f"node{self.index + 1}", "up")

    def set_clock_offset(self, seconds):
        """The next broker of this node believes that it is so much later."""
        self.write(f"{DROPIN}/clock.conf",
                   f"[Service]\nEnvironment=FLUX_BROKER_OPTIONS=-Sbroker.clock-offset={seconds}\n")
        self.run("systemctl daemon-reload")

    def limit_disk(self, size="16M"):
        """Put the state directory on a small disk of its own, from the next boot on; the node is off."""
        assert self.pid is None, f"{self.host} is on"
        disk = self.cluster.dir / "nodes" / self.host / "disk"
        self.cluster.in_keeper("mkdir", disk)
        self.cluster.in_keeper("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,uid={FLUX_UID},gid={FLUX_UID}",
                               "disk", disk)
        before = self.dir / "upper/var/lib/flux"
        if before.is_dir():
            self.cluster.in_keeper("cp", "-a", f"{self.cluster.dir}/nodes/{self.host}/upper/var/lib/flux/.", disk)

    def fill_disk(self):
        """Not a byte of room in the state directory."""
        self.run("cat /dev/zero >/var/lib/flux/ballast", check=False, timeout=60)

    def free_disk(self):
        self.run("rm -f /var/lib/flux/ballast")


def in_cgroup(cgroup, command):
    """Wrap a command so that it runs in a control group."""
    return ["sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', str(cgroup), *map(str, command)]
