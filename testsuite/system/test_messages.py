# SPDX-License-Identifier: LGPL-3.0-only
"""What a job costs in messages: few at rank 0, no more for more nodes, none where the job is not."""
import re

JOBS = 200
MOST = 20  # messages that rank 0 may switch for a detached one-node job


def switched(instance):
    """How many messages each broker has switched since it started."""
    return [int(instance.flux("call", "--compact", f"--rank={rank}", "broker.Stats", check=True).json["messages"])
            for rank in range(instance.size)]


def submit_and_drain(instance, jobs, *args):
    """The messages that each broker switched for so many jobs, from submission until all are done."""
    before = switched(instance)
    instance.run("submit", "--quiet", f"--cc=1-{jobs}", *args, "true", timeout=60)
    instance.run("queue", "idle", "--quiet", timeout=120)
    return [after - b for after, b in zip(switched(instance), before)]


def overhead(instance):
    """What the counting itself and a job's worth of commands add, on each broker."""
    before = switched(instance)
    instance.run("queue", "idle", "--quiet")
    return [after - b for after, b in zip(switched(instance), before)]


def tree(flux_start):
    # no signs of life, which come by the clock
    i = flux_start(4, args=["-Stbon.topo=kary:2"], config='[heartbeat]\nperiod = "1h"\ntimeout = "0"\n'
                   '[tbon]\ntorpid_min = "1h"\ntorpid_max = "2h"\n')
    i.run("overlay", "status", "--wait=full")
    i.run("run", "-N4", "true")
    return i


def test_a_detached_job_costs_rank_0_few_messages(flux_start):
    i = flux_start(1)
    i.run("run", "true")
    per_job = submit_and_drain(i, JOBS)[0] / JOBS
    assert per_job <= MOST, f"{per_job:.1f} messages at rank 0 for each of {JOBS} jobs"


def test_a_job_on_rank_0_is_no_news_to_other_brokers(flux_start):
    i = tree(flux_start)
    idle = overhead(i)
    used = submit_and_drain(i, JOBS, "--requires=rank:0", "-N1")
    per_job = used[0] / JOBS
    assert per_job <= MOST, f"{per_job:.1f} messages at rank 0 for each of {JOBS} jobs"
    # heartbeats and the like may fall into the time that the jobs take: a few in all, nothing per job
    assert [u - o for u, o in zip(used[1:], idle[1:]) if u - o >= JOBS / 10] == [], f"switched: {used}, idle: {idle}"


def test_messages_at_rank_0_do_not_grow_with_the_nodes_of_a_job(flux_start):
    i = tree(flux_start)
    narrow = submit_and_drain(i, JOBS // 2, "-N1", "--requires=rank:0")[0] * 2 / JOBS
    wide = submit_and_drain(i, JOBS // 2, "-N4")[0] * 2 / JOBS
    children = 2
    # a request, starts, ends and the end of the call for each child of rank 0, however many nodes are below it
    assert wide <= narrow + 6 * children, f"{wide:.1f} messages for a job of 4 nodes, {narrow:.1f} for one of 1"


def test_the_counters_are_also_shown_by_stats(instance):
    found = re.search(r"^(\d+) messages switched", instance.run("stats"), re.M)
    assert found and int(found[1]) > 0
