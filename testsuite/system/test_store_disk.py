# SPDX-License-Identifier: LGPL-3.0-only
"""The disk: full, read-only, of somebody else, too new; and how large the store becomes."""
import os
import sqlite3
import subprocess
import threading

import pytest
from commands import PATIENCE

pytestmark = pytest.mark.root
GUEST = 65534


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "flux-test", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    with open(disk / "filler", "wb", buffering=0) as f:
        for size in (65536, 4096, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass


def fill_to_the_last_page(instance, disk):
    """What SQLite has allocated already is used up, too."""
    fill(disk)
    assert any(not instance.flux("kvs", "put", f"filler={i}").ok for i in range(300))


def await_log(instance, text):
    log = instance.spawn("dmesg", "--follow")
    limit = threading.Timer(30 * PATIENCE, log.kill)
    limit.start()
    found = any(text in line for line in log.stdout)
    limit.cancel()
    log.kill()
    log.communicate()
    assert found, f"{text}: not in the log"


def known(instance):
    return set(instance.run("jobs", "-a", "-A", "-c0", "-no", "{id.f58}").split())


def test_a_full_disk_refuses_jobs_and_recovers_again_and_again(flux_start, small_disk):
    instance = flux_start(1, statedir=small_disk)
    accepted = set()
    for _ in range(3):
        accepted.add(instance.run("submit", "--urgency=0", "true"))
        fill(small_disk)
        refused = None
        for _ in range(300):
            r = instance.flux("submit", "--urgency=0", "true")
            if not r.ok:
                refused = r
                break
            accepted.add(r.out.strip())
        assert refused is not None and "no space left on device" in refused.err, repr(refused)
        assert instance.flux("uptime").ok and accepted <= known(instance)
        (small_disk / "filler").unlink()
        accepted.add(instance.run("submit", "--wait", "true").split()[0])
    assert known(instance) == accepted
    instance.crash()
    second = flux_start(1, statedir=small_disk)
    assert known(second) == accepted
    assert second.flux("fsck").ok


def test_what_happens_on_a_full_disk_is_stored_when_there_is_room(flux_start, small_disk):
    first = flux_start(1, statedir=small_disk)
    go = small_disk.parent / "go"
    held = first.run("submit", "--urgency=0", "true")
    job = first.run("submit", "sh", "-c", f"until [ -e {go} ]; do sleep 0.05; done; seq 1 100000; exit 3")
    first.run("job", "wait-event", job, "start")
    fill_to_the_last_page(first, small_disk)
    for command in ("resource drain 0 bad fan", "queue disable -m later"):
        r = first.flux(command)
        assert r.rc == 1 and "in force, and could not be stored yet" in r.err and f"{small_disk}/content.sqlite" in r.err
    first.run("cancel", held)
    await_log(first, "job history: no space left on device")
    assert first.run("jobs", "-a", "-no", "{id.f58} {status_abbrev}").splitlines() == [f"{job} R", f"{held} CA"]
    go.touch()
    await_log(first, "output of jobs cannot be stored")
    (small_disk / "filler").unlink()
    assert first.flux("job", "status", job).rc == 3
    for text in ("events are", "resource eventlog: is", "output of jobs is"):
        await_log(first, f"{text} stored again")
    await_log(first, "job history: is written again")
    assert first.stop() == 0
    second = flux_start(1, statedir=small_disk)
    assert "safe mode" not in second.run("queue", "status")
    assert second.flux("job", "attach", job).out.split() == [str(i) for i in range(1, 100001)]
    assert dict(line.split() for line in second.run("jobs", "-a", "-no", "{id.f58} {status_abbrev}").splitlines()) == {
        job: "F", held: "CA"}
    assert second.run("resource", "drain", "-no", "{ranks} {reason}") == "0 bad fan"
    assert second.run("queue", "status").splitlines()[0] == "Job submission is disabled: later"


def test_a_disk_that_is_full_at_the_start_is_a_clear_failure(flux_start, small_disk):
    first = flux_start(1, statedir=small_disk)
    job = first.run("submit", "--urgency=0", "true")
    assert first.stop() == 0
    fill(small_disk)
    with pytest.raises(AssertionError, match="[Nn]o space left on device"):
        flux_start(1, statedir=small_disk)
    (small_disk / "filler").unlink()
    assert job in known(flux_start(1, statedir=small_disk))


def remount(disk, how):
    # by force, as the kernel does after an error: open files do not hinder it
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True, capture_output=True)


def test_a_read_only_file_system_is_a_clear_failure_at_the_start(flux_start, small_disk):
    first = flux_start(1, statedir=small_disk)
    first.run("kvs", "put", "a=1")
    assert first.stop() == 0
    remount(small_disk, "ro")
    with pytest.raises(AssertionError, match="(Read-only file system|not a directory that we can write to)"):
        flux_start(1, statedir=small_disk)
    remount(small_disk, "rw")
    assert flux_start(1, statedir=small_disk).run("kvs", "get", "a") == "1"


def test_a_store_that_cannot_be_written_refuses_and_recovers(flux_start, tmp_path):
    """The file is made immutable in effect: its pages cannot grow, by a limit on the size of files."""
    import resource
    instance = flux_start(1, statedir=tmp_path)
    kept = instance.run("submit", "--urgency=0", "true")
    pid = int(instance.run("getattr", "broker.pid"))
    size = max(p.stat().st_size for p in tmp_path.glob("content.sqlite*"))
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 4096, hard))
    refused = None
    for i in range(60):
        r = instance.flux("kvs", "put", "-r", f"k{i}=-", stdin="x" * 20_000)
        if not r.ok:
            refused = r
            break
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert refused is not None, "the limit was never reached"
    assert "content store" in refused.err, repr(refused)
    assert instance.run("kvs", "put", "after=1") == ""
    instance.crash()
    second = flux_start(1, statedir=tmp_path)
    assert second.run("kvs", "get", "after") == "1" and kept in known(second)


def test_a_store_of_another_user_is_refused(flux_start, tmp_path):
    assert flux_start(1, statedir=tmp_path).stop() == 0
    os.chown(tmp_path / "content.sqlite", GUEST, GUEST)
    with pytest.raises(AssertionError, match="belongs to user 65534, this broker runs as user 0: chown"):
        flux_start(1, statedir=tmp_path)


def test_a_store_of_a_newer_version_is_refused_and_left_alone(flux_start, tmp_path):
    assert flux_start(1, statedir=tmp_path).stop() == 0
    store, mark = tmp_path / "content.sqlite", tmp_path / "content.sqlite-mark"
    db = sqlite3.connect(store)
    db.execute("PRAGMA user_version=99")
    db.close()
    mark.unlink()  # a newer version has one of its own format
    before = store.read_bytes()
    with pytest.raises(AssertionError, match="has format 99, this Flux reads 3: it was written by a newer version"):
        flux_start(1, statedir=tmp_path)
    assert store.read_bytes() == before


@pytest.mark.parametrize("how", ["empty", "junk"])
def test_a_store_with_nothing_left_is_refused_not_replaced(flux_start, tmp_path, how):
    first = flux_start(1, statedir=tmp_path)
    first.run("kvs", "put", "a=1")
    assert first.stop() == 0
    (tmp_path / "content.sqlite").write_bytes(b"" if how == "empty" else b"no database " * 5000)
    with pytest.raises(AssertionError, match="restore it from a dump"):
        flux_start(1, statedir=tmp_path)


def test_a_log_that_is_gone_is_noticed(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    for i in range(10):
        first.run("kvs", "put", "-r", f"k{i}=-", stdin="x" * 600_000)  # more than SQLite leaves in its log
    first.crash()
    (tmp_path / "content.sqlite-wal").unlink()
    second = flux_start(1, statedir=tmp_path)
    assert "missing" in second.log and "acknowledged" in second.log
    assert second.run("startlog").splitlines()[-1].endswith("started with damaged state") or \
        "damage" in second.run("uptime")
    assert "safe mode due to damage" in second.run("queue", "status")
    second.run("queue", "enable", "--all")
    second.run("queue", "start", "--all")
    second.run("run", "true")
    assert second.stop() == 0
    third = flux_start(1, statedir=tmp_path)
    assert third.run("queue", "status").splitlines() == ["Job submission is enabled", "Scheduling is enabled"]
    assert "missing" not in third.log
