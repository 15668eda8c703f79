# SPDX-License-Identifier: LGPL-3.0-only
"""An instance starts, says who it is, and goes without leaving anything behind."""
import pytest


def test_it_answers(instance):
    assert instance.run("getattr", "size") == "1"
    assert instance.run("getattr", "rank") == "0"


@pytest.mark.parametrize("size", [2, 4])
def test_brokers_join(flux_start, size):
    instance = flux_start(size)
    assert instance.run("getattr", "size") == str(size)
    assert instance.stop() == 0


def test_the_exit_code_is_the_programs(flux_start):
    from conftest import FLUX, clean_env, execute
    assert execute([FLUX, "start", "sh", "-c", "exit 7"], env=clean_env()).rc == 7
