# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs of users on real nodes, as flux-imp starts, watches and ends them."""
import pytest

from conftest import PATIENCE


@pytest.fixture
def idle(cluster):
    yield cluster
    cluster.flux("cancel --all --user=all", check=False)
    cluster.wait_until(lambda: cluster.flux("jobs -A -no {id}").out == "", 30, "no job left")


def start(cluster, script, args="-N1 --requires=host:test2", user="alice"):
    """A job that runs a script; it has said "up"."""
    cluster[0].write("/home/alice/script", f"#!/bin/bash\n{script}\n", 0o755)
    job = cluster.flux(f"submit {args} /home/alice/script", user=user).out.strip()
    cluster.flux(f"job wait-event {job} start", user=user)
    cluster.wait_until(lambda: cluster[1].run("test -e /tmp/up", check=False).ok, 30, "the script is up")
    cluster[1].run("rm -f /tmp/up")
    return job


def processes(node, user="alice"):
    return node.run(f"ps -o pid=,args= -u {user}", check=False).lines


def gone(cluster, node, user="alice"):
    cluster.wait_until(lambda: processes(node, user) == [], 30, f"no process of {user} on {node}")


def test_what_hides_from_its_job_is_found_by_its_cgroup(idle):
    job = start(idle, "trap '' TERM HUP INT\n(setsid bash -c 'trap \"\" TERM HUP; (exec -a hidden sleep 1000 &)' &)\n"
                "touch /tmp/up; exec sleep 1000")
    idle.wait_until(lambda: any("hidden" in line for line in processes(idle[1])), what="it hides")
    idle.flux(f"job kill -s KILL {job}", user="alice")
    idle.flux(f"job wait-event {job} clean", user="alice")
    gone(idle, idle[1])


def test_nothing_of_the_brokers_is_open_in_a_job_of_another_user(idle):
    """What a shell has open its user can write to: not the journal's socket in the broker's name."""
    idle[0].write("/home/alice/look", "#!/bin/bash\nreadlink /proc/$PPID/fd/*\ntr '\\0' '\\n' </proc/$PPID/environ\n", 0o755)
    lines = idle.flux("run --requires=host:test2 /home/alice/look", user="alice").lines
    assert "HOME=/home/alice" in lines
    ours = idle[1].run(f"readlink /proc/{idle[1].broker_pid}/fd/*").lines
    assert {line for line in lines if line.startswith(("/", "socket:", "pipe:"))} & set(ours) <= {"/dev/null"}
    assert not [line for line in lines if line.startswith(("NOTIFY_", "INVOCATION_", "STATE_", "RUNTIME_", "JOURNAL_"))]


def test_a_job_ends_when_the_last_of_its_processes_has(idle):
    """What it left in the background keeps its session, and its resources."""
    job = start(idle, "setsid sleep 1000 </dev/null >/dev/null 2>&1 &\ntouch /tmp/up")
    assert not idle.flux(f"job wait-event -t1 {job} free", user="alice", check=False).ok
    idle.wait_until(lambda: any("sleep 1000" in line for line in processes(idle[1])), what="it is left")
    idle[1].run("pkill -u alice sleep")
    idle.flux(f"job wait-event {job} clean", user="alice")


def test_what_a_job_left_in_the_background_is_ended_by_cancelling_it(idle):
    job = start(idle, "trap '' TERM\nsetsid sleep 1000 </dev/null >/dev/null 2>&1 &\ntouch /tmp/up")
    idle.flux(f"cancel {job}", user="alice")
    idle.flux(f"job wait-event {job} clean", user="alice", timeout=70)
    gone(idle, idle[1])


def test_an_imp_that_is_killed_takes_its_job_along(idle):
    job = start(idle, "trap '' TERM HUP\ntouch /tmp/up; sleep 1000; sleep 1000")
    idle[1].run("pkill -KILL -x flux-imp")
    idle.flux(f"job wait-event {job} clean", user="alice")
    gone(idle, idle[1])


def test_a_helper_that_is_killed_takes_the_jobs_of_users_along(idle):
    job = start(idle, "trap '' TERM HUP\ntouch /tmp/up; sleep 1000")
    idle[1].run("pkill -KILL -x flux-spawnd")
    idle.flux(f"job wait-event {job} clean", user="alice")
    gone(idle, idle[1])
    assert idle.flux("run --requires=host:test2 id -un", user="alice").out == "alice\n"


def test_a_job_outlives_the_broker_of_its_node_and_can_be_ended_by_the_next(cluster_start):
    own = cluster_start(2)
    job = start(own, "trap '' TERM HUP\ntouch /tmp/up; sleep 1000; sleep 1000")
    before = own[1].run("pgrep -x flux-imp").out
    own[1].kill_broker()
    own.wait_until(lambda: own[1].broker_pid > 0, 30, "a broker that systemd has started")
    own.wait_online()
    assert own[1].run("pgrep -x flux-imp").out == before
    own.flux(f"job kill -s KILL {job}", user="alice")
    own.flux(f"job wait-event {job} clean", user="alice", timeout=70)
    gone(own, own[1])


def test_a_request_of_megabytes_reaches_every_node(idle):
    text = "#!/bin/bash\n# " + "x" * (3 << 20) + "\n"
    idle[0].write("/home/alice/batch", text, 0o755)
    result = idle.flux("run -N4 --add-file=data=/home/alice/batch sh -c 'wc -c <{{tmpdir}}/data'", user="alice",
                       timeout=60 * PATIENCE)
    assert result.lines == [str(len(text))] * 4, result


def test_sessions_are_opened_and_closed_on_the_nodes_of_the_job(cluster_start):
    own = cluster_start(2)
    for node in own:
        node.write("/etc/witness", "#!/bin/bash\necho $PAM_TYPE $PAM_USER $PAM_RUSER >>/tmp/witness\n", 0o755)
        node.write("/etc/pam.d/flux", "auth required pam_localuser.so\nsession required pam_exec.so seteuid /etc/witness\n")
    assert own.flux("run -N2 true", user="alice").ok
    for node in own:
        own.wait_until(lambda: node.run("cat /tmp/witness").lines == [  # pylint: disable=cell-var-from-loop
            "open_session alice flux", "close_session alice flux"], 10, "one session")


def test_a_stack_that_refuses_a_user_fails_the_job_by_name(cluster_start):
    own = cluster_start(2)
    own[1].write("/etc/pam.d/flux", "auth required pam_permit.so\nsession required pam_succeed_if.so user = bob\n")
    result = own.flux("run -N2 true", user="alice", check=False)
    assert not result.ok and "test2" in result.err and "pam_open_session" in result.err, result
    assert "refused" in own[1].run("journalctl --no-pager -t flux-imp").out
    assert own.flux("run -N2 true", user="bob").ok


def test_a_configuration_that_others_may_write_stops_jobs_on_that_node_by_name(cluster_start):
    own = cluster_start(2)
    own[1].run("chmod 666 /etc/flux/imp/conf.d/imp.toml")
    result = own.flux("run -N2 true", user="alice", check=False)
    assert not result.ok and "test2" in result.err and "imp.toml" in result.err, result
    own[1].run("chmod 644 /etc/flux/imp/conf.d/imp.toml")
    assert own.flux("run -N2 true", user="alice").ok
