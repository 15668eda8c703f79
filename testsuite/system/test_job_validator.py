# SPDX-License-Identifier: LGPL-3.0-only
"""`flux job-validator` and `flux job-frobnicator`: a job a line in, an answer a line out."""

import json

import pytest

pytestmark = pytest.mark.plain  # the interpreter is not built with sanitizers

CONFIG = """
[policy.jobspec.defaults.system]
duration = "1h"
queue = "batch"
[queues.batch]
requires = ["batch"]
[queues.debug]
[queues.debug.policy.jobspec.defaults.system]
duration = "10m"
"""


def spec(command=("true",), resources=None, **system):
    slot = {"type": "slot", "count": 1, "label": "task", "with": [{"type": "core", "count": 1}]}
    task = {"command": list(command), "slot": "task", "count": {"per_slot": 1}}
    return {
        "version": 1,
        "resources": [resources or slot],
        "tasks": [task],
        "attributes": {"system": {"duration": 0, **system}},
    }


def ask(instance, tool, *args, jobs):
    lines = "".join(json.dumps({"jobspec": j, "userid": 1000, "urgency": 16, "flags": 0}) + "\n" for j in jobs)
    result = instance.flux(tool, *args, stdin=lines)
    assert result.ok, result
    return [json.loads(line) for line in result.lines]


def test_plugins_are_listed(instance):
    assert instance.run("job-validator", "--list-plugins").split("\n") == [
        "Available plugins:",
        "feasibility           Use sched.feasibility RPC to validate job",
        "jobspec               Python bindings based jobspec validator",
        "require-instance      Require that all jobs are new instances of Flux",
        "schema                Validate jobspec using jsonschema",
    ]


@pytest.mark.parametrize("plugin", ["jobspec", "schema"])
def test_a_bad_jobspec_is_refused_and_the_next_one_served(instance, plugin):
    bad = {**spec(), "tasks": []}
    good, refused, again = ask(instance, "job-validator", f"--plugins={plugin}", jobs=[spec(), bad, spec()])
    assert good == again == {"errnum": 0}
    assert refused["errnum"] == 22 and "tasks" in refused["errstr"]


def test_what_is_no_job_is_refused(instance):
    result = instance.flux("job-validator", stdin='[]\nnonsense\n{"jobspec": 1}\n')
    assert [json.loads(s)["errnum"] for s in result.lines] == [22, 22, 22]


def test_a_jobspec_alone_is_understood(instance):
    result = instance.flux("job-validator", "--jobspec-only", stdin=json.dumps(spec()) + "\n")
    assert json.loads(result.out) == {"errnum": 0}


def test_a_job_that_can_never_run_is_infeasible(instance):
    slot = {"type": "slot", "count": 100000, "label": "task", "with": [{"type": "core", "count": 1}]}
    good, bad = ask(instance, "job-validator", "--plugins=feasibility", jobs=[spec(), spec(resources=slot)])
    assert good["errnum"] == 0 and bad["errnum"] and bad["errstr"]


def test_instances_can_be_required(instance):
    jobs = [spec(), spec(["flux", "broker", "x"])]
    direct, nested = ask(instance, "job-validator", "--plugins=require-instance", jobs=jobs)
    assert nested["errnum"] == 0 and direct["errnum"] == 22
    assert direct["errstr"] == (
        "Direct job submission is disabled for this instance. "
        "Please use the flux-batch(1) or flux-alloc(1) commands."
    )
    args = ("--plugins=require-instance", "--require-instance-mincores=4")
    small, _ = ask(instance, "job-validator", *args, jobs=jobs)
    assert small["errnum"] == 0


def test_a_site_may_bring_a_plugin(instance):
    (instance.dir / "no_sleep.py").write_text(
        "from flux.ingest import Refused\n"
        "class Validator:\n"
        "    'Nobody sleeps'\n"
        "    def __init__(self, context): pass\n"
        "    def __call__(self, job):\n"
        "        if job.jobspec['tasks'][0]['command'][0] == 'sleep':\n"
        "            raise Refused('no sleeping', 1)\n"
    )
    plugins = f"--plugins=jobspec,{instance.dir}/no_sleep.py"
    good, bad = ask(instance, "job-validator", plugins, jobs=[spec(), spec(["sleep", "1"])])
    assert good["errnum"] == 0 and bad == {"errnum": 1, "errstr": "no sleeping"}
    assert instance.flux("job-validator", "--plugins=nothing.there", stdin="").rc == 1


def test_defaults_and_constraints_are_applied(flux_start):
    instance = flux_start(1, config=CONFIG)
    jobs = [spec(), spec(queue="debug"), spec(duration=5, constraints={"hostlist": ["a"]}), spec(queue="no")]
    plain, debug, given, wrong = ask(instance, "job-frobnicator", jobs=jobs)
    system = plain["data"]["attributes"]["system"]
    assert system == {"duration": 3600, "queue": "batch", "constraints": {"properties": ["batch"]}}
    assert debug["data"]["attributes"]["system"] == {"duration": 600, "queue": "debug"}
    system = given["data"]["attributes"]["system"]
    assert system["duration"] == 5
    assert system["constraints"] == {"and": [{"hostlist": ["a"]}, {"properties": ["batch"]}]}
    assert wrong == {"errnum": 22, "errstr": "Invalid queue 'no' specified"}
