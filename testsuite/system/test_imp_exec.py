# SPDX-License-Identifier: LGPL-3.0-only
"""flux-imp exec: who runs, with what, and how it ends."""
import json
import os
import signal
import subprocess

import pytest

from conftest import PATIENCE, execute
from imp_world import CONFIG, LAB, USERS, World, needs_world

pytestmark = needs_world


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.close()


@pytest.fixture(autouse=True)
def as_it_was(world):
    """Each test finds the world configured as at first and an empty log."""
    world.configure()
    world.log  # pylint: disable=pointless-statement


def test_the_job_is_the_user_who_signed(world):
    ids = world.script("grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs):' /proc/self/status").lines
    uid = str(USERS["alice"])
    assert ids[0].split() == ["Uid:", uid, uid, uid, uid]
    assert ids[1].split() == ["Gid:", uid, uid, uid, uid]
    assert ids[2].split() == ["Groups:", uid, str(LAB)]
    assert all(int(line.split()[1], 16) == 0 for line in ids[3:])


def test_the_environment_is_made_from_nothing(world):
    evil = {"LD_PRELOAD": "/tmp/evil.so", "LD_LIBRARY_PATH": "/tmp", "TZ": "/etc/shadow", "GCONV_PATH": "/tmp",
            "MALLOC_PERTURB_": "1", "LANG": "../../tmp/x", "FLUX_URI": "local:///tmp/x", "BASH_ENV": "/tmp/x",
            "GLIBC_TUNABLES": "glibc.malloc.check=3", "PATH": "/tmp", "FLUX_IMP_REQUEST_FD": "9", "A": "b" * 100000}
    out = world.exec("/usr/bin/env", env=evil).lines
    assert sorted(out) == sorted([
        "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "HOME=/mnt/home/alice", "USER=alice",
        "LOGNAME=alice", "SHELL=/bin/bash", "FLUX_IMP_REQUEST_FD=4"])


def test_what_was_signed_is_on_descriptor_4_and_cannot_be_changed(world):
    payload = json.dumps({"tasks": "ä" * 100000})
    assert world.script("cat <&4", payload=payload).out == payload
    changed = world.script("{ echo x >&4 || echo x >/proc/self/fd/4 || : >/proc/self/fd/4; } 2>&1")
    assert changed.rc != 0 and "not permitted" in changed.out


def test_the_job_starts_in_the_root_directory_with_the_usual_umask(world):
    assert world.script("pwd; umask").lines == ["/", "0022"]


def test_the_job_has_standard_descriptors_and_the_request(world):
    assert world.script("ls /proc/$$/fd; readlink /proc/$$/fd/0").lines == ["0", "1", "2", "4", "/dev/null"]


def test_descriptor_3_is_passed_on_and_higher_ones_are_not(world):
    request = json.dumps({"J": world.sign("alice")})
    command = world.as_user("flux", "bash", "-c", 'exec 3</etc/hostname 5</etc/passwd 9</etc/group; exec "$@"', "-",
                            "/usr/libexec/flux/flux-imp", "exec", "/usr/bin/bash", "-c",
                            "ls /proc/$$/fd; readlink /proc/$$/fd/3")
    assert execute(command, stdin=request).lines == ["0", "1", "2", "3", "4", "/etc/hostname"]


def test_signals_are_at_their_defaults_whatever_the_caller_blocked(world):
    command = world.as_user("flux", "/usr/bin/python3", "-c", """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for n in signal.valid_signals() - {9, 19}:
    signal.signal(n, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 3600)
os.execv(sys.argv[1], sys.argv[1:])
""", "/usr/libexec/flux/flux-imp", "exec", "/usr/bin/env", "cat", "/proc/self/status")
    result = execute(command, stdin=json.dumps({"J": world.sign("alice")}))
    masks = dict(line.split()[:2] for line in result.lines if line.startswith("Sig"))
    assert [int(masks[k], 16) for k in ("SigBlk:", "SigIgn:", "SigCgt:")] == [0, 0, 0], repr(result)


def test_the_job_has_a_session_of_its_own(world):
    assert world.script('read -r _ _ _ _ pgrp session _ </proc/$$/stat; [ $pgrp = $$ ] && [ $session = $$ ]').ok


def test_every_exit_code_is_the_jobs(world):
    codes = [world.script(f"exit {n}").rc for n in (0, 1, 2, 42, 125, 126, 127, 128, 137, 200, 255)]
    assert codes == [0, 1, 2, 42, 125, 126, 127, 128, 137, 200, 255]


@pytest.mark.parametrize("name", ["HUP", "INT", "KILL", "TERM", "USR1", "SEGV", "ABRT", "PIPE", "ALRM", "RTMIN"])
def test_a_job_that_dies_by_a_signal_makes_the_imp_die_by_it(world, name):
    number = getattr(signal, "SIG" + name)
    assert world.script(f"kill -{int(number)} $$").rc == -number


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "CONT", "ALRM", "WINCH", "TTIN", "TTOU"])
def test_signals_are_passed_on(world, name):
    p = world.spawn_script(f"trap 'echo got; exit 7' {name}; echo up; while :; do read -t 60 <> <(:); done")
    try:
        assert p.stdout.readline() == "up\n"
        world.run("flux", "kill", f"-{name}", p.pid)
        assert p.stdout.readline() == "got\n"
        assert p.wait(30 * PATIENCE) == 7
    finally:
        p.kill()
        p.wait()


@pytest.mark.parametrize("name", ["USR1", "USR2", "QUIT", "TERM"])
def test_any_signal_is_passed_on_by_kill(world, name):
    p = world.spawn_script(f"trap 'echo got; exit 7' {name}; echo up; while :; do read -t 60 <> <(:); done")
    try:
        assert p.stdout.readline() == "up\n"
        number = int(getattr(signal, "SIG" + name))
        assert world.run("flux", "/usr/libexec/flux/flux-imp", "kill", number, p.pid).ok
        assert p.stdout.readline() == "got\n"
        assert p.wait(30 * PATIENCE) == 7
    finally:
        p.kill()
        p.wait()


def test_usr1_kills_everything_of_the_job(world):
    p = world.spawn_script("""
trap '' TERM INT HUP
(setsid bash -c 'trap "" TERM; echo deep; exec sleep 1000' &)
setsid sleep 1000 &
echo up
wait""")
    try:
        assert {p.stdout.readline(), p.stdout.readline()} == {"up\n", "deep\n"}
        assert world.run("flux", "kill", "-USR1", p.pid).ok
        assert p.wait(30 * PATIENCE) == -signal.SIGKILL
        assert p.stdout.read() == ""  # nobody has it open any more
    finally:
        p.kill()
        p.wait()


def test_nothing_of_the_job_outlives_an_imp_that_is_killed_or_its_caller(world):
    job = world.as_user("flux", "bash", "-c", '"$@" <<<$REQUEST & echo $!; wait', "-", "/usr/libexec/flux/flux-imp", "exec",
                        "/usr/bin/bash", "-c", "trap '' TERM; echo up; read -t 600 <> <(:)")
    for victim in ("imp", "caller"):
        env = {**os.environ, "REQUEST": json.dumps({"J": world.sign("alice")})}
        with subprocess.Popen(job, stdout=subprocess.PIPE, text=True, env=env) as caller:
            lines = {caller.stdout.readline(), caller.stdout.readline()}
            imp = next(int(line) for line in lines if line != "up\n")
            assert world.run("flux", "kill", "-9", imp if victim == "imp" else caller.pid).ok
            assert caller.stdout.read() == ""  # the job had it open, too


def test_kill_is_a_thin_form_of_the_same(world):
    p = world.spawn_script("trap 'exit 3' TERM; echo up; sleep 1000 & wait")
    try:
        assert p.stdout.readline() == "up\n"
        refused = world.imp("kill", "15", p.pid, user="mallory")
        assert refused.rc == 1 and "not permitted" in refused.err
        assert world.imp("kill", "9", p.pid).ok
        assert p.wait(30 * PATIENCE) == -signal.SIGKILL
    finally:
        p.kill()
        p.wait()


@pytest.mark.parametrize("args", [(), ("9",), ("0", "5"), ("x", "5"), ("9", "-1"), ("9", "1"), ("99", "5"), ("9", "0")])
def test_kill_refuses_what_is_no_signal_or_no_imp(world, args):
    result = world.imp("kill", *args)
    assert result.rc == 1 and "kill" in result.err


def test_a_start_is_logged_with_user_and_caller(world):
    assert world.exec("/usr/libexec/flux/flux-shell", "true").ok
    assert "<86>" in (log := world.log) and "job true of alice started for flux" in log


def test_job_ids_are_written_in_ascii(world):
    world.exec("/usr/libexec/flux/flux-shell", "ƒ2uT")
    assert "job f2uT of alice started" in world.log


def test_log_level_err_leaves_starts_out(world):
    world.configure('log-level = "err"\n' + CONFIG)
    assert world.script(":").ok and world.log == ""
    assert world.script(":", user="mallory").rc == 1 and "refused" in world.log


def test_an_owner_may_run_his_own_jobs_too(world):
    assert world.script("id -un", signer="flux").out == "flux\n"


def test_a_shell_that_cannot_be_executed_ends_with_126_or_127(world):
    shells = '["/usr/libexec/flux/none", "/usr/libexec/flux/junk"]'
    world.configure(f'[exec]\nallowed-users = ["flux"]\nallowed-shells = {shells}\n')
    world.write("/usr/libexec/flux/none", "#!/bin/true\n", 0o644)
    world.write("/usr/libexec/flux/junk", "#!/nowhere\n", 0o755)
    assert world.exec("/usr/libexec/flux/none").rc == 126
    assert world.exec("/usr/libexec/flux/junk").rc == 127
