# SPDX-License-Identifier: LGPL-3.0-only
"""The virtual cluster that other tests stand on: its nodes are separate machines, and nothing of it stays."""
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import Cluster
from cluster.virtual import cgroup2
from conftest import clean_env

HERE = Path(__file__).parent


def test_nodes_are_separate_machines(cluster):
    first, second = cluster[0], cluster[1]
    assert [n.run("hostname").out.strip() for n in cluster] == cluster.hosts
    first.run("echo mine >/etc/only-here")
    assert not second.run("cat /etc/only-here", check=False).ok and not Path("/etc/only-here").exists()
    first.run("rm /etc/only-here; echo all >~/shared", user="alice")
    assert second.run("cat ~/shared; rm ~/shared", user="alice").out == "all\n"
    assert first.run("ps -C systemd -o pid=").out.split() == ["1"]


def test_a_node_that_does_not_boot_is_noticed_at_once(cluster_start):
    own = cluster_start(1, boot=False)
    systemd = own[0].dir / "upper/usr/lib/systemd/systemd"
    systemd.parent.mkdir(parents=True)
    systemd.write_text("#!/bin/sh\nexit 1\n")
    systemd.chmod(0o755)
    with pytest.raises(AssertionError, match="test1: its systemd has ended"):
        own.boot()


def test_munge_has_one_key(cluster):
    credential = cluster[0].run("munge -n", user="alice").out
    decoded = cluster[3].run("unmunge", user="bob", stdin=credential).out
    assert re.search(r"^UID: +alice \(5001\)$", decoded, re.M)


def test_a_command_runs_as_its_user(cluster):
    assert cluster[1].run("id -un; id -Gn; echo $HOME $USER; pwd", user="bob").lines == [
        "bob", "bob lab", "/home/bob bob", "/home/bob"]
    assert cluster[1].run("exit 3", check=False).rc == 3


def test_a_disk_survives_the_loss_of_power(cluster_start):
    own = cluster_start(1, flux=False)
    own[0].run("echo kept >/var/lib/kept; echo gone >/run/gone")
    own[0].power_off()
    assert not own[0].is_on
    own[0].boot()
    assert own[0].run("cat /var/lib/kept; ls /run").lines[0] == "kept"
    assert "gone" not in own[0].run("ls /run").out


def test_a_disk_may_be_full(cluster_start):
    own = cluster_start(1, boot=False, flux=False)  # a broker that gives up would make room
    own[0].limit_disk("4M")
    own.boot()
    own[0].fill_disk()
    assert not own[0].run("echo more >/var/lib/flux/more", check=False).ok
    own[0].free_disk()
    own[0].run("echo room >/var/lib/flux/room", user="flux")


def test_a_cut_cable_lets_nothing_through(cluster_start):
    own = cluster_start(2, flux=False)
    reach = "exec 3<>/dev/tcp/test2/22"
    assert "refused" in own[0].run(["bash", "-c", reach], check=False).err
    own[1].cut_network()
    assert own[0].run(["timeout", "0.3", "bash", "-c", reach], check=False).rc == 124
    own[1].restore_network()
    own.wait_until(lambda: "refused" in own[0].run(["bash", "-c", reach], check=False).err)


def test_nothing_stays_when_its_owner_is_killed(cluster):
    """The tests may be killed at any time."""
    program = ("from cluster import Cluster\nc = Cluster(1, flux=False)\n"
               "print(c.keeper_pid, c[0].pid, c.dir, flush=True)\ninput()\n")
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=clean_env(PYTHONPATH=HERE)) as owner:
        keeper, node, directory = owner.stdout.readline().split()
        ends = [os.pidfd_open(int(pid)) for pid in (keeper, node)]
        owner.send_signal(signal.SIGKILL)
        for fd in ends:
            assert select.select([fd], [], [], 20)[0], "it still runs"
            os.close(fd)
    with Cluster(1, boot=False):
        assert not Path(directory).exists()
        assert not (cgroup2() / Path(directory).name).exists()
