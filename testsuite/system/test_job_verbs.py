# SPDX-License-Identifier: LGPL-3.0-only
"""flux job, jobs, cancel, queue: looking at jobs and changing them."""
import json

import pytest


@pytest.fixture(autouse=True)
def nothing_active(instance):
    """Each test begins and ends without active jobs."""
    yield
    instance.flux("queue", "start")
    instance.flux("queue", "enable")
    instance.flux("cancel", "--user=all", "--quiet")
    instance.run("queue", "drain")


def submit(instance, *args):
    return instance.run("submit", *(args or ("true",)))


def state(instance, job):
    return instance.run("jobs", "-no", "{status}", job)


def test_urgency(instance):
    job = submit(instance, "--urgency=hold", "true")
    assert instance.flux("job", "urgency", "-v", job, "10").err == "old urgency: job held\n"
    instance.run("job", "status", job)
    assert "unknown or inactive job" in instance.flux("job", "urgency", job, "1").err


def test_urgency_names_in_any_case(instance):
    job = submit(instance, "--urgency=hold", "true")
    for name, value in ("EXPEDITE", 31), ("HOLD", 0), ("default", 16):
        instance.run("queue", "stop")
        instance.run("job", "urgency", job, name)
        log = [json.loads(s) for s in instance.flux("job", "eventlog", "-f", "json", job).lines]
        assert [e["context"]["urgency"] for e in log if e["name"] == "urgency"][-1] == value
    instance.run("queue", "start")
    instance.run("job", "status", job)


def test_urgency_of_a_running_job(instance):
    job = submit(instance, "sleep", "300")
    instance.run("job", "wait-event", job, "start")
    assert "urgency cannot be changed once resources are allocated" in instance.flux("job", "urgency", job, "1").err


def test_cancel_by_id(instance):
    job = submit(instance, "sleep", "300")
    assert instance.flux("cancel", "-m", "because", job).err == ""
    instance.run("job", "wait-event", job, "clean")
    assert instance.run("jobs", "-no", "{status} {inactive_reason}", job) == "CANCELED Canceled: because"
    r = instance.flux("cancel", job)
    assert r.rc == 1 and r.err.startswith(f"flux-cancel: ERROR: {job}: ")


def test_cancel_texts(instance):
    instance.run("submit", "--cc=1-3", "sleep", "300")
    assert instance.flux("cancel", "--user=all", "--dry-run").err == "flux-cancel: Would cancel 3 jobs\n"
    assert instance.flux("cancel", "--user=all").err == "flux-cancel: Canceled 3 jobs (0 errors)\n"
    instance.run("queue", "drain")
    assert instance.flux("cancel", "--all").err == "flux-cancel: Matched 0 jobs\n"
    assert instance.flux("cancel", "--all", "--quiet").err == ""
    r = instance.flux("cancel", "--all", "123")
    assert r.err == "flux-cancel: ERROR: Do not specify a list of jobids with --all,--user,--states options\n"
    assert r.rc == 1


@pytest.mark.parametrize("option", ["-s", "-S", "--states", "--state"])
def test_cancel_by_state(instance, option):
    running = submit(instance, "sleep", "300")
    instance.run("job", "wait-event", running, "start")
    submit(instance, "--urgency=hold", "true")
    assert instance.flux("cancel", option, "pending").err == "flux-cancel: Canceled 1 job (0 errors)\n"
    assert state(instance, running) == "RUN"


def test_kill(instance):
    job = submit(instance, "sleep", "300")
    instance.run("job", "wait-event", job, "start")
    instance.run("job", "kill", "-s", "KILL", job)
    assert instance.flux("job", "status", job).rc == 128 + 9
    assert "job is inactive" in instance.flux("job", "kill", job).err
    assert "Invalid signal X" in instance.flux("job", "kill", "-s", "X", job).err


def test_killall(instance):
    job = submit(instance, "sleep", "300")
    instance.run("job", "wait-event", job, "start")
    assert instance.flux("job", "killall").err == "flux-job: Command matched 1 jobs (-f to confirm)\n"
    instance.run("job", "killall", "-f", "-s", "9")
    assert instance.flux("job", "status", job).rc == 137


def test_raise(instance):
    job = submit(instance, "sleep", "300")
    instance.run("job", "raise", "-s", "3", "-t", "odd", job, "some", "note")
    assert 'type="odd" severity=3 note="some note"' in instance.run("job", "eventlog", job)
    instance.run("job", "raise", "-m", "end", job)
    assert instance.flux("job", "status", "-e", "77", job).rc in (77, 143)


def test_raiseall(instance):
    submit(instance, "sleep", "300")
    assert "Command matched 1 jobs" in instance.flux("job", "raiseall", "test").err
    assert "Raised exception on 1 jobs (0 errors)" in instance.flux("job", "raiseall", "-f", "test", "a", "note").err


def test_eventlog_forms(instance):
    job = submit(instance)
    instance.run("job", "status", job)
    text = instance.flux("job", "eventlog", "-F", job).lines
    assert text[0].split()[1] == "submit" and text[-1].split()[1] == "clean"
    assert instance.flux("job", "eventlog", "-T", "offset", job).lines[0].startswith("0.000000 submit")
    human = instance.flux("job", "eventlog", "-H", job).lines
    assert human[0][0] == "[" and human[1].startswith("[  +0.")
    assert instance.flux("job", "eventlog", "-T", "iso", job).lines[0].split()[0].endswith("Z")
    assert "invalid time-format type x" in instance.flux("job", "eventlog", "-T", "x", job).err


def test_wait_event(instance):
    job = submit(instance, "sleep", "300")
    instance.run("job", "wait-event", "-q", job, "start")
    assert "timeout on event 'finish'" in instance.flux("job", "wait-event", "-t", "0.05s", job, "finish").err
    instance.run("job", "raise", "-s", "5", job)
    assert "severity=5" in instance.run("job", "wait-event", "-m", "severity=5", job, "exception")
    instance.run("cancel", job)
    assert "never received" in instance.flux("job", "wait-event", job, "nonesuch").err


def test_info(instance):
    job = submit(instance)
    instance.run("job", "status", job)
    assert json.loads(instance.run("job", "info", job, "jobspec"))["tasks"][0]["command"] == ["true"]
    assert json.loads(instance.run("job", "info", job, "R"))["version"] == 1
    assert "submit" in instance.run("job", "info", job, "eventlog")
    assert instance.flux("job", "info", "123", "R").rc == 1


def test_id_forms(instance):
    forms = {"dec": "6731191091817518", "hex": "0x17e9fb8df16c2e", "dothex": "0017.e9fb.8df1.6c2e",
             "kvs": "job.0017.e9fb.8df1.6c2e", "f58plain": "fuZZybuNNy", "f58": "ƒuZZybuNNy",
             "words": "reform-remote-galileo--heart-package-academy"}
    for name, text in forms.items():
        assert instance.run("job", "id", f"--to={name}", "ƒuZZybuNNy") == text
        assert instance.run("job", "id", text) == forms["dec"]
    assert instance.run("job", "id", stdin="ƒuZZybuNNy\n0x1\n").split() == [forms["dec"], "1"]
    assert "Unknown to=x" in instance.flux("job", "id", "--to=x", "1").err


def test_submit_from_a_jobspec(instance):
    spec = instance.run("run", "--dry-run", "echo", "hi")
    job = instance.run("job", "submit", stdin=spec)
    assert instance.run("job", "attach", job) == "hi"
    r = instance.flux("job", "submit", stdin="{}")
    assert r.rc == 1 and r.err.startswith("flux-job: ")


def test_wait_for_waitable_jobs(instance):
    good = submit(instance, "--flags=waitable", "true")
    assert instance.flux("job", "wait", "-v", good).err == f"{good}: job returned success\n"
    submit(instance, "--flags=waitable", "false")
    assert instance.flux("job", "wait").rc == 1
    r = instance.flux("job", "wait")
    assert r.rc == 2 and "there are no more waitable jobs" in r.err
    instance.run("submit", "--flags=waitable", "--cc=1-3", "true")
    assert instance.flux("job", "wait", "--all").rc == 0


def test_last(instance):
    jobs = [submit(instance) for _ in range(3)]
    instance.run("queue", "drain")
    assert instance.run("job", "last") == jobs[2]
    assert instance.run("job", "last", "2").split() == [jobs[2], jobs[1]]
    assert instance.run("job", "last", "[1:3]").split() == [jobs[1], jobs[0]]
    everything = instance.run("job", "last", "[:]").split()
    assert instance.run("job", "last", "[::-1]").split() == everything[::-1]
    assert instance.run("job", "last", "[2::-2]").split() == everything[2::-2]
    assert instance.run("job", "last", "[-1]").split() == everything[-1:]
    assert instance.run("job", "last", "[:-1000:-1]").split() == everything[::-1]
    assert not instance.flux("job", "last", "[::0]").ok and not instance.flux("job", "last", "[").ok


def test_a_message_names_the_job_once(instance):
    job = submit(instance)
    instance.run("job", "status", job)
    for words in (["cancel", job], ["job", "kill", job], ["job", "raise", job], ["job", "urgency", job, "1"],
                  ["job", "memo", job, "a=b"], ["update", job, "duration=1m"]):
        r = instance.flux(*words)
        assert r.rc == 1 and r.err.count(job) == 1 and "inactive" in r.err, repr(r)
    for words in (["job", "eventlog"], ["job", "wait-event"], ["job", "taskmap"], ["job", "info"], ["job", "attach"]):
        r = instance.flux(*words, "ƒ2345678", *{"wait-event": ["x"], "info": ["R"]}.get(words[1], []))
        assert r.rc == 1 and r.err.count("ƒ2345678") == 1, repr(r)


def test_timeleft(instance):
    job = submit(instance, "-t5m", "sleep", "300")
    instance.run("job", "wait-event", job, "start")
    assert 200 <= int(instance.run("job", "timeleft", job)) <= 300
    assert instance.run("job", "timeleft", "-H", job).endswith("m")


def test_memo(instance):
    job = submit(instance, "sleep", "300")
    instance.run("job", "memo", job, "a=1", "b=text")
    assert instance.run("jobs", "-no", "{user.a} {user.b}", job) == "1 text"
    assert "is not KEY=VALUE" in instance.flux("job", "memo", job, "x").err


def test_purge(instance):
    instance.run("submit", "--cc=1-4", "--wait", "--quiet", "true")
    count = len(instance.flux("jobs", "-an").lines)
    assert instance.run("job", "purge", "--num-limit=1") == f"use --force to purge {count - 1} inactive jobs"
    assert instance.run("job", "purge", "-f", "--num-limit=1") == f"purged {count - 1} inactive jobs"
    assert len(instance.flux("jobs", "-an").lines) == 1


def test_update_duration(instance):
    job = submit(instance, "-t10m", "sleep", "300")
    instance.run("update", job, "duration=+5m")
    assert instance.run("jobs", "-no", "{duration}", job) == "900.0"
    assert "attributes.system.duration" in instance.run("update", "-n", job, "duration=60")


def test_jobs_default_columns(instance):
    submit(instance, "sleep", "300")
    out = instance.flux("jobs", check=True).lines
    assert out[0] == "       JOBID USER     NAME       ST NTASKS NNODES     TIME INFO"
    assert out[1].split()[2] == "sleep"


def test_jobs_are_watched(instance):
    job = submit(instance, "--urgency=hold", "true")
    for option in ("-w", "--watch", "--watch=60"):
        with instance.spawn("jobs", "-no", "{id.f58}", option) as watch:
            assert watch.stdout.readline().endswith(f"{job}\n")
            watch.terminate()


def test_jobs_filters(instance):
    instance.run("run", "true")
    instance.flux("run", "--job-name=bad", "false")
    held = submit(instance, "--urgency=hold", "--job-name=later", "true")

    def ids(*args):
        return instance.run("jobs", "-no", "{id.f58}", *args).split()
    assert ids("-f", "pending") == ids() == ids("--name=later") == [held]
    assert held in ids("-a") and held not in ids("-f", "inactive")
    assert ids("-a", "--name=bad") == ids("-f", "failed", "--name=bad") != []
    assert ids("-f", "completed,pending", "--name=later") == [held]
    assert len(ids("-a", "-c1")) == 1
    assert ids("-a", "--name=bad", "--since=-1h") and not ids("--name=bad", "--since=+1h")
    assert "Invalid state 'x' specified" in instance.flux("jobs", "-f", "x").err


def test_jobs_formats(instance):
    job = submit(instance, "--urgency=hold", "true")
    assert instance.run("jobs", "-no", "{id.dec:>20}|{name:<3.3+}|{nnodes:>3h}|{t_run!D:h}", job).endswith("|tr+|  -|-")
    for name in ("long", "cute", "deps", "endreason"):
        assert instance.flux("jobs", "-o", name).ok
        assert name in instance.run("jobs", "-o", "help")
    assert instance.run("jobs", "-o", "get-config=deps").startswith("[formats.deps]\n")
    assert "Unknown format field: x" in instance.flux("jobs", "-o", "{x}").err
    assert "No such format nonesuch" in instance.flux("jobs", "-o", "nonesuch").err


def test_jobs_format_of_the_user(instance, tmp_path):
    (tmp_path / "flux").mkdir()
    (tmp_path / "flux" / "flux-jobs.json").write_text('{"formats": {"mine": {"description": "d", "format": "{name}!"}}}')
    submit(instance, "--urgency=hold", "true")
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert instance.run("jobs", "-n", "-o", "mine", env=env) == "true!"
    assert instance.run("jobs", "-n", env={**env, "FLUX_JOBS_FORMAT_DEFAULT": "mine"}) == "true!"


def test_jobs_json_and_stats(instance):
    job = submit(instance, "--urgency=hold", "true")
    one = json.loads(instance.run("jobs", "--json", job))
    assert one["name"] == "true" and one["state"] == "PRIORITY" or one["state"] == "SCHED"
    assert len(json.loads(instance.run("jobs", "--json"))["jobs"]) == 1
    assert ", 1 pending" in instance.run("jobs", "--stats-only")
    assert instance.flux("job", "stats").json["job_states"]["total"] >= 1


def test_jobs_sort(instance):
    instance.run("submit", "--urgency=hold", "--cc=1-3", "--job-name=n{cc}", "true")
    assert instance.run("jobs", "-no", "{name}", "--sort=-name").split() == ["n3", "n2", "n1"]
    assert instance.run("jobs", "-no", "sort:name {name}").split() == ["n1", "n2", "n3"]


def test_queue_status_and_control(instance):
    assert instance.run("queue", "status").splitlines() == ["Job submission is enabled", "Scheduling is enabled"]
    assert instance.run("queue", "status", "-v").splitlines() == [
        "Job submission is enabled", "Scheduling is started", "0 alloc requests queued",
        "0 alloc requests pending to scheduler", "0 free requests pending to scheduler", "0 running jobs"]
    job = submit(instance, "--urgency=hold", "true")
    assert "0 alloc requests queued" in instance.run("queue", "status", "-v")
    instance.run("queue", "stop")
    instance.run("job", "urgency", job, "default")
    assert "1 alloc requests queued" in instance.run("queue", "status", "-v")
    instance.run("queue", "start")
    instance.run("job", "status", job)
    assert instance.run("queue", "disable", "-v", "-m", "tests") == "Job submission is disabled: tests"
    assert instance.flux("submit", "true").err == "flux-submit: ERROR: job submission is disabled: tests\n"
    instance.run("queue", "enable")
    instance.run("queue", "stop")
    job = submit(instance)
    assert instance.run("queue", "status").splitlines()[1].startswith("Scheduling is disabled")
    assert instance.run("queue", "idle") == "1 jobs"
    assert instance.flux("queue", "drain", "-t", "0.05s").err == "flux-queue: ERROR: drain: timeout\n"
    instance.run("queue", "start")
    instance.run("job", "status", job)


def test_queue_help_is_the_guides(instance):
    out = instance.flux("queue", "--help").lines
    assert out[:4] == ["Usage: flux-queue [OPTIONS] COMMAND ARGS", "  -h, --help             Display this message.", "",
                       "Common commands from flux-queue:"]
    assert "   drain           Wait for queue to become empty." in out


def test_named_queues(flux_start):
    instance = flux_start(1, config="[queues.batch]\n[queues.debug]\n")
    assert "Named queues are defined" in instance.flux("queue", "start").err or instance.flux("queue", "stop").rc == 1
    instance.run("queue", "start", "--all")
    assert instance.run("queue", "status", "-v").splitlines()[:4] == [
        "batch: Job submission is enabled", "batch: Scheduling is started",
        "debug: Job submission is enabled", "debug: Scheduling is started"]
    assert "no queue specified" in instance.flux("submit", "true").err
    assert "Invalid queue 'x' specified" in instance.flux("submit", "-q", "x", "true").err
    instance.run("submit", "-q", "batch", "--wait", "true")
    assert instance.flux("jobs", "-a").lines[0].split()[:3] == ["JOBID", "QUEUE", "USER"]
