# SPDX-License-Identifier: LGPL-3.0-only
"""Every way to submit a job, by a user who does not own the instance: the request is signed, each copy by
itself. Real munged, real commands; what verifies is tested in test_sign.py."""
import base64
import json
import os
import subprocess
import time

import pytest

import guests
from conftest import PATIENCE, Instance
from guests import ALICE, flux_as

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def munged(tmp_path_factory):
    if not guests.can_run():
        pytest.skip("the build directory is private")
    where = tmp_path_factory.mktemp("munge")
    for parent in (where, *where.parents[:-2]):
        parent.chmod(0o755)
    key = where / "key"
    key.write_bytes(os.urandom(64))
    key.chmod(0o600)
    socket = where / "socket"
    args = [f"--socket={socket}", f"--key-file={key}", f"--pid-file={where}/pid", f"--log-file={where}/log",
            f"--seed-file={where}/seed"]
    with subprocess.Popen(["/usr/sbin/munged", "--foreground", "--force", *args], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        deadline = time.monotonic() + 20 * PATIENCE
        while subprocess.run(["munge", f"--socket={socket}", "-n"], capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline and p.poll() is None, "munged does not answer"
        yield socket
        p.terminate()


@pytest.fixture(scope="module")
def conf(munged):
    directory = munged.parent / "conf.d"
    directory.mkdir(mode=0o755)
    (directory / "security.toml").write_text(f"""
[sign]
max-ttl = 3600
default-type = "munge"
allowed-types = ["munge"]
[sign.munge]
socket-path = "{munged}"
""")
    return directory


@pytest.fixture(scope="module")
def shared(conf):
    imp = guests.make_imp(conf.parent)
    instance = Instance(1, config=f'[access]\nallow-guest-user = true\n[exec]\nimp = "{imp}"\n')
    instance.dir.chmod(0o755)
    yield instance
    assert instance.clean() == [], "processes were left behind"


@pytest.fixture
def alice(shared, conf):
    def run(*args, **kwargs):
        env = {"FLUX_SECURITY_CONF": str(conf), **kwargs.pop("env", {})}
        return flux_as(ALICE, shared, *args, env=env, **kwargs)
    return run


def requests(shared, out):
    """Headers and payloads of the jobs whose ids these are."""
    parts = [shared.run("job", "info", job, "J").strip().split(".") for job in out.split()]
    return [(base64.b64decode(header).decode(), base64.b64decode(payload).decode()) for header, payload, _ in parts]


def test_run_runs_as_the_user(alice):
    r = alice("run", "id", "-u")
    assert (r.returncode, r.stdout) == (0, f"{ALICE}\n"), r.stderr


def test_submit_signs(alice, shared):
    r = alice("submit", "true")
    ((header, payload),) = requests(shared, r.stdout)
    assert f"userid\0i{ALICE}\0" in header and "mechanism\0smunge\0" in header and '"true"' in payload


def test_each_copy_is_signed_by_itself(alice, shared):
    r = alice("submit", "--cc=0-2", "echo", "copy-{cc}")
    found = requests(shared, r.stdout)
    assert [f'"copy-{i}"' in payload and f'"FLUX_JOB_CC":"{i}"' in payload.replace(" ", "")
            for i, (_, payload) in enumerate(found)] == [True] * 3
    assert len({header for header, _ in found}) == 3


def test_copies_are_those_that_an_owner_gets(alice, shared):
    args = ["submit", "--cc=3,5", "--output={cc}", "--env=-*", "--env=X={cc}", "--cwd=/", "echo", "{cc}{cc}"]
    mine = [json.loads(payload) for _, payload in requests(shared, alice(*args).stdout)]
    owners = [json.loads(shared.run("job", "info", job, "jobspec")) for job in shared.run(*args).split()]
    assert mine == owners and [job["tasks"][0]["command"] for job in mine] == [["echo", "33"], ["echo", "55"]]


def test_bulksubmit_batch_and_job_submit_sign(alice, shared):
    jobspec = alice("submit", "--dry-run", "true").stdout
    ids = [alice("bulksubmit", "echo", ":::", "a", "b", "c").stdout,
           alice("batch", "-n1", "--wrap", "true").stdout,
           alice("job", "submit", stdin=jobspec).stdout,
           alice("job", "submit", "--cc=0-1", stdin=jobspec).stdout]
    assert [len(requests(shared, out)) for out in ids] == [3, 1, 1, 2]


def test_alloc_signs(alice):
    r = alice("alloc", "-n1", "id", "-u", timeout=60)
    assert str(ALICE) in r.stdout, (r.stdout, r.stderr)


@pytest.mark.plain
def test_python_signs(shared, conf):
    code = """
import flux, flux.job, os
h = flux.Flux()
spec = flux.job.JobspecV1.from_command(["true"])
spec.environment, spec.cwd = dict(os.environ), "/"
ids = [flux.job.submit(h, spec), *flux.job.submit_many(h, [spec, spec])]
print(*[flux.job.result(h, i).returncode for i in ids])
print(flux.job.sign_request(h, spec).count("."))
"""
    path = flux_as(ALICE, shared, "env", "printenv", "PYTHONPATH").stdout.strip()
    r = subprocess.run(["/usr/bin/python3", "-c", code], user=ALICE, group=ALICE, extra_groups=[], cwd="/", check=False,
                       env={**shared.env, "HOME": "/", "FLUX_SECURITY_CONF": str(conf), "PYTHONPATH": path},
                       capture_output=True, text=True, timeout=30 * PATIENCE)
    assert r.stdout == "0 0 0\n2\n", (r.stdout, r.stderr)


def test_the_owner_sends_no_signature_unless_asked(shared, conf, monkeypatch):
    job = shared.run("submit", "true")
    assert not shared.flux("job", "info", job.strip(), "J").ok
    monkeypatch.setitem(shared.env, "FLUX_SECURITY_CONF", str(conf))
    signed = shared.run("submit", "--sign-type=munge", "true")
    ((header, _),) = requests(shared, signed)
    assert "userid\0i0\0" in header


@pytest.mark.parametrize("env, text", [
    ({"FLUX_SECURITY_CONF": "/nowhere"}, "no security configuration: a file such as /nowhere/security.toml must say"),
    ({}, "sign: unknown type 'wax': munge, curve and none are known"),
])
def test_what_hinders_signing_is_said(alice, env, text):
    args = ["--sign-type=wax"] if not env else []
    r = alice("submit", *args, "true", env=env)
    assert r.returncode == 1 and f"cannot sign the job: {text}" in r.stderr


def test_a_munged_that_is_down_is_said_so(alice, conf, tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:-2]:
        parent.chmod(0o755)
    text = (conf / "security.toml").read_text().replace("/socket\"", "/none\"")
    (tmp_path / "s.toml").write_text(text)
    r = alice("submit", "true", env={"FLUX_SECURITY_CONF": str(tmp_path)})
    assert r.returncode == 1 and "is munge.service running?" in r.stderr and "/none" in r.stderr


def test_a_thousand_copies_are_signed(alice):
    r = alice("submit", "--cc=1-1000", "--urgency=hold", "true", timeout=60)
    assert r.returncode == 0 and len(set(r.stdout.split())) == 1000, r.stderr
    alice("cancel", "--all")
