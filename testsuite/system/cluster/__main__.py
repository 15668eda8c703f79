# SPDX-License-Identifier: LGPL-3.0-only
"""A cluster for a person: boots N nodes and gives a shell on the first. Commands come from standard input if that is no
terminal. usage: python3 -m cluster [N]"""
import subprocess
import sys

from . import Cluster, cannot_run

WELCOME = """\
{hostlist} are up. You are root on {first}, rank 0; `exit` ends the cluster.
  flux resource status; flux overlay status
  flux run -N{size} hostname
  su - alice                       a user; so is bob. /home is shared
  systemctl status flux; journalctl -u flux
The others, from another terminal:
{others}
"""


def main():
    excuse = cannot_run()
    if excuse:
        sys.exit(excuse)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with Cluster(size) as cluster:
        cluster.wait_online()
        if sys.stdin.isatty():
            others = "\n".join(f"  nsenter --target={n.pid} --all bash -l   # {n.host}" for n in cluster.nodes[1:])
            print(WELCOME.format(hostlist=cluster.hostlist, first=cluster.hosts[0], size=size, others=others))
            command = cluster.leader.command(["bash", "-l"], tty=True)
        else:
            command = cluster.leader.command(["sh", "-s"])
        return subprocess.run(list(map(str, command))).returncode


if __name__ == "__main__":
    sys.exit(main())
