# SPDX-License-Identifier: LGPL-3.0-only
"""pam_flux.so as an account module of real PAM services: who gets in to which node, and when."""
import shutil
import signal
import time

import pytest

from conftest import PATIENCE

pytestmark = pytest.mark.skipif(not shutil.which("pamtester"), reason="needs pamtester")
DENIED = "has no active jobs on this node"
SERVICES = {
    "node": "account required pam_flux.so\n",
    "guests": "account required pam_flux.so allow-guest-user\n",
    "typo": "account required pam_flux.so allow_guest_user\n",
    "site": "account sufficient pam_flux.so\naccount required pam_succeed_if.so user = bob\n",
}


def add_services(cluster):
    for node in cluster:
        for name, text in SERVICES.items():
            node.write(f"/etc/pam.d/{name}", text)
        su = node.path("/etc/pam.d/su").read_text()
        node.write("/etc/pam.d/su", "account required pam_flux.so\n" + su)
    return cluster


@pytest.fixture(scope="module")
def shared(_clusters):
    """Two nodes of this file's own: their PAM stacks are changed."""
    own = _clusters.start(2)
    yield add_services(own)
    own.close()


@pytest.fixture
def nodes(shared):
    """Without a job."""
    yield shared
    shared.flux("cancel --all --user=all", check=False)
    shared.wait_until(lambda: shared.flux("jobs -A -no {id}").out == "", 30, "no job left")


def enter(node, user="alice", service="node", **kwargs):
    return node.run(["pamtester", service, user, "acct_mgmt"], check=False, timeout=60, **kwargs)


def let_in(result):
    assert result.ok and "account management done" in result.out, repr(result)


def denied(result):
    said = result.out + result.err
    assert not result.ok and "Permission denied" in said and DENIED in said, repr(result)


def submit(cluster, args, user="alice"):
    """A job that sleeps, running."""
    job = cluster.flux(f"submit {args} sleep inf", user=user).out.strip()
    cluster.flux(f"job wait-event {job} start", user=user)
    return job


def test_without_a_job_nobody_gets_in(nodes):
    for node in nodes:
        denied(enter(node))
        denied(enter(node, "root"))
        denied(enter(node, "flux"))


def test_a_user_gets_in_where_his_job_runs_and_nowhere_else(nodes):
    submit(nodes, "--requires=host:test2")
    let_in(enter(nodes[1]))
    denied(enter(nodes[0]))
    denied(enter(nodes[1], "bob"))


def test_a_job_of_many_nodes_opens_all_of_them(nodes):
    submit(nodes, "-N2")
    for node in nodes:
        let_in(enter(node))


def test_one_of_many_jobs_is_enough(nodes):
    submit(nodes, "--requires=host:test1")
    submit(nodes, "--requires=host:test2")
    for node in nodes:
        let_in(enter(node))


def test_the_owner_of_the_instance_gets_in_by_his_own_jobs(nodes):
    submit(nodes, "--requires=host:test1", user="flux")
    let_in(enter(nodes[0], "flux"))
    denied(enter(nodes[1], "flux"))


def test_a_pending_job_opens_nothing(nodes):
    job = nodes.flux("submit -N2 --urgency=hold sleep inf", user="alice").out.strip()
    denied(enter(nodes[0]))
    nodes.flux(f"job urgency {job} default", user="alice")
    nodes.flux(f"job wait-event {job} start", user="alice")
    let_in(enter(nodes[0]))


def test_the_end_of_the_job_closes_the_door(nodes):
    for how in ("cancel {}", "job kill -s KILL {}"):
        job = submit(nodes, "-N2")
        let_in(enter(nodes[0]))
        nodes.flux(how.format(job), user="alice")
        nodes.flux(f"job wait-event {job} clean", user="alice")
        denied(enter(nodes[0]))


def test_a_job_that_is_being_cleaned_up_opens_nothing(nodes):
    job = nodes.flux("submit -N2 sh -c \"trap '' TERM; while :; do sleep 1; done\"", user="alice").out.strip()
    nodes.flux(f"job wait-event {job} start", user="alice")
    let_in(enter(nodes[0]))
    nodes.flux(f"cancel {job}", user="alice")
    nodes.flux(f"job wait-event {job} exception", user="alice")
    denied(enter(nodes[0]))
    nodes.flux(f"job kill -s KILL {job}", user="alice", check=False)


def test_an_unknown_user(nodes):
    result = enter(nodes[0], "nobody-at-all")
    assert not result.ok and "User not known" in result.out + result.err, repr(result)


def test_an_unknown_option_is_a_system_error(nodes):
    submit(nodes, "-N2")
    result = enter(nodes[0], service="typo")
    assert not result.ok and "System error" in result.out + result.err, repr(result)
    assert "unknown option 'allow_guest_user'" in nodes[0].run("journalctl --no-pager -t pamtester").out


def test_it_may_be_one_of_many_in_a_stack(nodes):
    assert not enter(nodes[0], service="site").ok
    assert enter(nodes[0], "bob", service="site").ok
    submit(nodes, "-N2")
    let_in(enter(nodes[0], service="site"))


def test_it_asks_the_system_instance_whatever_the_environment_says(nodes):
    submit(nodes, "--requires=host:test1")
    let_in(enter(nodes[0], env={"FLUX_URI": "local:///nowhere", "LD_PRELOAD": "/nowhere.so"}))
    denied(enter(nodes[1], env={"FLUX_URI": "local:///run/flux/local"}))


def test_denials_are_in_the_journal(nodes):
    denied(enter(nodes[0], "bob"))
    log = nodes[0].run("journalctl --no-pager -o short -t pamtester SYSLOG_FACILITY=10").out
    assert "user bob (uid=" in log and DENIED in log


def test_su_to_a_user_of_the_node(nodes):
    """A service that is setuid, with an account stack of the system's own."""
    result = nodes[0].run(["su", "alice", "-c", "id -un"], check=False)
    assert not result.ok and DENIED in result.err, repr(result)
    submit(nodes, "--requires=host:test1")
    assert nodes[0].run(["su", "alice", "-c", "id -un"]).out == "alice\n"


def test_it_leaves_no_process_behind(nodes):
    denied(enter(nodes[0]))
    assert not nodes[0].run("ps -eo comm= | grep flux-pam-query", check=False).ok


# --- instances of the owner that admit guests ---


def start_instance(nodes, config):
    """An instance of user flux as a job on the second node."""
    nodes[0].write("/var/lib/flux/guests.toml", config, owner="flux")
    job = nodes.flux("submit --requires=host:test2 flux broker --config-path=/var/lib/flux/guests.toml sleep inf",
                     user="flux").out.strip()
    nodes.wait_until(lambda: "uri" in nodes.flux(f"jobs -no {{annotations}} {job}").out, 60, "the uri of the instance")
    return job


def test_an_instance_that_admits_guests_opens_its_first_node(nodes):
    nodes[1].write("/var/lib/flux/guests.toml", "[access]\nallow-guest-user = true\n", owner="flux")
    start_instance(nodes, "[access]\nallow-guest-user = true\n")
    denied(enter(nodes[1]))
    let_in(enter(nodes[1], service="guests"))
    denied(enter(nodes[0], service="guests"))


def test_an_instance_that_admits_no_guests_opens_nothing(nodes):
    nodes[1].write("/var/lib/flux/guests.toml", "[access]\nallow-guest-user = false\n", owner="flux")
    start_instance(nodes, "[access]\nallow-guest-user = false\n")
    denied(enter(nodes[1], service="guests"))


# --- faults ---


def test_private_mode_does_not_lock_users_out(cluster_start):
    own = add_services(cluster_start(1, config="[access]\nprivate-mode = true\n"))
    submit(own, "")
    let_in(enter(own[0]))
    denied(enter(own[0], "bob"))


def test_a_broker_that_is_down_hangs_or_is_cut_off_denies_in_time(cluster_start):
    own = add_services(cluster_start(2))
    submit(own, "-N2")
    let_in(enter(own[1]))

    own[1].kill_broker(signal.SIGSTOP)
    before = time.monotonic()
    denied(enter(own[1]))
    assert time.monotonic() - before < 15 * PATIENCE
    own[1].kill_broker(signal.SIGCONT)
    let_in(enter(own[1]))

    own[1].cut_network()
    before = time.monotonic()
    denied(enter(own[1]))
    assert time.monotonic() - before < 15 * PATIENCE

    own[0].run("systemctl stop flux")
    before = time.monotonic()
    denied(enter(own[0]))
    assert time.monotonic() - before < 5 * PATIENCE
    assert "cannot tell the jobs of this node" in own[0].run("journalctl --no-pager -t pamtester").out
