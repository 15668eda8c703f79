# SPDX-License-Identifier: LGPL-3.0-only
"""Real instances for the system tests.

`instance` is one of size 1 shared by the tests of a file, `instance4` one of four brokers;
`flux_start(size, ...)` starts another, which the test may break. Each lives in a temporary directory,
is stopped at the end, and shows its log when a test that used it fails. Nothing sleeps: waits are on
events, each with a bound.
"""
import faulthandler
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import processes
from cluster import Cluster, Clusters
from commands import BUILD, FLUX, PATIENCE, ROOT, SANITIZE, Result, clean_env, execute  # noqa: F401  tests take them from here


class Instance:
    """A running instance. Its initial program tells the URI through a pipe and ends when told so."""

    # then wait until the test closes standard input
    PROGRAM = 'echo "$FLUX_URI" >uri && cat >/dev/null'

    def __init__(self, size=1, args=(), config=None, env=None, statedir=None, timeout=30):
        self.size = size
        self.dir = Path(tempfile.mkdtemp(prefix="flux-test-"))
        self.log_path = self.dir / "log"
        args = list(args)
        if config is not None:
            (self.dir / "config").mkdir()
            (self.dir / "config" / "test.toml").write_text(config)
            args += [f"--config-path={self.dir / 'config'}"]
        if statedir:
            args += [f"-Sstatedir={statedir}"]
        self.env = clean_env(TMPDIR=self.dir, **(env or {}))
        self._spawn([FLUX, "start", f"-s{size}", *args, "sh", "-c", self.PROGRAM])
        try:
            self._await_uri(timeout)
        except BaseException:
            self.crash()
            self.clean()
            raise

    def _spawn(self, command):
        os.mkfifo(self.dir / "uri")
        self._uri_pipe = os.open(self.dir / "uri", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=log, stderr=log,
                                            env=self.env, cwd=self.dir, start_new_session=True)

    def _await_uri(self, timeout):
        data, deadline = b"", time.monotonic() + timeout * PATIENCE
        exited, poll = os.pidfd_open(self.process.pid), select.poll()
        for fd in (self._uri_pipe, exited):
            poll.register(fd, select.POLLIN)
        try:
            while not data.endswith(b"\n"):
                ready = dict(poll.poll(max(0, deadline - time.monotonic()) * 1000))
                if ready.get(self._uri_pipe, 0) & select.POLLIN:
                    data += os.read(self._uri_pipe, 4096)
                elif self._uri_pipe in ready and exited not in ready:
                    poll.unregister(self._uri_pipe)  # whoever wrote has gone: so will the rest
                elif ready:
                    raise AssertionError(f"flux start -s{self.size} ended\n{self.log}")
                else:
                    raise AssertionError(f"flux start -s{self.size}: not up in time\n{self.log}")
        finally:
            os.close(exited)
            os.close(self._uri_pipe)
        self.uri = data.decode().strip()
        self.env["FLUX_URI"] = self.uri

    def report(self):
        """For a test that fails."""
        return self.log[-8000:]

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def flux(self, *args, stdin=None, timeout=30, env=None, check=False):
        """Run a flux command in the instance. One string argument is split at blanks."""
        if len(args) == 1 and isinstance(args[0], str):
            args = args[0].split()
        result = execute([FLUX, *args], timeout, stdin, {**self.env, **(env or {})}, self.dir)
        assert result.ok or not check, repr(result)
        return result

    def run(self, *args, **kwargs):
        """A flux command that must succeed; its output without the last newline."""
        return self.flux(*args, check=True, **kwargs).out.rstrip("\n")

    def spawn(self, *args, **kwargs):
        """A flux command in the background: a Popen with text pipes; the test ends it."""
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([str(FLUX), *map(str, args)], text=True, env=self.env, cwd=self.dir, **kwargs)

    def until(self, condition, what, timeout=30):
        """Until condition() is true; its value."""
        deadline = time.monotonic() + timeout * PATIENCE
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not in time: {what}"
            time.sleep(0.01)
        return value

    def await_log(self, text, timeout=30):
        """The first line of the log that has the text, which may still have to come."""
        with self.spawn("dmesg", "--follow") as process:
            limit = threading.Timer(timeout * PATIENCE, process.kill)
            limit.start()
            line = next((line for line in process.stdout if text in line), "")
            limit.cancel()
            process.kill()
        assert line, f"nothing with {text!r} is logged"
        return line

    def stop(self, timeout=30):
        """End the initial program and wait for all brokers; the exit code of flux start."""
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout * PATIENCE)
            except subprocess.TimeoutExpired:
                self.crash()
                raise AssertionError(f"flux start -s{self.size}: did not stop\n{self.log}") from None
        return self.process.returncode

    def crash(self):
        """As if the machine lost power: when this returns, nothing of it runs any more, and all files are free."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        processes.end(self.mark)

    @property
    def mark(self):
        """What the environment of all of its processes has."""
        return f"TMPDIR={self.dir}"

    def leftovers(self):
        """What still runs of it, a moment after it has stopped; it is killed."""
        return processes.left_behind(self.mark)

    def clean(self):
        """Stop; the directory goes. Nothing may be left running: the descriptions of what was, with the log."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            left = self.leftovers()
            log = self.report()
            shutil.rmtree(self.dir, ignore_errors=True)
        return [*left, log] if left else []


STDERR = os.dup(sys.__stderr__.fileno())  # where nothing captures it


def pytest_configure(config):
    config.addinivalue_line("markers", "plain: cannot run in a build with sanitizers")
    config.addinivalue_line("markers", "root: needs root")


def pytest_collection_modifyitems(items):
    for item in items:
        if SANITIZE and item.get_closest_marker("plain"):
            item.add_marker(pytest.mark.skip(reason=f"not in a build with -fsanitize={SANITIZE}"))
        if os.geteuid() != 0 and item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


# --- a test that hangs, and one that fails ---

LIMIT = float(os.environ.get("FLUX_TEST_LIMIT", "600"))  # seconds, for set-up, test and tear-down each


def bounded():
    """What hangs fails, and so shows all that a failure shows. What cannot even be interrupted ends its worker, which
    tells where its threads are."""
    def late(*_):
        pytest.fail(f"no end after {LIMIT:.0f} s")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    faulthandler.dump_traceback_later(LIMIT + 120, exit=True, file=STDERR)
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_setup():
    yield from bounded()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_call():
    yield from bounded()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_teardown():
    yield from bounded()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows what there is to read of all that the test used: whatever has a report()."""
    report = (yield).get_result()
    if not report.failed:
        return
    for name, value in item.funcargs.items():
        for used in value if isinstance(value, list) else [value]:
            if not callable(getattr(used, "report", None)):
                continue
            try:
                text = used.report()
            except (Exception, pytest.fail.Exception) as e:  # pylint: disable=broad-except
                text = repr(e)
            if text:
                report.sections.append((f"{name}: {used!r}", text))


def running(size):
    instance = Instance(size)
    yield instance
    assert instance.clean() == [], "processes were left behind"


@pytest.fixture(scope="module")
def instance():
    yield from running(1)


@pytest.fixture(scope="module")
def instance4():
    yield from running(4)


@pytest.fixture
def instances():
    """The instances that flux_start made, for the report of a failure."""
    return []


@pytest.fixture
def flux_start(instances):
    """flux_start(size, args=[...], config=TOML, env={...}, statedir=PATH): an instance of one's own."""
    def start(size=1, **kwargs):
        instances.append(Instance(size, **kwargs))
        return instances[-1]
    yield start
    left = [pid for i in instances for pid in i.clean()]
    assert left == [], "processes were left behind"


@pytest.fixture(scope="session")
def mpi_hello(tmp_path_factory):
    """testsuite/mpi/hello.c, built with MPICH."""
    mpicc = shutil.which("mpicc.mpich")
    if not mpicc:
        pytest.skip("no mpicc.mpich")
    exe = tmp_path_factory.mktemp("mpi") / "hello"
    subprocess.run([mpicc, "-o", exe, ROOT / "testsuite/mpi/hello.c"], check=True)
    return exe


# --- virtual clusters: see cluster/README.md ---


@pytest.fixture(scope="session")
def _clusters():
    clusters = Clusters()
    yield clusters
    clusters.close()


@pytest.fixture
def cluster(_clusters):
    """A virtual cluster of four nodes, all of them well, shared by the tests of a session."""
    return _clusters.shared()


@pytest.fixture
def clusters():
    """The clusters that cluster_start made, for the report of a failure."""
    return []


@pytest.fixture
def cluster_start(_clusters, clusters):
    """cluster_start(size, config=TOML, parents={HOST: HOST}, boot=True, flux=True): one of one's own, to break."""
    def start(size=4, **kwargs):
        clusters.append(_clusters.start(size, **kwargs))
        return clusters[-1]
    yield start
    for own in clusters:
        own.close()
