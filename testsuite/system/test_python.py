# SPDX-License-Identifier: LGPL-3.0-only
"""Package flux in a real instance, with Debian's own Python."""

import subprocess

import pytest
from conftest import BUILD, PATIENCE

pytestmark = pytest.mark.plain  # the interpreter is not built with sanitizers

PACKAGE = BUILD / "bindings/python"


@pytest.fixture
def python(instance):
    """Run a program in the instance: its output."""

    def run(program, uri=None):
        env = {**instance.env, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
        if uri:
            env["FLUX_URI"] = uri
        head = "import flux, flux.job, flux.kvs\nh = flux.Flux()\n"
        done = subprocess.run(
            ["/usr/bin/python3", "-c", head + program], env=env, cwd=instance.dir, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def test_it_connects_and_calls(python):
    assert python("print(h.rank, h.size, h.broker.ping(seq=5).seq, h.attr_get('size'))") == "0 1 5 1".split()


def test_flux_python_finds_the_package(instance):
    assert instance.run("python", "-c", "import flux; print(flux.Flux().size)") == "1"
    assert instance.run("python", "--get-path") == str(PACKAGE)
    assert instance.run("python", "--list-versions").startswith("Python 3")


def test_values_are_stored_and_watched(python):
    program = """
flux.kvs.put(h, "py.a", [1, {"x": None}])
print(flux.kvs.get(h, "py.a") == [1, {"x": None}], flux.kvs.listdir(h, "py"))
w = flux.kvs.watch(h, "py.a")
next(w)
flux.kvs.put(h, "py.a", 2)
print(next(w))
w.close()
flux.kvs.unlink(h, "py")
print(flux.kvs.exists(h, "py"))
"""
    assert python(program) == ["True", "['a']", "2", "False"]


def test_a_job_is_submitted_and_its_result_known(python):
    program = """
from flux.job import JobspecV1
good = flux.job.submit(h, JobspecV1.from_command(["true"]))
bad = flux.job.submit(h, JobspecV1.from_command(["sh", "-c", "exit 3"]))
print(flux.job.result(h, good).result, flux.job.result(h, bad).returncode)
print(flux.job.event_wait(h, good, "finish").context["status"])
print(flux.job.get_job(h, good).result, bad in [j.id for j in flux.job.job_list(h, results=["failed"])])
"""
    assert python(program) == ["COMPLETED", "3", "0", "COMPLETED", "True"]


def test_a_job_is_cancelled(python):
    program = """
from flux.job import JobspecV1
id = flux.job.submit(h, JobspecV1.from_command(["sleep", "inf"]))
flux.job.event_wait(h, id, "start")
flux.job.cancel(h, id, "enough")
r = flux.job.result(h, id)
print(r.result, r.exception.note)
"""
    assert python(program) == ["CANCELED", "enough"]


def test_waitable_jobs_are_waited_for(python):
    program = """
from flux.job import JobspecV1
ids = {flux.job.submit(h, JobspecV1.from_command([c]), waitable=True) for c in ("true", "false")}
done = [flux.job.wait(h) for _ in ids]
print({d.jobid for d in done} == ids, sorted(d.success for d in done))
"""
    assert python(program) == ["True", "[False,", "True]"]


def test_output_is_read(python):
    program = """
from flux.job import JobspecV1
id = flux.job.submit(h, JobspecV1.from_command(["echo", "hello"], num_tasks=2))
print(sorted((s, r, d.decode().strip()) for s, r, d in flux.job.output_watch(h, id)))
"""
    assert " ".join(python(program)) == "[('stdout', 0, 'hello'), ('stdout', 1, 'hello')]"


def test_many_jobs_at_once_with_asyncio(python):
    program = """
import asyncio
from flux.job import JobspecV1, submit_async, result_async

async def main():
    spec = JobspecV1.from_command(["true"])
    ids = await asyncio.gather(*(submit_async(h, spec) for _ in range(20)))
    done = await asyncio.gather(*(result_async(h, i) for i in ids))
    print(len(set(ids)), {d.result for d in done})

asyncio.run(main())
"""
    assert python(program) == ["20", "{'COMPLETED'}"]


def test_a_bad_jobspec_is_an_error_with_a_reason(python):
    program = """
try:
    flux.job.submit(h, '{"version": 1}')
except flux.FluxError as e:
    print(e.errno, bool(e.text))
"""
    assert python(program) == ["22", "True"]


