# SPDX-License-Identifier: LGPL-3.0-only
"""The first session of the README: an MPI program over four brokers, and how to look at it."""
import json
import re

import pytest


@pytest.mark.plain
def test_mpi_over_four_brokers(instance4, mpi_hello):
    out = instance4.flux("run", "-N4", "-n8", mpi_hello, check=True, timeout=60).lines
    ranks = sorted(int(re.match(r"hello from rank (\d) of 8 .* is 28$", line)[1]) for line in out)
    assert ranks == list(range(8))


def test_what_a_finished_job_leaves(instance4):
    instance4.run("run", "-N2", "true")
    job = instance4.run("job", "last")
    assert job in instance4.run("jobs", "-a")
    log = instance4.flux("job", "eventlog", "--format=json", job, check=True).lines
    names = [json.loads(line)["name"] for line in log]
    assert names[0] == "submit"
    for name in ("alloc", "start", "finish", "release", "free", "clean"):
        assert name in names
    assert names.index("alloc") < names.index("start") < names.index("finish") < names.index("clean")


def test_resources_are_listed(instance4):
    out = instance4.run("resource", "list", "-n", "-o", "{state} {nnodes}")
    assert "free 4" in out.splitlines()
