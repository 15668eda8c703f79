# SPDX-License-Identifier: LGPL-3.0-only
"""Accepted means durable: jobs over kill -9 of rank 0, over clean restarts, and when the disk is full."""
import os
import subprocess
import threading
import time

import pytest
from conftest import PATIENCE

ROUNDS = int(os.environ.get("FLUX_TEST_CRASHES", "3"))
PENDING = ("--urgency=0",)


def await_known(instance, ids):
    """Until all of them are listed: a history that a crash has cut short is made complete while the instance runs."""
    deadline = time.monotonic() + 20 * PATIENCE
    while missing := set(ids) - set(instance.run("jobs", "-a", "-A", "-c0", "-no", "{id.dec}").split()):
        assert time.monotonic() < deadline, f"{len(missing)} of {len(ids)} are lost: {missing}"


def dec(instance, ids):
    return set(instance.run("job", "id", "--to=dec", *ids).split()) if ids else set()


def test_kill_9_under_submission_load_loses_no_acknowledged_job(flux_start, tmp_path):
    acknowledged = []
    for generation in range(ROUNDS):
        instance = flux_start(1, statedir=tmp_path)
        await_known(instance, acknowledged)
        assert len(set(acknowledged)) == len(acknowledged), "an id was given out twice"
        if generation:  # safe mode after a crash
            instance.run("queue", "enable")
            instance.run("queue", "start")
        new = instance.run("submit", "--cc=1-8", "true").split()
        killer = threading.Timer(0.1 + 0.03 * (generation % 10), instance.crash)
        killer.start()
        while True:
            r = instance.flux("submit", "--cc=1-8", "true")
            if not r.ok:
                break
            new += r.out.split()
        killer.join()
        acknowledged += dec(instance, new)
    last = flux_start(1, statedir=tmp_path)
    await_known(last, acknowledged)


def test_pending_jobs_are_pending_and_finished_ones_listed_after_a_restart(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    done = first.run("submit", "--wait", "true").split()[0]
    held = first.run("submit", *PENDING, "hostname")
    assert first.stop() == 0, first.log
    second = flux_start(1, statedir=tmp_path)
    states = dict(line.split() for line in second.run("jobs", "-a", "-no", "{id.f58} {status_abbrev}").splitlines())
    assert states[done] == "CD"
    assert states[held] in ("S", "P")
    fresh = second.run("submit", "true")
    assert fresh not in (done, held)
    events = [line.split()[1] for line in second.run("job", "eventlog", held).splitlines()]
    assert "flux-restart" in events
    second.run("job", "urgency", held, "default")
    assert second.flux("job", "status", held).rc == 0
    assert second.run("job", "attach", held)


def test_the_state_of_the_queue_survives_a_restart(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    first.run("queue", "disable", "-m", "for a reason")
    first.run("queue", "stop")
    assert first.stop() == 0
    second = flux_start(1, statedir=tmp_path)
    status = second.run("queue", "status", "-v")
    assert "disabled: for a reason" in status
    assert "stopped" in status or "disabled" in status.splitlines()[1]
    r = second.flux("submit", "true")
    assert r.rc == 1 and "job submission is disabled: for a reason" in r.err


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs takes root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "flux-test", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_full_disk_refuses_jobs_clearly_and_recovers_without_a_restart(flux_start, small_disk):
    instance = flux_start(1, statedir=small_disk)
    before = instance.run("submit", *PENDING, "true")
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    refused = None
    for _ in range(200):
        r = instance.flux("submit", *PENDING, "true")
        if not r.ok:
            refused = r
            break
    assert refused is not None and "space" in refused.err, repr(refused)
    assert instance.flux("job", "eventlog", before).ok
    filler.unlink()
    after = instance.run("submit", "--wait", "true")
    assert instance.stop() == 0, instance.log
    second = flux_start(1, statedir=small_disk)
    await_known(second, dec(second, [before, after]))


def test_a_job_whose_eventlog_was_overwritten_is_listed_as_damaged(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    good = first.run("submit", *PENDING, "true")
    bad = {}
    for log, why in (("rubbish", "does not end with a whole line"), ("rubbish\n", "eventlog"), ("", "submit"),
                     ('{"timestamp":1.0,"name":"depend"}\n', "submit")):
        job = first.run("submit", *PENDING, "true")
        first.run("kvs", "put", "-r", f"{first.run('job', 'id', '--to=kvs', job)}.eventlog=-", stdin=log)
        bad[job] = why
    assert first.stop() == 0
    second = flux_start(1, statedir=tmp_path)
    await_known(second, dec(second, bad))
    for job, why in bad.items():
        r = second.flux("job", "status", "-v", job)
        assert r.rc != 0 and "is damaged: " in r.err and why in r.err
        assert second.run("jobs", "-no", "{status_abbrev} {exception.type}", job) == "F damaged"
    assert second.run("jobs", "-no", "{id.f58} {status_abbrev}") == f"{good} S"
    assert second.run("submit", "--wait", "true")
