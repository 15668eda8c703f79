# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs of many users on a cluster of the system instance: alice's run as alice, through the IMP, and are nobody
else's business."""
import base64
import json
import re
import subprocess

import pytest

from cluster import FLUX_UID, USERS
from conftest import PATIENCE, ROOT

ALICE = USERS["alice"][0]


def flux(cluster, command, user="alice", **kwargs):
    return cluster.flux(command, user=user, check=False, **kwargs)


def exceptions(cluster, job):
    return [line for line in cluster.flux(f"job eventlog {job}").lines if " exception " in line]


# --- what a job of alice is ---


def test_a_job_runs_as_its_user_on_every_node(cluster):
    r = flux(cluster, "run -N4 sh -c 'hostname; id -un; id -gn; id -Gn; pwd; echo $HOME $USER $LOGNAME; umask'")
    assert r.ok, r
    assert sorted(r.lines) == sorted(4 * ["alice", "alice", "alice lab", "/home/alice", "/home/alice alice alice", "0022"]
                                     + cluster.hosts)


def test_two_users_at_a_time_have_their_own(cluster):
    jobs = {user: cluster.flux("submit -N4 sh -c 'id -un; sleep 0.2'", user=user).out.strip() for user in USERS}
    for user, job in jobs.items():
        assert cluster.flux(f"job attach {job}", user=user).lines == [user] * 4


@pytest.mark.parametrize("name", ["USR1", "USR2", "HUP"])
def test_signals_of_a_user_reach_the_tasks(cluster, name):
    script = f"trap 'echo got; exit 3' {name}; echo up; while :; do sleep 0.05; done"
    job = flux(cluster, f'submit -N2 sh -c "{script}"').out.strip()
    p = cluster[0].spawn(f"flux job attach {job}", user="alice")
    try:
        assert [p.stdout.readline() for _ in range(2)] == ["up\n"] * 2
        assert flux(cluster, f"job kill -s {name} {job}").ok
        assert sorted(p.communicate(timeout=30 * PATIENCE)[0].splitlines()) == ["got"] * 2 and p.returncode == 3
    finally:
        p.kill()
        p.wait()


def test_the_limits_of_the_session_hold_for_the_tasks(cluster_start):
    own = cluster_start(2)
    for node in own:
        node.write("/etc/security/limits.d/flux.conf", "alice hard nofile 3000\nalice soft nofile 2000\nalice hard core 0\n")
        node.run("grep -q pam_limits /etc/pam.d/flux || echo 'session required pam_limits.so' >>/etc/pam.d/flux")
    r = flux(own, "run -o rlimit.nofile=2000 -N2 sh -c 'ulimit -Hn; ulimit -Hc'")
    assert r.ok and sorted(r.lines) == sorted(["3000", "0"] * 2), r
    r = flux(own, "run -o rlimit.nofile=5000 true")
    assert re.fullmatch(r"\d\.\d{3}s: flux-shell\[0\]:  WARN: rlimit: nofile exceeds current max, "
                        r"raising value to hard limit\n", r.err), r
    r = flux(own, "run -N2 sh -c 'ulimit -Hn'", user="bob")
    assert r.ok and r.lines[0] == r.lines[1] != "3000", r


def test_what_a_job_makes_is_its_users(cluster):
    r = flux(cluster, "run -N2 --output=out.{{id}} sh -c 'touch made.$FLUX_TASK_RANK; stat -c %U:%a:%n $FLUX_JOB_TMPDIR'")
    assert r.ok, r
    listing = cluster[0].run("stat -c '%U %n' ~/out.* ~/made.*; cat ~/out.*; rm ~/out.* ~/made.*", user="alice").out
    assert re.findall(r"^(\w+) ", listing, re.M) == ["alice"] * 3
    places = re.findall(r"^alice:700:(/tmp/\S+)$", listing, re.M)
    assert len(places) == 2, listing
    for node, place in [(n, p) for n in cluster[:2] for p in places]:
        assert not node.run(f"test -e {place}", check=False).ok


def test_input_output_and_terminals_of_a_guest(cluster):
    assert sorted(flux(cluster, "run -N2 -n2 --label-io cat", stdin="hello\n").lines) == ["0: hello", "1: hello"]
    assert sorted(flux(cluster, "run -N2 -n2 -l hostname").lines) == ["0: test1", "1: test2"]
    r = flux(cluster, "run sh -c 'echo oops >&2; exit 3'")
    assert (r.rc, "oops" in r.err) == (3, True)
    r = flux(cluster, "run -o pty tty")
    assert r.ok and r.out.startswith("/dev/pts/"), r
    cluster[0].run("echo from a file >~/in", user="alice")
    assert flux(cluster, "run --input=in cat").out == "from a file\n"
    r = flux(cluster, "run -N4 -n4 --output=/home/alice/{{taskid}}.out hostname")
    assert r.ok and cluster[0].run("cat ~/?.out; rm ~/?.out ~/in", user="alice").lines == cluster.hosts
    r = flux(cluster, "run sh -c 'kill -9 $$'")
    assert r.rc == 137, r
    assert flux(cluster, "run --cwd=/root pwd").out == "/tmp\n"


def test_jobs_with_carbon_copies_are_signed_each(cluster):
    jobs = flux(cluster, "submit --cc=1-3 sh -c 'echo {cc} $FLUX_JOB_CC $(id -un)'").lines
    assert len(jobs) == 3
    assert [flux(cluster, f"job attach {job}").out for job in jobs] == [f"{i} {i} alice\n" for i in (1, 2, 3)]


def test_a_job_is_killed_with_all_that_it_started(cluster):
    job = flux(cluster, "submit -N2 sh -c 'setsid sleep 98761 & sleep 98762'").out.strip()
    cluster.flux(f"job wait-event {job} start")

    def sleepers():
        return sum(len(n.run("pgrep -f 'sleep 9876[12]'", check=False).lines) for n in cluster[:2])
    cluster.wait_until(lambda: sleepers() >= 4, 10, "all run")
    assert flux(cluster, f"cancel {job}").ok
    cluster.flux(f"job wait-event {job} clean")
    cluster.wait_until(lambda: sleepers() == 0, 10, "none is left")


def test_a_job_has_a_control_group_of_its_own(cluster):
    for user in ("alice", "flux"):
        r = flux(cluster, "run -N2 sed -n s/^0:://p /proc/self/cgroup", user=user)
        assert r.ok and all(re.search(r"/flux\.service/flux-f\w+$", line) for line in r.lines), r
        assert len(set(r.lines)) == 1
        path = r.lines[0]
        for node in cluster[:2]:
            cluster.wait_until(lambda: not node.run(f"test -e /sys/fs/cgroup{path}", check=False).ok, 10, "it is removed")


def test_many_jobs_of_many_users_on_sixteen_nodes(cluster_start):
    own = cluster_start(16)
    assert flux(own, "run -N16 -n32 id -un", timeout=60).lines == ["alice"] * 32
    assert flux(own, "run -N16 -n32 flux pmi exchange --count=2", user="bob", timeout=60).ok
    own.flux("submit --cc=1-50 -N2 --quiet true", user="alice", timeout=60)
    own.flux("submit --cc=1-50 -N1 --quiet true", user="bob", timeout=60)
    own.flux("queue drain", timeout=200)
    stats = json.loads(own.flux("job stats").out)
    assert stats["successful"] == 102 and stats["failed"] == stats["job_states"]["run"] == 0


# --- and who else may have to do with it ---


@pytest.fixture
def running(cluster):
    job = cluster.flux("submit -N2 -n2 sh -c 'echo secret; exec sleep 1000'", user="alice").out.strip()
    cluster.flux(f"job wait-event {job} start")
    yield job
    cluster.flux(f"cancel {job}", check=False)
    cluster.flux(f"job wait-event {job} clean")


@pytest.mark.parametrize("command", [
    "cancel {}", "job raise {}", "job kill {}", "job urgency {} 0", "job memo {} a=1", "update {} duration=1m",
    "job attach {}", "job eventlog {}", "job eventlog -p exec {}", "job info {} jobspec", "job info {} J", "job info {} R",
])
def test_bob_can_do_nothing_with_alices_job(cluster, running, command):
    r = flux(cluster, command.format(running), user="bob")
    assert r.rc != 0 and ("their own jobs" in r.err or "not your job" in r.err), r
    assert "secret" not in r.out + r.err
    assert cluster.flux(f"jobs -no '{{state}}' {running}").out == "RUN\n"


def test_bob_cannot_signal_her_processes(cluster, running):
    for node in cluster[:2]:
        cluster.wait_until(lambda: node.run("pgrep -u alice -x sleep", check=False).ok, 10, "her tasks run")
        pids = node.run("pgrep -u alice").lines
        assert pids
        for pid in pids:
            assert not node.run(f"kill -0 {pid}", user="bob", check=False).ok
            assert not node.run(f"kill -0 {pid}", user="flux", check=False).ok


def test_cancel_of_all_users_is_for_the_owner_and_root(cluster, running):
    r = flux(cluster, "cancel --all --user=all", user="bob")
    assert r.rc != 0 and "their own jobs" in r.err, r
    assert flux(cluster, "cancel --all", user="bob").ok
    assert cluster.flux(f"jobs -no '{{state}}' {running}").out == "RUN\n"
    assert cluster.flux("cancel --all --user=all", user="root").ok
    cluster.flux(f"job wait-event {running} clean")


def test_everyone_sees_the_queue(cluster, running):
    for user in ("bob", "root", "flux"):
        assert running in cluster.flux("jobs -A -no '{id.f58} {username}'", user=user).out
        assert cluster.flux(f"jobs -no '{{username}} {{nodelist}}' {running}", user=user).out == "alice test[1-2]\n"
    assert json.loads(cluster.flux("job stats", user="bob").out)["job_states"]["run"] >= 1


def test_root_may_do_what_the_owner_may_where_it_is_allowed(cluster_start):
    own = cluster_start(1)
    job = own.flux("submit sleep 1000", user="alice").out.strip()
    assert own.flux(f"job info {job} jobspec", user="root").ok
    own[0].write("/etc/flux/system/conf.d/zz.toml", "[access]\nallow-root-owner = false\nprivate-mode = true\n")
    own[0].flux("config reload", user="flux")
    for command in (f"cancel {job}", f"job info {job} jobspec", f"job attach {job}"):
        r = flux(own, command, user="root")
        assert r.rc != 0 and "unknown" in r.err, r
    r = flux(own, "resource drain test1 why", user="root")
    assert r.rc != 0 and "instance owner" in r.err, r
    assert flux(own, "jobs -A -no '{id}'", user="bob").out == ""
    own[0].write("/etc/flux/system/conf.d/zz.toml", "[access]\nallow-root-owner = true\n")
    own[0].flux("config reload", user="flux")
    assert own.flux(f"cancel {job}", user="root").ok
    own.flux(f"job wait-event {job} clean")


def test_an_administrator_by_group_steers_and_does_not_read(cluster_start):
    own = cluster_start(1, config='[access.roles.admin]\ngroups = ["operators"]\n')
    own[0].run("groupadd operators && gpasswd -a bob operators")
    own[0].flux("config reload", user="flux")
    job = own.flux("submit sh -c 'echo secret; exec sleep 1000'", user="alice").out.strip()
    own.flux(f"job wait-event {job} start")
    for command in ("resource drain test1 why", "resource undrain test1", "queue stop", "queue start", f"job kill -s CONT {job}",
                    f"job memo {job} seen=1", "dmesg"):
        assert flux(own, command, user="bob").ok, command
    for command in ("resource drain test1 why", "queue stop", "dmesg"):
        r = flux(own, command, user="alice")
        assert not r.ok and "administrators only" in r.err, r
    for command in (f"job attach {job}", f"job info {job} jobspec", f"job eventlog {job}", "module remove job-list",
                    "config reload", "exec true", "kvs get ."):
        r = flux(own, command, user="bob")
        assert not r.ok and "secret" not in r.out, r
    assert flux(own, "run id -un", user="bob").out == "bob\n"
    assert flux(own, f"cancel {job}", user="bob").ok
    own.flux(f"job wait-event {job} clean")


def test_users_submit_from_every_node_at_a_time(cluster):
    waiting = [(user, node.spawn(["flux", "submit", "--cc=1-10", "--wait", "sh", "-c", "id -un"], user=user))
               for node in cluster for user in USERS]
    for user, p in waiting:
        out, err = p.communicate(timeout=60 * PATIENCE)
        assert p.returncode == 0, (user, out, err)
        jobs = out.split()
        assert len(jobs) == 10
        assert flux(cluster, f"job attach {jobs[-1]}", user=user).out == f"{user}\n"
    listed = json.loads(flux(cluster, "job stats", user="bob").out)
    assert listed["job_states"]["run"] == 0


def test_root_runs_nothing(cluster):
    r = flux(cluster, "run id", user="root")
    assert r.rc != 0 and "root" in r.err, r


def test_urgency_of_a_guest_ends_at_the_default(cluster):
    r = flux(cluster, "submit --urgency=20 true")
    assert r.rc != 0 and "urgency" in r.err, r
    job = flux(cluster, "submit --urgency=hold true").out.strip()
    r = flux(cluster, f"job urgency {job} expedite")
    assert r.rc != 0 and "urgency" in r.err, r
    assert cluster.flux(f"job urgency {job} 31").ok
    assert flux(cluster, f"job status {job}").ok


# --- an owner who has turned ---

def as_shell(cluster, j, jobspec, arguments="1", **fields):
    """The owner starts the IMP itself, with a signed request that it has and a start document of its own making. That
    names no broker: what the job prints is printed here."""
    r = {"version": 1, "execution": {"R_lite": [{"rank": "0", "children": {"core": "0"}}], "nodelist": ["test1"],
                                     "starttime": 0, "expiration": 0}}
    fields = {"job_id": 1, "user_id": ALICE, "owner_id": FLUX_UID, "jobspec": json.dumps(jobspec),
              "resources": json.dumps(r), "rundir": "/home/alice", **fields}
    text = "".join(f"{k}: {json.dumps(v)}\n" for k, v in fields.items())
    text += 'variables { name: "LD_PRELOAD" value: "/tmp/evil.so" } variables { name: "EVIL" value: "1" }\n'
    document = subprocess.run(["protoc", "--encode=flux.v1.ShellStart", f"-I{ROOT / 'proto'}", "flux/v1/shell.proto"],
                              input=text.encode(), capture_output=True, check=True).stdout
    cluster[0].path("/tmp/document").write_bytes(document)
    return cluster[0].run(f"/usr/libexec/flux/flux-imp exec /usr/libexec/flux/flux-shell {arguments} 3</tmp/document",
                          user="flux", stdin=json.dumps({"J": j}), check=False)


def test_the_owner_can_run_as_a_user_only_what_the_user_has_signed(cluster):
    job = flux(cluster, "submit sh -c 'echo signed by $(id -un); env'").out.strip()
    assert flux(cluster, f"job status {job}").ok
    j = cluster.flux(f"job info {job} J").out.strip()
    forged = json.loads(cluster.flux(f"job info {job} jobspec").out)
    forged["tasks"][0]["command"] = ["sh", "-c", "echo forged"]
    r = as_shell(cluster, j, forged, plugin_path="/tmp", init_file="/tmp/evil.toml")
    assert r.ok and r.out.startswith("signed by alice\n") and "forged" not in r.out and "EVIL" not in r.out, r
    assert "LD_PRELOAD" not in r.out and "FLUX_JOB_TMPDIR=/tmp/" in r.out, r
    assert cluster[0].run("ls ~", user="alice").out.count("jobtmp") == 0
    for argument in ("--standalone", "--start=/tmp/document"):
        r = as_shell(cluster, j, forged, argument)
        assert not r.ok and r.out == "" and "not for jobs of others" in r.err, r
    r = as_shell(cluster, j, forged, hostname="$(id)")
    assert not r.ok and r.out == "" and "a name that is none" in r.err, r


def test_the_owner_cannot_make_a_signature_fit(cluster):
    job = flux(cluster, "submit true").out.strip()
    assert flux(cluster, f"job status {job}").ok
    jobspec = json.loads(cluster.flux(f"job info {job} jobspec").out)
    header, payload, signature = cluster.flux(f"job info {job} J").out.strip().split(".")
    theirs = base64.b64decode(header)
    assert str(ALICE).encode() in theirs
    forged = json.dumps(jobspec).replace('"true"', '"id"').encode()
    bob = base64.b64encode(theirs.replace(str(ALICE).encode(), str(USERS["bob"][0]).encode())).decode()
    none = base64.b64encode(theirs.replace(b"munge", b"none")).decode()
    for j in (f"{header}.{base64.b64encode(forged).decode()}.{signature}", f"{bob}.{payload}.{signature}",
              f"{none}.{payload}.none", f"{header}.{payload}.", f"{header}.{payload}"):
        r = as_shell(cluster, j, jobspec)
        assert r.rc == 1 and "flux-imp" in r.err and r.out == "", r
    r = as_shell(cluster, f"{header}.{payload}.{signature}", jobspec, user_id=USERS["bob"][0])
    assert r.rc != 0 and "this is" in r.err, r


# --- instances of her own ---


@pytest.fixture
def hers(cluster):
    """An instance of alice in a job, on two nodes."""
    job = cluster.flux("alloc -N2 --bg", user="alice", timeout=60).out.strip()
    yield job
    cluster.flux(f"cancel {job}", check=False)
    cluster.flux(f"job wait-event {job} clean", timeout=90)


def test_an_instance_of_a_guest_is_its_own(cluster, hers):
    uri = cluster.flux(f"uri {hers}", user="alice").out.strip()
    assert uri
    r = flux(cluster, f"proxy {hers} flux run -N2 sh -c 'hostname; id -un'")
    assert r.ok and sorted(r.lines) == ["alice", "alice", "test1", "test2"], r
    assert flux(cluster, f"proxy {hers} flux getattr security.owner").out == f"{ALICE}\n"
    assert flux(cluster, f"proxy {hers} flux getattr instance-level").out == "1\n"
    inner = flux(cluster, f"proxy {hers} flux submit sleep 100").out.strip()
    cluster.wait_until(lambda: f"{hers}:" in flux(cluster, "jobs -R").out, 10, "her view goes into the instance")
    assert inner in flux(cluster, "jobs -R").out and "sleep" in flux(cluster, "pstree").out
    for user in ("bob", "flux"):
        r = flux(cluster, "jobs -AR", user=user)
        assert hers in r.out and f"{hers}:" not in r.out and inner not in r.out, r
        assert "sleep" not in flux(cluster, "pstree", user=user).out


def test_an_instance_of_a_guest_is_closed_to_others(cluster, hers):
    local = cluster.flux(f"uri --local {hers}", user="alice").out.strip()
    path = local.removeprefix("local://")
    node = cluster[0]
    assert node.run(f"test -S {path}", user="alice").ok, local
    assert node.run(f"stat -c '%U %a' $(dirname {path})").out == "alice 700\n"
    for user in ("bob", "flux"):
        assert not node.run(f"flux proxy {local} flux getattr rank", user=user, check=False).ok
        assert not flux(cluster, f"proxy {hers} flux getattr rank", user=user).ok
        # even one who finds a way to the socket is told by the kernel's word to go
        r = node.run(f"nsenter --no-fork true; setpriv --reuid={user} --regid={user} --clear-groups --inh-caps=-all "
                     f"env FLUX_URI={local} flux getattr rank", check=False)
        assert not r.ok, r


def test_an_instance_of_a_guest_cannot_use_the_imp(cluster, hers):
    r = flux(cluster, f"proxy {hers} sh -c 'echo {{}} | /usr/libexec/flux/flux-imp exec /usr/libexec/flux/flux-shell 1'")
    assert r.rc != 0 and "allowed-users" in r.err + r.out, r


def test_a_batch_script_runs_in_an_instance_of_its_user(cluster):
    cluster[0].write("/home/alice/job.sh", "#!/bin/sh\n# flux: -N2\nid -un\nflux run -N2 hostname\nflux resource list -no '{nnodes}'\n",
                     mode=0o755, owner=ALICE)
    job = cluster.flux("batch --output=batch.out -N2 job.sh", user="alice").out.strip()
    assert flux(cluster, f"job status {job}", timeout=60).ok
    lines = cluster[0].run("cat ~/batch.out; rm ~/batch.out ~/job.sh", user="alice").lines
    assert lines[0] == "alice" and sorted(lines[1:3]) == ["test1", "test2"]


# --- munge that does not work ---


def failed(own, job, host):
    """The exception of a job that could not start on a host."""
    own.flux(f"job wait-event {job} clean")
    found = [e for e in exceptions(own, job) if host in e]
    assert found, own.flux(f"job eventlog {job}").out
    assert not flux(own, f"job status {job}").ok
    return " ".join(found)


def test_a_node_whose_munged_is_down_fails_jobs_by_name(cluster_start):
    own = cluster_start(2)
    own[1].run("systemctl stop munge")
    text = failed(own, flux(own, "submit -N2 true").out.strip(), "test2")
    assert "munge" in text, text
    own[1].run("systemctl start munge")
    assert flux(own, "run -N2 id -un").lines == ["alice"] * 2


def test_a_node_with_another_munge_key_fails_jobs_by_name(cluster_start):
    own = cluster_start(2)
    own[1].run("systemctl stop munge; dd if=/dev/urandom of=/etc/munge/munge.key bs=128 count=1; systemctl start munge")
    text = failed(own, flux(own, "submit -N2 true").out.strip(), "test2")
    assert "key" in text or "munge" in text, text
    assert flux(own, "run -N1 --requires=host:test1 id -un").out == "alice\n"


def test_where_munge_does_not_run_a_submission_says_so(cluster_start):
    own = cluster_start(1)
    own[0].run("systemctl stop munge")
    r = flux(own, "run true")
    assert r.rc != 0 and "munge" in r.err, r
