# SPDX-License-Identifier: LGPL-3.0-only
"""The output of a job over crashes of rank 0: every line once, whatever the shell still has."""
import json

import pytest
from recovery import cluster  # noqa: F401 (a fixture)

NOT_SAFE = "[job-manager]\nsafe-mode = false\n"

# Numbered lines; the file `go` ends it, so that crashes fall into the middle.
COUNTING = ("i=0; while [ ! -e {dir}/go ]; do i=$((i+1)); echo $FLUX_TASK_RANK.$i.{pad}; "
            "[ $((i % {burst})) = 0 ] && sleep 0.02; done; echo $FLUX_TASK_RANK.last.$i")


def lines_of(c, job):
    return c.run("job", "attach", job, timeout=120).splitlines()


def check(lines, tasks):
    """Each task's numbers from 1 to its last one, once each, in order."""
    for task in range(tasks):
        mine = [line.split(".") for line in lines if line.startswith(f"{task}.")]
        assert mine[-1][1] == "last", f"the end of task {task} is missing"
        last = int(mine[-1][2])
        assert [int(f[1]) for f in mine[:-1]] == list(range(1, last + 1)), f"task {task}: {len(mine)} of {last}"


def crash_and_wait(c):
    c.kill(0)
    c.until(lambda: c.flux("uptime").ok, "rank 0 is back")
    c.wait_online()


@pytest.mark.parametrize("pad, burst", [("x", 20), ("x" * 900, 400)], ids=["a little", "much"])
def test_output_over_crashes_of_rank_0(cluster, pad, burst):
    c = cluster(parents=(None, 0), config=NOT_SAFE)
    job = c.run("submit", "-N2", "-n2", "sh", "-c", COUNTING.format(dir=c.path, pad=pad, burst=burst))
    c.wait_event(job, "start")
    for _ in range(3):
        crash_and_wait(c)
    (c.path / "go").touch()
    check(lines_of(c, job), 2)
    assert "output is lost" not in c.run("job", "attach", job)


def test_a_shell_that_has_ended_has_left_its_output_for_good(cluster):
    """Task 0 ends at once; rank 0 crashes; task 1 ends later."""
    c = cluster(parents=(None, 0), config=NOT_SAFE)
    job = c.run("submit", "-N2", "-n2", "-o", "exit-timeout=none", "sh", "-c",
                f"echo said by $FLUX_TASK_RANK; [ $FLUX_TASK_RANK = 0 ] || until [ -e {c.path}/go ]; do sleep 0.05; done")
    c.wait_event(job, "start")
    helper = c.helper(0)
    c.until(lambda: not open(f"/proc/{helper}/task/{helper}/children").read(), "the shell of rank 0 has ended")
    crash_and_wait(c)
    (c.path / "go").touch()
    assert sorted(lines_of(c, job)) == ["said by 0", "said by 1"]


def test_output_of_a_node_that_was_away(cluster):
    c = cluster(parents=(None, 0), config=NOT_SAFE)
    job = c.run("submit", "-N2", "-n2", "sh", "-c", COUNTING.format(dir=c.path, pad="y" * 100, burst=50))
    c.wait_event(job, "start")
    for i in range(3):
        c.kill(1)
        c.await_exec(job, "reattach", i + 1)
    (c.path / "go").touch()
    check(lines_of(c, job), 2)


def test_the_output_so_far_can_be_read_after_a_crash(cluster):
    c = cluster(parents=(None, 0), config=NOT_SAFE)
    job = c.run("submit", "-n1", "sh", "-c",
                f"head -c 1000000 /dev/zero | tr '\\0' x; echo; touch {c.path}/written; "
                f"until [ -e {c.path}/go ]; do sleep 0.05; done; echo end")
    c.until((c.path / "written").exists, "the output is written")
    crash_and_wait(c)
    (c.path / "go").touch()
    lines = lines_of(c, job)
    assert [len(line) for line in lines] == [1000000, 3]
    again = lines_of(c, job)
    assert again == lines


def write(c, job, shell, seq, text, shells=2):
    """As a shell: its last message."""
    frame = {"stream": 1, "rank": shell, "data": text}
    return c.flux("call", "job-io.Write", f"id={c.run('job', 'id', '--to=dec', job)}", f"shell_rank={shell}",
                  f"shells={shells}", f"seq={seq}", "done=true", f"frames={json.dumps([frame])}")


def test_a_last_message_that_comes_twice_is_taken_once(cluster):
    """A broker on the way has died before the shell was told that it was taken, and all is stored meanwhile."""
    c = cluster(parents=(None, 0), config=NOT_SAFE)
    job = c.run("submit", "sleep", "inf")
    c.wait_event(job, "start")
    assert write(c, job, 0, 1, "said by 0\n").ok
    for _ in range(2):
        assert write(c, job, 1, 1, "said by 1\n").ok
    crash_and_wait(c)
    assert write(c, job, 1, 1, "said by 1\n").ok
    c.run("cancel", job)
    c.wait_event(job, "clean")
    late = write(c, job, 0, 1, "said too late\n")  # by a shell that was given up
    assert late.rc == 1 and "the job has ended" in late.err
    assert sorted(c.flux("job", "attach", job).out.splitlines()) == ["said by 0", "said by 1"]
