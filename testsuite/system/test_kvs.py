# SPDX-License-Identifier: LGPL-3.0-only
"""flux kvs: the verbs, on the leader and on followers."""
import json
import re
import subprocess
from pathlib import Path

import pytest

from conftest import FLUX, PATIENCE


@pytest.fixture(scope="module", params=[0, 3], ids=["leader", "follower"])
def kvs(request, instance4):
    """flux kvs as seen from rank 0 and from a leaf."""
    uri = re.sub(r"-0$", f"-{request.param}", instance4.uri)

    class Kvs:
        prefix = f"t{request.param}"
        env = {"FLUX_URI": uri}

        def __call__(self, *args, **kwargs):
            return instance4.flux("kvs", *args, env=self.env, **kwargs)

        def run(self, *args, **kwargs):
            return instance4.run("kvs", *args, env=self.env, **kwargs)

        def spawn(self, *args):
            old = instance4.env["FLUX_URI"]
            instance4.env["FLUX_URI"] = uri
            try:
                return instance4.spawn("kvs", *args)
            finally:
                instance4.env["FLUX_URI"] = old

    kvs = Kvs()
    kvs("unlink", "-R", "-f", "t")
    return kvs


def test_values_come_back(kvs):
    kvs.run("put", "t.a=1", "t.b.c=two words", "t.empty=")
    assert kvs.run("get", "t.a", "t.b.c").splitlines() == ["1", "two words"]
    assert kvs.run("get", "-l", "t.a") == "t.a=1"
    assert kvs("get", "t.empty").out == "\n"
    assert kvs("get", "-r", "t.a").out == "1"


def test_errors_name_the_key(kvs):
    kvs.run("put", "t.dir.x=1")
    r = kvs("get", "t.nothing")
    assert r.rc == 1 and r.err == "flux-kvs: t.nothing: No such file or directory\n"
    assert kvs("get", "t.dir").err == "flux-kvs: t.dir: Is a directory\n"
    assert kvs("get", "-N", "nons", "a").rc == 1
    assert "control characters" in kvs("put", "a\tb=1").err
    assert "255" in kvs("put", "x" * 256 + "=1").err
    assert kvs("put", "novalue").rc != 0


def test_one_command_is_one_commit(kvs):
    ns = kvs.prefix + "one"  # nobody else writes there
    kvs.run("namespace", "create", ns)
    before = int(kvs.run("version", "-N", ns))
    assert int(kvs.run("put", "-N", ns, "-s", *(f"t.many.k{i}={i}" for i in range(500)))) == before + 1
    keys = [f"t.many.k{i}" for i in range(500)]
    assert kvs.run("get", "-N", ns, *keys).split() == [str(i) for i in range(500)]


def test_raw_values_and_appends(kvs):
    data = "line\n" * 300000
    kvs.run("put", "-r", "t.raw=-", stdin=data)
    assert kvs("get", "-r", "t.raw").out == data
    kvs.run("put", "-A", "t.log=one,")
    kvs.run("put", "-A", "t.log=two,")
    assert kvs.run("get", "t.log") == "one,two,"


def test_a_long_log_is_read_in_parts(kvs):
    piece = "x" * 3_000_000
    kvs("unlink", "-f", "t.long")
    for _ in range(4):
        kvs.run("put", "-A", "-r", "t.long=-", stdin=piece)
    assert len(kvs("get", "-r", "t.long").out) == 12_000_000


def test_directories(kvs):
    kvs.run("put", "t.d.a=1", "t.d.sub.b=2")
    kvs.run("mkdir", "t.d.empty")
    kvs.run("link", "t.d.a", "t.d.link")
    assert kvs.run("ls", "-1", "-F", "t.d").splitlines() == ["a", "empty.", "link@", "sub."]
    assert kvs.run("dir", "t.d").splitlines() == ["t.d.a = 1", "t.d.empty.", "t.d.link -> t.d.a", "t.d.sub."]
    assert kvs.run("dir", "-R", "t.d").splitlines() == ["t.d.a = 1", "t.d.link -> t.d.a", "t.d.sub.b = 2"]
    assert kvs.run("ls", "-R", "t.d").splitlines()[-2:] == ["t.d.sub:", "b"]
    assert kvs("unlink", "t.d").rc == 1
    kvs.run("unlink", "-R", "t.d")
    assert kvs("unlink", "t.d").rc == 1
    kvs.run("unlink", "-f", "t.d")


def test_links_copies_moves(kvs):
    kvs.run("put", "t.src.x=1")
    kvs.run("link", "t.src", "t.lnk")
    assert kvs.run("get", "t.lnk.x") == "1"
    assert kvs.run("readlink", "t.lnk") == "t.src"
    kvs.run("copy", "t.src", "t.cp")
    kvs.run("put", "t.src.x=2")
    assert kvs.run("get", "t.cp.x") == "1"
    kvs.run("move", "t.cp", "t.mv")
    assert kvs.run("get", "t.mv.x") == "1"
    assert kvs("get", "t.cp.x").rc == 1
    assert kvs("move", "t.mv", "t.mv.below").rc == 1
    kvs.run("link", "t.l2", "t.l1")
    kvs.run("link", "t.l1", "t.l2")
    assert "symbolic links" in kvs("get", "t.l1").err


def test_snapshots(kvs):
    kvs.run("put", "t.snap.a=old")
    root = kvs.run("getroot")
    directory = kvs.run("get", "-t", "t.snap")
    kvs.run("put", "t.snap.a=new")
    assert kvs.run("get", "--at", root, "t.snap.a") == "old"
    assert kvs.run("get", "--at", directory, "a") == "old"
    assert kvs.run("get", "--at", kvs.run("getroot", "-b"), "t.snap.a") == "new"
    assert json.loads(kvs.run("get", "-t", "t.snap.a"))["type"] == "val"
    kvs.run("put", "-t", "t.snap.b=" + kvs.run("get", "-t", "t.snap.a"))
    assert kvs.run("get", "t.snap.b") == "new"


def test_namespaces(kvs):
    ns = kvs.prefix + "ns"
    kvs.run("namespace", "create", "-o", "1234", ns)
    assert any(line.split()[:2] == [ns, "1234"] for line in kvs.run("namespace", "list").splitlines())
    kvs.run("put", "-N", ns, "a=1")
    assert kvs.run("get", "-N", ns, "a") == "1"
    assert kvs("get", "a").rc == 1
    kvs.run("link", "-T", ns, "a", "t.other")
    assert kvs.run("get", "t.other") == "1"
    kvs.run("copy", "-S", ns, "a", "t.copied")
    watcher = kvs.spawn("get", "-N", ns, "-w", "a")
    assert watcher.stdout.readline() == "1\n"
    kvs.run("namespace", "remove", ns)
    out, err = watcher.communicate(timeout=30 * PATIENCE)
    assert watcher.returncode == 1 and "removed" in err
    assert kvs.run("get", "t.copied") == "1"


def test_watchers_are_told(kvs):
    kvs("unlink", "-f", "t.w")
    watchers = [kvs.spawn("get", "-W", "-w", "-c3", "t.w") for _ in range(3)]
    kvs.run("put", "t.w=0")
    for w in watchers:
        assert w.stdout.readline() == "0\n"
    late = kvs.spawn("get", "-w", "-c2", "t.w")
    assert late.stdout.readline() == "0\n"
    kvs.run("put", "t.w=1")
    for w in [*watchers, late]:
        assert w.stdout.readline() == "1\n"
    kvs.run("put", "t.w=2")
    assert [w.communicate(timeout=30 * PATIENCE)[0] for w in watchers] == ["2\n"] * 3
    assert late.communicate(timeout=30 * PATIENCE)[0] == ""
    assert {w.returncode for w in [*watchers, late]} == {0}


def test_eventlogs(kvs):
    log = "t.events"
    kvs.run("eventlog", "append", "-t", "1.5", log, "first", '{"a":1,"s":"text"}')
    waiter = kvs.spawn("eventlog", "wait-event", log, "third")
    follower = kvs.spawn("eventlog", "get", "-w", "-c3", "-u", log)
    assert json.loads(follower.stdout.readline())["name"] == "first"
    kvs.run("eventlog", "append", log, "second")
    assert json.loads(follower.stdout.readline())["name"] == "second"
    late = kvs.spawn("eventlog", "get", "-w", "-c3", "-u", log)
    assert [json.loads(late.stdout.readline())["name"] for _ in range(2)] == ["first", "second"]
    kvs.run("eventlog", "append", log, "third")
    assert json.loads(follower.communicate(timeout=30 * PATIENCE)[0])["name"] == "third"
    assert json.loads(late.communicate(timeout=30 * PATIENCE)[0])["name"] == "third"
    assert waiter.communicate(timeout=30 * PATIENCE)[0].split()[1] == "third"
    assert kvs.run("eventlog", "get", log).splitlines()[0] == '1.500000 first a=1 s="text"'
    assert "timeout" in kvs("eventlog", "wait-event", "-t0.1s", log, "never").err
    assert kvs("eventlog", "append", log, "bad", "[1]").rc == 1


def test_versions_can_be_waited_for(kvs):
    version = int(kvs.run("version"))
    waiter = kvs.spawn("wait", str(version + 1))
    kvs.run("put", "t.v=1")
    assert waiter.wait(30 * PATIENCE) == 0


def test_checkpoints_and_caches(kvs, instance4):
    kvs.run("put", "t.c=kept")
    root = kvs.run("sync", "-b")
    newest = json.loads(instance4.flux("content", "checkpoint", "list", "-j", env=kvs.env).lines[0])
    assert newest["rootref"] == root and kvs.run("get", "--at", root, "t.c") == "kept"
    kvs.run("dropcache")
    assert kvs.run("get", "t.c") == "kept"


def test_content(kvs, instance4):
    def content(*args, **kwargs):
        return instance4.flux("content", *args, env=kvs.env, **kwargs)

    ref = content("store", stdin="some data").out.strip()
    assert re.fullmatch("blake2b-[0-9a-f]{64}", ref)
    assert content("store", stdin="some data").out.strip() == ref
    assert content("load", ref).out == "some data"
    assert content("load", "-b", ref).out == "some data"
    assert content("flush").ok and content("dropcache").ok
    assert content("load", ref).out == "some data"
    assert content("store", stdin="x" * (1 << 20)).ok
    assert "1048576" in content("store", stdin="x" * ((1 << 20) + 1)).err
    refs = content("store", "--chunksize=1000", stdin="y" * 2500).out.split()
    assert len(refs) == 3 and content("load", *refs).out == "y" * 2500
    r = content("load", "blake2b-" + "0" * 64)
    assert r.rc == 1 and "no such blob" in r.err


@pytest.mark.root
@pytest.mark.parametrize("rank", [0, 3])
def test_guests_reach_only_their_namespaces(flux_start, rank):
    guest = 12345
    inst = flux_start(4, config="[access]\nallow-guest-user = true\n")
    uri = re.sub(r"-0$", f"-{rank}", inst.uri)
    for folder in Path(uri.removeprefix("local://")).parents:
        if folder.stat().st_mode & 0o777 == 0o700 and folder.owner() == inst.dir.owner():
            folder.chmod(0o755)
    if subprocess.run(["test", "-x", FLUX], user=guest, group=guest, extra_groups=[]).returncode:
        pytest.skip(f"{FLUX} is out of reach of other users")

    def as_guest(*args):
        p = subprocess.run([FLUX, "kvs", *map(str, args)], env={**inst.env, "FLUX_URI": uri}, user=guest, group=guest,
                           extra_groups=[], capture_output=True, text=True, timeout=60 * PATIENCE)
        return p.returncode, p.stdout, p.stderr

    inst.run("kvs", "put", "secret=1")
    inst.run("kvs", "namespace", "create", "-o", guest, "theirs")
    code, out, err = as_guest("get", "secret")
    assert code == 1 and out == "" and "belongs to user" in err
    assert as_guest("put", "secret=2")[0] == 1
    assert as_guest("put", "-N", "theirs", "a=1")[:2] == (0, "")
    assert as_guest("get", "-N", "theirs", "a")[:2] == (0, "1\n")
    assert as_guest("eventlog", "append", "-N", "theirs", "log", "event")[0] == 0
    assert as_guest("eventlog", "wait-event", "-N", "theirs", "log", "event")[0] == 0
    # a link of theirs does not lead them to what is not theirs
    assert as_guest("link", "-N", "theirs", "-T", "primary", "secret", "way")[0] == 0
    code, out, err = as_guest("get", "-N", "theirs", "way")
    assert code == 1 and out == "" and "belongs to user" in err
    code, out, err = as_guest("get", "-N", "theirs", "-w", "-c1", "way")
    assert code == 1 and out == ""
    assert as_guest("namespace", "create", "more")[0] == 1
    assert as_guest("copy", "-S", "primary", "-D", "theirs", "secret", "copy")[0] == 1
    assert as_guest("getroot", "-b")[0] == 1
