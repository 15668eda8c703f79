# SPDX-License-Identifier: LGPL-3.0-only
"""fsck, gc, recovery mode, dump and restore of what does not run, checkpoints in time."""
import json
import re
import sqlite3
import tarfile

import pytest
from conftest import FLUX, clean_env, execute


def sql(statedir, *statements):
    db = sqlite3.connect(statedir / "content.sqlite")
    with db:
        counts = [db.execute(s).rowcount for s in statements]
    db.close()
    return counts


def recovery(target, *command, **kwargs):
    return execute([FLUX, "start", f"--recovery={target}", *command], env=clean_env(), **kwargs)


@pytest.fixture
def stopped(flux_start, tmp_path):
    """The state of an instance that ended in order."""
    instance = flux_start(1, statedir=tmp_path)
    instance.run("kvs", "put", "a.b=1", "a.big=" + "v" * 3000, "other.big=" + "o" * 4000)
    instance.run("kvs", "eventlog", "append", "log", "first")
    for _ in range(40):
        instance.run("kvs", "put", "-A", "-r", "grown=-", stdin="g" * 3000)
    instance.run("submit", "--urgency=0", "true")
    instance.run("submit", "--wait", "true")
    assert instance.stop() == 0
    return tmp_path


def test_nothing_is_damaged(stopped, flux_start):
    instance = flux_start(1, statedir=stopped)
    r = instance.flux("fsck", "-v")
    assert r.ok and r.out == ""
    assert re.search(r"\d+ directories, \d+ values, \d+ nodes, \d+ bytes", r.err) and r.err.endswith(" 0 damaged\n")
    assert instance.flux("fsck", "--quiet").err == ""
    assert json.loads(instance.run("fsck", "--json"))["damages"] == []
    root = instance.run("kvs", "getroot", "-b")
    assert instance.flux("fsck", f"--rootref={root}").ok
    assert instance.flux("fsck", "--rootref=nonsense").rc == 1
    assert instance.flux("fsck", f"--rootref={root}", "--repair").rc == 1


def test_damaged_values_are_found_and_moved_to_lost_found(stopped, flux_start):
    assert sql(stopped, "UPDATE blobs SET data = zeroblob(length(data)) WHERE length(data) = 3000 OR"
               " length(data) BETWEEN 10000 AND 20000 AND id % 2")[0] >= 2
    instance = flux_start(1, statedir=stopped)
    r = instance.flux("fsck")
    assert r.rc == 1
    assert re.search(r"^flux-fsck: a\.big: the value cannot be read: .*hash mismatch", r.err, re.M), r.err
    assert re.search(r"^flux-fsck: grown: the log cannot be read", r.err, re.M)
    keys = {d["key"] for d in json.loads(instance.flux("fsck", "-j").out)["damages"]}
    assert {"a.big", "grown"} <= keys
    r = instance.flux("fsck", "--repair")
    assert r.ok and "were moved to lost+found" in r.err
    assert json.loads(instance.run("kvs", "get", "lost+found.a.big"))["lost"] == "value"
    assert "g" * 3000 in instance.run("kvs", "get", "-r", "lost+found.grown"), "what can be read of a log"
    assert instance.flux("kvs", "get", "a.big").rc == 1
    assert instance.run("kvs", "get", "other.big") == "o" * 4000
    assert "0 damaged" in instance.flux("fsck", check=True).err
    assert "records in quarantine" in instance.run("uptime")
    instance.run("gc")
    assert instance.stop() == 0
    assert flux_start(1, statedir=stopped).flux("fsck").ok


def test_gc_removes_what_nobody_needs(flux_start, tmp_path):
    instance = flux_start(1, statedir=tmp_path)
    for i in range(6):
        instance.run("kvs", "put", "-r", "x=-", stdin=chr(97 + i) * 500_000)
    r = instance.flux("gc", "-v", check=True)
    assert int(re.search(r"(\d+) bytes", r.err).group(1)) > 2_000_000
    assert instance.flux("kvs get -r x").out == "f" * 500_000
    assert "removed 0 blobs" in instance.flux("gc", "-v").err or instance.flux("gc").ok


def test_recovery_mode_looks_and_does_nothing(stopped, flux_start):
    assert "fsck: 0 damaged" in recovery(stopped, "flux", "fsck").err
    assert recovery(stopped, "flux", "kvs", "get", "a.b").out == "1\n"
    r = recovery(stopped, "flux", "startlog")
    assert len(r.out.splitlines()) == 1, "a look is no run"
    assert not recovery(stopped, "flux", "submit", "true").ok
    assert recovery(stopped, "flux", "kvs", "put", "mended=1").ok
    instance = flux_start(1, statedir=stopped)
    assert instance.run("kvs", "get", "mended") == "1"
    assert len(instance.run("startlog").splitlines()) == 2
    assert instance.run("queue", "status").splitlines()[0] == "Job submission is enabled"
    r = recovery(stopped, "true")
    assert not r.ok and "in use by another broker" in r.err


def test_offline_dump_and_restore(stopped, flux_start, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    archive = elsewhere / "d.tar.xz"
    assert recovery(stopped, "flux", "dump", "-q", archive).ok
    with tarfile.open(archive) as tar:
        assert tar.extractfile("a/b").read() == b"1"
    assert recovery(archive, "flux", "kvs", "get", "a.b").out == "1\n"
    assert recovery(elsewhere, "flux", "restore", "-q", "--checkpoint", archive).ok
    copy = flux_start(1, statedir=elsewhere)
    assert copy.flux("kvs get -r grown").out == "g" * 120_000
    copy.until(lambda: sorted(copy.run("jobs", "-a", "-no", "{status_abbrev}").split()) == ["CD", "S"],
               "the history, which is made beside everything else, is complete")


def test_a_dump_goes_on_past_what_is_damaged_if_told_so(stopped, flux_start, tmp_path_factory):
    archive = tmp_path_factory.mktemp("d") / "d.tar"
    sql(stopped, "UPDATE blobs SET data = zeroblob(length(data)) WHERE length(data) = 3000")
    instance = flux_start(1, statedir=stopped)
    r = instance.flux("dump", archive)
    assert r.rc == 1 and "a.big" in r.err and "damaged" in r.err
    r = instance.flux("dump", "--ignore-failed-read", archive)
    assert r.rc == 1 and "a.big" in r.err
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert "a/b" in names and "a/big" not in names and "other/big" in names


def checkpoints(instance):
    return [json.loads(line) for line in instance.run("content", "checkpoint", "list", "-j").splitlines()]


def wait_checkpoint(instance, sequence):
    instance.until(lambda: any(c["sequence"] >= sequence for c in checkpoints(instance)), f"a checkpoint of {sequence}")


def test_checkpoints_are_made_in_time_also_after_a_reload(flux_start, tmp_path):
    instance = flux_start(1, statedir=tmp_path, config="[kvs]\ncheckpoint-period = \"0.2s\"\n")
    instance.run("kvs", "put", "a=1")
    wait_checkpoint(instance, int(instance.run("kvs", "version")))
    config = instance.dir / "config" / "test.toml"
    config.write_text("[kvs]\n")
    instance.run("config", "reload")
    instance.run("kvs", "put", "a=2")
    version = int(instance.run("kvs", "version"))
    assert not any(c["sequence"] >= version for c in checkpoints(instance))
    config.write_text("[kvs]\ncheckpoint-period = \"0.1s\"\n")
    instance.run("config", "reload")
    wait_checkpoint(instance, version)
    newest = max(checkpoints(instance), key=lambda c: c["sequence"])
    assert instance.run("kvs", "getroot", "-b") == newest["rootref"]


def test_a_dump_of_the_last_checkpoint(flux_start, tmp_path):
    instance = flux_start(1, statedir=tmp_path)
    instance.run("kvs", "put", "a=1")
    instance.run("kvs", "sync")
    instance.run("kvs", "put", "b=1")
    instance.run("dump", "-q", "--checkpoint", tmp_path / "d.tar")
    with tarfile.open(tmp_path / "d.tar") as tar:
        assert "a" in tar.getnames() and "b" not in tar.getnames()


def test_a_bit_that_flips_while_running_harms_one_key(flux_start, tmp_path):
    """What is read later from a page that has gone bad meanwhile: an error, a line in the log, nothing else."""
    instance = flux_start(1, statedir=tmp_path)
    instance.run("kvs", "put", "good=" + "g" * 2000, "bad=" + "b" * 2001)
    instance.run("kvs", "sync")
    instance.run("kvs", "dropcache")
    db = sqlite3.connect(tmp_path / "content.sqlite")
    with db:
        db.execute("UPDATE blobs SET data = zeroblob(2001) WHERE length(data) = 2001")
    db.close()
    r = instance.flux("kvs", "get", "bad")
    assert r.rc == 1 and "damaged" in r.err
    assert instance.run("kvs", "get", "good") == "g" * 2000
    assert "put in quarantine; run flux fsck" in instance.run("dmesg")
    assert instance.run("run", "echo", "on") == "on"
    instance.run("kvs", "put", "bad=new")
    assert instance.flux("fsck").ok


def test_a_large_store_is_looked_through_when_it_is_quiet(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    for i in range(10):
        first.run("kvs", "put", "-r", f"k{i}=-", stdin=chr(97 + i) * 3_000_000)
    assert first.stop() == 0
    store = tmp_path / "content.sqlite"
    data = bytearray(store.read_bytes())
    assert len(data) > 24 << 20
    leaf = next(at for at in range(4096 * 2, len(data), 4096) if data[at] == 0x0d and b"aaaa" in data[at:at + 4096])
    data[leaf + 3] ^= 4  # cells of the page
    store.write_bytes(data)
    second = flux_start(1, statedir=tmp_path)
    assert "its structure is damaged" in second.await_log("the next start repairs the file")
    assert second.stop() == 0
    third = flux_start(1, statedir=tmp_path)
    assert "were saved from it; it is kept as" in third.run("dmesg")
    assert list(tmp_path.glob("content.sqlite.damaged-*"))
    assert third.flux("kvs get -r k3").out == "d" * 3_000_000
