# SPDX-License-Identifier: LGPL-3.0-only
"""The process that a virtual cluster hangs on: PID 1 of a pid namespace, in a mount and a network namespace.

Run by cluster.py under unshare(1). All nodes live below these namespaces. When standard input ends, whatever
has become of whoever held it, this process ends, and the kernel takes every process, mount and interface of
the cluster with it.
"""
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1


def command(*args):
    subprocess.run(args, check=True, stdin=subprocess.DEVNULL)


def main(directory, limit):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    command("mount", "-t", "tmpfs", "-o", f"mode=0755,size={limit}", "flux-cluster", directory)
    command("ip", "link", "set", "lo", "up")
    command("ip", "link", "add", "cluster", "type", "bridge")
    command("ip", "link", "set", "cluster", "up")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans end up here
    print("ready", flush=True)
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
