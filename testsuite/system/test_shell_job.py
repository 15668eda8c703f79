# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs through the whole of it: what users see of the shell, on one node and on four."""
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios

import pytest

from conftest import BUILD, FLUX, PATIENCE, SANITIZE, clean_env
from test_shell import HELLO


def sh(text):
    return ["sh", "-c", text]


def wait_for(condition):
    for _ in range(int(1000 * PATIENCE)):
        if condition():
            return
        signal.sigtimedwait([], 0.01)
    raise AssertionError("it did not happen in time")


def test_warnings_of_the_shell_are_seen_by_who_attaches(instance):
    r = instance.flux("run", "-o", "rlimit.nofile=1099511627776", "true")
    assert r.ok and r.err.endswith("s: flux-shell[0]:  WARN: rlimit: nofile exceeds current max, raising value to hard limit\n")


def test_exit_codes_and_output(instance):
    r = instance.flux("run", *sh("echo out; echo err >&2; exit 3"))
    assert (r.rc, r.out) == (3, "out\n") and "err\n" in r.err
    assert instance.flux("run", *sh("kill -KILL $$")).rc == 137


def test_an_unknown_command_is_explained(instance):
    r = instance.flux("run", "/no/such/command")
    assert r.rc == 127 and "start failed: /no/such/command: No such file or directory" in r.err


def test_input_reaches_the_tasks(instance):
    text = "".join(f"{i}\n" for i in range(100000))
    assert instance.run("run", "cat", stdin=text) + "\n" == text
    assert instance.run("run", "-n1", "--input=/etc/hostname", "cat") == open("/etc/hostname").read().rstrip("\n")


def test_large_output_is_complete_and_in_order(instance):
    assert instance.run("run", "seq", "1", "500000", timeout=60) == "\n".join(map(str, range(1, 500001)))


def test_output_of_all_nodes_goes_to_one_file(instance4, tmp_path):
    instance4.run("run", "-N4", "-n8", f"--output={tmp_path}/out.{{{{id}}}}", *sh("echo $FLUX_TASK_RANK"))
    (file,) = tmp_path.iterdir()
    assert sorted(file.read_text().split()) == [str(i) for i in range(8)]


def test_output_goes_to_a_file_of_each_task(instance4, tmp_path):
    instance4.run("run", "-N4", "-n8", f"--output={tmp_path}/{{{{task.rank}}}}.{{{{node.id}}}}", *sh("echo $FLUX_TASK_RANK"))
    assert {f.name: f.read_text() for f in tmp_path.iterdir()} == {f"{i}.{i // 2}": f"{i}\n" for i in range(8)}


def test_labels_name_the_tasks(instance4):
    out = instance4.run("run", "-N4", "-n4", "--label-io", *sh("echo a; echo b"))
    assert sorted(out.splitlines()) == sorted(f"{i}: {x}" for i in range(4) for x in "ab")


def test_signals_reach_the_tasks_of_all_nodes(instance4):
    p = instance4.spawn("run", "-N4", "-n4", *sh("trap 'echo got; exit 0' USR1; echo up; while :; do sleep 0.02; done"))
    for _ in range(4):
        assert p.stdout.readline() == "up\n"
    p.send_signal(signal.SIGUSR1)
    out, _ = p.communicate(timeout=20 * PATIENCE)
    assert (p.returncode, out) == (0, "got\n" * 4)


def test_a_cancelled_job_leaves_nothing(instance4):
    p = instance4.spawn("run", "-N4", "-n4", *sh("echo up; exec sleep 1000"))
    for _ in range(4):
        assert p.stdout.readline() == "up\n"
    instance4.run("cancel", instance4.run("job", "last"))
    p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == 143


def test_a_stubborn_job_is_killed_with_all_it_has_started(flux_start):
    flux = flux_start(1, config='[exec]\nkill-timeout = "0.2s"\n')
    p = flux.spawn("run", *sh("trap '' TERM; sleep 1000 & echo $!; sleep 1000; sleep 1000"))
    child = int(p.stdout.readline())
    flux.run("cancel", flux.run("job", "last"))
    p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == 137
    wait_for(lambda: not os.path.exists(f"/proc/{child}") or open(f"/proc/{child}/stat").read().split()[2] == "Z")


def test_the_environment_is_that_of_the_job(instance4):
    out = instance4.run("run", "-N2", "-n4", "--env=FOO=bar",
                        *sh("echo $FLUX_JOB_SIZE $FLUX_JOB_NNODES $FLUX_TASK_LOCAL_ID $FOO $FLUX_JOB_ID"))
    job = instance4.run("job", "last")
    assert sorted(line.split()[:4] for line in out.splitlines()) == [["4", "2", str(i), "bar"] for i in (0, 0, 1, 1)]
    assert all(line.split()[4] == job for line in out.splitlines())


def test_exit_on_error_ends_the_job(instance):
    r = instance.flux("run", "-n2", "-o", "exit-on-error", *sh("[ $FLUX_TASK_RANK = 1 ] && exit 5; exec sleep 1000"))
    assert r.rc != 0 and "failed and exit-on-error is set" in r.err


def test_a_node_that_runs_a_broken_jobspec_says_why(instance):
    r = instance.flux("run", "-o", "taskmap.scheme=nosuch", "true")
    assert r.rc != 0 and "no such scheme: nosuch" in r.err


def start_broker(tmp_path):
    for name in ("state", "run"):
        (tmp_path / name).mkdir(exist_ok=True)
    p = subprocess.Popen([BUILD / "server/broker/flux-broker", f"-Sstatedir={tmp_path}/state", f"-Srundir={tmp_path}/run",
                          *sh("echo up; cat")], env=clean_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, cwd=tmp_path, start_new_session=True)
    assert p.stdout.readline() == "up\n"
    return p


def test_a_job_outlives_its_broker_and_loses_nothing(tmp_path):
    env = clean_env(FLUX_URI=f"local://{tmp_path}/run/local-0")

    def flux(*args, **kw):
        return subprocess.Popen([FLUX, *args], env=env, text=True, cwd=tmp_path, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **kw)
    broker = start_broker(tmp_path)
    job = flux("submit", *sh("echo 1; while [ ! -e go ]; do sleep 0.02; done; echo 2")).communicate(timeout=20 * PATIENCE)[0].strip()
    attached = flux("job", "attach", job)
    assert attached.stdout.readline() == "1\n"
    os.killpg(broker.pid, signal.SIGKILL)
    broker.wait()
    broker.stdin.close()
    attached.communicate(timeout=20 * PATIENCE)
    broker = start_broker(tmp_path)
    (tmp_path / "go").touch()
    attached = flux("job", "attach", job)
    out, _ = attached.communicate(timeout=20 * PATIENCE)
    assert (attached.returncode, out) == (0, "1\n2\n")
    broker.stdin.close()
    assert broker.wait(20 * PATIENCE) == 0


def test_an_allocation_is_interactive(instance4):
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        os.execve(FLUX, ["flux", "alloc", "-N2"], instance4.env)
    os.write(fd, b"stty size; flux getattr size; exit 5\r")
    out = b""
    while select.select([fd], [], [], 30 * PATIENCE)[0]:
        try:
            out += os.read(fd, 4096)
        except OSError:  # the other end is closed
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5, out
    assert b"33 99\r\n2\r\n" in out, out
    os.close(fd)


def test_an_instance_starts_in_a_job(instance4):
    r = instance4.flux("run", "-N4", "-n4", "-o", "exit-timeout=none", FLUX, "start", FLUX, "getattr", "size", timeout=60)
    assert (r.rc, r.out) == (0, "4\n"), r


def test_its_jobs_run_mpi(instance4, mpi_hello):
    r = instance4.flux("run", "-N2", "-n2", "-o", "exit-timeout=none", FLUX, "start", FLUX, "run", "-N2", "-n2", mpi_hello, timeout=60)
    assert r.rc == 0 and len(r.lines) == 2, r


@pytest.fixture(scope="module", params=["mpicc.mpich", "mpicc.openmpi"])
def ring(request, tmp_path_factory):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param}")
    if SANITIZE and "openmpi" in request.param:
        pytest.skip("it loads a sanitized libpmi")
    d = tmp_path_factory.mktemp("ring")
    (d / "ring.c").write_text(HELLO)
    subprocess.run([request.param, "-o", d / "ring", d / "ring.c"], check=True)
    return d / "ring"


@pytest.mark.parametrize("shape", [("-N4", "-n8"), ("-N4", "-n4"), ("-N1", "-n2"), ("-N4", "-n8", "-o", "taskmap={\"scheme\":\"cyclic\"}")])
def test_mpi_rings_close(instance4, ring, shape):
    n = int(shape[1][2:])
    r = instance4.flux("run", *shape, ring, timeout=60)
    assert (r.rc, r.out) == (0, f"{n} tasks, sum {n * (n - 1) // 2}\n"), r


def test_the_task_map_is_shown(instance4):
    instance4.run("run", "-N4", "-n6", "-o", 'taskmap={"scheme":"cyclic"}', "true")
    job = instance4.run("job", "last")

    def taskmap(*args):
        return instance4.run("job", "taskmap", *args)
    assert taskmap("--to=raw", job) == "0,4;1,5;2;3"
    assert taskmap("--taskids=1", job) == "1,5" and taskmap("--ntasks=3", job) == "1" and taskmap("--nodeid=4", job) == "0"
    assert taskmap("--hostname=0", job) == instance4.run("run", "-n1", "hostname")
    assert taskmap("--to=pmi", "[[0,2,2,1]]") == "(vector,(0,2,2))" and taskmap("0-1;2-3") == "[[0,2,2,1]]"
    assert instance4.flux("job", "taskmap", "--nodeid=9", job).rc == 1


def test_flux_pmi_tries_the_server(instance4):
    run = ("run", "-N4", "-n8", FLUX, "pmi")
    assert "completed barrier on 8 tasks" in instance4.run(*run, "barrier", "--count=3")
    assert instance4.run(*run, "exchange", "--count=2").count("completed pmi exchange on 8 tasks") == 2
    assert instance4.run(*run, "get", "--ranks=0,7", "PMI_process_mapping") == "(vector,(0,4,2))\n(vector,(0,4,2))"
    assert "nosuch: no such key" in instance4.flux(*run, "get", "nosuch").err
    assert "completed barrier on 1 tasks" in instance4.run("pmi", "barrier")
