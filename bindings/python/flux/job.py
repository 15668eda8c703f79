# SPDX-License-Identifier: LGPL-3.0-only
"""Jobs: submit, follow, wait, signal, cancel, list."""

import errno
import json
import signal as signals
from collections import namedtuple

from flux._lib import check, encode, ffi, lib, new_error, take
from flux.error import FluxError
from flux.fluid import JobID
from flux.jobspec import JobspecV1

__all__ = [
    "EventLogEvent", "JobException", "JobID", "JobInfo", "JobResult", "JobspecV1", "JobWaitResult",
    "cancel", "event_wait", "event_watch", "get_job", "job_list", "job_list_inactive",
    "job_kvs_lookup", "kill", "memo", "output_watch", "raise_exception", "result", "result_async",
    "set_urgency", "sign_request", "submit", "submit_async", "submit_many", "timeleft", "wait",
]  # fmt: skip

DEBUG, WAITABLE, NOVALIDATE = 1, 2, 4
ANY_USER = 0xFFFFFFFF
STATES = {
    1: "NEW", 2: "DEPEND", 4: "PRIORITY", 8: "SCHED", 16: "RUN", 32: "CLEANUP", 64: "INACTIVE",
}  # fmt: skip
RESULTS = {0: "", 1: "COMPLETED", 2: "FAILED", 4: "CANCELED", 8: "TIMEOUT"}

JobWaitResult = namedtuple("JobWaitResult", "jobid success errstr")


class JobException(Exception):
    """A job ended before the event that was waited for: `type`, `severity`, `note`."""

    def __init__(self, type, severity, note):
        super().__init__(f"{type}: {note}" if note else type)
        self.type, self.severity, self.note = type, severity, note


class EventLogEvent(dict):
    """One entry of an eventlog: name, timestamp, context."""

    def __init__(self, event):
        super().__init__(json.loads(event) if isinstance(event, str) else event)
        self.setdefault("context", {})

    @property
    def name(self):
        return self["name"]

    @property
    def timestamp(self):
        return self["timestamp"]

    @property
    def context(self):
        return self["context"]

    def __str__(self):
        words = " ".join(f"{k}={json.dumps(v)}" for k, v in self.context.items())
        return f"{self.timestamp:.6f} {self.name} {words}".rstrip()


# --- submit ---


def _text(spec):
    return spec if isinstance(spec, str) else json.dumps(spec) if isinstance(spec, dict) else str(spec)


def sign_request(h, jobspec, sign_type=None):
    """The signed request (RFC 15) for a jobspec; None where the instance needs none of us."""
    j, err = ffi.new("char **"), new_error()
    args = (h.handle, encode(sign_type), encode(_text(jobspec)), j, err)
    return take(j[0]) if check(lib.flux_sign_request(*args), err, FluxError) else None


def _request(h, jobspec, sign_type):
    text = _text(jobspec)
    signed = sign_request(h, text, sign_type)
    return {"signed": signed} if signed else {"jobspec": text}


def _flags(waitable, debug, novalidate):
    return WAITABLE * bool(waitable) | DEBUG * bool(debug) | NOVALIDATE * bool(novalidate)


def _outcome(o):
    if o.errnum:
        raise FluxError(o.errnum, o.text)
    return JobID(o.id)


class SubmitFuture:
    """get_id(), or `await`: the job id."""

    def __init__(self, future):
        self.future = future

    def get_id(self, timeout=None):
        return _outcome(self.future.get(timeout).outcomes[0])

    get = get_id

    def then(self, callback, *args):
        self.future.then(lambda f: callback(self, *args))
        return self

    def __await__(self):
        answer = yield from self.future.__await__()
        return _outcome(answer.outcomes[0])


def submit_async(
    h, jobspec, urgency=16, waitable=False, debug=False, novalidate=False, sign_type=None
):
    return SubmitFuture(
        h.job_ingest.submit_async(
            jobs=[_request(h, jobspec, sign_type)],
            urgency_plus_one=urgency + 1,
            flags=_flags(waitable, debug, novalidate),
        )
    )


def submit(h, jobspec, urgency=16, waitable=False, debug=False, novalidate=False, sign_type=None):
    """Submit a JobspecV1, dict or JSON text. The id comes back when the job is durable.

    Where the instance is another user's, or with a sign_type ("munge", "curve", "none"), the request
    is signed.
    """
    return submit_async(h, jobspec, urgency, waitable, debug, novalidate, sign_type).get_id()


def submit_many(
    h, jobspecs, urgency=16, waitable=False, debug=False, novalidate=False, sign_type=None
):
    """Many in one go: a list of JobID, or of FluxError for those that were refused."""
    answer = h.job_ingest.submit(
        jobs=[_request(h, s, sign_type) for s in jobspecs],
        urgency_plus_one=urgency + 1,
        flags=_flags(waitable, debug, novalidate),
    )
    return [JobID(o.id) if not o.errnum else FluxError(o.errnum, o.text) for o in answer.outcomes]


# --- follow ---


class EventWatch:
    """Iterate (or `async for`) over the events of a job; cancel() or the end of a `with` ends it."""

    def __init__(self, stream):
        self.stream = stream
        self._lines = []

    def _put(self, item):
        self._lines = item.events.splitlines()[::-1]

    def __iter__(self):
        return self

    def __next__(self):
        while not self._lines:
            self._put(next(self.stream))
        return EventLogEvent(self._lines.pop())

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self._lines:
            self._put(await self.stream.__anext__())
        return EventLogEvent(self._lines.pop())

    def cancel(self):
        self.stream.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.cancel()


def event_watch(h, jobid, eventlog="eventlog"):
    """Events of a job so far, then new ones, until its log is complete."""
    path = "" if eventlog == "eventlog" else eventlog
    return EventWatch(h.job_info.watch(id=JobID(jobid), path=path, waitcreate=bool(path)))


event_watch_async = event_watch


def event_wait(h, jobid, name, eventlog="eventlog", raiseJobException=True):
    """The first event of that name. JobException if the job ended without it, and why is known."""
    failed = None
    with event_watch(h, jobid, eventlog) as events:
        for event in events:
            if event.name == name:
                return event
            if event.name == "exception" and event.context.get("severity") == 0:
                failed = event.context
    if failed and raiseJobException:
        raise JobException(failed.get("type", ""), 0, failed.get("note", ""))
    raise FluxError(errno.ENODATA, f"{JobID(jobid)}: the event '{name}' never came")


class JobResult:
    """What became of a job, from its events: result, returncode, exception, times."""

    def __init__(self, jobid):
        self.id = JobID(jobid)
        self.result = "COMPLETED"
        self.waitstatus = None
        self.exception = None
        self.times = {}

    def take(self, event):
        self.times.setdefault(event.name, event.timestamp)
        if event.name == "finish":
            self.waitstatus = event.context["status"]
            if self.waitstatus and self.result == "COMPLETED":
                self.result = "FAILED"
        elif event.name == "exception" and event.context.get("severity") == 0:
            self._failed(event.context)

    def _failed(self, context):
        if self.exception is None:
            self.exception = JobException(context.get("type", ""), 0, context.get("note", ""))
            kinds = {"cancel": "CANCELED", "timeout": "TIMEOUT"}
            self.result = kinds.get(self.exception.type, "FAILED")

    @property
    def success(self):
        return self.result == "COMPLETED"

    @property
    def returncode(self):
        """Exit code; -N: died of signal N; None: never started."""
        if self.waitstatus is None:
            return None
        n = self.waitstatus & 0x7F
        return -n if n else self.waitstatus >> 8

    @property
    def runtime(self):
        if "start" not in self.times:
            return 0.0
        return self.times.get("finish", self.times["start"]) - self.times["start"]

    def __repr__(self):
        return f"<{self.id} {self.result} returncode={self.returncode}>"


def result(h, jobid):
    """Wait until a job has ended; what became of it."""
    out = JobResult(jobid)
    with event_watch(h, jobid) as events:
        for event in events:
            out.take(event)
    return out


async def result_async(h, jobid):
    out = JobResult(jobid)
    async for event in event_watch(h, jobid):
        out.take(event)
    return out


def wait(h, jobid=0):
    """Wait for a waitable job of ours (0: any) to end: (jobid, success, errstr)."""
    answer = h.job_manager.wait(id=JobID(jobid))
    return JobWaitResult(JobID(answer.id), answer.success, answer.text)


def output_watch(h, jobid, nofollow=False):
    """Output of a job as it comes: ("stdout" | "stderr", task rank, bytes)."""
    names = {1: "stdout", 2: "stderr"}
    with h.job_io.read(id=JobID(jobid), nofollow=nofollow) as items:
        for item in items:
            for frame in item.frames:
                if frame.stream in names and frame.data:
                    yield names[frame.stream], frame.rank, frame.data


# --- act ---


def raise_exception(h, jobid, type="cancel", severity=0, note=""):
    h.job_manager.raise_(id=JobID(jobid), type=type, severity=severity, note=note)


def cancel(h, jobid, reason=""):
    raise_exception(h, jobid, note=reason)


def kill(h, jobid, signum=signals.SIGTERM):
    """Signal the tasks of a running job."""
    h.job_manager.kill(id=JobID(jobid), signum=int(signum))


def set_urgency(h, jobid, urgency):
    """0 hold, 16 default, 31 expedite; the previous one is returned."""
    return h.job_manager.set_urgency(id=JobID(jobid), urgency=urgency).previous


def memo(h, jobid, volatile=False, **notes):
    """Attach notes; None removes one."""
    h.job_manager.memo(id=JobID(jobid), memo=json.dumps(notes), volatile=volatile)


# --- look up ---


class JobInfo:
    """One job of a listing. What job-list tells is an attribute; times are seconds since the epoch."""

    def __init__(self, job):
        self._job = job

    def __getattr__(self, name):
        try:
            return getattr(self._job, name)
        except AttributeError:
            raise AttributeError(f"a job has no '{name}'") from None

    @property
    def id(self):
        return JobID(self._job.id)

    @property
    def state(self):
        return STATES.get(self._job.state, str(self._job.state))

    @property
    def result(self):
        return RESULTS.get(self._job.result, str(self._job.result))

    @property
    def status(self):
        return self.result or self.state

    @property
    def returncode(self):
        """Exit code; -N: died of signal N; None: not known."""
        if not self._job.has_status:
            return None
        n = self._job.waitstatus & 0x7F
        return -n if n else self._job.waitstatus >> 8

    @property
    def annotations(self):
        return json.loads(self._job.annotations or "{}")

    @property
    def runtime(self):
        if not self._job.t_run:
            return 0.0
        import time

        return (self._job.t_cleanup or time.time()) - self._job.t_run

    def __repr__(self):
        return f"<{self.id} {self._job.name} {self.status}>"


def _mask(names, wanted):
    bits = {name: bit for bit, name in names.items()}
    try:
        return sum(bits[w.upper()] for w in wanted)
    except KeyError as e:
        raise ValueError(f"unknown state or result {e}; known: {', '.join(bits)}") from None


def job_list(h, max_entries=1000, userid=ANY_USER, states=(), results=(), since=0.0, name="", queue=""):
    """Jobs that match; states and results by name ("RUN", "FAILED"), none = all."""
    answer = h.job_list.list(
        max_entries=max_entries,
        userid=userid,
        states=_mask(STATES, states),
        results=_mask(RESULTS, results),
        since=since,
        name=name,
        queue=queue,
    )
    return [JobInfo(j) for j in answer.jobs]


def job_list_inactive(h, since=0.0, max_entries=1000, name="", queue=""):
    return job_list(h, max_entries, states=["INACTIVE"], since=since, name=name, queue=queue)


def get_job(h, jobid):
    """One job; FluxError ENOENT if there is none of that id."""
    return JobInfo(h.job_list.ids(ids=[JobID(jobid)]).jobs[0])


def job_kvs_lookup(h, jobid, keys=("jobspec",), decode=True, current=True):
    """Keys of a job ("jobspec", "R", "eventlog" ...) as a dict; JSON documents decoded if wanted."""
    answer = h.job_info.lookup(id=JobID(jobid), keys=list(keys), current=current)
    out = {"id": JobID(jobid)}
    for key, value in zip(keys, answer.values):
        text = value.decode("utf-8", "surrogateescape")
        out[key] = json.loads(text) if decode and key in ("jobspec", "R") else text
    return out


def timeleft(h, jobid):
    """Seconds until the job's time is up; inf if it has no limit."""
    import time

    expiration = get_job(h, jobid).expiration
    return max(0.0, expiration - time.time()) if expiration else float("inf")
