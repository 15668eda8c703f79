# SPDX-License-Identifier: LGPL-3.0-only
"""A statedir of 200 jobs is damaged at random, and the instance started: it says so, or all is there; what it
gives is right or an error; it never crashes or hangs.

The dice are the same each time. FLUX_TEST_SEED=N begins with another seed, FLUX_TEST_DAMAGES=N sets how many there are.
"""
import json
import os
import random
import re
import shutil
import tarfile

import pytest
from conftest import FLUX, clean_env, execute

DAMAGES = int(os.environ.get("FLUX_TEST_DAMAGES", "100"))
SEED = int(os.environ.get("FLUX_TEST_SEED", "1"))
FILES = ["content.sqlite", "content.sqlite-wal", "content.sqlite-mark", "job-history.sqlite", "job-history.sqlite-wal"]
LOOK = """
flux jobs -a -A -c0 -no '{id.dec} {status_abbrev} {exception.type}' >jobs
flux dump -q --ignore-failed-read kvs.tar 2>dump.err
flux fsck -j >fsck
flux uptime >uptime
flux startlog >startlog
flux queue enable --all && flux queue start --all && flux run -t 20s true && touch works
"""
# what tells that something is damaged, in the log or on the way
WORDS = re.compile(r"damage|missing|quarantine|cannot be (used|read)|lost\+found|not what it should be|is lost")


class Statedir:
    """A state as an instance left it, and what is right."""

    def __init__(self, path, jobs, kvs):
        self.path, self.jobs, self.kvs = path, jobs, kvs


def contents(archive):
    if not archive.exists():
        return {}
    try:
        with tarfile.open(archive) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
    except tarfile.ReadError:
        return {}


def list_jobs(text):
    jobs = {}
    for line in text.splitlines():
        jid, state, *exception = line.split()
        jobs[jid] = (state, exception[0] if exception else "")
    return jobs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same jobs twice: as a crash leaves them, and after an orderly end."""
    from conftest import Instance
    root = tmp_path_factory.mktemp("made")
    state = root / "crashed"
    state.mkdir()
    instance = Instance(1, statedir=state)
    try:
        instance.run("submit", "--cc=1-140", "--wait", "--quiet", "--", "sh", "-c", "echo out $FLUX_JOB_CC", timeout=60)
        instance.run("submit", "--wait", "--quiet", "seq", "150000")
        instance.flux("submit", "--wait", "--quiet", "false")
        instance.run("submit", "--cc=1-50", "--urgency=0", "hostname")
        instance.run("queue", "stop")
        instance.run("kvs", "put", "big=" + "b" * 100_000)
        instance.run("submit", "--cc=1-8", "--urgency=0", "hostname")
        jobs = list_jobs(instance.run("jobs", "-a", "-A", "-c0", "-no", "{id.dec} {status_abbrev} {exception.type}"))
        instance.run("dump", "-q", root / "kvs.tar")
        instance.crash()
        good = contents(root / "kvs.tar")
        instance.clean()
        clean = root / "clean"
        shutil.copytree(state, clean)
        second = Instance(1, statedir=clean)
        second.run("queue", "enable", "--all")
        assert second.stop() == 0
        second.clean()
    finally:
        instance.clean()
    assert len(jobs) == 200
    return [Statedir(state, jobs, good), Statedir(clean, jobs, good)]


def flip(data, rng, count):
    for _ in range(count):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def damage(state, rng):
    """One damage to one file; tells which."""
    name = rng.choices(FILES, [10, 5, 1, 2, 1])[0]
    path = state / name
    if not path.exists() or not path.stat().st_size:
        name, path = FILES[0], state / FILES[0]
    data = bytearray(path.read_bytes())
    kind = rng.choice(["flip", "flip", "flip", "header", "zeros", "junk", "swap", "cut", "cut page", "gone", "empty"])
    at = rng.randrange(len(data))
    if kind == "flip":
        flip(data, rng, rng.randint(1, 6))
    elif kind == "header":
        data[rng.randrange(min(100, len(data)))] ^= 1 << rng.randrange(8)
    elif kind in ("zeros", "junk"):
        n = rng.choice([1, 40, 4096, 20_000])
        data[at:at + n] = (bytes(n) if kind == "zeros" else rng.randbytes(n))[:len(data) - at]
    elif kind == "swap" and len(data) > 8192:
        a, b = (rng.randrange(len(data) // 4096) * 4096 for _ in range(2))
        data[a:a + 4096], data[b:b + 4096] = data[b:b + 4096], data[a:a + 4096]
    elif kind.startswith("cut"):
        data = data[:at if kind == "cut" else at // 4096 * 4096]
    elif kind == "empty":
        data = bytearray()
    if kind == "gone":
        path.unlink()
    else:
        path.write_bytes(data)
    return f"{name} {kind} at {at}"


def check_log(key, part, whole, told):
    """Every old line is right and in order; new ones, at the end, are of a job that goes on: where the end of its log
    was lost, that has been said."""
    rest = iter(whole.splitlines())
    lines = part.splitlines()
    new = [line for line in lines if line not in whole]
    assert all(line in rest for line in lines if line in whole), f"{key} is wrong"
    assert lines[len(lines) - len(new):] == new, f"{key}: new lines among the old ones"
    names = {json.loads(line)["name"] for line in new}
    assert told or names <= {"flux-restart", "priority", "urgency"}, f"{key}: {names} without a word"


def check_key(key, value, good, told):
    if key.endswith("eventlog"):
        check_log(key, value.decode(), good.decode(), told)
    elif key.endswith("/output"):  # a log, too: nothing but its end may be missing
        assert good.startswith(value) and (told or value == good), f"{key} is wrong"
    else:
        assert value == good, f"{key} is wrong"


def try_one(made, tmp_path, seed):
    rng = random.Random(seed)
    original = rng.choice(made)
    work = tmp_path / "work"
    state = work / "state"
    work.mkdir()
    shutil.copytree(original.path, state)
    what = f"seed {seed}: {original.path.name}: {damage(state, rng)}"
    r = execute([FLUX, "start", f"-Sstatedir={state}", "-Slog-stderr-level=6", "sh", "-c", LOOK],
                timeout=60, cwd=work, env=clean_env(TMPDIR=work))
    told = bool(WORDS.search(r.err))
    assert r.rc >= 0 and not re.search(r"core dumped|Aborted|SIGSEGV|Sanitizer", r.err), f"{what}\n{r!r}"
    if not (work / "works").exists():
        # nothing of the store could be used: a person must decide
        assert "content store:" in r.err and ("restore it from a dump" in r.err or "move it away" in r.err), \
            f"{what}\n{r!r}"
        shutil.rmtree(work)
        return "refused"
    fsck = json.loads((work / "fsck").read_text())
    told |= fsck["damaged"] > 0 or "damaged" in (work / "uptime").read_text()
    got = contents(work / "kvs.tar")
    wanted = {k: v for k, v in original.kvs.items() if k.startswith("job/")}
    for key, value in wanted.items():
        if key in got:
            check_key(key, got[key], value, told)
    lost = [key for key in wanted if key not in got]
    jobs = list_jobs((work / "jobs").read_text())
    wrong = [j for j, (s, _) in original.jobs.items()
             if j not in jobs or (jobs[j][0] != s and jobs[j][1] != "damaged")]
    assert told or not (lost or wrong), f"{what}: {len(lost)} keys and {len(wrong)} jobs lost without a word\n{r!r}"
    shutil.rmtree(work)
    return "whole" if not (lost or wrong) else "part lost"


def test_any_damage_is_reported_and_the_rest_served(made, tmp_path):
    outcomes = {}
    for seed in range(SEED, SEED + DAMAGES):
        outcome = try_one(made, tmp_path, seed)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(f"seeds from {SEED}: {outcomes}")
    assert outcomes.get("refused", 0) <= DAMAGES // 4 + 2
