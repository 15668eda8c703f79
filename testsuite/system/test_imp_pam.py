# SPDX-License-Identifier: LGPL-3.0-only
"""flux-imp exec with a PAM session: each stage, failing and not, and what it leaves in the job."""

import pytest

from conftest import PATIENCE
from imp_world import CONFIG, USERS, World, needs_world

pytestmark = needs_world
PAM = CONFIG + "pam-support = true\n"
STACK = """
auth required pam_localuser.so
session required pam_limits.so
"""
# Writes the stage and what it is told into a file. It is a program of PAM's: its environment is PAM's alone.
WITNESS = """#!/bin/bash
echo $PAM_TYPE $PAM_SERVICE $PAM_USER $PAM_RUSER $UID $(id -g) >>/mnt/witness
"""


@pytest.fixture(scope="module")
def shared():
    w = World()
    w.write("/mnt/witness.sh", WITNESS, 0o755)
    yield w
    w.close()


@pytest.fixture
def world(shared):
    shared.configure(imp=PAM)
    stack(shared, STACK)
    shared.write("/etc/pam.d/other", "auth required pam_deny.so\nsession required pam_deny.so\n")
    shared.write("/etc/security/limits.conf", "")
    shared.write("/mnt/witness", "")
    shared.log  # pylint: disable=pointless-statement
    return shared


def stack(world, text):
    world.write("/etc/pam.d/flux", text)


def stages(world):
    return [line.split()[0] for line in world.path("/mnt/witness").read_text().splitlines()]


def test_the_guides_stack_lets_jobs_run(world):
    assert world.script("id -un").out == "alice\n"


def test_limits_of_the_stack_hold_in_the_job(world):
    world.write("/etc/security/limits.conf", "alice soft nofile 77\nalice hard nofile 99\n@lab - core 12\n"
                "bob - nofile 55\n* - nproc 4321\n* - fsize 1000\n")
    assert world.script("ulimit -Sn; ulimit -Hn; ulimit -Hc; ulimit -Hu; ulimit -Sf").lines == [
        "77", "99", "12", "4321", "1000"]
    assert world.script("ulimit -Hn", signer="bob").out == "55\n"


def test_limits_that_would_stop_the_imp_itself_only_meet_the_job(world):
    stack(world, "session required pam_exec.so seteuid /mnt/witness.sh\n" + STACK)
    world.write("/etc/security/limits.conf", "alice soft nofile 20\nalice soft fsize 0\nalice soft nproc 30\n")
    assert world.script("ulimit -f").out == "0\n"
    assert "close_session" in stages(world)


def test_what_modules_are_told(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so seteuid /mnt/witness.sh\n")
    assert world.script("cat /mnt/witness").out == "open_session flux alice flux 0 0\n"
    assert stages(world) == ["open_session", "close_session"]


def test_the_session_is_open_while_the_job_runs_and_closed_whatever_its_end(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so seteuid /mnt/witness.sh\n")
    for end in ("exit 3", "kill -9 $$", "exit 0"):
        world.write("/mnt/witness", "")
        assert world.script(f"grep -c . /mnt/witness; {end}").out == "1\n"
        assert stages(world) == ["open_session", "close_session"]


def test_the_session_is_closed_after_usr1_and_after_term(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so seteuid /mnt/witness.sh\n")
    for name, end in (("USR1", -9), ("TERM", -15)):
        world.write("/mnt/witness", "")
        p = world.spawn_script("echo up; exec sleep 600")
        try:
            assert p.stdout.readline() == "up\n"
            assert world.run("flux", "kill", f"-{name}", p.pid).ok
            assert p.wait(30 * PATIENCE) == end
        finally:
            p.kill()
            p.wait()
        assert stages(world) == ["open_session", "close_session"]


def test_no_signal_but_kill_leaves_a_session_open(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so seteuid /mnt/witness.sh\n")
    p = world.spawn_script("echo up; exec sleep 600")
    try:
        assert p.stdout.readline() == "up\n"
        for name in ("QUIT", "ILL", "ABRT", "SEGV", "PIPE", "USR2", "XCPU", "XFSZ", "VTALRM", "PROF", "IO", "SYS", "64"):
            assert world.run("flux", "kill", f"-{name}", p.pid).ok
        assert world.run("flux", "kill", "-TERM", p.pid).ok
        assert p.wait(30 * PATIENCE) == -15
    finally:
        p.kill()
        p.wait()
    assert stages(world) == ["open_session", "close_session"]


def test_what_modules_put_into_the_environment_is_in_the_job(world):
    world.write("/etc/security/pam_env.conf", "SITE DEFAULT=blue\nPATH DEFAULT=/opt/site:/usr/bin\n"
                "FLUX_IMP_REQUEST_FD DEFAULT=9\n")
    stack(world, STACK + "session required pam_env.so\n")
    out = world.exec("/usr/bin/env").lines
    assert "SITE=blue" in out and "PATH=/opt/site:/usr/bin" in out and "FLUX_IMP_REQUEST_FD=4" in out


def refused(world, text):
    result = world.script("echo ran")
    assert (result.rc, result.out) == (1, "") and text in result.err, repr(result)
    assert text in world.log
    return True


@pytest.mark.parametrize("text, why", [
    ("auth required pam_deny.so\nsession required pam_permit.so\n", "pam_setcred"),
    ("session required pam_permit.so\n", "pam_setcred"),
    ("auth required pam_permit.so\nsession required pam_deny.so\n", "pam_open_session"),
    ("auth required pam_permit.so\nsession required pam_exec.so /bin/false\n", "pam_open_session"),
    ("auth required pam_permit.so\nsession required /mnt/none.so\n", "pam_open_session"),
    ("auth required pam_permit.so\nsession requi", "pam_open_session"),
    ("auth required pam_permit.so\nsession required pam_permit.so\nsession required pam_deny.so\n", "pam_open_session")])
def test_a_stage_that_fails_starts_no_job(world, text, why):
    stack(world, text)
    refused(world, why)


def test_users_whom_the_stack_does_not_know(world):
    stack(world, "auth required pam_permit.so\nsession required pam_succeed_if.so user != alice\n")
    refused(world, "pam_open_session")
    assert world.script("id -un", signer="bob").out == "bob\n"


def test_no_stack_at_all_is_the_systems_other_one(world):
    world.root("rm", "/etc/pam.d/flux", check=True)
    refused(world, "pam")


def test_what_was_opened_is_closed_when_a_later_module_fails(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so seteuid /mnt/witness.sh\n"
          "session required pam_deny.so\n")
    refused(world, "pam_open_session")
    assert stages(world)[0] == "open_session"


def test_a_close_that_fails_is_logged_and_the_jobs_status_stands(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so type=open_session /bin/true\n"
          "session required pam_exec.so type=close_session /bin/false\n")
    assert world.script("exit 9").rc == 9
    assert "pam_close_session" in world.log


def test_a_module_that_asks_gets_no_answer(world):
    stack(world, "auth required pam_permit.so\nsession required pam_echo.so hello from the stack\n")
    assert world.script("id -un").out == "alice\n"
    assert "pam: hello from the stack" in world.log


def test_without_pam_support_no_stack_is_asked(world):
    stack(world, "auth required pam_deny.so\nsession required pam_deny.so\n")
    world.configure(imp=CONFIG)
    assert world.script("id -un").out == "alice\n"


def test_the_umask_of_the_stack_is_the_jobs(world):
    stack(world, "auth required pam_permit.so\nsession required pam_umask.so umask=0027\n")
    assert world.script("umask").out == "0027\n"


def test_uid_0_is_refused_before_any_session(world):
    stack(world, "auth required pam_permit.so\nsession required pam_exec.so seteuid /mnt/witness.sh\n")
    assert world.script("id", signer="root").rc == 1
    assert world.script("id", j=world.sign("mallory", userid=USERS["alice"])).rc == 1
    assert stages(world) == []
