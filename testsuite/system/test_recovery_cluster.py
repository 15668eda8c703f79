# SPDX-License-Identifier: LGPL-3.0-only
"""Running jobs of a user survive their brokers on real nodes: with systemd, the IMP and networks that are cut."""
import re

import pytest

# Lost hosts are noticed soon.
QUICK = '[tbon]\ntcp_user_timeout = "2s"\ntorpid_min = "1s"\ntorpid_max = "2s"\n'
NOT_SAFE = "[job-manager]\nsafe-mode = false\n"


def start_job(c, nodes=4, user="alice"):
    """Each task says once that it runs, in the shared home, and waits for the file `go` there."""
    c.leader.run("rm -f go ran", user=user)
    job = c.flux("submit", f"-N{nodes}", f"-n{nodes}", "sh", "-c",
                 "echo $FLUX_TASK_RANK >>ran; until [ -e go ]; do sleep 0.1; done; exit $((40 + FLUX_TASK_RANK))",
                 user=user).out.strip()
    c.flux("job", "wait-event", job, "start", user=user)
    c.wait_until(lambda: len(c.leader.run("cat ran", user=user).lines) == nodes, what="all tasks run")
    return job


def events(c, job, *args):
    return [line.split()[1] for line in c.flux("job", "eventlog", *args, job).lines]


def exec_events(c, job):
    return c.flux("job", "eventlog", "-p", "guest.exec.eventlog", job).lines


def found(c, job, after=0):
    """Ranks whose shells were found again, after so many other events."""
    ranks = set()
    for line in exec_events(c, job)[after:]:
        if " reattach " in line:
            for part in re.search(r'ranks="?([\d,-]+)', line)[1].split(","):
                lo, _, hi = part.partition("-")
                ranks |= set(range(int(lo), int(hi or lo) + 1))
    return ranks


def await_found(c, job, ranks, after=0):
    c.wait_until(lambda: found(c, job, after) >= set(ranks), 60, f"shells on {ranks} are found again")


def finish(c, job, nodes=4, user="alice"):
    c.leader.run("touch go", user=user)
    assert c.flux("job", "status", job, user=user, check=False, timeout=60).rc == 40 + nodes - 1
    names = events(c, job)
    assert names.count("finish") == names.count("clean") == 1 and "exception" not in names
    assert sorted(c.leader.run("cat ran", user=user).lines) == [str(i) for i in range(nodes)]
    assert c.flux("resource list -no {nnodes} -s allocated").out.strip() in ("", "0")


def test_brokers_are_killed_restarted_and_stopped_under_a_job(cluster_start):
    c = cluster_start(4, config=QUICK + NOT_SAFE, parents={"test4": "test2"})
    job = start_job(c)
    for node in (c[3], c[1], c[2]):
        before = len(exec_events(c, job))
        node.kill_broker()
        c.wait_until(lambda: " reattach " in "".join(exec_events(c, job)[before:]), what=f"{node.host} is found again")
        c.wait_online()
    c[1].restart()
    c.wait_online()
    for act in (c[0].kill_broker, c[0].restart):
        before = len(exec_events(c, job))
        act()
        c.wait_online(timeout=60)
        await_found(c, job, [0, 1, 2, 3], before)
    c[0].stop()
    c[2].restart()
    c[0].start()
    c.wait_online(timeout=60)
    finish(c, job)


def test_a_network_is_cut_and_mended_under_a_job(cluster_start):
    c = cluster_start(4, config=QUICK, parents={"test4": "test2"})
    job = start_job(c)
    c[1].cut_network()
    c.wait_online([0, 2], timeout=60)
    c[1].restore_network()
    await_found(c, job, [1, 3])
    c.wait_online(timeout=60)
    finish(c, job)


def test_a_node_is_away_for_too_long(cluster_start):
    c = cluster_start(4, config=QUICK + '[exec]\nlost-timeout = "3s"\n')
    job = start_job(c)
    c[2].cut_network()
    c.flux("job", "wait-event", job, "clean", timeout=70)
    line = next(x for x in c.flux("job", "eventlog", job).lines if " exception " in x)
    assert "node-failure" in line and "test3 (rank 2)" in line
    assert c[2].run("pgrep -u alice", check=False).ok  # they go on there, unreached
    c[2].restore_network()
    c.wait_online(timeout=60)
    look = c.flux("run", "-N4", "sh", "-c", "id -un; pgrep -f '[e]cho .FLUX_TASK_RANK' || true", user="alice", timeout=60)
    assert look.lines == ["alice"] * 4  # and none that was left
    assert "its shell that was left here is killed" in c[2].journal()


def test_a_node_loses_its_power(cluster_start):
    c = cluster_start(4, config=QUICK)
    job = start_job(c)
    c[3].power_off()
    c[3].boot()
    c.flux("job", "wait-event", job, "clean", timeout=70)
    line = next(x for x in c.flux("job", "eventlog", job).lines if " exception " in x)
    assert "node-failure" in line and "test4 (rank 3) knows of no shell" in line
    c.wait_online(timeout=60)
    assert c.flux("run -N4 id -un", user="alice", timeout=60).lines == ["alice"] * 4
    for node in c:
        assert not node.run("pgrep -u alice", check=False).ok


def test_a_cancel_reaches_a_users_job_on_a_node_that_was_away(cluster_start):
    c = cluster_start(3, config=QUICK)
    job = start_job(c, 3)
    c[2].cut_network()
    c.wait_online([0, 1], timeout=60)
    c.flux("cancel", job, user="alice")
    c[2].restore_network()
    c.flux("job", "wait-event", job, "clean", timeout=70)
    assert "node-failure" not in c.flux("job", "eventlog", job).out
    c.wait_until(lambda: not c[2].run("pgrep -u alice", check=False).ok, what="the job is gone")


def test_a_signal_sent_before_a_loss_was_noticed_arrives_later(cluster_start):
    c = cluster_start(2, config=QUICK)
    c.leader.run("rm -f ran hits", user="alice")
    job = c.flux("submit", "-N2", "-n2", "sh", "-c", "trap 'echo $FLUX_TASK_RANK >>hits; exit 0' HUP; "
                 "echo $FLUX_TASK_RANK >>ran; while :; do sleep 0.1; done", user="alice").out.strip()
    c.wait_until(lambda: len(c.leader.run("cat ran", user="alice").lines) == 2, what="all tasks run")
    c[1].cut_network()
    c.flux("job", "kill", "-s", "HUP", job, user="alice")
    c.wait_online([0], timeout=60)
    c[1].restore_network()
    assert c.flux("job", "status", job, user="alice", timeout=60).ok
    assert sorted(c.leader.run("cat hits", user="alice").lines) == ["0", "1"]


@pytest.mark.parametrize("how", ["systemctl stop flux", "flux shutdown"])
def test_what_ends_the_instance_and_what_ends_its_jobs(cluster_start, how):
    c = cluster_start(2)
    job = start_job(c, 2)
    c[0].run(how, timeout=60)
    alive = c[1].run("pgrep -u alice", check=False).ok
    assert alive == (how == "systemctl stop flux")
    c[0].start()
    c.wait_online(timeout=60)
    if alive:
        finish(c, job, 2)
    else:
        assert "exception" in events(c, job) and "clean" in events(c, job)


def test_the_leaders_disk_is_full(cluster_start):
    c = cluster_start(2, config=NOT_SAFE, boot=False)
    c.leader.limit_disk("6M")
    c.boot()
    c.wait_online()
    job = start_job(c, 2)
    c.leader.fill_disk()
    where = "no space left on device for /var/lib/flux/content.sqlite on test1: make room there"
    c.wait_until(lambda: where in c.flux("submit --urgency=0 true", user="bob", check=False).err,
                 what="a job is refused")
    c.leader.run("touch go", user="alice")
    c.wait_until(lambda: not c[1].run("pgrep -f '[e]cho .FLUX_TASK_RANK'", check=False).ok,
                 what="the tasks have ended")
    c.leader.free_disk()
    finish(c, job, 2)

    c.leader.stop()
    c.leader.run("rm /var/lib/flux/*")
    c.leader.fill_disk()
    here = c.leader.cursor()
    c.leader.start()
    c.wait_until(lambda: where in c.leader.journal(since=here), what="the broker says why it cannot run")
    c.leader.free_disk()
    c.wait_online(timeout=60)
    assert c.flux("run -N2 id -un", user="alice").lines == ["alice"] * 2
