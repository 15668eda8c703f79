# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs of users who do not own the instance: how they come in, what they run as, whose they are."""
import json
import os
import shutil

import pytest

import guests
from conftest import Instance
from guests import ALICE, BOB, client_as, flux_as, jobspec, sign, submit

pytestmark = pytest.mark.root
EPERM, EINVAL = 1, 22


@pytest.fixture(scope="module")
def public():
    with guests.public_dir() as where:
        yield where


@pytest.fixture(scope="module")
def imp(public):
    if not guests.can_run():
        pytest.skip("the build directory is private")
    return guests.make_imp(public)


@pytest.fixture(scope="module")
def hello(public, mpi_hello):
    return shutil.copy(mpi_hello, public)


@pytest.fixture(scope="module")
def shared(imp):
    """Two brokers that run jobs of guests."""
    instance = Instance(2, config=f'[access]\nallow-guest-user = true\n[exec]\nimp = "{imp}"\n')
    instance.dir.chmod(0o755)
    instance.alice, instance.bob = client_as(ALICE, instance.uri), client_as(BOB, instance.uri)
    yield instance
    assert instance.stop() == 0, instance.log[-4000:]
    assert instance.clean() == [], "processes were left behind"


def run(instance, *args, user=ALICE):
    """Submit as the user, attach as the user: what came out."""
    client = {ALICE: instance.alice, BOB: instance.bob}[user]
    job = submit(client, instance, *args, user=user)
    r = flux_as(user, instance, "job", "attach", job)
    return r


def outcome(client, **job):
    (answer,) = client.call("JobIngest/Submit", jobs=[job])
    return answer.outcomes[0]


def test_a_guests_job_runs_as_the_guest_on_every_node(shared):
    r = run(shared, "-N2", "-n2", "sh", "-c", "id -u; id -g; id -G; pwd; umask")
    assert r.returncode == 0, r.stderr
    assert sorted(r.stdout.split()) == sorted([str(ALICE)] * 6 + [str(shared.dir)] * 2 + ["0022"] * 2)


def test_parallel_tasks_of_a_guest_find_each_other(shared, hello):
    r = run(shared, "-N2", "-n4", hello)
    assert r.returncode == 0 and "4" in r.stdout, (r.stdout, r.stderr)


def test_another_guest_has_no_part_in_what_tasks_exchange(shared, hello):
    """Names of collective operations are their user's own: one of the same name is another."""
    job = submit(shared.alice, shared, "-N2", "-n2", "sh", "-c", f"sleep 0.3; exec {hello}")
    name = shared.run("job", "id", "--to=f58plain", str(job))
    client = client_as(BOB, shared.uri)
    for i in range(1, 4):
        request = client.contract.message("CollectiveExchangeRequest")(
            name=f"pmi.{name}.{i}", ranks="0-1", data=b"bob was here")
        client.send(kind="KIND_REQUEST", method="flux.v1.Collective/Exchange", tag=next(client.tags),
                    body=request.SerializeToString())
    r = flux_as(ALICE, shared, "job", "attach", job)
    assert r.returncode == 0 and "bob" not in r.stdout + r.stderr, (r.stdout, r.stderr)


@pytest.mark.parametrize("what, number, text", [
    (lambda s: dict(jobspec=jobspec(s, "true")), EPERM, "must be signed"),
    (lambda s: dict(signed=sign(BOB, jobspec(s, "true"))), EPERM, f"signed by user {BOB}, and you are user {ALICE}"),
    (lambda s: dict(signed=sign(0, jobspec(s, "true"))), EPERM, "signed by user 0"),
    (lambda s: dict(signed=sign(ALICE, jobspec(s, "true"), mechanism="none")), EPERM, "instance owner only"),
    (lambda s: dict(signed=sign(ALICE, jobspec(s, "true")), jobspec=jobspec(s, "true")), EINVAL, "a whole job"),
    (lambda s: dict(signed=sign(ALICE, jobspec(s, "true")), cc="0-3"), EINVAL, "a whole job"),
    (lambda s: dict(signed="a.b.c"), EINVAL, "signed request"),
    (lambda s: dict(signed="."), EINVAL, "signed request"),
    (lambda s: dict(signed=sign(ALICE, "{}")), EINVAL, "jobspec"),
    (lambda s: dict(signed=sign(ALICE, b"{\0}")), EINVAL, "jobspec"),
    (lambda s: dict(signed=sign(ALICE, "")), EINVAL, ""),
    (lambda s: dict(signed=sign(ALICE, jobspec(s, "true"), mechanism="wax")), None, "wax"),
])
def test_what_is_not_signed_by_the_caller_is_refused(shared, what, number, text):
    got = outcome(shared.alice, **what(shared))
    assert got.id == 0 and text in got.text, got
    assert number is None or got.errnum == number, got


def test_flags_and_urgency_of_the_owner_are_refused_to_a_guest(shared):
    signed = sign(ALICE, jobspec(shared, "true"))
    for more in (dict(flags=2), dict(flags=4), dict(urgency_plus_one=18)):
        with pytest.raises(Exception, match="only the instance owner"):
            list(shared.alice.call("JobIngest/Submit", jobs=[dict(signed=signed)], **more))


def test_the_request_and_what_it_says_are_for_its_user_and_the_owner(shared):
    text = jobspec(shared, "sleep", "0")
    job = submit(shared.alice, shared, "sleep", "0")
    r = flux_as(ALICE, shared, "job", "attach", job)
    assert r.returncode == 0, r.stderr
    for key in ("J", "jobspec", "R", "eventlog"):
        assert shared.run("job", "info", str(job), key)
        assert flux_as(ALICE, shared, "job", "info", job, key).returncode == 0
        r = flux_as(BOB, shared, "job", "info", job, key)
        assert r.returncode == 1 and "not your job" in r.stderr
    assert json.loads(flux_as(ALICE, shared, "job", "info", job, "jobspec").stdout) == json.loads(text)
    assert shared.run("job", "info", str(job), "J").strip() == sign(ALICE, text)


@pytest.fixture
def running(shared):
    job = submit(shared.alice, shared, "-N2", "-n2", "sh", "-c", "echo secret; exec sleep 1000")
    shared.run("job", "wait-event", str(job), "start")
    yield job
    flux_as(ALICE, shared, "cancel", job)
    shared.run("job", "wait-event", str(job), "clean")


@pytest.mark.parametrize("command", [
    "cancel {}", "job raise {}", "job kill {}", "job urgency {} 0", "job memo {} a=1", "update {} duration=1m",
    "job attach {}", "job eventlog {}", "job eventlog -p exec {}", "job wait-event -t 5 {} clean", "job info {} jobspec",
    "job info {} guest.output",
])
def test_another_guest_can_do_nothing_with_a_job(shared, running, command):
    r = flux_as(BOB, shared, *command.format(running).split())
    assert r.returncode != 0 and ("their own jobs" in r.stderr or "not your job" in r.stderr), (r.stdout, r.stderr)
    assert "secret" not in r.stdout + r.stderr
    assert shared.run("jobs", "-no", "{state}", str(running)) == "RUN"


@pytest.mark.parametrize("method, fields", [
    ("JobIo/Write", dict(shells=1, seq=1)), ("JobIo/Read", {}), ("JobIo/WriteInput", dict(data=b"x")),
    ("JobIo/ReadInput", dict(tasks="0")),
])
def test_another_guest_has_no_part_in_the_streams_of_a_job(shared, running, method, fields):
    with pytest.raises(Exception, match="not your job"):
        list(shared.bob.call(method, id=running, **fields))


def test_the_guest_steers_its_own_job(shared, running):
    assert flux_as(ALICE, shared, "job", "memo", running, "a=1").returncode == 0
    assert flux_as(ALICE, shared, "job", "kill", "-s", "CONT", running).returncode == 0
    assert flux_as(ALICE, shared, "cancel", running).returncode == 0
    shared.run("job", "wait-event", str(running), "clean")


def test_cancel_of_all_users_is_for_the_owner(shared, running):
    r = flux_as(BOB, shared, "cancel", "--all", "--user=all")
    assert r.returncode != 0 and "their own jobs" in r.stderr, (r.stdout, r.stderr)
    assert flux_as(BOB, shared, "cancel", "--all").returncode == 0
    assert shared.run("jobs", "-no", "{state}", str(running)) == "RUN"


def test_what_the_job_leaves_is_the_guests(shared, public):
    tmp_path = public / "leaves"
    tmp_path.mkdir()
    tmp_path.chmod(0o777)
    r = run(shared, "-n1", f"--output={tmp_path}/out", "sh", "-c",
            f"echo hello; touch {tmp_path}/made; echo $FLUX_JOB_TMPDIR >{tmp_path}/where; stat -c '%u %a' $FLUX_JOB_TMPDIR")
    assert r.returncode == 0, r.stderr
    for name in ("out", "made"):
        assert (tmp_path / name).stat().st_uid == ALICE
    assert (tmp_path / "out").read_text() == f"hello\n{ALICE} 700\n"
    assert not os.path.exists((tmp_path / "where").read_text().strip())


def test_what_a_guest_makes_its_shell_say_is_one_marked_line_of_the_log(shared):
    job = submit(shared.alice, shared, "-n1", "sh", "-c", r"printf '\033[31mforged\nbroker.err[0]: it burns' 1<>/proc/$PPID/fd/2")
    r = flux_as(ALICE, shared, "job", "attach", job)
    assert r.returncode == 0, r.stderr
    f58 = shared.run("job", "id", "--to=f58", str(job))
    shared.await_log("it burns")
    lines = [line for line in shared.run("dmesg").splitlines() if "forged" in line or "it burns" in line]
    assert len(lines) == 2 and all(f"{f58}: " in line and "\033" not in line for line in lines), lines


def test_what_a_guest_makes_its_shell_say_takes_bounded_memory(shared):
    r = run(shared, "-n1", "python3", "-c", """
import os
fd = os.open(f"/proc/{os.getppid()}/fd/2", os.O_RDWR)
assert 0 < os.write(fd, bytes(1 << 20)) <= 65536
for attempt in (lambda: os.write(fd, b"x"), lambda: os.ftruncate(fd, 1 << 30), lambda: os.posix_fallocate(fd, 0, 1 << 30)):
    try:
        attempt()
    except PermissionError:
        continue
    raise SystemExit("it grows")
""")
    assert r.returncode == 0, r.stderr


def test_a_name_that_a_guest_has_chosen_is_shown_as_letters(shared):
    job = submit(shared.alice, shared, "--job-name=\033[2J\nroot\u009b", "-o", "input.stdin.type=service", "cat")
    flux_as(ALICE, shared, "job", "raise", "--severity=7", "-m", "\033]0;title\007", job)
    for command in (["jobs", "-A"], ["jobs", "-Ano", "{name} {exception.note}"], ["pstree", "-A"], ["pstree", "-a"]):
        out = shared.flux(*command).out
        assert not any(c in out for c in "\033\007\u009b") and "\nroot" not in out, (command, out)
    assert "?[2J root??" in shared.run("jobs", "-Ano", "{name}")
    r = flux_as(ALICE, shared, "job", "attach", job, stdin="")
    assert "?]0;title?" in r.stderr and "\033" not in r.stderr


def test_input_reaches_the_tasks_of_a_guest(shared):
    job = submit(shared.alice, shared, "-N2", "-n2", "-o", "input.stdin.type=service", "cat")
    with pytest.raises(Exception, match="not your job"):
        list(shared.bob.call("JobIo/WriteInput", id=job, data=b"bob was here\n"))
    r = flux_as(ALICE, shared, "job", "attach", job, stdin="hello\n")
    assert (r.returncode, r.stdout) == (0, "hello\n" * 2), r.stderr


def test_a_pending_job_keeps_its_request_over_a_restart(imp, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    config = f'[access]\nallow-guest-user = true\n[exec]\nimp = "{imp}"\n'
    first = Instance(1, config=config, statedir=state)
    first.dir.chmod(0o755)
    first.run("queue", "stop")
    job = submit(client_as(ALICE, first.uri), first, "id", "-u")
    J = first.run("job", "info", str(job), "J")
    first.crash()
    first.clean()
    second = Instance(1, config=config, statedir=state)
    second.dir.chmod(0o755)
    try:
        assert second.run("job", "info", str(job), "J") == J
        second.run("queue", "start")
        r = flux_as(ALICE, second, "job", "attach", job)
        assert (r.returncode, r.stdout) == (0, f"{ALICE}\n"), r.stderr
    finally:
        assert second.clean() == []
