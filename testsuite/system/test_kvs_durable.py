# SPDX-License-Identifier: LGPL-3.0-only
"""What is acknowledged is durable: restarts, kill -9, damage, a full disk."""
import os
import sqlite3
import subprocess
import threading

import pytest


def stop(instance):
    assert instance.stop() == 0, instance.log


def test_a_restart_finds_everything(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    first.run("kvs", "put", "a.b=1", "a.c=" + "long" * 1000)
    first.run("kvs", "eventlog", "append", "log", "event")
    version = first.run("kvs", "version")
    stop(first)
    second = flux_start(1, statedir=tmp_path)
    assert second.run("kvs", "get", "a.b") == "1"
    assert second.run("kvs", "get", "a.c") == "long" * 1000
    assert second.run("kvs", "eventlog", "get", "log").split()[1] == "event"
    assert int(second.run("kvs", "version")) >= int(version)


def test_kill_9_loses_no_acknowledged_commit(flux_start, tmp_path):
    acknowledged = 0
    for generation in range(5):
        instance = flux_start(1, statedir=tmp_path)
        have = instance.flux("kvs get log").out.strip().split(",")[:-1]
        assert have == [str(i) for i in range(len(have))]
        assert len(have) in (acknowledged, acknowledged + 1), "all that was acknowledged, and at most the next"
        acknowledged = len(have)
        instance.run("kvs", "put", "-A", f"log={acknowledged},")
        acknowledged += 1
        killer = threading.Timer(0.1 + 0.1 * generation, instance.crash)
        killer.start()
        while instance.flux("kvs", "put", "-A", f"log={acknowledged},").ok:
            acknowledged += 1
        killer.join()


def content_db(statedir):
    return sqlite3.connect(statedir / "content.sqlite")


def test_damage_is_reported_and_the_rest_lives(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    first.run("kvs", "put", "good=fine", "bad=" + "x" * 2000)
    stop(first)
    with content_db(tmp_path) as db:
        assert db.execute("UPDATE blobs SET data = zeroblob(2000) WHERE length(data) = 2000").rowcount == 1
    second = flux_start(1, statedir=tmp_path)
    assert second.run("kvs", "get", "good") == "fine"
    r = second.flux("kvs get bad")
    assert r.rc == 1 and "damaged" in r.err
    second.run("kvs", "put", "bad=mended")
    stop(second)
    with content_db(tmp_path) as db:
        assert db.execute("SELECT kind, reason FROM quarantine").fetchall() == [("blob", "hash mismatch")]


def test_a_second_instance_is_kept_out(flux_start, tmp_path):
    flux_start(1, statedir=tmp_path)
    with pytest.raises(AssertionError, match="in use by another broker"):
        flux_start(1, statedir=tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.root
def test_a_full_disk_refuses_and_recovers(flux_start, small_disk):
    instance = flux_start(1, statedir=small_disk)
    kept, refused = [], None
    for i in range(100):
        r = instance.flux("kvs", "put", "-r", f"big.k{i}=-", stdin=chr(97 + i % 26) * 300_000)
        if not r.ok:
            refused = r
            break
        kept.append(i)
    assert refused and "no space left on device" in refused.err
    assert kept, "the disk was full from the start"
    # what was acknowledged is there, what was refused is not, and reading goes on
    assert instance.flux("kvs", "get", f"big.k{len(kept)}").rc == 1
    assert instance.run("kvs", "get", f"big.k{kept[-1]}") == chr(97 + kept[-1] % 26) * 300_000
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    instance.run("kvs", "put", "-r", "after=-", stdin="z" * 300_000)
    stop(instance)
    again = flux_start(1, statedir=small_disk)
    for i in kept:
        assert again.run("kvs", "get", f"big.k{i}") == chr(97 + i % 26) * 300_000
    assert again.run("kvs", "get", "after") == "z" * 300_000
    stop(again)
