# SPDX-License-Identifier: LGPL-3.0-only
"""Processes that tests have started: found by a mark in their environment, ended for certain, described when they stay.

Numbers are given to new processes soon after the old ones' end, and a signal works a little later than kill() returns.
So processes are held by descriptors, and ends are waited for.
"""
import os
import select
import signal
import time

from commands import PATIENCE

# What is about to end may take that long on a busy machine; whatever is still there then was left behind.
MOMENT = 3


def _environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as f:
        return f.read().split(b"\0")


def marked(mark):
    """Descriptors, by number, of the processes alive that have NAME=VALUE in their environment. The caller closes them."""
    found = {}
    for name in os.listdir("/proc"):
        try:
            if not name.isdigit() or mark.encode() not in _environment(name):
                continue
            fd = os.pidfd_open(int(name))
        except OSError:
            continue
        found[int(name)] = fd
        try:
            if mark.encode() in _environment(name):  # it is still the same
                continue
        except OSError:
            pass
        os.close(found.pop(int(name)))
    return found


def await_ends(pidfds, seconds=20):
    """Wait until all of these processes have ended; the descriptors of those that have not. Closes the others."""
    deadline = time.monotonic() + seconds * PATIENCE
    poll, left = select.poll(), set(pidfds)  # not select(): numbers may be beyond what that takes
    for fd in left:
        poll.register(fd, select.POLLIN)
    while left and (ready := poll.poll(max(0, deadline - time.monotonic()) * 1000)):
        for fd, _ in ready:
            poll.unregister(fd)
            os.close(fd)
            left.discard(fd)
    return left


def describe(pid):
    """A line for a report; "" if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            state, parent = f.read().rpartition(")")[2].split()[:2]
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            command = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        return f"pid {pid}, state {state}, child of {parent}: {command[:300]}"
    except OSError:
        return ""


def end(mark):
    """SIGKILL for all of them, and for what they have started meanwhile, until there are no more."""
    while found := marked(mark):
        for fd in found.values():
            try:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            except ProcessLookupError:
                pass
        names = {fd: pid for pid, fd in found.items()}
        stay = await_ends(names)
        assert not stay, f"SIGKILL does not end {[describe(names[fd]) for fd in stay]}"


def left_behind(mark):
    """Descriptions of the processes that have not gone after a moment. They are killed."""
    found = marked(mark)
    if not found:
        return []
    names = {fd: pid for pid, fd in found.items()}
    stay = await_ends(names, MOMENT)
    lines = [line for fd in stay if (line := describe(names[fd]))]
    for fd in stay:
        os.close(fd)
    end(mark)
    return lines
