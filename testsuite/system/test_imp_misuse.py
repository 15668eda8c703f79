# SPDX-License-Identifier: LGPL-3.0-only
"""Every way to misuse flux-imp exec: each is refused, said, and logged."""
import base64
import json
import os
import subprocess
import tempfile
import time

import pytest

from conftest import PATIENCE, execute
from imp_world import CONFIG, IMP, SECURITY, USERS, World, needs_world

pytestmark = needs_world
CONF = "/etc/flux/imp/conf.d"
SHELL = "/usr/libexec/flux/flux-shell"


@pytest.fixture(scope="module")
def shared():
    w = World()
    yield w
    w.close()


@pytest.fixture
def world(shared):
    """Configured as at first, with an empty log."""
    shared.root("sh", "-c", f"rm -rf {CONF} && mkdir -m 755 -p {CONF}", check=True)
    shared.configure()
    shared.log  # pylint: disable=pointless-statement
    return shared


def refused(world, result, text, logged=True):
    """Exit 1, nothing on standard output, the reason on standard error and in the log."""
    assert result.rc == 1 and result.out == "" and text in result.err, repr(result)
    assert result.err.startswith("flux-imp: ") and result.err.count("\n") == 1, repr(result)
    log = world.log
    assert not logged or ("<83>" in log and text in log), log
    assert " started for " not in log


# -- who

def test_a_caller_who_is_not_allowed(world):
    refused(world, world.script("id", user="mallory"), "mallory is not in exec.allowed-users")


def test_the_user_whose_job_it_is_may_not_start_it_either(world):
    refused(world, world.script("id", user="alice"), "alice is not in exec.allowed-users")


def test_nobody_is_allowed_by_default(world):
    world.configure(imp="")
    refused(world, world.script("id"), "flux is not in exec.allowed-users")


def test_a_caller_without_a_name(world):
    command = world._inside("setpriv", "--reuid=7777", "--regid=7777", "--clear-groups", IMP, "exec", SHELL)
    refused(world, execute(command, stdin="{}"), "no user has id 7777")


def test_root_is_not_served(world):
    refused(world, world.root(IMP, "exec", SHELL, stdin="{}"), "root is not served", logged=False)


def test_sudo_is_not_believed(world):
    world.configure("allow-sudo = true\n" + CONFIG)
    result = world.root("env", "SUDO_USER=flux", f"SUDO_UID={USERS['flux']}", IMP, "exec", SHELL, stdin="{}")
    refused(world, result, "root is not served", logged=False)


def test_without_the_setuid_bit(world):
    world.configure(CONFIG + "allow-unprivileged-exec = true\n")
    world.root("sh", "-c", f"cp {IMP} /mnt/plain && chmod 755 /mnt/plain", check=True)
    request = json.dumps({"J": world.sign("alice")})
    refused(world, world.run("flux", "/mnt/plain", "exec", SHELL, "id", stdin=request), "not installed setuid root",
            logged=False)


def test_no_new_privs(world):
    request = json.dumps({"J": world.sign("alice")})
    refused(world, world.run("flux", "setpriv", "--no-new-privs", IMP, "exec", SHELL, "id", stdin=request),
            "not installed setuid root, or not allowed", logged=False)


# -- the signature

def test_a_job_of_root(world):
    refused(world, world.script("id", signer="root"), "signed by root")


def test_a_request_for_another_user(world):
    refused(world, world.script("id", j=world.sign("mallory", userid=USERS["alice"])), "was signed by user 5554")


def test_the_owner_cannot_sign_for_a_user(world):
    refused(world, world.script("id", j=world.sign("flux", userid=USERS["alice"])), "was signed by user 5551")


def test_a_request_for_root_signed_by_a_user(world):
    refused(world, world.script("id", j=world.sign("mallory", userid=0)), "sign")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_an_altered_request(world, part):
    parts = world.sign("alice", '{"command": ["true"]}').split(".")
    other = world.sign("bob", '{"command": ["evil"]}').split(".")
    parts[part] = other[part]
    refused(world, world.script("id", j=".".join(parts)), "sign")


def test_a_damaged_signature(world):
    head, payload, signature = world.sign("alice").split(".")
    for damaged in (signature[:40] + ("A" if signature[40] != "A" else "B") + signature[41:], signature[:-9],
                    "MUNGE::", "x", "none"):
        refused(world, world.script("id", j=".".join([head, payload, damaged])), "")


def test_type_none_is_not_taken_where_munge_is_wanted(world):
    refused(world, world.script("id", j=world.sign("alice", mechanism="none")), "not in sign.allowed-types")


def test_a_user_who_is_unknown_here(world):
    passwd = world.path("/etc/passwd").read_text()
    try:
        world.write("/etc/passwd", "".join(line + "\n" for line in passwd.splitlines() if "alice" not in line))
        refused(world, world.script("id"), "no user has id 5552")
    finally:
        world.write("/etc/passwd", passwd)


def test_an_old_request(world):
    world.configure(security=SECURITY.replace("3600", "1"))
    j, deadline = world.sign("alice"), time.monotonic() + 20 * PATIENCE
    while (result := world.script(":", j=j)).ok:
        assert time.monotonic() < deadline, "a request with a ttl of a second still holds"
    world.log  # pylint: disable=pointless-statement
    refused(world, world.script(":", j=j), "sign.max-ttl")


def test_a_munged_that_does_not_answer(world):
    world.configure(security=SECURITY.replace("/mnt/munge/socket", "/mnt/munge/none"))
    refused(world, world.script("id", j=world.sign("alice")), "munge")


@pytest.mark.parametrize("security", ["", "[sign]\n", SECURITY.replace("3600", "-1"), SECURITY.replace("max-ttl", "ttl"),
                                      SECURITY.replace('["munge"]', "[]"), "[sign"])
def test_a_bad_security_configuration(world, security):
    world.configure(security=security)
    refused(world, world.script("id", j=world.sign("alice")), "")


# -- the input

@pytest.mark.parametrize("text", [
    "", " ", "x", "{", "{}", "[]", '"J"', "null", '{"J"}', '{"J":}', '{"J":1}', '{"J":""}', '{"J":"a"', '{"J":"a"}}',
    '{"J":"a"} x', '{"J":"a","J":"b"}', '{"J":"a","x":"b"}', '{"J":"a",}', '{,"J":"a"}', '{"J":"a" "b"}',
    '{"J":"a\\u0000b"}', '{"J":"\\ud800"}', '{"J":"a\\', '{"J":"ä"}', '{"J":"a\nb"}', '{"J":"a","options":{"x":1}}',
    '{"J":"a","options":[]}', '{"J":"a","options":{}}', '{"J":"a.b.c"}', '{"J":"..."}', '{"J":"a.b.c.d"}', "\0",
    '{"J":"\x7f"}', "{" * 100000, '{"J":"' + "A" * 100000 + '"}', '{"J":"' + "AAAA." * 10000 + '"}'])
def test_what_is_no_request(world, text):
    refused(world, world.imp("exec", SHELL, "id", stdin=text), "")


def test_more_input_than_any_request_has(world):
    command = world.as_user("flux", IMP, "exec", SHELL, "id")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        try:
            p.stdin.write(b'{"J":"')
            for _ in range(64):
                p.stdin.write(b"A" * (1 << 20))
        except BrokenPipeError:
            pass
        out, err = p.communicate(timeout=30 * PATIENCE)
    assert p.returncode == 1 and out == b"" and b"too large" in err.lower() or b"too long" in err, err


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full", "/dev/urandom", "/dev/null", "/etc", "/usr/bin/env"])
@pytest.mark.parametrize("command", [["exec", SHELL], ["casign"]])
def test_devices_and_directories_as_input(world, path, command):
    result = world.run("flux", "bash", "-c", f'exec "$@" <{path}', "-", IMP, *command)
    refused(world, result, "")


def test_bytes_of_any_kind(world):
    for seed in range(40):
        junk = bytes((seed * 7919 + i * i * 31) % 256 for i in range(seed * 50))
        for data in (junk, b'{"J":"' + junk + b'"}', b'{"J":"' + base64.b64encode(junk) + b".e30=.none" + b'"}'):
            run = subprocess.run(world.as_user("flux", IMP, "exec", SHELL, "id"), input=data, capture_output=True,
                                 timeout=30, check=False)
            assert run.returncode == 1 and run.stdout == b"", run
            assert all(32 <= c < 127 or c == 10 for c in run.stderr), run.stderr


def test_texts_of_the_caller_cannot_forge_a_line_of_the_log(world):
    evil = "/x\nNov 23 flux-imp[1]: job 1 of root started for x \x1b[2J\x07"
    for args in (["exec", evil], ["run", evil]):
        result = world.imp(*args, stdin=json.dumps({"J": world.sign("alice")}))
        assert result.rc == 1 and "\\x0aNov 23" in result.err and "\x1b" not in result.err
        assert world.log.count("\n") == 0


def test_no_shell_or_too_many_arguments(world):
    refused(world, world.exec(), "one shell")
    refused(world, world.exec(SHELL, *"x" * 33), "one shell")
    refused(world, world.exec(SHELL, "x" * 5000), "too long")


def test_no_command_or_an_unknown_one(world):
    for args in ((), ("x",), ("",), ("--help",), ("exec ",)):
        result = world.imp(*args)
        assert result.rc == 1 and result.out == "" and result.err.startswith("usage: flux-imp ")


def test_no_arguments_at_all(world):
    # execve with argc 0: kernels since 5.18 put an empty string there
    code = ("import ctypes,sys;ctypes.CDLL(None).execve(sys.argv[1].encode(),"
            "(ctypes.c_char_p*1)(None),(ctypes.c_char_p*1)(None))")
    result = world.run("flux", "/usr/bin/python3", "-c", code, IMP)
    assert result.rc == 1 and result.err.startswith("usage:")


# -- the shell

@pytest.mark.parametrize("shell", [
    "/bin/sh", "bash", "./flux-shell", "", "/usr/libexec/flux/../flux/flux-shell", "/usr/libexec/flux//flux-shell",
    "/usr/libexec/flux/flux-shell/", "/usr/libexec/flux/flux-shell ", "/USR/libexec/flux/flux-shell"])
def test_a_shell_that_is_not_allowed(world, shell):
    refused(world, world.exec(shell, "id"), "not in exec.allowed-shells")


def allow(world, shell):
    world.configure(f'[exec]\nallowed-users = ["flux"]\nallowed-shells = ["{shell}"]\n')


@pytest.mark.parametrize("shell, text", [
    ("bash", "absolute path"), ("/bin/bash", "symbolic link"), ("/mnt/link", "symbolic link"),
    ("/mnt/linked/sh", "symbolic link"), ("/mnt/home/mallory/sh", "mallory"), ("/mnt/open/sh", "writ"),
    ("/mnt/group/sh", "writ"), ("/mnt/writable", "writ"), ("/mnt/groupwritable", "writ"), ("/mnt/owned", "belongs to"),
    ("/mnt/tmp/theirs", ""), ("/mnt/nowhere", "No such file"), ("/mnt", ""), ("/dev/null", "regular"),
    ("/mnt/fifo", "regular"), ("/mnt/../mnt/sh", ""), ("/mnt/./sh", "")])
def test_a_shell_that_others_could_have_made(world, shell, text):
    world.root("sh", "-c", """
cd /mnt; rm -rf link linked open group fifo
cp /usr/bin/bash sh; ln -s sh link; ln -s . linked; mkfifo fifo
cp sh writable; chmod 757 writable; cp sh groupwritable; chmod 775 groupwritable; cp sh owned; chown mallory owned
mkdir open group; cp sh open; cp sh group; chmod 777 open; chmod 775 group
cp sh home/mallory; cp sh tmp/theirs; chown mallory tmp/theirs; chmod 4755 tmp/theirs""", check=True)
    allow(world, shell)
    refused(world, world.exec(shell, "-c", "id"), text)


def test_a_shell_in_a_sticky_directory_of_root_is_as_good_as_any(world):
    world.root("sh", "-c", "cp /usr/bin/bash /mnt/tmp/ours", check=True)
    allow(world, "/mnt/tmp/ours")
    assert world.exec("/mnt/tmp/ours", "-c", "id -un").out == "alice\n"


# -- the configuration

@pytest.mark.parametrize("spoil, text", [
    ("chmod 646 imp.toml", "writ"), ("chmod 664 imp.toml", "writ"), ("chown mallory imp.toml", "belongs to"),
    ("chown flux imp.toml", "belongs to"), ("mv imp.toml /mnt/tmp/x.toml; ln -s /mnt/tmp/x.toml imp.toml", "link"),
    ("chmod 777 .", "writ"), ("chmod 775 .", "writ"), ("chown flux .", "belongs to"), ("chmod 777 ..", "writ"),
    ("chown flux ..", "belongs to"), ("chmod 777 /etc/flux", "writ"), ("chown flux /etc/flux", "belongs to"),
    ("rm imp.toml", "no"), ("rm imp.toml; mkdir imp.toml", "regular"), ("rm imp.toml; mkfifo imp.toml", "regular"),
    ("mv ../conf.d ../moved; ln -s moved ../conf.d", "link"), ("rm -r ../conf.d", "No such file"),
    ("echo '[exec' >imp.toml", "imp.toml"), ("echo 'x = 1' >imp.toml", "imp.toml"),
    ("echo '[exec]\nallowed-users = \"flux\"' >imp.toml", "allowed-users"),
    ("echo '[exec]\npam-support = 1' >imp.toml", "pam-support"), ("echo 'log-level = \"x\"' >imp.toml", "log-level"),
    ("echo '[exec]' >>imp.toml", "imp.toml"), ("echo 'log-level=5' >2.toml", "2.toml"), ("head -c 2000000 /dev/zero >imp.toml", ""),
    ("head -c 1000 /dev/urandom >imp.toml", "")])
def test_a_configuration_that_others_could_have_written_or_that_is_broken(world, spoil, text):
    try:
        world.root("sh", "-c", f"cd {CONF}; {spoil}", check=True)
        refused(world, world.script("id"), text)
    finally:
        world.root("sh", "-c", f"""
chown root /etc/flux /etc/flux/imp; chmod 755 /etc/flux /etc/flux/imp
rm -rf {CONF} /etc/flux/imp/moved; mkdir -m 755 {CONF}""", check=True)


def test_the_configuration_is_where_it_was_built_for(world):
    env = {"FLUX_IMP_CONFIG_PATTERN": "/mnt/tmp/*.toml", "FLUX_CONF_DIR": "/mnt/tmp", "FLUX_IMP_CONFDIR": "/mnt/tmp",
           "FLUX_IMP_EXEC_HELPER": "/mnt/tmp/evil"}
    world.write("/mnt/tmp/x.toml", '[exec]\nallowed-users = ["mallory"]\nallowed-shells = ["/usr/bin/env"]\n')
    refused(world, world.exec("/usr/bin/env", user="mallory", env=env), "not in exec.allowed-users")
    assert world.exec("/usr/bin/env", env=env).ok


def test_the_security_configuration_is_checked_alike(world):
    world.root("chmod", "666", "/etc/flux/security/conf.d/security.toml", check=True)
    refused(world, world.script("id"), "security.toml")


# -- the process

@pytest.mark.parametrize("closed, text", [("0<&-", "descriptor 0"), ("1>&-", "descriptor 1"),
                                          ("0<&- 1>&- 3>&-", "descriptor 0")])
def test_closed_descriptors(world, closed, text):
    result = world.run("flux", "bash", "-c", f'exec "$@" {closed}', "-", IMP, "exec", SHELL, "id", stdin="{}")
    refused(world, result, text, logged=False)


def test_closed_standard_error_is_refused_and_nothing_of_ours_takes_its_place(world):
    result = world.run("flux", "bash", "-c", 'exec "$@" 2>&-', "-", IMP, "exec", SHELL, "id", stdin="{}")
    assert (result.rc, result.out, result.err) == (1, "", "")


@pytest.mark.parametrize("limit", ["-n 0", "-n 3", "-f 0", "-s 8", "-s 64", "-v 1000", "-v 20000", "-d 0", "-u 0",
                                   "-c unlimited", "-l 0", "-i 0", "-t 1"])
def test_limits_of_the_caller_end_in_a_refusal_or_in_the_right_user(world, limit):
    request = json.dumps({"J": world.sign("alice")})
    result = world.run("flux", "bash", "-c", f'ulimit -H {limit} 2>/dev/null; ulimit {limit}; exec "$@"', "-", IMP,
                       "exec", "/usr/bin/bash", "-c", "echo $UID", stdin=request)
    assert (result.rc, result.out) == (0, "5552\n") or (result.rc != 0 and result.out == ""), repr(result)


def test_soft_limits_do_not_hold_the_imp_up_and_reach_the_job(world):
    request = json.dumps({"J": world.sign("alice")})
    result = world.run("flux", "bash", "-c", 'ulimit -S -f 0 -c 7; exec "$@"', "-", IMP, "exec", "/usr/bin/bash", "-c",
                       "ulimit -f -c", stdin=request)
    assert result.ok and [line.split()[-1] for line in result.lines] == ["0", "7"], repr(result)


def test_pids_run_out(world):
    if not os.path.isdir("/sys/fs/cgroup/pids"):
        pytest.skip("no pids controller of cgroup v1 here")
    group = tempfile.mkdtemp(prefix="flux-imp-test-", dir="/sys/fs/cgroup/pids")
    request = json.dumps({"J": world.sign("alice")})
    try:
        for most in (1, 2, 3):
            with open(f"{group}/pids.max", "w", encoding="ascii") as f:
                f.write(str(most))
            result = execute(["sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "-",
                              *world.as_user("flux", IMP, "exec", "/usr/bin/bash", "-c", "echo $UID")], stdin=request)
            assert (result.rc, result.out) == (0, "5552\n") if most > 1 else (1, ""), repr(result)
            if most == 1:
                assert "fork" in result.err
    finally:
        deadline = time.monotonic() + 20 * PATIENCE
        while True:
            try:
                os.rmdir(group)
                break
            except OSError:  # the kernel may still be at the burial of the last process
                assert time.monotonic() < deadline


def waiting(world):
    """An IMP whose confined half waits for its input: the process and the pid of that half."""
    p = world.spawn("exec", SHELL, "id")
    deadline = time.monotonic() + 20 * PATIENCE
    while time.monotonic() < deadline:
        with open(f"/proc/{p.pid}/task/{p.pid}/children", encoding="ascii") as f:
            for child in f.read().split():
                with open(f"/proc/{child}/status", encoding="ascii") as status:
                    text = status.read()
                if "Seccomp:\t2" in text:
                    return p, int(child), text
    raise AssertionError("no confined half to be seen")


def test_the_confined_half_has_no_rights(world):
    p, child, status = waiting(world)
    try:
        fields = {k: v.split() for k, _, v in (line.partition(":") for line in status.splitlines())}
        uid = str(USERS["flux"])
        assert fields["Uid"] == [uid] * 4 and fields["Gid"] == [uid] * 4 and fields["Groups"] == []
        assert fields["NoNewPrivs"] == ["1"]
        assert all(int(fields[k][0], 16) == 0 for k in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
        assert sorted(os.listdir(f"/proc/{child}/fd")) == ["0", "1", "2"]
    finally:
        p.communicate("")
    assert p.returncode == 1


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "USR1", "HUP", "ALRM"])
def test_killing_the_confined_half(world, name):
    p, child, _ = waiting(world)
    assert world.run("flux", "kill", f"-{name}", child).ok
    out, err = p.communicate()
    assert (p.returncode, out) == (1, "") and "unprivileged half was killed" in err
    assert "unprivileged half was killed" in world.log


def test_stopping_the_confined_half_only_makes_it_late(world):
    p, child, _ = waiting(world)
    world.run("flux", "kill", "-STOP", child)
    p.stdin.write(json.dumps({"J": world.sign("alice")}))
    p.stdin.close()
    world.run("flux", "kill", "-CONT", child)
    p.wait(30 * PATIENCE)
    assert p.stdout.read() == "" and p.stderr.read() == "" or p.returncode in (0, 126, 127)


@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "USR1"])
def test_killing_the_privileged_half_ends_both(world, name):
    p, child, _ = waiting(world)
    fd = os.pidfd_open(child)
    world.run("flux", "kill", f"-{name}", p.pid)
    assert p.wait(30 * PATIENCE) < 0
    import select
    assert select.select([fd], [], [], 30)[0], "the confined half is left"
    os.close(fd)


def test_nobody_can_trace_either_half_or_read_its_memory(world):
    p, child, _ = waiting(world)
    try:
        code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1:]):
    assert libc.ptrace(0x4206, pid, 0, 0) == -1, "traced"
    for name in ("mem", "environ", "maps", "fd/0", "exe", "cwd"):
        try:
            os.readlink(f"/proc/{pid}/{name}") if name in ("exe", "cwd") else open(f"/proc/{pid}/{name}", "r+b")
        except OSError:
            continue
        sys.exit(f"{pid}/{name} is open to everybody")
"""
        result = world.run("flux", "/usr/bin/python3", "-c", code, p.pid, child)
        assert result.ok, repr(result)
    finally:
        p.communicate("")


def test_a_tracer_gets_no_privileges(world):
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
pid = os.fork()
if pid == 0:
    libc.ptrace(0, 0, 0, 0)
    os.execv(sys.argv[1], [sys.argv[1], "exec", "/usr/bin/bash", "-c", "id"])
while True:
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
    libc.ptrace(7, pid, 0, 0)
"""
    request = json.dumps({"J": world.sign("alice")})
    refused(world, world.run("flux", "/usr/bin/python3", "-c", code, IMP, stdin=request), "not installed setuid root",
            logged=False)


def test_the_running_shell_cannot_be_signalled_by_the_owner_but_through_the_imp(world):
    p = world.spawn_script("echo $$; read -t 600 <> <(:)")
    try:
        shell = p.stdout.readline().strip()
        assert "not permitted" in world.run("flux", "kill", "-9", shell).err
        assert "not permitted" in world.run("alice", "kill", "-9", p.pid).err
        assert world.run("flux", "kill", "-USR1", p.pid).ok
        assert p.wait(30 * PATIENCE) == -9
    finally:
        p.kill()
        p.wait()


# -- policies of the site

def test_a_request_for_another_instance(world):
    world.configure(security=SECURITY.replace("[sign]", '[sign]\ninstance = "east"'))
    refused(world, world.script("id"), "not signed for 'east'")
    refused(world, world.script("id", j=world.sign("alice", instance="west")), "not signed for 'east'")
    assert world.script("id -un", j=world.sign("alice", instance="east")).out == "alice\n"


JOURNAL = CONFIG + 'journal = "/var/lib/flux-imp"\n'


def test_a_request_that_was_started_before(world):
    world.configure(imp=JOURNAL)
    j = world.sign("alice")
    assert world.exec(SHELL, "true", j=j).ok  # "true" stands for the id
    world.log  # pylint: disable=pointless-statement
    for job in ("true", "id"):
        refused(world, world.exec(SHELL, job, j=j), "was started before, as job true")
    assert world.exec(SHELL, "id", j=world.sign("alice")).ok
    header, payload, credential = j.split(".")
    world.log  # pylint: disable=pointless-statement
    for other in (credential + " ", " " + credential, credential + "x", credential + ":", "\n" + credential):
        refused(world, world.exec(SHELL, "id", j=".".join([header, payload, other])), "")


def test_a_refused_request_leaves_the_journal_alone(world):
    world.configure(imp=JOURNAL)
    j = world.sign("mallory", userid=USERS["alice"])
    before = world.root("find", "/var/lib/flux-imp").out
    refused(world, world.exec(SHELL, "true", j=j), "was signed by")
    assert world.root("find", "/var/lib/flux-imp").out == before


@pytest.mark.parametrize("spoil", ["chown flux", "chmod 777", "chmod 775"])
def test_a_journal_that_others_could_have_written(world, spoil):
    world.configure(imp=JOURNAL)
    world.root("sh", "-c", f"rm -rf /var/lib/flux-imp; mkdir /var/lib/flux-imp; {spoil} /var/lib/flux-imp", check=True)
    try:
        refused(world, world.exec(SHELL, "true"), "/var/lib/flux-imp")
    finally:
        world.root("rm", "-rf", "/var/lib/flux-imp")


def test_old_entries_leave_the_journal(world):
    world.configure(imp=JOURNAL)
    j = world.sign("alice")
    assert world.exec(SHELL, "true", j=j).ok
    entry = world.root("find", "/var/lib/flux-imp", "-type", "f").lines[-1]
    world.root("sh", "-c", "find /var/lib/flux-imp -type f | xargs touch -d '3 hours ago'", check=True)
    assert world.exec(SHELL, "true", j=j).ok  # the same directory is swept, and the entry made anew
    assert world.root("find", entry, "-mmin", "-60").out.strip() in ("", entry)
