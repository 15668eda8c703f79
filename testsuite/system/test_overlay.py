# SPDX-License-Identifier: LGPL-3.0-only
"""The tree of brokers: who is where, what passes through it, and what the loss of a broker does."""
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

import pytest
from conftest import FLUX, PATIENCE, clean_env, execute
from configured import Configured
from processes import await_ends

TREE = ["-Stbon.topo=kary:2"]


def at(instance, rank):
    """Environment to talk to the broker of that rank."""
    return {"FLUX_URI": re.sub(r"local-0$", f"local-{rank}", instance.uri)}


def pid_of(instance, rank):
    return int(instance.run("getattr", "broker.pid", env=at(instance, rank)))


def await_exit(pidfds):
    """Wait until all of these processes have ended."""
    assert not await_ends(pidfds), "brokers did not end in time"


@pytest.fixture(scope="module")
def tree():
    from conftest import Instance
    instance = Instance(8, args=TREE)
    yield instance
    assert instance.clean() == []


def test_status_draws_the_tree(tree):
    text = tree.run("overlay", "status")
    lines = [re.sub(r" \S+: ", " HOST: ", line) for line in text.splitlines()]
    assert lines == ["0 HOST: full", "├─ 1 HOST: full", "│  ├─ 3 HOST: full", "│  │  └─ 7 HOST: full",
                     "│  └─ 4 HOST: full", "└─ 2 HOST: full", "   ├─ 5 HOST: full", "   └─ 6 HOST: full"]
    assert tree.run("overlay", "status", "-r", "2").count("\n") == 2
    assert tree.run("overlay", "status", "--summary") == "full"
    assert tree.run("overlay", "status", "--down") == ""
    assert " for " in tree.run("overlay", "status", "-v")
    assert "<<5 " in tree.run("overlay", "status", "-H", "5")


@pytest.mark.parametrize("option", ["-L", "--color", "-Lalways", "--color=always"])
def test_colour_where_it_is_asked_for(tree, option):
    out = tree.run("overlay", "status", "--highlight=2", option)
    assert "\033[1m2 " in out and out.splitlines()[0].startswith("0 ")
    assert "start: none->join" in tree.run("dmesg", option)
    for verb in (["overlay", "status"], ["dmesg"]):
        r = tree.flux(*verb, "--color=sometimes")
        assert r.rc == 1 and "Invalid argument to --color: 'sometimes'" in r.err


def test_parents_and_lookup(tree):
    assert tree.run("overlay", "parentof", "7") == "3"
    assert not tree.flux("overlay", "parentof", "0").ok
    assert not tree.flux("overlay", "parentof", "8").ok
    host = tree.run("getattr", "hostname")
    assert tree.run("overlay", "lookup", "3") == host
    assert tree.run("overlay", "lookup", host) == "0"


def test_attributes_of_the_tree(tree):
    names = ["rank", "size", "tbon.level", "tbon.maxlevel", "tbon.descendants"]
    values = [tree.run("getattr", n, env=at(tree, 1)) for n in names]
    assert values == ["1", "8", "1", "3", "3"]


def test_ping_goes_the_way_of_the_tree(tree):
    line = tree.run("ping", "-c", "1", "6", env=at(tree, 7))
    assert re.fullmatch(r"6!broker\.ping pad=0 seq=0 time=\d+\.\d+ ms \(7!3!1!0!2!6\)", line)
    assert "pad=100000" in tree.run("ping", "-c", "1", "-p", "100000", "7")
    assert tree.run("ping", "-b", "-c", "1000", "7").count("\n") == 999
    assert tree.run("ping", "-c1", "-r", "upstream", "broker", env=at(tree, 7)).endswith("(7!3)")
    assert "no rank 9" in tree.flux("ping", "-c", "1", "9").err


def test_events_reach_subscribers_anywhere_in_order(tree):
    sub = subprocess.Popen([FLUX, "event", "sub", "t."], stdout=subprocess.PIPE, text=True,
                           env={**tree.env, **at(tree, 7)})
    # The subscription stands when something that is published for it arrives.
    while True:
        tree.run("event", "pub", "t.ready")
        if select.select([sub.stdout], [], [], 0.2)[0]:
            break
    for i in range(21):
        tree.run("event", "pub", f"t.n{i}", json.dumps({"i": i}), env=at(tree, 6))
    numbers = []
    while numbers[-1:] != [20]:
        line = sub.stdout.readline()
        assert line.startswith("t.")
        numbers += [int(n) for n in re.findall(r"^t\.n(\d+)\t", line)]
    assert numbers == list(range(21))
    sub.kill()
    sub.communicate()


def test_private_topics_and_bad_payloads(tree):
    assert not tree.flux("event", "pub", "x", "{not json").ok
    assert tree.flux("event", "pub", "-r", "x", "{not json").ok
    assert tree.run("event", "pub", "-l", "-s", "x").isdigit()


def test_the_log_of_all_is_at_rank_0(tree):
    reader = tree.spawn("dmesg", "-n")
    tree.run("logger", "-s", "notice", "-n", "test", "from the deep", env=at(tree, 7))
    while "from the deep" not in (line := reader.stdout.readline()):
        assert line
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z test\.notice\[7\]: from the deep$", line)
    reader.kill()
    reader.communicate()


def test_a_collective_gathers_from_its_ranks(tree):
    def enter(rank, ranks, name):
        return subprocess.Popen([FLUX, "call", "collective.Exchange", f"name={name}", f"ranks={ranks}"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**tree.env, **at(tree, rank)})
    for ranks in ([0, 1, 2, 3, 4, 5, 6, 7], [3, 7], [4, 5], [6]):
        text = ",".join(map(str, ranks))
        members = [enter(r, text, f"n{text}") for r in ranks]
        for p in members:
            out, err = p.communicate(timeout=20 * PATIENCE)
            assert p.returncode == 0, err
            parts = json.loads(out).get("parts", [])
            assert sorted(part.get("rank", 0) for part in parts) == ranks
    outsider = enter(1, "6-7", "other")
    assert "not one of the ranks" in outsider.communicate(timeout=20 * PATIENCE)[1]


def test_a_collective_fails_when_a_participant_goes(tree):
    def enter(rank):
        return subprocess.Popen([FLUX, "call", "collective.Exchange", "name=broken", "ranks=5,6,7"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**tree.env, **at(tree, rank)})

    def has_entered(rank):
        stats = subprocess.run([FLUX, "stats", "collective"], capture_output=True, text=True,
                               env={**tree.env, **at(tree, rank)}).stdout
        return re.search(r"^Collective/Exchange +\d+ +\d+ +1 ", stats, re.M)
    first, second = enter(5), enter(6)
    deadline = time.monotonic() + 20 * PATIENCE
    while not (has_entered(5) and has_entered(6)):
        assert time.monotonic() < deadline
    second.kill()
    second.communicate()
    third = enter(7)
    assert third.wait(20 * PATIENCE) == 1
    assert first.wait(20 * PATIENCE) == 1
    for p in (first, third):
        p.communicate()


def test_a_lost_leaf_disturbs_nobody_else(flux_start):
    instance = flux_start(8, args=TREE)
    os.kill(pid_of(instance, 7), signal.SIGKILL)
    instance.run("overlay", "status", "-w", "degraded")
    status = instance.run("overlay", "status")
    assert status.count("full") == 4 and re.search(r"7 \S+: lost", status)
    assert instance.run("uptime").endswith("1 offline")
    assert instance.run("ping", "-c", "1", "3")
    assert "rank 7 is offline" in instance.flux("ping", "-c", "1", "7").err
    assert instance.stop() == 0


def test_a_lost_interior_broker_takes_its_subtree_along(flux_start):
    instance = flux_start(8, args=TREE)
    below = [os.pidfd_open(pid_of(instance, r)) for r in (3, 4, 7)]
    os.kill(pid_of(instance, 1), signal.SIGKILL)
    instance.run("overlay", "status", "-w", "degraded")
    await_exit(below)
    status = instance.run("overlay", "status")
    assert re.search(r"1 \S+: lost", status) and status.count(": lost") == 4
    assert instance.run("uptime").endswith("4 offline")
    assert instance.run("ping", "-c", "1", "6")
    assert instance.stop() == 0


def test_a_disconnected_broker_ends(flux_start):
    instance = flux_start(4, args=TREE)
    pidfd = os.pidfd_open(pid_of(instance, 3))
    result = instance.flux("overlay", "disconnect", "3")
    assert result.ok and re.search(r"asking \S+ \(rank 1\) to disconnect child \S+ \(rank 3\)", result.err)
    await_exit([pidfd])
    assert "disconnected by request" in instance.run("overlay", "status")
    assert not instance.flux("overlay", "disconnect", "3").ok
    assert not instance.flux("overlay", "disconnect", "-r", "2", "1").ok


def test_a_silent_broker_is_torpid_until_it_speaks_again(flux_start):
    instance = flux_start(3, args=["-Stbon.torpid_min=0.1s", "-Stbon.torpid_max=0.5s"])
    follow = instance.spawn("call", "overlay.Online")
    pid = pid_of(instance, 2)
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 20 * PATIENCE
        while "2 " not in "".join(re.findall(r"(\d) \S+: full,torpid", instance.run("overlay", "status"))) + " ":
            assert time.monotonic() < deadline
    finally:
        os.kill(pid, signal.SIGCONT)
    while "torpid" in instance.run("overlay", "status"):
        assert time.monotonic() < deadline + 20 * PATIENCE
    follow.kill()
    follow.communicate()
    assert instance.stop() == 0


def overlay_address(instance):
    endpoint = instance.run("getattr", "tbon.endpoint")
    if endpoint.startswith("ipc://"):
        return socket.AF_UNIX, endpoint[6:]
    host, port = endpoint[len("tcp://"):].rsplit(":", 1)
    return socket.AF_INET, (host, int(port))


GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
JUNK = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"GET / HTTP/1.1\r\nHost: flux\r\n\r\n",
    "zeros": bytes(4096),
    "cut greeting": GREETING[:20],
    "greeting alone": GREETING,
    "null mechanism": GREETING.replace(b"CURVE", b"NULL\0") + b"\x04\x05\x05READY",
    "cut command": GREETING + b"\x06" + (200).to_bytes(8, "big") + b"\x05HELLO" + bytes(20),
    "oversized frame": GREETING + b"\x06" + (1 << 62).to_bytes(8, "big") + b"\x05HELLO",
    "bad hello": GREETING + b"\x06" + (200).to_bytes(8, "big") + b"\x05HELLO" + bytes(range(194)),
    "random": bytes((i * 7919 >> 3) & 255 for i in range(65536)),
}


@pytest.mark.parametrize("clique", ["single", "per-broker"])
def test_junk_on_the_overlay_port_harms_nobody(flux_start, clique):
    instance = flux_start(3, args=[f"--test-pmi-clique={clique}"])
    family, address = overlay_address(instance)
    assert (family == socket.AF_INET) == (clique == "per-broker")
    kept = []
    for i, data in enumerate(list(JUNK.values()) * 8):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(5 * PATIENCE)
        s.connect(address)
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        if i % 3:
            s.close()
        else:
            kept.append(s)  # an abandoned connection
    assert instance.run("overlay", "status", "--summary") == "full"
    assert instance.run("ping", "-b", "-c", "100", "2").count("\n") == 99
    for s in kept:
        s.close()
    assert instance.stop() == 0


def test_brokers_may_pretend_to_be_on_other_hosts(flux_start):
    instance = flux_start(4, args=["--test-hosts=fake[7,1-3]"])
    assert instance.run("getattr", "hostlist") == "fake[7,1-3]"
    assert instance.run("overlay", "lookup", "2") == "fake2"
    assert instance.run("overlay", "lookup", "fake[1,7]") == "0-1"
    assert "fake7: full" in instance.run("overlay", "status")
    assert instance.run("ping", "-c1", "fake3").startswith("fake3!broker.ping")


@pytest.mark.parametrize("topo", ["kary:1", "kary:3", "binomial", "flat"])
def test_other_trees(flux_start, topo):
    instance = flux_start(7, args=[f"-Stbon.topo={topo}"])
    assert instance.run("overlay", "status").count("full") == 7
    assert instance.stop() == 0


def start(*args, env=None, timeout=60):
    return execute([FLUX, "start", *args], timeout, env=clean_env(**(env or {})))


def test_a_bad_tree_is_refused():
    result = start("-s2", "-Stbon.topo=bush:2", "true")
    assert result.rc == 1 and "bush:2" in result.err


@pytest.mark.parametrize("args", [["-s1"], ["-s3"], []])
def test_the_exit_code_is_the_programs(args):
    assert start(*args, "sh", "-c", "exit 9").rc == 9
    assert start(*args, "sh", "-c", "kill -TERM $$").rc == 128 + 15
    assert start(*args, "/nonexistent/program").rc == 127


def test_the_run_directory_is_removed(tmp_path):
    out = start("-s2", "sh", "-c", "echo $FLUX_URI").out.strip()
    assert out.startswith("local:///tmp/flux-") and not os.path.exists(os.path.dirname(out[len("local://"):]))
    assert start("-s2", f"--test-rundir={tmp_path}", "true").ok
    assert tmp_path.exists()
    assert not start("-s2", "--test-rundir=/nonexistent", "true").ok


def test_noexec_shows_and_does_nothing():
    result = start("-s2", "-X", "-Sa.b=c", "--wrap=nice,-n1", "prog", "arg")
    assert result.ok and re.search(r"flux-start: 0: nice -n1 \S*flux-broker --setattr=a\.b=c .*-- prog arg", result.err)


def test_bad_options_are_refused():
    for bad in (["-s0"], ["-sx"], ["--test-exit-mode=some", "-s1"], ["--test-hosts=a", "-s2"], ["--test-rundir=/tmp"],
                ["--test-exit-timeout=soon", "-s1"]):
        assert not start(*bad, "true").ok, bad


def test_sigterm_ends_the_instance():
    p = subprocess.Popen([FLUX, "start", "-s3", "sh", "-c", "echo up; exec cat"], stdout=subprocess.PIPE,
                         stdin=subprocess.PIPE, env=clean_env(), text=True)
    assert p.stdout.readline() == "up\n"
    p.send_signal(signal.SIGTERM)
    p.wait(20 * PATIENCE)
    p.communicate()
    assert p.returncode != 0


def test_a_broker_that_does_not_start_ends_the_others(tmp_path):
    wrap = tmp_path / "wrap"
    wrap.write_text('#!/bin/sh\n[ "$PMI_RANK" = 1 ] && exit 3\nexec "$@"\n')
    wrap.chmod(0o755)
    assert not start("-s3", f"--wrap={wrap}", "true").ok


def test_hydra_starts_an_instance():
    hydra = "/usr/bin/mpiexec.hydra"
    if not os.path.exists(hydra):
        pytest.skip("no mpiexec.hydra")
    result = execute([hydra, "-n", "4", FLUX, "start", FLUX, "overlay", "status"], 60, env=clean_env())
    assert result.ok and result.out.count("full") == 4, repr(result)


@pytest.fixture
def cluster(tmp_path):
    c = Configured(tmp_path, parents={2: 1}, more='[tbon]\ntorpid_max = "10s"\n')
    yield c
    c.end()


def test_boot_from_a_config_file_in_any_order(cluster):
    cluster.start(2)
    cluster.start(1)
    leader = cluster.start(0)
    assert leader.stdout.readline() == "up\n", cluster.log(0)
    result = cluster.flux("overlay", "status", "-w", "full")
    assert result.ok, repr(result) + cluster.log(1)
    assert cluster.flux("overlay", "status").out == "0 c0: full\n└─ 1 c1: full\n   └─ 2 c2: full\n"
    assert cluster.flux("getattr", "tbon.torpid_max").out == "10s\n"
    assert cluster.flux("getattr", "broker.boot-method").out == "config\n"
    leader.stdin.close()
    for p in cluster.brokers.values():
        assert p.wait(20 * PATIENCE) == 0


def test_a_broker_that_was_killed_may_come_back(cluster):
    leader = cluster.start(0)
    assert leader.stdout.readline() == "up\n"
    cluster.start(1)
    cluster.start(2)
    assert cluster.flux("overlay", "status", "-w", "full").ok
    cluster.brokers[2].kill()
    cluster.brokers[2].wait()
    assert cluster.flux("overlay", "status", "-w", "degraded").ok
    cluster.start(2)
    assert cluster.flux("overlay", "status", "-w", "full").ok


def test_a_wrong_certificate_is_refused_on_both_sides(cluster, tmp_path):
    leader = cluster.start(0)
    assert leader.stdout.readline() == "up\n"
    cert = cluster.cert.read_text()
    cluster.cert.unlink()
    assert execute([FLUX, "keygen", cluster.cert]).ok
    stranger = cluster.start(1)
    deadline = time.monotonic() + 20 * PATIENCE
    while "same certificate?" not in cluster.log(1) or "another certificate" not in cluster.log(0):
        assert time.monotonic() < deadline, cluster.log(0) + cluster.log(1)
    stranger.kill()
    cluster.cert.write_text(cert)
    assert cluster.flux("overlay", "status").out.startswith("0 c0: partial\n")


def test_every_rank_can_tell_the_hostlist(tree):
    assert tree.run("getattr", "hostlist", env=at(tree, 7)) == tree.run("getattr", "hostlist")


def test_shutdown_ends_the_instance_and_shows_its_log(flux_start):
    instance = flux_start(3)
    assert "rank 0" in instance.flux("shutdown", env=at(instance, 1)).err
    result = instance.flux("shutdown", "-vv")
    assert result.ok and "run->cleanup" in result.err and "shutdown->finalize" in result.err
    instance.process.wait(20 * PATIENCE)


def test_systemd_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(f"{tmp_path}/notify")
        s.settimeout(10 * PATIENCE)
        assert start("-Sbroker.sd-notify=1", "true", env={"NOTIFY_SOCKET": f"{tmp_path}/notify"}).ok
        s.setblocking(False)
        got = []
        try:
            while True:
                got.append(s.recv(4096).decode())
        except BlockingIOError:
            pass
    assert got[0] == "READY=1\nSTATUS=join" and "STOPPING=1\nSTATUS=shutdown" in got
    assert "STATUS=Running as leader of 1 node Flux instance" in got


def test_a_slow_quorum_and_a_slow_end_are_told(flux_start, tmp_path):
    """A stopped broker holds up the end, until the time limit for that."""
    instance = flux_start(2, args=["-Sbroker.shutdown-warn=0.1s", "-Sbroker.shutdown-timeout=0.5s",
                                   "-Slog-stderr-level=4", "--test-exit-timeout=1s"])
    pid = pid_of(instance, 1)
    os.kill(pid, signal.SIGSTOP)
    assert instance.stop() == 0
    assert re.search(r"shutdown delayed: waiting for 1 peers: \S+ \(rank 1\)", instance.log)
    assert "giving up on them" in instance.log and "1 (pid" in instance.log


def test_shutdown_may_tell_systemd_not_to_restart():
    result = start("-Sbroker.exit-norestart=42", "sh", "-c", "trap '' HUP; flux shutdown --background; sleep 0.1")
    assert result.rc == 42, repr(result)
    assert start("-Sbroker.exit-norestart=42", "true").rc == 0


def test_the_program_is_waited_for_at_a_shutdown(tmp_path):
    script = f"trap 'echo hup >{tmp_path}/hup; exit 5' HUP; flux shutdown --background; while :; do read x; done"
    p = subprocess.Popen([FLUX, "start", "-s2", "sh", "-c", script], stdin=subprocess.PIPE, env=clean_env())
    assert p.wait(20 * PATIENCE) == 5
    p.stdin.close()
    assert (tmp_path / "hup").exists()


@pytest.mark.parametrize("hint, address", [("lo", "127.0.0.1"), ("127.0.0.0/8", "127.0.0.1")])
def test_the_interface_for_children_can_be_chosen(flux_start, hint, address):
    instance = flux_start(2, args=["--test-pmi-clique=none", f"-Stbon.interface-hint={hint}"])
    assert instance.run("getattr", "tbon.endpoint").startswith(f"tcp://{address}:")
    assert instance.stop() == 0


def test_an_interface_that_is_not_there_is_named():
    result = start("-s2", "--test-pmi-clique=none", "-Stbon.interface-hint=nosuch0", "true")
    assert result.rc == 1 and "nosuch0" in result.err
