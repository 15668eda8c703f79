# SPDX-License-Identifier: LGPL-3.0-only
"""Attributes of the broker: which there are, who may set them and when, and what they do."""
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from conftest import FLUX, PATIENCE, clean_env, execute

READ_ONLY = ("rank size version security.owner instance-level broker.mapping broker.pid broker.starttime broker.uuid "
             "tbon.level tbon.maxlevel tbon.descendants content.hash content.backing-module").split()
AT_START = ("rundir rundir-cleanup statedir-cleanup local-uri hostlist hostname broker.boot-method broker.quorum-warn "
            "broker.shutdown-warn tbon.topo tbon.zmqdebug tbon.zmq_io_threads tbon.child_rcvhwm tbon.prefertcp "
            "tbon.interface-hint tbon.tcp_user_timeout tbon.connect_timeout").split()
AT_RUN_TIME = {"log-ring-size": "50", "log-forward-level": "5", "log-critical-level": "1", "log-stderr-level": "-1",
               "log-stderr-mode": "local", "log-level": "6", "log-syslog-enable": "0", "log-syslog-level": "3",
               "tbon.torpid_min": "4s", "tbon.torpid_max": "20s", "broker.module-nopanic": "1",
               "log-filename": "/dev/null", "broker.exit-restart": "3", "broker.critical-ranks": "0",
               "conf.shell_initrc": "/x", "conf.shell_pluginpath": "/y", "content.dump": ""}


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_the_broker_says_of_itself_is_read_only(instance, name):
    assert instance.run("getattr", name) != ""
    assert "cannot be set at run time" in instance.flux("setattr", name, "x").err
    result = execute([FLUX, "broker", f"-S{name}=x", "true"], env=clean_env())
    assert result.rc == 1 and "the broker sets it" in result.err


@pytest.mark.parametrize("name", AT_START)
def test_what_is_for_the_start_cannot_be_set_later(instance, name):
    assert instance.flux("getattr", name).ok
    assert "cannot be set at run time" in instance.flux("setattr", name, "x").err


@pytest.mark.parametrize("name", AT_RUN_TIME)
def test_what_may_be_set_at_run_time(instance, name):
    instance.run("setattr", name, AT_RUN_TIME[name])
    assert instance.run("getattr", name) == AT_RUN_TIME[name]


@pytest.mark.parametrize("name, value, why", [
    ("log-level", "high", "is not an integer"), ("log-ring-size", "1k", "is not an integer"),
    ("tbon.torpid_max", "soon", "is not a duration such as 30s"), ("log-syslog-enable", "yes", "is neither 0 nor 1"),
    ("broker.module-nopanic", "2", "is neither 0 nor 1"),
])
def test_values_that_make_no_sense_are_refused(instance, name, value, why):
    before = instance.flux("getattr", name).out
    assert f"attribute {name}: '{value}' {why}" in instance.flux("setattr", name, value).err
    assert instance.flux("getattr", name).out == before
    result = execute([FLUX, "broker", f"-S{name}={value}", "true"], env=clean_env())
    assert result.rc == 1 and why in result.err


def test_names_of_earlier_versions_are_understood():
    result = execute([FLUX, "broker", "-Sbroker.quorum-timeout=7s", FLUX, "getattr", "broker.quorum-warn"],
                     env=clean_env())
    assert result.out == "7s\n", repr(result)


@pytest.mark.parametrize("cleanup", [None, "0", "1"])
def test_a_run_directory_that_was_given_goes_only_if_that_is_wanted(tmp_path, cleanup):
    args = [f"-Srundir={tmp_path / 'run'}"] + ([f"-Srundir-cleanup={cleanup}"] if cleanup else [])
    assert execute([FLUX, "broker", *args, "true"], env=clean_env()).ok
    assert (tmp_path / "run").exists() == (cleanup != "1")


def test_a_state_directory_may_be_temporary(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    args = [f"-Sstatedir={state}", "-Sstatedir-cleanup=1"]
    assert execute([FLUX, "broker", *args, FLUX, "run", "true"], env=clean_env()).ok
    assert not state.exists()


@pytest.mark.parametrize("args, why", [
    (["-Sstatedir=/nonexistent"], "/nonexistent: No such file or directory"),
    (["-Sstatedir=/dev/null"], "/dev/null: Not a directory"),
    (["-Srundir=/nonexistent/run"], "/nonexistent/run: No such file or directory"),
    (["-Srundir=/dev/null"], "/dev/null: Not a directory"),
])
def test_directories_that_cannot_be_used_are_named(args, why):
    result = execute([FLUX, "broker", *args, "true"], env=clean_env())
    assert result.rc == 1 and why in result.err


def test_the_loss_of_a_critical_broker_ends_the_instance(flux_start):
    instance = flux_start(3, args=["-Sbroker.critical-ranks=1", "-Stbon.topo=flat"])
    uri = instance.uri.replace("local-0", "local-1")
    os.kill(int(instance.run("getattr", "broker.pid", env={"FLUX_URI": uri})), signal.SIGKILL)
    instance.process.wait(20 * PATIENCE)
    assert "critical brokers were lost:" in instance.log and "(rank 1)" in instance.log


def test_the_loss_of_another_broker_does_not(flux_start):
    instance = flux_start(3, args=["-Sbroker.critical-ranks=1", "-Stbon.topo=flat"])
    uri = instance.uri.replace("local-0", "local-2")
    os.kill(int(instance.run("getattr", "broker.pid", env={"FLUX_URI": uri})), signal.SIGKILL)
    assert instance.flux("overlay", "status", "-w", "degraded").ok
    assert instance.process.poll() is None


def test_each_broker_has_an_identity_of_its_own(flux_start):
    instance = flux_start(3)
    uris = [instance.uri.replace("local-0", f"local-{rank}") for rank in range(3)]
    assert len({instance.run("getattr", "broker.uuid", env={"FLUX_URI": uri}) for uri in uris}) == 3


def test_the_log_goes_to_a_file(instance, tmp_path):
    instance.run("setattr", "log-filename", tmp_path / "log")
    instance.run("logger", "-s", "err", "to the file")
    deadline = time.monotonic() + 10 * PATIENCE
    while not (tmp_path / "log").exists() or "to the file" not in (tmp_path / "log").read_text():
        assert time.monotonic() < deadline
    instance.run("setattr", "log-filename", "")


@pytest.mark.root
def test_the_log_goes_to_syslog(flux_start):
    path = Path("/dev/log")
    if path.exists():
        pytest.skip("there is a syslog already")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(10 * PATIENCE)
        try:
            instance = flux_start(args=["-Slog-syslog-enable=1", "-Slog-syslog-level=3"])
            instance.run("logger", "-s", "info", "not this")
            instance.run("logger", "-s", "err", "but this")
            line = s.recv(4096).decode()
        finally:
            path.unlink()
    assert line.startswith("<27>") and line.endswith("logger.err[0]: but this") and "not this" not in line
