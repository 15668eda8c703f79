# SPDX-License-Identifier: LGPL-3.0-only
"""What is said where: the lines of a start, those of a job's life, and the verbs that show them."""
import re

DURATION = r"[0-9.e-]+s"


def texts(instance, *args):
    """Lines of the log without their times."""
    return [line.split(" ", 1)[1] for line in instance.flux("dmesg", *args, check=True).lines]


def number(instance, job):
    return instance.run("job", "id", "--to=dec", job)


def test_a_start_tells_each_state(flux_start):
    i = flux_start(3, args=["-Slog-stderr-level=6", "-Slog-stderr-mode=local"])
    assert i.stop() == 0
    lines = [line for line in i.log.splitlines() if line.startswith("broker.info[2]: ")]
    pattern = [rf"start: none->join {DURATION}", rf"parent-ready: join->init {DURATION}",
               rf"rc1-success: init->quorum {DURATION}|rc1-none: init->quorum {DURATION}",
               rf"quorum-full: quorum->run {DURATION}"]
    found = [line.removeprefix("broker.info[2]: ") for line in lines if "->" in line][:4]
    assert len(found) == 4 and all(map(re.fullmatch, pattern, found)), found


def test_the_life_of_a_job_in_the_log(flux_start):
    i = flux_start(1)
    ok = i.run("submit", "true")
    i.run("job", "wait-event", ok, "clean")
    killed = i.run("submit", "sleep", "inf")
    i.run("job", "wait-event", killed, "start")
    waiting = i.run("submit", "--exclusive", "-N1", "true")
    i.run("job", "wait-event", waiting, "priority")
    i.run("cancel", waiting)
    i.run("job", "wait-event", waiting, "clean")
    i.run("cancel", killed)
    i.run("job", "wait-event", killed, "clean")
    i.run("queue", "idle")
    i.run("job", "purge", "-f", "--num-limit=1")
    i.await_log("job-list.debug[0]: purged 2 inactive jobs")  # the last of them
    log = texts(i)
    for line in (f"sched-simple.debug[0]: alloc success (id={number(i, ok)})",
                 f"sched-simple.debug[0]: free succeeded (id={number(i, ok)})",
                 f"sched-simple.debug[0]: alloc canceled (id={number(i, waiting)})",
                 f"job-exec.debug[0]: exec aborted: id={number(i, killed)}",
                 f"job-exec.debug[0]: exec_kill: {number(i, killed)}: signal 15",
                 "job-manager.debug[0]: purged 2 inactive jobs", "job-list.debug[0]: purged 2 inactive jobs"):
        assert line in log, (line, log)


def test_a_flood_of_jobs_is_one_line(flux_start):
    i = flux_start(1)
    i.run("queue", "stop", "-a")
    i.run("submit", "--cc=1-100", "--setattr=system.exec.test.run_duration=0.001s", "true")
    i.run("queue", "start", "-a")
    i.run("queue", "drain")
    lines = [line for line in texts(i) if "alloc success" in line]
    assert 0 < len(lines) < 100 or not any("jobs)" in line for line in lines)


def test_the_ring_is_read_followed_and_cleared(instance):
    instance.run("logger", "-s", "warning", "-n", "probe", "one")
    assert "probe.warning[0]: one" in texts(instance)
    assert any("probe[0]: one" in line for line in instance.flux("dmesg", "-H").lines)
    assert any("probe.warning[0]: one" in line for line in instance.flux("dmesg", "-H", "-x").lines)
    follow = instance.spawn("dmesg", "-f")
    while "probe.warning[0]: one" not in (line := follow.stdout.readline()):
        assert line
    instance.run("logger", "-n", "probe", "two")
    while "[0]: two" not in (line := follow.stdout.readline()):
        assert line
    follow.kill()
    follow.communicate()
    assert any("[0]: two" in line for line in texts(instance, "-c"))
    assert not any("[0]: two" in line for line in texts(instance))
    instance.run("logger", "three")
    instance.run("dmesg", "-C")
    assert not any("[0]: three" in line for line in texts(instance))


def test_uptime_tells_what_is_not_as_usual(flux_start):
    i = flux_start(4, config='[fake-resources]\nnnodes = 8\n')
    first = r" \d\d:\d\d:\d\d run [0-9.]+(ms|s|m),  owner \w+,  depth 0,  size 4"
    assert re.fullmatch(first, i.run("uptime"))
    i.run("resource", "drain", "2-4")
    assert re.fullmatch(first + ",  3 drained", i.run("uptime"))
    i.run("queue", "disable", "-a", "-m", "maintenance")
    assert re.fullmatch(first + ",  3 drained\n  submit disabled", i.run("uptime"))
    i.run("queue", "stop", "-a")
    assert i.run("uptime").endswith("\n  submit disabled,  scheduler stopped")
    i.run("queue", "enable", "-a")
    assert i.run("uptime").endswith("drained\n  scheduler stopped")
