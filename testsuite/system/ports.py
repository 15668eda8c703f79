# SPDX-License-Identifier: LGPL-3.0-only
"""TCP ports for brokers of this host that nobody else takes, also while a broker is down.

They are outside of the range from which the kernel gives ports to whoever connects, and each process has a block of its
own: it is whose who has bound a name that belongs to it, which the end of the process gives back.
"""
import functools
import itertools
import socket

FIRST, SIZE, BLOCKS = 10000, 100, 200  # up to 30000; Linux hands out those from 32768 on


@functools.cache
def _block():
    for number in range(BLOCKS):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0flux-test-ports-{number}")
        except OSError:
            claim.close()
            continue
        return claim, itertools.cycle(range(FIRST + number * SIZE, FIRST + (number + 1) * SIZE))
    raise RuntimeError("all blocks of ports are taken")


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("", port))
        except OSError:
            return False
    return True


def free_ports(count):
    return list(itertools.islice(filter(_is_free, _block()[1]), count))
