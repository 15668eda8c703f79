# SPDX-License-Identifier: LGPL-3.0-only
"""flux.job and flux.kvs over a broker made of Python."""

import asyncio
import errno
import json

import pytest

import flux
import flux.job
import flux.kvs
from flux.job import JobspecV1
from flux.v1 import job_info_pb2, job_ingest_pb2, job_list_pb2, job_manager_pb2, kvs_pb2

ID = 1 << 30


def event(name, t=1.0, **context):
    return json.dumps({"timestamp": t, "name": name, "context": context}) + "\n"


def log(*events):
    return [job_info_pb2.JobInfoWatchResponse(events=e) for e in events]


def test_jobspec_says_what_was_asked_for():
    spec = JobspecV1.from_command(
        ["hostname"], num_tasks=5, num_nodes=2, cores_per_task=3, gpus_per_task=1, duration="1m",
        cwd="/tmp", environment={"A": "b"}, name="x", output="out.txt", queue="debug",
    )  # fmt: skip
    o = json.loads(str(spec))
    assert o["version"] == 1
    node = o["resources"][0]
    assert (node["type"], node["count"], node["with"][0]["count"]) == ("node", 2, 3)
    assert node["with"][0]["with"] == [{"type": "core", "count": 3}, {"type": "gpu", "count": 1}]
    assert o["tasks"] == [{"command": ["hostname"], "slot": "task", "count": {"total": 5}}]
    system = o["attributes"]["system"]
    assert system["duration"] == 60 and system["cwd"] == "/tmp" and system["environment"] == {"A": "b"}
    assert system["job"]["name"] == "x" and system["queue"] == "debug"
    assert system["shell"]["options"]["output"]["stdout"] == {"type": "file", "path": "out.txt"}
    assert spec.stdout == "out.txt" and spec.duration == 60


@pytest.mark.parametrize(
    "args", [{"num_tasks": 0}, {"num_nodes": 2}, {"duration": -1}, {"exclusive": True}, {"duration": "x"}]
)
def test_bad_requests_are_value_errors(args):
    with pytest.raises(ValueError):
        JobspecV1.from_command(["true"], **args)
    with pytest.raises(ValueError):
        JobspecV1.from_command("true")


def test_attributes_are_set_by_dotted_key():
    spec = JobspecV1.from_command(["true"])
    spec.setattr("a.b", 1)
    spec.setattr("user.x", 2)
    spec.setattr("attributes.system.a.c", 3)
    assert spec.getattr("a") == {"b": 1, "c": 3} and spec.getattr("user.x") == 2
    spec.setattr("a.b", None)
    assert spec.getattr("a") == {"c": 3}
    copy = spec.copy()
    copy.setattr("a.c", 4)
    assert spec.getattr("a.c") == 3


def test_submit_returns_the_id(broker, h):
    def submit(r):
        assert json.loads(r.jobs[0].jobspec)["tasks"][0]["command"] == ["true"]
        assert (r.urgency_plus_one, r.flags) == (17, 2)
        return job_ingest_pb2.JobIngestSubmitResponse(outcomes=[{"id": ID}])

    broker.on("JobIngest/Submit", submit)
    jobid = flux.job.submit(h, JobspecV1.from_command(["true"]), waitable=True)
    assert jobid == ID and isinstance(jobid, flux.JobID)


def test_a_refused_job_raises(broker, h):
    refusal = {"errnum": errno.EINVAL, "text": "duration is over the limit"}
    broker.on(
        "JobIngest/Submit", lambda r: job_ingest_pb2.JobIngestSubmitResponse(outcomes=[refusal])
    )
    with pytest.raises(flux.FluxError, match="over the limit"):
        flux.job.submit(h, "{}")


def test_events_are_followed_over_item_borders(broker, h):
    items = log(event("submit") + event("alloc"), event("clean"))
    broker.on("JobInfo/Watch", lambda r: items)
    assert [e.name for e in flux.job.event_watch(h, ID)] == ["submit", "alloc", "clean"]
    assert flux.job.event_wait(h, ID, "alloc").name == "alloc"


def test_waiting_for_an_event_of_a_failed_job_raises_its_exception(broker, h):
    failure = event("exception", type="exec", severity=0, note="no such file")
    broker.on("JobInfo/Watch", lambda r: log(event("submit"), failure, event("clean")))
    with pytest.raises(flux.job.JobException, match="exec: no such file"):
        flux.job.event_wait(h, ID, "start")


@pytest.mark.parametrize(
    "events, result, code",
    [
        ([event("finish", status=0)], "COMPLETED", 0),
        ([event("finish", status=256)], "FAILED", 1),
        ([event("exception", type="cancel", severity=0), event("finish", status=15)], "CANCELED", -15),
        ([event("exception", type="timeout", severity=0), event("finish", status=15)], "TIMEOUT", -15),
        ([event("exception", type="alloc", severity=0)], "FAILED", None),
    ],
)
def test_result_tells_what_became_of_a_job(broker, h, events, result, code):
    broker.on("JobInfo/Watch", lambda r: log(*events, event("clean")))
    got = flux.job.result(h, ID)
    assert (got.result, got.returncode, got.success) == (result, code, result == "COMPLETED")
    assert asyncio.run(flux.job.result_async(h, ID)).result == result


def test_wait_cancel_kill_and_urgency(broker, h):
    seen = []

    def keep(answer):
        return lambda r: seen.append(r) or answer

    broker.on("JobManager/Wait", lambda r: job_manager_pb2.JobManagerWaitResponse(id=ID, success=True))
    broker.on("JobManager/Raise", keep(job_manager_pb2.JobManagerRaiseResponse()))
    broker.on("JobManager/Kill", keep(job_manager_pb2.JobManagerKillResponse()))
    broker.on("JobManager/SetUrgency", keep(job_manager_pb2.JobManagerSetUrgencyResponse(previous=16)))
    assert flux.job.wait(h) == (ID, True, "")
    flux.job.cancel(h, flux.JobID(ID).f58, "enough")
    flux.job.kill(h, ID, 9)
    assert flux.job.set_urgency(h, ID, 31) == 16
    assert (seen[0].type, seen[0].note, seen[1].signum, seen[2].urgency) == ("cancel", "enough", 9, 31)


def test_jobs_are_listed(broker, h):
    job = {"id": ID, "state": 64, "result": 2, "name": "x", "waitstatus": 256, "has_status": True}
    broker.on("JobList/List", lambda r: job_list_pb2.JobListListResponse(jobs=[job]))
    (got,) = flux.job.job_list(h, states=["run", "INACTIVE"])
    assert (got.id, got.state, got.result, got.returncode, got.name) == (ID, "INACTIVE", "FAILED", 1, "x")
    assert broker.requests[-1][1].states == 16 | 64
    with pytest.raises(ValueError):
        flux.job.job_list(h, states=["asleep"])
    with pytest.raises(AttributeError):
        got.colour


class Store(dict):
    """Enough of a key-value store."""

    def get_rpc(self, r):
        if r.key == "." or r.key in self.dirs():
            names = sorted({k.removeprefix(r.key + ".").split(".")[0] for k in self if self.under(k, r.key)})
            return kvs_pb2.KvsGetResponse(type=2, entries=[{"name": n} for n in names])
        if r.key not in self:
            return errno.ENOENT
        return kvs_pb2.KvsGetResponse(type=1, value=self[r.key])

    @staticmethod
    def under(key, path):
        return path == "." or key.startswith(path + ".")

    def dirs(self):
        return {k.rsplit(".", n)[0] for k in self for n in range(1, k.count(".") + 1)}

    def commit_rpc(self, r):
        for op in r.ops:
            if op.kind == 1:
                self[op.key] = op.value
            elif op.kind == 3:
                self.pop(op.key, None)
        return kvs_pb2.KvsCommitResponse(version=1)


@pytest.fixture
def store(broker):
    s = Store()
    broker.on("Kvs/Get", s.get_rpc)
    broker.on("Kvs/Commit", s.commit_rpc)
    return s


def test_kvs_values_are_json(h, store):
    flux.kvs.put(h, "a.b", {"x": [1, 2]})
    assert flux.kvs.get(h, "a.b") == {"x": [1, 2]} and store["a.b"] == b'{"x":[1,2]}'
    assert flux.kvs.exists(h, "a.b") and not flux.kvs.exists(h, "a.c") and flux.kvs.isdir(h, "a")
    with pytest.raises(KeyError):
        flux.kvs.get(h, "nope")
    with pytest.raises(IsADirectoryError):
        flux.kvs.get(h, "a")
    flux.kvs.unlink(h, "a.b")
    assert not flux.kvs.exists(h, "a.b")


def test_a_transaction_is_one_commit(broker, h, store):
    with flux.kvs.Transaction(h) as t:
        t.put("a", 1).put("b", 2)
    assert len([m for m, _ in broker.requests if m.method.endswith("Commit")]) == 1


def test_a_directory_is_a_mapping(h, store):
    with flux.kvs.KVSDir(h) as d:
        d["x"] = 1
        d["sub"] = {"y": 2, "z": 3}
    d = flux.kvs.get_dir(h)
    assert list(d) == ["sub", "x"] and d["x"] == 1 and d["sub"]["y"] == 2 and "x" in d and len(d) == 2
    assert dict(d["sub"].items()) == {"y": 2, "z": 3}


def test_a_key_can_be_watched(broker, h):
    items = [
        kvs_pb2.KvsWatchResponse(absent=True),
        kvs_pb2.KvsWatchResponse(type=1, value=b"7"),
    ]
    broker.on("Kvs/Watch", lambda r: items)
    assert list(flux.kvs.watch(h, "a", waitcreate=True)) == [None, 7]
