# SPDX-License-Identifier: LGPL-3.0-only
"""flux-imp run and casign: programs of the site as root, certificates by the site's CA."""
import re

import pytest

from conftest import PATIENCE
from imp_world import CONFIG, SECURITY, USERS, World, needs_world

pytestmark = needs_world
PROLOG = "/etc/flux/system/prolog"
RUN = CONFIG + f"""
[run.prolog]
allowed-users = ["flux"]
path = "{PROLOG}"
[run.env]
allowed-users = ["flux", "alice"]
path = "/usr/bin/env"
allowed-environment = ["FLUX_*", "SITE", "LD_*", "*"]
[run.little]
allowed-users = ["flux"]
path = "/usr/bin/env"
[run.closed]
path = "/usr/bin/id"
[run.nowhere]
allowed-users = ["flux"]
path = "/etc/flux/system/none"
[run.nopath]
allowed-users = ["flux"]
"""


@pytest.fixture(scope="module")
def shared():
    w = World()
    w.path("/etc/flux/system").mkdir(mode=0o755)
    yield w
    w.close()


@pytest.fixture
def world(shared):
    shared.configure(imp=RUN)
    shared.write(PROLOG, "#!/bin/bash\nid -un\n", 0o755)
    shared.log  # pylint: disable=pointless-statement
    return shared


def prolog(world, text, **kwargs):
    world.write(PROLOG, "#!/bin/bash\n" + text + "\n", 0o755)
    return world.imp("run", "prolog", **kwargs)


def test_it_runs_with_uid_gid_and_groups_of_root(world):
    lines = prolog(world, "grep -E '^(Uid|Gid|Groups):' /proc/self/status").lines
    assert [line.split()[1:] for line in lines[:2]] == [["0"] * 4, ["0"] * 4]
    assert set(lines[2].split()[1:]) <= {"0"} | set(world.root("id", "-G", "root").out.split())
    assert str(USERS["flux"]) not in " ".join(lines)


def test_exit_codes_and_signals_are_the_programs(world):
    assert [prolog(world, f"exit {n}").rc for n in (0, 1, 99, 255)] == [0, 1, 99, 255]
    assert prolog(world, "kill -TERM $$").rc == -15


def test_it_has_no_input_no_arguments_and_no_other_descriptors(world):
    result = prolog(world, "echo $#; readlink /proc/self/fd/0; ls /proc/$$/fd; pwd; umask", stdin="evil\n")
    assert result.lines == ["0", "/dev/null", "0", "1", "2", "255", "/", "0022"], repr(result)


def test_its_environment_is_the_default_one(world):
    env = {"FLUX_JOB_ID": "ƒ123abc", "FLUX_JOB_USERID": "5552", "FLUX_URI": "local:///x", "PATH": "/mnt/tmp",
           "HOME": "/mnt/tmp", "USER": "evil", "FLUX_OWNER_USERID": "0", "SITE": "x"}
    assert sorted(world.imp("run", "little", env=env).lines) == [
        "FLUX_JOB_ID=ƒ123abc", "FLUX_JOB_USERID=5552", f"FLUX_OWNER_USERID={USERS['flux']}", "HOME=/root",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "USER=root"]


def test_what_steers_programs_never_passes_even_if_a_pattern_matches(world):
    evil = ("LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GLIBC_TUNABLES GCONV_PATH LOCPATH MALLOC_CHECK_ TZ TZDIR BASH_ENV ENV "
            "IFS SHELLOPTS BASHOPTS PS4 PERL5LIB PERL5OPT PYTHONPATH PYTHONSTARTUP PYTHONHOME RUBYLIB RUBYOPT NODE_OPTIONS "
            "HOSTALIASES RES_OPTIONS TMPDIR EDITOR PAGER GIT_SSH XDG_RUNTIME_DIR FLUX_EXEC_PATH FLUX_EXEC_PATH_PREPEND "
            "FLUX_MODULE_PATH FLUX_CONNECTOR_PATH FLUX_PYTHONPATH_PREPEND FLUX_IMP_EXEC_HELPER TERM CDPATH").split()
    env = {name: "/mnt/tmp/evil" for name in evil}
    env.update(SITE="kept", FLUX_URI="local:///run/flux/local", FLUX_KVS_NAMESPACE="job-1")
    env["BASH_FUNC_id%%"] = "() { evil; }"
    env["x" * 129] = "too long a name"
    env["MUCH"] = "x" * 65537
    env["a.b"] = env["1a"] = "no name"
    out = dict(line.split("=", 1) for line in world.imp("run", "env", env=env).lines)
    assert out == {"SITE": "kept", "FLUX_URI": "local:///run/flux/local", "FLUX_KVS_NAMESPACE": "job-1",
                   "FLUX_OWNER_USERID": "5551", "HOME": "/root", "USER": "root",
                   "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def test_job_and_user_must_look_like_what_they_are(world):
    for bad in ({"FLUX_JOB_ID": "$(evil)"}, {"FLUX_JOB_ID": "a b"}, {"FLUX_JOB_ID": "x" * 65}, {"FLUX_JOB_ID": ""},
                {"FLUX_JOB_USERID": "-1"}, {"FLUX_JOB_USERID": "0x0"}, {"FLUX_JOB_USERID": "1;id"}):
        assert "FLUX_JOB" not in world.imp("run", "env", env=bad).out


def test_an_environment_of_thousands_is_refused(world):
    result = world.imp("run", "env", env={f"SITE_{i}": "x" for i in range(1000)})
    assert result.rc == 1 and "Argument list too long" in result.err


def test_a_caller_who_is_not_allowed(world):
    for name, user in (("prolog", "alice"), ("prolog", "mallory"), ("closed", "flux"), ("env", "bob")):
        result = world.imp("run", name, user=user)
        assert (result.rc, result.out) == (1, "") and f"{user} is not in run.{name}.allowed-users" in result.err
        assert result.err.strip().removeprefix("flux-imp: ") in world.log
    assert world.imp("run", "env", user="alice").ok


@pytest.mark.parametrize("args", [(), ("none",), ("",), ("prolog", "x"), ("run.prolog",), ("../prolog",), ("x" * 65,),
                                  (PROLOG,), ("nopath",), ("nowhere",), ("exec",)])
def test_a_program_that_is_not_configured(world, args):
    result = world.imp("run", *args)
    assert (result.rc, result.out) == (1, "") and result.err
    assert "refused" in world.log


@pytest.mark.parametrize("spoil, text", [
    ("chmod 757 prolog", "writ"), ("chmod 775 prolog", "writ"), ("chown flux prolog", "belongs"),
    ("chmod 777 .", "writ"), ("chown flux .", "belongs"), ("mv prolog p; ln -s p prolog", "link"),
    ("rm prolog; mkfifo prolog", "regular"), ("rm prolog; mkdir prolog", "regular"), ("rm prolog", "No such file")])
def test_a_program_that_others_could_have_made(world, spoil, text):
    try:
        world.root("sh", "-c", f"cd /etc/flux/system; {spoil}", check=True)
        result = world.imp("run", "prolog")
        assert (result.rc, result.out) == (1, "") and text in result.err
        assert text in world.log
    finally:
        world.root("sh", "-c", "cd /etc/flux; rm -rf system; mkdir -m 755 system", check=True)


def test_a_program_that_cannot_be_executed_ends_with_126_or_127_and_is_logged(world):
    world.write(PROLOG, "#!/bin/bash\n", 0o644)
    assert world.imp("run", "prolog").rc == 126 and "cannot execute" in world.log
    world.write(PROLOG, "#!/nowhere\n", 0o755)
    assert world.imp("run", "prolog").rc == 127 and "cannot execute" in world.log


def test_signals_go_to_its_process_group(world):
    world.write(PROLOG, "#!/bin/bash\ntrap 'wait; exit 5' TERM\n(trap 'echo child; exit' TERM; echo up; "
                "read -t 600 <> <(:)) &\nwait\nwait\n", 0o755)
    p = world.spawn("run", "prolog")
    try:
        assert p.stdout.readline() == "up\n"
        assert world.run("flux", "kill", p.pid).ok
        assert p.stdout.readline() == "child\n"
        assert p.wait(30 * PATIENCE) == 5
    finally:
        p.kill()
        p.wait()


def test_usr1_kills_it_with_all_that_it_started(world):
    world.write(PROLOG, "#!/bin/bash\ntrap '' TERM\nsetsid sleep 600 &\necho up\nwait\n", 0o755)
    p = world.spawn("run", "prolog")
    try:
        assert p.stdout.readline() == "up\n"
        assert world.run("flux", "kill", "-USR1", p.pid).ok
        assert p.wait(30 * PATIENCE) == -9 and p.stdout.read() == ""
    finally:
        p.kill()
        p.wait()


def test_starts_are_logged(world):
    assert world.imp("run", "prolog").ok and "run prolog started for flux" in world.log


# -- casign

CA = SECURITY + """
[ca]
max-cert-ttl = 86400
max-sign-ttl = 3600
cert-path = "/etc/flux/security/ca"
revoke-dir = "/etc/flux/security/revoked"
revoke-allow = true
domain = "TEST"
"""


@pytest.mark.parametrize("text", ["", "x", "[metadata]\n", "[curve]\npublic-key = \"x\"\n", "\0" * 100, "x" * 100000,
                                  '[metadata]\nuserid = 0\n[curve]\npublic-key = "' + "A" * 43 + '="\n'])
def test_what_is_no_certificate_is_not_signed(world, text):
    world.configure(imp=RUN, security=CA)
    result = world.imp("casign", user="alice", stdin=text)
    assert (result.rc, result.out) == (1, "") and result.err
    assert re.search("refused to uid 5552: ", world.log)


def test_a_host_without_a_ca_signs_nothing(world):
    assert world.imp("casign", user="alice", stdin="").rc == 1
