# SPDX-License-Identifier: LGPL-3.0-only
"""What an orderly stop and a start keep: jobs and their order, drains, queues, history, output; and ids."""
import re

import pytest

DAY = 86400


def listed(instance, fields="{id.f58} {status_abbrev} {urgency} {priority}"):
    lines = instance.run("jobs", "-a", "-A", "-c0", "-no", fields).splitlines()
    return {line.split()[0]: tuple(line.split()[1:]) for line in lines}


def test_the_queue_comes_back_as_it_was(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    first.run("queue", "stop")
    low = first.run("submit", "--urgency=5", "true")
    held = first.run("submit", "--urgency=hold", "true")
    high = first.run("submit", "--urgency=30", "true")
    after = first.run("submit", f"--dependency=afterany:{held}", "true")
    later = first.run("submit", "--begin-time=+1d", "true")
    before = listed(first)
    assert first.stop() == 0, first.log
    second = flux_start(1, statedir=tmp_path)
    assert listed(second) == before
    assert [before[j][1] for j in (low, held, high)] == ["5", "0", "30"]
    assert second.run("jobs", "-no", "{dependencies}", after) == f"after-finish={held}" or \
        held in second.run("job", "eventlog", after)
    assert before[after][0] == before[later][0] == "D"
    second.run("queue", "start")
    for job in (low, high):
        assert second.flux("job", "status", job).ok
    order = sorted((low, high), key=lambda j: float(second.run("jobs", "-no", "{t_run}", j)))
    assert order == [high, low]
    second.run("job", "urgency", held, "default")
    assert second.flux("job", "status", held).ok and second.flux("job", "status", after).ok


def test_a_time_to_begin_that_came_meanwhile_begins_the_job(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    job, later = first.run("submit", "--begin-time=+1h", "true"), first.run("submit", "--begin-time=+1d", "true")
    assert first.stop() == 0, first.log
    second = flux_start(1, statedir=tmp_path, args=["-Sbroker.clock-offset=7200"])
    assert second.flux("job", "status", job).ok
    assert second.run("jobs", "-no", "{state}", later) == "DEPEND"


def test_queues_stay_stopped_and_disabled_with_their_reasons(flux_start, tmp_path):
    config = "[queues.a]\n[queues.b]\n"
    first = flux_start(1, statedir=tmp_path, config=config)
    first.run("queue", "disable", "-q", "a", "-m", "on purpose")
    first.run("queue", "stop", "-q", "b", "-m", "for a while")
    status = first.run("queue", "status", "-v")
    assert first.stop() == 0
    second = flux_start(1, statedir=tmp_path, config=config)
    assert "on purpose" in status and "for a while" in status
    assert [line for line in second.run("queue", "status", "-v").splitlines() if "requests" not in line] == \
        [line for line in status.splitlines() if "requests" not in line]


def test_drained_nodes_stay_drained(flux_start, tmp_path):
    first = flux_start(2, statedir=tmp_path)
    first.run("resource", "drain", "1", "broken fan")
    before = first.run("resource", "drain", "-n")
    assert first.stop() == 0
    second = flux_start(2, statedir=tmp_path)
    assert second.run("resource", "drain", "-n") == before
    assert "broken fan" in before


def test_history_and_output_stay(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    small = first.run("submit", "--wait", "echo", "hello").split()[0]
    large = first.run("submit", "--wait", "seq", "300000").split()[0]
    bad = first.flux("submit", "--wait", "sh", "-c", "exit 7").out.split()[0]
    text = first.run("job", "attach", large)
    before = listed(first, "{id.f58} {status_abbrev} {returncode} {t_run} {t_inactive} {nodelist}")
    assert first.stop() == 0
    second = flux_start(1, statedir=tmp_path)
    assert listed(second, "{id.f58} {status_abbrev} {returncode} {t_run} {t_inactive} {nodelist}") == before
    assert second.run("job", "attach", small) == "hello"
    assert second.run("job", "attach", large) == text
    assert second.flux("job", "attach", bad).rc == 7
    stats = second.run("jobs", "--stats-only")
    assert re.search(r"2 completed, 1 failed", stats), stats


@pytest.mark.parametrize("offset", [-DAY, -3, 2 * DAY])
def test_ids_are_never_given_out_twice_whatever_the_clock_does(flux_start, tmp_path, offset):
    first = flux_start(1, statedir=tmp_path, args=["-Sbroker.clock-offset=10"])
    ids = first.run("submit", "--cc=1-300", "--urgency=0", "true").split()
    assert first.stop() == 0
    second = flux_start(1, statedir=tmp_path, args=[f"-Sbroker.clock-offset={10 + offset}"])
    ids += second.run("submit", "--cc=1-300", "--urgency=0", "true").split()
    assert second.stop() == 0
    third = flux_start(1, statedir=tmp_path, args=[f"-Sbroker.clock-offset={10 + 2 * offset}"])
    ids += third.run("submit", "--cc=1-300", "--urgency=0", "true").split()
    numbers = [int(n) for n in third.run("job", "id", "--to=dec", *ids).split()]
    assert len(set(numbers)) == 900
    assert numbers == sorted(numbers), "and they go up"


def test_purged_ids_are_not_given_out_again_either(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path, args=["-Sbroker.clock-offset=1000"])
    old = first.run("submit", "--wait", "true").split()[0]
    first.run("job", "purge", "-f", "--num-limit=0")
    assert first.stop() == 0
    second = flux_start(1, statedir=tmp_path)
    new = second.run("submit", "true")
    a, b = (int(n) for n in second.run("job", "id", "--to=dec", old, new).split())
    assert b > a


def test_a_history_that_is_gone_or_damaged_is_made_again(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    first.run("submit", "--cc=1-20", "--wait", "--quiet", "true")
    held = first.run("submit", "--urgency=0", "true")
    before = listed(first)
    assert first.stop() == 0
    history = tmp_path / "job-history.sqlite"
    for how in ("gone", "junk", "flip"):
        if how == "gone":
            history.unlink()
        elif how == "junk":
            history.write_bytes(b"no database " * 1000)
        else:
            data = bytearray(history.read_bytes())
            at = data.rfind(b"true")
            data[at] ^= 1
            history.write_bytes(data)
        instance = flux_start(1, statedir=tmp_path)
        instance.until(lambda: listed(instance) == before, f"{how}: the history is as it was")  # beside everything else
        assert "21 total" in instance.run("jobs", "--stats-only") or held in before
        assert instance.stop() == 0
    assert list(tmp_path.glob("job-history.sqlite.damaged-*"))
