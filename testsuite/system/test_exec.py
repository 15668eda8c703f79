# SPDX-License-Identifier: LGPL-3.0-only
"""Commands on brokers' nodes: flux exec and flux sproc, and what happens when things die under them."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PATIENCE
from processes import await_ends


def helper_pid(instance, rank):
    """The process id of a rank's spawn helper, found by the instance's directory."""
    mark = f"TMPDIR={instance.dir}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or mark not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            args = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if any(a.endswith(f"spawnd-{rank}.sock") for a in args):
            return int(entry.name)
    raise AssertionError(f"no spawn helper of rank {rank}")


def broker_pid(instance, rank):
    return int(instance.run("exec", "-r", str(rank), "flux", "getattr", "broker.pid"))


def read_until(pipe, count):
    return [pipe.readline() for _ in range(count)]


def test_all_ranks_run_it(instance4):
    assert sorted(instance4.run("exec", "flux", "getattr", "rank").split()) == ["0", "1", "2", "3"]


def test_rank_and_exclude(instance4):
    assert sorted(instance4.run("exec", "-r", "1-3", "-x", "2", "flux", "getattr", "rank").split()) == ["1", "3"]


def test_label_io(instance4):
    r = instance4.flux("exec", "-l", "sh", "-c", "printf 'a\\nb'; echo e >&2")
    assert sorted(r.lines) == sorted(f"{i}: {c}" for i in range(4) for c in "ab")
    assert sorted(r.err.splitlines()) == [f"{i}: e" for i in range(4)]


def test_working_directory(instance4):
    assert instance4.run("exec", "-r0", "pwd") == str(instance4.dir)
    assert instance4.run("exec", "-r", "0", "-d", "/usr", "pwd") == "/usr"
    r = instance4.flux("exec", "-r0", "-d", "/no/such", "pwd")
    assert r.rc == 127 and "cannot enter directory '/no/such'" in r.err


def test_environment_is_the_callers_but_for_the_uri(instance4):
    out = instance4.run("exec", "-r", "2", "sh", "-c", "echo $MARK $FLUX_URI", env={"MARK": "here"})
    mark, uri = out.split()
    assert mark == "here" and uri != instance4.uri


def test_exit_code_is_the_largest(instance4):
    r = instance4.flux("exec", "sh", "-c", "exit $(flux getattr rank)")
    assert r.rc == 3
    assert sorted(r.err.splitlines()) == ["[1]: Exit 1", "[2]: Exit 2", "[3]: Exit 3"]
    r = instance4.flux("exec", "false")
    assert r.rc == 1 and all(re.fullmatch(r"\[[0-3,-]+\]: Exit 1", line) for line in r.err.splitlines())
    assert instance4.flux("exec", "-q", "false").err == ""


def test_signal_is_128_more(instance4):
    r = instance4.flux("exec", "-r", "1", "sh", "-c", "kill -TERM $$")
    assert r.rc == 143 and r.err == "[1]: Terminated\n"


def test_no_such_rank_is_68(instance4):
    r = instance4.flux("exec", "-r", "0,9", "echo", "hi")
    assert r.rc == 68 and r.out == "hi\n"
    assert "rank 9: No such rank (the instance has 4)" in r.err


def test_no_such_command_is_127(instance4):
    r = instance4.flux("exec", "-r", "2", "no-such-command-zz")
    assert r.rc == 127
    assert re.search(r"\(rank 2\): cannot run 'no-such-command-zz': No such file or directory", r.err)
    r = instance4.flux("exec", "-r", "2", "/etc/passwd")
    assert r.rc == 126


def test_usage(instance4):
    assert "there is no command" in instance4.flux("exec").err
    assert instance4.flux("exec", "-r", "x", "true").rc != 0
    assert instance4.flux("exec", "-r", "0", "-x", "0", "true").rc != 0


def test_stdin_goes_to_all(instance4):
    data = "".join(f"line {i}\n" for i in range(20000))
    r = instance4.flux("exec", "wc", "-c", stdin=data)
    assert r.ok and r.lines == [str(len(data))] * 4
    assert instance4.run("exec", "-n", "wc", "-c", stdin="x").split() == ["0"] * 4


def test_verbose(instance4):
    r = instance4.flux("exec", "-v", "true")
    assert "starting on rank 0-3" in r.err and "ended on rank" in r.err


def test_many_lines_stay_whole(instance4):
    r = instance4.flux("exec", "-l", "seq", "1", "20000")
    seen = {i: 0 for i in range(4)}
    for line in r.lines:
        rank, n = line.split(": ")
        seen[int(rank)] += 1
        assert int(n) == seen[int(rank)]
    assert set(seen.values()) == {20000}


def test_sigint_goes_to_the_processes(instance4):
    p = instance4.spawn("exec", "sh", "-c", "trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.01; done")
    read_until(p.stdout, 4)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=20 * PATIENCE)
    assert out.count("caught") == 4 and p.returncode == 9


def test_processes_die_with_flux_exec(instance4):
    p = instance4.spawn("exec", "sh", "-c", "echo $$; exec sleep 1000")
    pids = [int(line) for line in read_until(p.stdout, 4)]
    fds = [os.pidfd_open(pid) for pid in pids]
    p.kill()
    p.communicate()
    wait_gone(*fds)


def wait_gone(*pidfds):
    assert not await_ends(pidfds), "still there"


def test_one_that_never_reads_stdin(instance4):
    with open("/dev/zero", "rb") as zero:
        p = instance4.spawn("exec", "-r", "1,3", "sh", "-c", "echo up; exec sleep 1000", stdin=zero)
        read_until(p.stdout, 2)
        assert instance4.run("exec", "-n", "echo", "fine").split() == ["fine"] * 4
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=20 * PATIENCE)
        assert p.returncode == 143


def test_one_that_never_stops_writing(instance4):
    p = instance4.spawn("exec", "-n", "yes")
    read_until(p.stdout, 4)  # and then nobody reads
    assert instance4.run("exec", "-n", "echo", "fine").split() == ["fine"] * 4
    p.kill()
    p.communicate()


def test_background_and_sproc(instance4):
    assert instance4.flux("exec", "--bg", "--label", "nap", "-r", "1", "sleep", "1000").ok
    rows = instance4.run("sproc", "ps", "-r", "1").splitlines()
    assert rows[0].split() == ["PID", "ST", "LABEL", "COMMAND"]
    assert rows[1].split()[1:] == ["R", "nap", "sleep", "1000"]
    waiting = instance4.spawn("sproc", "wait", "-r", "1", "nap")

    def someone_waits():
        methods = instance4.flux("call", "-r1", "broker.Stats", "service=exec").json["methods"]
        return any(m["method"].endswith("Exec/Wait") and m["open"] for m in methods)
    deadline = time.monotonic() + 20 * PATIENCE
    while not someone_waits():
        assert waiting.poll() is None and time.monotonic() < deadline
    assert instance4.flux("sproc", "kill", "-w", "-r", "1", "TERM", "nap").rc == 143
    waiting.communicate(timeout=20 * PATIENCE)
    assert waiting.returncode == 143
    assert len(instance4.run("sproc", "ps", "-r", "1").splitlines()) == 1
    r = instance4.flux("sproc", "kill", "-r", "1", "TERM", "nap")
    assert not r.ok and "runs no process labelled 'nap'" in r.err


def test_the_same_label_twice_is_refused(instance4):
    p = instance4.spawn("exec", "-n", "--label", "one", "-r", "0", "sh", "-c", "echo up; exec sleep 1000")
    read_until(p.stdout, 1)
    r = instance4.flux("exec", "--label", "one", "-r", "0", "true")
    assert not r.ok and "a command labelled 'one' runs already" in r.err
    p.send_signal(signal.SIGTERM)
    p.communicate(timeout=20 * PATIENCE)


def test_a_thousand_processes(instance4):
    """250 calls on four ranks, ten at a time."""
    script = "for i in $(seq 25); do for j in $(seq 10); do flux exec -n sh -c 'echo ok' & done; wait; done"
    r = subprocess.run(["sh", "-c", script], env=instance4.env, capture_output=True, text=True, timeout=120 * PATIENCE)
    assert r.stdout.count("ok") == 1000 and r.stderr == ""


def test_a_thousand_processes_of_one_node(instance4):
    script = ("i=0; while [ $i -lt 1000 ]; do flux exec --bg -r 2 sleep 1000 & i=$((i+1)); "
              "[ $((i % 20)) = 0 ] && wait; done; wait")
    r = subprocess.run(["sh", "-c", script], env=instance4.env, capture_output=True, text=True, timeout=120 * PATIENCE)
    assert r.stderr == ""
    pids = [int(line) for line in instance4.run("sproc", "ps", "-n", "-o", "{pid}", "-r", "2").split()]
    assert len(pids) == 1000
    fds = [os.pidfd_open(pid) for pid in pids]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_gone(*fds)


def test_death_of_the_helper_is_told(flux_start):
    instance = flux_start(2)
    p = instance.spawn("exec", "-n", "sh", "-c", "echo $$; exec sleep 1000")
    fds = [os.pidfd_open(int(line)) for line in read_until(p.stdout, 2)]
    os.kill(helper_pid(instance, 1), signal.SIGKILL)
    # its tasks may speak before the helper has said that they run: then their start has failed
    assert re.search(r"\(rank 1\): (its spawn helper died|the spawn helper .* was killed)", p.stderr.readline())
    p.send_signal(signal.SIGTERM)
    p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == 143
    wait_gone(*fds)
    assert sorted(instance.run("exec", "-l", "echo", "again").splitlines()) == ["0: again", "1: again"]


def test_loss_of_an_interior_broker_is_told(flux_start):
    instance = flux_start(7, args=["-Stbon.topo=kary:2"])
    p = instance.spawn("exec", "-n", "-r", "1-6", "sh", "-c", "echo up; exec sleep 1000")
    read_until(p.stdout, 6)
    helper = os.pidfd_open(helper_pid(instance, 1))
    os.kill(broker_pid(instance, 1), signal.SIGKILL)
    line = p.stderr.readline()
    assert "lost contact with" in line and "rank 1,3-4" in line
    p.send_signal(signal.SIGTERM)
    p.communicate(timeout=20 * PATIENCE)
    assert p.returncode in (143, 68)
    wait_gone(helper)  # it does not outlive such an instance's broker for long


def test_nothing_is_left_when_the_instance_stops(flux_start):
    instance = flux_start(2)
    assert instance.flux("exec", "--bg", "sleep", "1000").ok
    assert instance.stop() == 0
    assert instance.leftovers() == []


@pytest.mark.parametrize("value", ["", "x", "5-1", "-1"])
def test_bad_rank_sets(instance4, value):
    r = instance4.flux("exec", f"--rank={value}", "true")
    assert not r.ok and r.err.startswith("flux-exec: ")
