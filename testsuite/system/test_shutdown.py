# SPDX-License-Identifier: LGPL-3.0-only
"""flux shutdown: who may, what stays, what it can do on the way, and what may go wrong."""
import os
import re
import signal
import subprocess
import tarfile

import pytest

import guests
from conftest import FLUX, PATIENCE, clean_env, execute

GUEST = 65534


@pytest.fixture
def public_build():
    """For what a guest runs."""
    if not guests.can_run():
        pytest.skip("the build directory is private")


def finished(process, timeout=30 * PATIENCE):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def states(instance):
    return dict(line.split() for line in
                instance.run("jobs", "-a", "-A", "-no", "{id.f58} {status_abbrev}").splitlines())


def test_running_jobs_end_pending_ones_and_the_history_stay(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    done = first.run("submit", "--wait", "true").split()[0]
    running = first.run("submit", "--wait-event=start", "sleep", "600")
    held = first.run("submit", "--urgency=0", "hostname")
    r = first.flux("shutdown")
    assert r.ok, repr(r)
    assert re.search(r"^broker\.info\[0\]: .*shutdown", r.err, re.M), r.err
    assert first.process.wait(20 * PATIENCE) == 129  # the initial program got SIGHUP
    second = flux_start(1, statedir=tmp_path)
    assert states(second)[done] == "CD"
    assert states(second)[running] == "CA"
    assert states(second)[held] in ("S", "P")
    assert "cancel" in second.run("job", "eventlog", running)
    assert second.run("queue", "status").splitlines()[0] == "Job submission is enabled"


def test_only_at_rank_0(flux_start):
    instance = flux_start(2)
    uri = instance.run("getattr", "local-uri")
    r = instance.flux("shutdown", env={"FLUX_URI": uri.replace("local-0", "local-1")})
    assert r.rc == 1 and "rank 1" in r.err


def test_twice_at_once(flux_start, tmp_path):
    instance = flux_start(1, statedir=tmp_path)
    both = [instance.spawn("shutdown", "--quiet") for _ in range(2)]
    for process in both:
        rc, _, err = finished(process)
        assert rc == 0 or "cannot connect" in err or "No such file" in err or "broker" in err, err
    assert instance.process.wait(20 * PATIENCE) is not None
    assert flux_start(1, statedir=tmp_path).run("startlog").splitlines()[0].count("crashed") == 0


def test_in_the_background(flux_start, tmp_path):
    instance = flux_start(1, statedir=tmp_path)
    r = instance.flux("shutdown", "--background", check=True)
    assert r.err == ""
    assert instance.process.wait(20 * PATIENCE) is not None


def test_quiet_and_verbose(flux_start):
    instance = flux_start(1)
    r = instance.flux("shutdown", "--quiet", check=True)
    assert r.err == ""
    assert "debug" not in flux_start(1).flux("shutdown", check=True).err
    assert flux_start(1).flux("shutdown", "-v", check=True).err != ""


def test_from_inside_a_job(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    job = first.run("submit", "flux", "shutdown")
    assert first.process.wait(30 * PATIENCE) is not None
    second = flux_start(1, statedir=tmp_path)
    assert states(second)[job] in ("CA", "CD", "F")
    assert second.run("startlog").splitlines()[0].count("crashed") == 0


@pytest.mark.root
def test_a_guest_may_not(public_build, flux_start):
    instance = flux_start(1, config="[access]\nallow-guest-user = true\nallow-root-owner = true\n")
    os.chmod(instance.dir, 0o755)
    r = subprocess.run(["setpriv", f"--reuid={GUEST}", f"--regid={GUEST}", "--clear-groups",
                        instance.process.args[0], "shutdown"], env=instance.env, capture_output=True, text=True,
                       timeout=30 * PATIENCE)
    assert r.returncode == 1 and "owner" in r.stderr
    assert instance.run("uptime")


def test_a_hung_broker_does_not_hold_it_up_for_ever(flux_start, tmp_path):
    instance = flux_start(2, args=["-Sbroker.shutdown-timeout=1s", "-Sbroker.shutdown-warn=0.3s",
                                   "--test-exit-timeout=1s"], statedir=tmp_path)
    uri = instance.run("getattr", "local-uri").replace("local-0", "local-1")
    pid = int(instance.run("getattr", "broker.pid", env={"FLUX_URI": uri}))
    os.kill(pid, signal.SIGSTOP)
    r = instance.flux("shutdown")
    assert "shutdown delayed: waiting for 1 peers" in r.err
    assert "giving up on them" in r.err
    instance.process.wait(30 * PATIENCE)
    # rank 0 ended in an orderly way
    assert "crashed" not in flux_start(1, statedir=tmp_path).run("startlog").splitlines()[0]


# --- dumps ---

def test_dump_to_a_path(flux_start, tmp_path):
    instance = flux_start(1)
    instance.run("kvs", "put", "a.b=1")
    r = instance.flux("shutdown", f"--dump={tmp_path}/d.tar", check=True)
    assert "content.dump: " in r.err and "archived" in r.err
    assert instance.process.wait(20 * PATIENCE) is not None
    with tarfile.open(tmp_path / "d.tar") as tar:
        assert tar.extractfile("a/b").read() == b"1"
        assert b'"finish"' in tar.extractfile("admin/eventlog").read(), "taken when all was written"
    other = flux_start(1, args=[f"-Scontent.restore={tmp_path}/d.tar"])
    assert other.run("kvs", "get", "a.b") == "1"


def test_content_dump_is_an_attribute(flux_start, tmp_path):
    instance = flux_start(1, args=[f"-Scontent.dump={tmp_path}/d.tgz"])
    instance.run("kvs", "put", "x=2")
    instance.stop()
    with tarfile.open(tmp_path / "d.tgz") as tar:
        assert tar.extractfile("x").read() == b"2"


def test_auto_restores_once_and_keeps_jobs_and_output(flux_start, tmp_path):
    args = ["-Scontent.restore=auto"]
    first = flux_start(1, statedir=tmp_path, args=args)
    done = first.run("submit", "--wait", "sh", "-c", "seq 200000").split()[0]
    held = first.run("submit", "--urgency=0", "hostname")
    output = first.run("job", "attach", done)
    first.run("shutdown", "--dump=auto")
    assert first.process.wait(20 * PATIENCE) is not None
    link = tmp_path / "dump" / "RESTORE"
    assert link.is_symlink() and link.resolve().parent == tmp_path / "dump"
    second = flux_start(1, statedir=tmp_path, args=args)
    assert not link.exists() and len(list((tmp_path / "dump").iterdir())) == 1
    assert not list(tmp_path.glob("*.before-restore"))
    second.until(lambda: len(states(second)) == 2, "the history, which is made beside everything else, is complete")
    assert states(second) == {done: "CD", held: "S"}
    assert second.run("job", "attach", done) == output
    assert [line.split(" (")[0].count("-") > 2 for line in second.run("startlog").splitlines()][0]
    second.run("kvs", "put", "later=1")
    second.stop()
    third = flux_start(1, statedir=tmp_path, args=args)
    assert third.run("kvs", "get", "later") == "1", "a link is followed once"


def test_a_restore_that_fails_leaves_the_store_as_it_was(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    first.run("kvs", "put", "a=1")
    first.stop()
    (tmp_path / "bad.tar").write_text("no archive " * 1000)
    with pytest.raises(AssertionError, match="was not restored"):
        flux_start(1, statedir=tmp_path, args=[f"-Scontent.restore={tmp_path}/bad.tar"])
    with pytest.raises(AssertionError, match="cannot read"):
        flux_start(1, statedir=tmp_path, args=[f"-Scontent.restore={tmp_path}/none.tar"])
    assert flux_start(1, statedir=tmp_path).run("kvs", "get", "a") == "1"


def test_a_batch_job_leaves_a_dump(flux_start):
    instance = flux_start(1)
    job = instance.run("batch", "--dump=d-{{id}}.tgz", "-n1", "--wrap", "flux", "kvs", "put", "inner=1").split()[0]
    assert instance.flux("job", "status", job).ok, instance.run("job", "attach", job)
    [archive] = list(instance.dir.glob("d-*.tgz"))
    with tarfile.open(archive) as tar:
        assert tar.extractfile("inner").read() == b"1"


# --- garbage collection ---

def fill(instance, rounds=8):
    for i in range(rounds):
        instance.run("kvs", "put", "-r", "big=-", stdin=chr(97 + i) * 1_000_000)


def test_gc_shrinks_the_store(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    fill(first)
    first.run("kvs", "put", "kept=" + "x" * 5000)
    done = first.run("submit", "--wait", "sh", "-c", "seq 100000").split()[0]
    output = first.run("job", "attach", done)
    first.run("kvs", "unlink", "big")
    r = first.flux("shutdown", "--gc", check=True)
    assert "garbage collection: " in r.err
    assert first.process.wait(20 * PATIENCE) is not None
    assert (tmp_path / "content.sqlite").stat().st_size < 1_500_000
    second = flux_start(1, statedir=tmp_path)
    assert second.run("kvs", "get", "kept") == "x" * 5000
    assert second.run("job", "attach", done) == output, "output is no garbage"
    assert second.flux("fsck").ok


def test_gc_needs_a_statedir(flux_start):
    r = flux_start(1).flux("shutdown", "--gc")
    assert r.rc == 1 and "statedir" in r.err


@pytest.mark.parametrize("answer,collected", [("--yes", True), ("-n", False), ("--skip-gc", False), (None, False)])
def test_gc_is_offered_after_many_commits(flux_start, tmp_path, answer, collected):
    config = "[kvs]\ngc-threshold = 10\n"
    first = flux_start(1, statedir=tmp_path, config=config)
    for i in range(12):
        first.run("kvs", "put", f"a={i}")
    r = first.flux("shutdown", *([answer] if answer else []), check=True)
    assert ("garbage collection: begun" in r.err) == collected
    assert ("use --gc" in r.err) == (answer is None)
    assert first.process.wait(20 * PATIENCE) is not None
    second = flux_start(1, statedir=tmp_path, config=config)
    r = second.flux("shutdown", check=True)
    assert ("use --gc" in r.err) == (not collected), "commits are counted over restarts"


@pytest.mark.root
@pytest.mark.parametrize("allowed", [True, False])
def test_root_may_if_the_configuration_says_so(public_build, tmp_path, allowed):
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and parent.parts[:2] == ("/", "tmp") and len(parent.parts) > 2:
            parent.chmod(parent.stat().st_mode | 0o011)
    config = tmp_path / "c.toml"
    config.write_text(f"[access]\nallow-guest-user = true\nallow-root-owner = {str(allowed).lower()}\n")
    config.chmod(0o644)
    env = clean_env(TMPDIR=tmp_path, HOME=tmp_path)
    with subprocess.Popen(["setpriv", f"--reuid={GUEST}", f"--regid={GUEST}", "--clear-groups", FLUX, "start",
                           f"--config-path={config}", "sh", "-c", 'echo "$FLUX_URI"; cat >/dev/null'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, env=env, cwd=tmp_path, start_new_session=True) as process:
        uri = process.stdout.readline().strip()
        assert uri.startswith("local:"), "it did not start"
        r = execute([FLUX, "shutdown"], env={**env, "FLUX_URI": uri})
        process.stdin.close()
        assert process.wait(30 * PATIENCE) is not None
    assert r.ok == allowed, repr(r)
