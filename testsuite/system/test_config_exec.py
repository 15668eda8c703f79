# SPDX-License-Identifier: LGPL-3.0-only
"""The table [exec]: how jobs are killed, and that a reload changes it."""
import signal

import pytest

from conftest import execute

# Tasks that say which signals they get; the last line before they end is the one that counts.
STUBBORN = "trap 'echo term >>sigs' TERM; trap 'echo usr >>sigs' USR1; echo on >>sigs; while :; do sleep 0.05; done"


def write(instance, text):
    (instance.dir / "config/test.toml").write_text(text)
    instance.run("config", "reload")


def submit(instance, script):
    job = instance.run("submit", "sh", "-c", script)
    instance.run("job", "wait-event", job, "start")
    return job


def await_line(instance, word):
    script = f"until grep -qs {word} sigs; do sleep 0.02; done"
    assert execute(["sh", "-c", script], cwd=instance.dir).ok


def test_signals_and_times_follow_a_reload(flux_start):
    instance = flux_start(config="")
    write(instance, '[exec]\nterm-signal = "USR1"\nkill-timeout = "1h"\n')
    job = submit(instance, STUBBORN.replace("usr >>sigs", "usr >>sigs; exit 7"))
    await_line(instance, "on")
    instance.run("cancel", job)
    assert instance.flux("job", "status", job).rc == 7
    assert (instance.dir / "sigs").read_text().split() == ["on", "usr"]
    write(instance, '[exec]\nterm-signal = "USR1"\nkill-timeout = "0.1s"\n')
    (instance.dir / "sigs").unlink()
    job = submit(instance, STUBBORN)
    await_line(instance, "on")
    instance.run("cancel", job)
    assert instance.flux("job", "status", job).rc == 128 + signal.SIGKILL


@pytest.mark.parametrize("limit", ['max-kill-count = 2', 'max-kill-timeout = "0.5s"'])
def test_nodes_with_processes_that_cannot_be_killed_are_drained(flux_start, limit):
    instance = flux_start(config=f'[exec]\nkill-signal = "USR1"\nterm-signal = "USR1"\nkill-timeout = "0.1s"\n{limit}\n')
    job = submit(instance, STUBBORN)
    await_line(instance, "on")
    instance.run("cancel", job)
    instance.run("job", "wait-event", job, "clean")
    reason = f"unkillable user processes for job {job}"
    assert reason in instance.run("resource", "drain", "-no", "{reason}")
    assert reason in instance.run("job", "eventlog", job)
    write(instance, "")  # so that what is left ends with the instance


@pytest.mark.parametrize("text, why", [
    ('kill-timeout = "inf"', "exec.kill-timeout must have an end"),
    ('term-signal = "SIGNONE"', "exec.term-signal: must be a signal"),
])
def test_what_makes_no_sense_is_refused(flux_start, text, why):
    instance = flux_start(config="")
    (instance.dir / "config/test.toml").write_text(f"[exec]\n{text}\n")
    result = instance.flux("config", "reload")
    assert result.rc == 1 and why in result.err
