# SPDX-License-Identifier: LGPL-3.0-only
"""job-manager.stop-queues-on-restart: somebody looks before jobs run again."""
import pytest


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_queues_may_be_stopped_after_a_restart(flux_start, tmp_path, wanted):
    config = f"[job-manager]\nstop-queues-on-restart = {wanted}\n"
    first = flux_start(statedir=tmp_path, config=config)
    first.run("run", "true")  # at the first start they run
    assert first.stop() == 0
    second = flux_start(statedir=tmp_path, config=config)
    job = second.run("submit", "true")
    if wanted == "true":
        assert "Automatically stopped due to restart" in second.run("queue", "status")
        second.run("queue", "start", "--all")
    second.run("job", "wait-event", job, "clean")
