# SPDX-License-Identifier: LGPL-3.0-only
"""Two clients in other languages, neither with libflux: what proto/ and docs/protocol.md say is enough.

protobufjs comes from npm into a directory beside the build; without npm, or without a network on the
first run, the JavaScript client is skipped."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import PATIENCE, Instance

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = Path(os.environ.get("FLUX_BUILD", ROOT / "build")).resolve()
DESCRIPTORS = BUILD / "proto/flux/v1/flux.v1.desc"
EPERM, ENOENT, EAGAIN, ECANCELED = 1, 2, 11, 125


def jobspec(*command):
    slot = {"type": "slot", "count": 1, "label": "task", "with": [{"type": "core", "count": 1}]}
    task = {"command": list(command), "slot": "task", "count": {"per_slot": 1}}
    system = {"duration": 0, "cwd": "/", "environment": {"PATH": os.environ["PATH"]}}
    spec = {"resources": [slot], "tasks": [task], "attributes": {"system": system}, "version": 1}
    return json.dumps(spec)


@pytest.fixture(scope="module")
def node_modules():
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm")
    place = BUILD / "third_party"
    if not (place / "node_modules/protobufjs").exists():
        place.mkdir(exist_ok=True)
        shutil.copy(HERE / "package.json", place)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            pytest.skip("npm cannot reach a registry")
        if done.returncode:
            pytest.skip(f"npm cannot get protobufjs: {done.stderr.strip()[-200:]}")
    return place / "node_modules"


@pytest.fixture(params=["python", "javascript"])
def client(request):
    """The command line of a client, up to the socket."""
    if request.param == "python":
        return ["/usr/bin/python3", str(HERE / "client.py"), str(DESCRIPTORS)], {}
    modules = request.getfixturevalue("node_modules")
    return ["node", str(HERE / "client.js"), str(ROOT / "proto")], {"NODE_PATH": str(modules)}


class Run:
    def __init__(self, client, instance):
        self.command, more = client
        self.env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **more}
        self.socket = instance.uri.removeprefix("local://")

    def popen(self, *args, user=None):
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        return subprocess.Popen(
            [*self.command, self.socket, *map(str, args)], env=self.env, cwd="/", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **who,
        )  # fmt: skip

    def __call__(self, *args, user=None):
        """The lines that the client prints."""
        with self.popen(*args, user=user) as p:
            out, err = p.communicate(timeout=60 * PATIENCE)
        assert not err, err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def run(client, instance):
    return Run(client, instance)


def test_it_pings(run):
    (answer,) = run("ping")
    assert answer == {"seq": 7, "pad": "abc", "rank": 0, "userid": os.getuid()}


def test_it_writes_and_reads_a_key(run):
    (done,) = run("put", "third.party", '"hello"')
    assert done["version"] > 0
    assert run("get", "third.party") == [{"value": '"hello"'}]


def test_an_error_has_number_and_text(run):
    (answer,) = run("get", "there.is.no.such.key")
    assert answer["error"] == ENOENT and answer["text"]


def test_it_watches_a_key_until_it_cancels(run, instance):
    run("put", "third.watched", "1")
    with run.popen("watch", "third.watched", 3) as p:
        assert json.loads(p.stdout.readline()) == {"value": "1"}
        run("put", "third.watched", "2")
        assert json.loads(p.stdout.readline()) == {"value": "2"}
        run("put", "third.watched", "3")
        out, err = p.communicate(timeout=60 * PATIENCE)
    assert [json.loads(s) for s in out.splitlines()] == [{"value": "3"}, {"ended": ECANCELED}], err


def test_it_submits_a_job_and_follows_its_events(run):
    (job,) = run("submit", jobspec("true"))
    names = [e["event"] for e in run("events", job["id"])]
    assert names[0] == "submit" and names[-1] == "clean"
    assert {"alloc", "start", "finish", "release", "free"} <= set(names)


def test_a_bad_jobspec_is_refused_with_a_reason(run):
    (answer,) = run("submit", '{"version": 1}')
    assert answer["error"] and answer["text"]


@pytest.fixture(scope="module")
def open_instance():
    """One that admits guests, and its socket within their reach."""
    instance = Instance(1, config="[access]\nallow-guest-user = true\n")
    for folder in Path(instance.uri.removeprefix("local://")).parents:
        if folder.stat().st_mode & 0o777 == 0o700 and folder.owner() == instance.dir.owner():
            folder.chmod(0o755)
    yield instance
    assert instance.clean() == [], "processes were left behind"


def reachable(user, path):
    """Can that user read the path? (A checkout in a private directory cannot be run by others.)"""
    command = ["test", "-r", str(path)]
    return subprocess.run(command, user=user, group=user, extra_groups=[]).returncode == 0


@pytest.mark.root
class TestGuest:
    """As user nobody, by the same socket."""

    NOBODY = 65534

    @pytest.fixture
    def guest(self, client, open_instance):
        run = Run(client, open_instance)
        if not reachable(self.NOBODY, HERE / "client.py"):
            pytest.skip(f"{HERE} is not readable by other users")
        return lambda *args: run(*args, user=self.NOBODY)

    def test_it_may_ping(self, guest):
        (answer,) = guest("ping")
        assert answer["userid"] == self.NOBODY

    def test_it_may_not_call_what_is_the_owners(self, guest):
        (answer,) = guest("call", "Kvs/Gc")
        assert answer["error"] == EPERM and answer["text"]

    def test_it_may_not_write_the_primary_namespace(self, guest):
        (answer,) = guest("put", "third.guest", "1")
        assert answer["error"] == EPERM

    def test_it_may_not_hold_more_calls_than_the_limit(self, guest, request):
        if "javascript" in request.node.name:
            pytest.skip("a matter of the broker: one client is enough")
        (answer,) = guest("flood", "Event/Subscribe", 1025)
        assert answer["error"] == EAGAIN and "1024" in answer["text"]

    def test_it_may_not_submit_unsigned(self, guest):
        (answer,) = guest("submit", jobspec("true"))
        assert answer["error"]

    def test_it_may_not_follow_the_owners_job(self, guest, client, open_instance):
        (job,) = Run(client, open_instance)("submit", jobspec("true"))
        (answer,) = guest("events", job["id"])
        assert answer["error"] == EPERM
