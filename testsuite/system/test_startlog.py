# SPDX-License-Identifier: LGPL-3.0-only
"""The record of starts and stops, and safe mode after a crash."""
import re

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d"


def test_runs_are_recorded(flux_start, tmp_path):
    first = flux_start(1, statedir=tmp_path)
    assert re.fullmatch(rf"{STAMP} - running \(\w+\)", first.run("startlog"))
    first.stop()
    second = flux_start(1, statedir=tmp_path)
    lines = second.run("startlog").splitlines()
    assert re.fullmatch(rf"{STAMP} - {STAMP} \(\w+\)", lines[0])
    assert re.fullmatch(rf"{STAMP} - running \(\w+\)", lines[1])
    assert second.flux("startlog", "--check", "--quiet").rc == 0
    assert second.run("queue", "status").splitlines() == ["Job submission is enabled", "Scheduling is enabled"]
    version = second.run("version").split()[1]
    assert second.run("startlog", "-v").endswith(f"[{version}]")


def test_safe_mode_after_a_crash(flux_start, tmp_path):
    flux_start(1, statedir=tmp_path).crash()
    instance = flux_start(1, statedir=tmp_path)
    reason = "Flux is in safe mode due to an incomplete shutdown."
    assert instance.run("startlog").splitlines()[0].endswith(" - crashed")
    assert instance.flux("startlog", "--check", "--quiet").rc == 1
    assert instance.run("queue", "status").splitlines() == [
        f"Job submission is disabled: {reason}", f"Scheduling is disabled: {reason}"]
    assert reason in instance.flux("submit", "true").err
    instance.run("queue", "enable", "--all")
    instance.run("queue", "start", "--all")
    instance.run("run", "true")
    instance.stop()
    assert flux_start(1, statedir=tmp_path).run("queue", "status").splitlines()[0] == "Job submission is enabled"


def test_safe_mode_may_be_turned_off(flux_start, tmp_path):
    flux_start(1, statedir=tmp_path).crash()
    instance = flux_start(1, statedir=tmp_path, config="[job-manager]\nsafe-mode = false\n")
    assert instance.run("queue", "status").splitlines() == ["Job submission is enabled", "Scheduling is enabled"]
