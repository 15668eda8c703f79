# SPDX-License-Identifier: LGPL-3.0-only
"""flux dump and flux restore: a snapshot through an archive."""
import tarfile

import pytest

LONG = "k" * 150


@pytest.fixture(scope="module")
def filled(instance):
    instance.run("kvs", "put", "a.b=1", "a.empty=", f"a.{LONG}.x=deep", "odd.with/slash%=2", "big=" + "v" * 100_000)
    instance.run("kvs", "mkdir", "a.dir")
    instance.run("kvs", "link", "a.b", "a.link")
    instance.run("kvs", "link", "-T", "other", "x", "a.nslink")
    instance.run("kvs", "eventlog", "append", "log", "event")
    instance.run("kvs", "put", *(f"many.k{i}={i}" for i in range(1000)))
    for _ in range(4):
        instance.run("kvs", "put", "-A", "-r", "long=-", stdin="l" * 3_000_000)
    return instance


def contents(instance):
    return instance.run("kvs", "dir", "-R", "-w0", ".").splitlines()


@pytest.mark.parametrize("name", ["d.tar", "d.tgz", "d.tar.xz"])
def test_a_dump_restores_everything(filled, flux_start, tmp_path, name):
    archive = tmp_path / name
    assert "archived" in filled.flux("dump", archive, check=True).err
    assert tarfile.open(archive).getmember("a/b").size == 1
    other = flux_start(1)
    other.run("kvs", "put", "old=1")
    other.run("restore", "-q", "--checkpoint", archive)
    assert contents(other) == contents(filled)
    assert other.run("kvs", "ls", "a.dir") == ""
    assert other.run("kvs", "readlink", "a.nslink") == "other::x"
    assert other.flux("kvs get -r long").out == "l" * 12_000_000
    assert other.flux("kvs get old").rc == 1


def test_restore_below_a_key(filled, tmp_path):
    archive = tmp_path / "d.tar"
    filled.run("kvs", "put", "sub.old=1")
    filled.run("dump", "-q", archive)
    r = filled.flux("restore", "-v", "--key=sub", "--size-limit=1000", archive, check=True)
    assert "sub.a.b" in r.err.split() and "left out" in r.err
    assert filled.run("kvs", "get", "sub.a.b") == "1"
    assert filled.run("kvs", "get", "sub.sub.old") == "1"
    assert filled.flux("kvs get sub.old").rc == 1
    filled.run("kvs", "unlink", "-R", "sub")


def test_an_archive_of_another_tool(filled, tmp_path):
    (tmp_path / "f" / LONG).mkdir(parents=True)
    (tmp_path / "f" / LONG / "file").write_text("data")
    with tarfile.open(tmp_path / "t.tar.bz2", "w:bz2", format=tarfile.PAX_FORMAT) as tar:
        tar.add(tmp_path / "f", arcname="from")
    filled.run("restore", "-q", "--key=pax", tmp_path / "t.tar.bz2")
    assert filled.run("kvs", "get", f"pax.from.{LONG}.file") == "data"
    filled.run("kvs", "unlink", "-R", "pax")


def test_bad_archives_are_refused(filled, tmp_path):
    (tmp_path / "x.tar").write_text("not a tar archive " * 100)
    assert "damaged" in filled.flux("restore", "--key=k", tmp_path / "x.tar").err
    assert filled.flux("dump", tmp_path / "x.zip").rc == 1
    assert filled.flux("restore", tmp_path / "x.tar").rc == 1
    good = tmp_path / "d.tar"
    filled.run("dump", "-q", good)
    good.write_bytes(good.read_bytes()[:20_000])
    assert filled.flux("restore", "--key=k", good).rc == 1
