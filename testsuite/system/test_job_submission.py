# SPDX-License-Identifier: LGPL-3.0-only
"""run, submit, batch, alloc: from the command line to the job and back."""
import json
import os
import pty
import signal
import stat

from conftest import PATIENCE


def jobspec(instance, *args, **kwargs):
    return instance.flux(*args, check=True, **kwargs).json


def system(instance, *args, **kwargs):
    return jobspec(instance, "run", "--dry-run", *args, "true", **kwargs)["attributes"]["system"]


def test_run_gives_output_and_exit_code(instance):
    r = instance.flux("run", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (r.out, r.rc) == ("out\n", 3)
    assert r.err.splitlines() == ["err", "flux-job: task(s) exited with exit code 3"]


def test_run_labels_lines(instance):
    r = instance.flux("run", "-n2", "-l", "echo", "hello", check=True)
    assert sorted(r.lines) == ["0: hello", "1: hello"]


def test_run_feeds_standard_input(instance):
    text = "".join(f"{i}\n" for i in range(50000))
    assert instance.flux("run", "cat", stdin=text, check=True).out == text


def test_run_signaled_task(instance):
    assert instance.flux("run", "sh", "-c", "kill -9 $$").rc == 128 + 9


def test_run_unknown_command(instance):
    r = instance.flux("run", "no-such-command")
    assert r.rc == 127
    assert "type=exec severity=0" in r.err and "no-such-command" in r.err


def test_run_much_output_in_order(instance):
    out = instance.flux("run", "seq", "1", "300000", check=True).out
    assert out == "".join(f"{i}\n" for i in range(1, 300001))


def test_run_verbose_shows_events(instance):
    r = instance.flux("run", "-vvv", "true", check=True)
    names = [line.split()[1] for line in r.err.splitlines() if "s: " in line]
    assert r.err.startswith("jobid: ƒ")
    assert names.index("job.submit") < names.index("job.alloc") < names.index("job.start") < names.index("job.finish")
    assert "exec.init" in names


def test_run_wait_event_leaves_the_job(instance):
    r = instance.flux("run", "-v", "--wait-event=start", "sleep", "300", check=True)
    instance.run("cancel", r.err.split()[1])


def interrupt_twice(p):
    """Ctrl-C, and another within two seconds; what is said. A machine that is too busy for that is given another try."""
    said = ""
    p.send_signal(signal.SIGINT)
    while "one more ctrl-C" in (line := p.stderr.readline()):
        said += line
        p.send_signal(signal.SIGINT)
    said += line + p.stderr.read()  # communicate() would miss what came with that line
    p.wait(30 * PATIENCE)
    return said


def test_two_interrupts_cancel(instance):
    p = instance.spawn("run", "sh", "-c", "echo up; exec sleep 300")
    assert p.stdout.readline() == "up\n"
    err = interrupt_twice(p)
    assert err.startswith("flux-run: one more ctrl-C within 2s to cancel or ctrl-Z to detach\n")
    assert "type=cancel severity=0 interrupted by ctrl-C" in err
    assert p.returncode != 0


def test_interrupt_then_stop_detaches(instance):
    p = instance.spawn("run", "-v", "sh", "-c", "echo up; exec sleep 300")
    assert p.stdout.readline() == "up\n"
    job = p.stderr.readline().split()[1]
    p.send_signal(signal.SIGINT)
    p.stderr.readline()
    p.send_signal(signal.SIGTSTP)
    _, err = p.communicate(timeout=30 * PATIENCE)
    assert "detaching..." in err and p.returncode == 0
    assert instance.run("jobs", "-no", "{status}", job) == "RUN"
    instance.run("cancel", job)


def test_other_signals_are_passed_on(instance):
    p = instance.spawn("run", "sh", "-c", "trap 'echo got; exit 9' USR1; echo up; while :; do sleep 0.01; done")
    assert p.stdout.readline() == "up\n"
    p.send_signal(signal.SIGUSR1)
    out, _ = p.communicate(timeout=30 * PATIENCE)
    assert (out, p.returncode) == ("got\n", 9)


def test_submit_prints_ids_that_read_back(instance):
    job = instance.run("submit", "true")
    assert job.startswith("ƒ")
    assert instance.run("job", "id", "--to=f58", instance.run("job", "id", job)) == job
    instance.run("job", "status", job)


def test_submit_cc(instance):
    r = instance.flux("submit", "--cc=1-20", "--watch", "sh", "-c", "echo {cc} $FLUX_JOB_CC", check=True)
    ids = [line for line in r.lines if line.startswith("ƒ")]
    assert len(ids) == len(set(ids)) == 20
    assert sorted(line for line in r.lines if not line.startswith("ƒ")) == sorted(f"{i} {i}" for i in range(1, 21))


def test_submit_bcc_sets_no_cc(instance):
    r = instance.flux("submit", "--bcc=1-3", "--watch", "--quiet", "sh", "-c", "echo -${FLUX_JOB_CC}-", check=True)
    assert r.lines == ["--"] * 3


def test_submit_many_in_few_messages(instance):
    ids = instance.run("submit", "--cc=1-1200", "--urgency=hold", "true").splitlines()
    assert len(set(ids)) == 1200
    assert instance.flux("cancel", "--all").err == "flux-cancel: Canceled 1200 jobs (0 errors)\n"
    instance.run("queue", "drain")


def test_submit_wait_ends_with_the_largest_code(instance):
    r = instance.flux("submit", "--cc=0-4", "--wait", "--quiet", "sh", "-c", "exit $FLUX_JOB_CC")
    assert r.rc == 4


def test_submit_log(instance):
    instance.run("submit", "--log=log.txt", "--watch", "echo", "hi")
    assert (instance.dir / "log.txt").read_text().splitlines()[-1] == "hi"


def test_both_cc_and_bcc(instance):
    assert "specify only one of --cc or --bcc" in instance.flux("submit", "--cc=1", "--bcc=1", "true").err


def test_usage_errors(instance):
    r = instance.flux("run")
    assert r.rc == 2 and r.err.startswith("flux-run: ERROR: job command and arguments are missing\n")
    r = instance.flux("run", "--no-such-option", "true")
    assert r.rc == 2 and "flux-run: ERROR: unrecognized option '--no-such-option'" in r.err
    r = instance.flux("run", "--ntask=2", "true")  # abbreviations are not taken here
    assert r.rc == 2 and "unrecognized option '--ntask'" in r.err
    r = instance.flux("run", "-n", "x", "true")
    assert r.rc == 2 and "'x' is not an integer" in r.err


def test_options_after_the_command_are_its_own(instance):
    assert instance.flux("run", "echo", "-n2", "--help", check=True).out == "-n2 --help\n"


def test_resource_options(instance):
    spec = jobspec(instance, "run", "--dry-run", "-N2", "-n4", "-c2", "true")
    node = spec["resources"][0]
    assert (node["type"], node["count"]) == ("node", 2)
    assert node["with"][0]["count"] == 2 and node["with"][0]["with"][0] == {"type": "core", "count": 2}
    assert "cannot be used together" in instance.flux("run", "-n2", "--cores=2", "true").err
    assert "--ntasks: must be a positive number" in instance.flux("run", "-n0", "true").err


def test_time_limit_is_in_minutes_or_a_duration(instance):
    assert system(instance, "-t5")["duration"] == 300
    assert system(instance, "-t", "1.5h")["duration"] == 5400
    assert "invalid time limit 'x'" in instance.flux("run", "-t", "x", "true").err


def test_environment_rules(instance, tmp_path):
    def env(*rules):
        return system(instance, *rules, env={"XXA": "1", "XXB": "2", "YYA": "3"})["environment"]
    assert env()["XXA"] == "1"
    assert "XXA" not in env("--env=-XXA")
    assert {k for k in env("--env-remove=XX*") if k in ("XXA", "XXB", "YYA")} == {"YYA"}
    assert {k for k in env("--env=-/^XX[AB]$/") if k in ("XXA", "XXB", "YYA")} == {"YYA"}
    assert env("--env=-*", "--env=XX*") == {"XXA": "1", "XXB": "2"}
    assert env("--env=-*", "--env=X=y", "--env=Z=$X/${X}$$") == {"X": "y", "Z": "y/y$"}
    (tmp_path / "rules").write_text("# comment\n-*\nQ=1\n")
    assert env(f"--env-file={tmp_path}/rules") == {"Q": "1"}
    assert "Variable NONE not found" in instance.flux("run", "--env=A=$NONE", "true").err


def test_environment_values_completed_by_the_shell(instance):
    options = system(instance, "--env=DIR={{tmpdir}}")["shell"]["options"]
    assert options["env-expand"] == {"DIR": "{{tmpdir}}"}


def test_rlimit_rules(instance):
    def limits(*rules):
        return system(instance, *rules)["shell"]["options"]["rlimit"]
    assert "memlock" not in limits() and "core" in limits()
    assert limits("--rlimit=-*", "--rlimit=core=7") == {"core": 7}
    assert limits("--rlimit=-*", "--rlimit=stack=unlimited") == {"stack": -1}
    assert "memlock" in limits("--rlimit=memlock")
    assert "no limit matches 'nonesuch'" in instance.flux("run", "--rlimit=nonesuch", "true").err


def test_shell_options_and_attributes(instance, tmp_path):
    (tmp_path / "x.json").write_text('{"a": [1]}')
    spec = system(instance, "-o", "pty", "-o", "a.b=3", "-ox=text", "-S", "foo=1", "--setattr=user.y=z",
                  f"--setattr=^bar={tmp_path}/x.json", "--signal=TERM@30", "--taskmap=cyclic:2")
    options = spec["shell"]["options"]
    assert (options["pty"], options["a"], options["x"]) == (1, {"b": 3}, "text")
    assert options["signal"] == {"signum": 15, "timeleft": 30.0}
    assert options["taskmap"] == {"scheme": "cyclic", "value": "2"}
    assert (spec["foo"], spec["bar"]) == (1, {"a": [1]})


def test_io_options(instance):
    options = system(instance, "--output=o-{{id}}", "--error=e", "-u", "--input=in")["shell"]["options"]
    assert options["output"]["stdout"] == {"type": "file", "path": "o-{{id}}", "buffer": {"type": "none"}}
    assert options["output"]["stderr"]["path"] == "e"
    assert options["input"]["stdin"] == {"type": "file", "path": "in"}


def test_output_to_a_file(instance):
    job = instance.run("submit", "--output=out-{{id}}.txt", "echo", "hello")
    instance.run("job", "status", job)
    assert (instance.dir / f"out-{job}.txt").read_text() == "hello\n"


def test_dependencies_and_begin_time(instance):
    deps = system(instance, "--dependency=afterok:ƒ123", "--dependency=string:a?b=c", "--begin-time=+1h")["dependencies"]
    assert deps[0] == {"scheme": "afterok", "value": "ƒ123"}
    assert deps[1] == {"scheme": "string", "value": "a", "b": "c"}
    assert deps[2]["scheme"] == "begin-time"
    assert "invalid date/time 'never'" in instance.flux("run", "--begin-time=never", "true").err


def test_requires(instance):
    assert system(instance, "--requires=a&-b")["constraints"]
    assert "--requires" in instance.flux("run", "--requires=a&(", "true").err


def test_add_file(instance, tmp_path):
    (tmp_path / "data").write_bytes(b"\xff\x00binary")
    os.chmod(tmp_path / "data", 0o640)
    files = system(instance, f"--add-file={tmp_path}/data", "--add-file=s:755=line\n")["files"]
    assert files["data"]["encoding"] == "base64" and stat.S_IMODE(files["data"]["mode"]) == 0o640
    assert files["s"]["data"] == "line\n" and stat.S_IMODE(files["s"]["mode"]) == 0o755


def test_flags_and_urgency(instance):
    job = instance.run("submit", "--urgency=hold", "--flags=debug", "true")
    event = json.loads(instance.flux("job", "eventlog", "-f", "json", job).lines[0])
    assert event["context"]["urgency"] == 0 and event["context"]["flags"] & 1
    instance.run("cancel", job)
    assert "Unknown flag 'x'" in instance.flux("submit", "--flags=x", "true").err
    assert "invalid urgency '32'" in instance.flux("submit", "--urgency=32", "true").err


def test_batch_runs_the_script_in_an_instance(instance):
    script = "#!/bin/sh\n# flux: -N1 --job-name='my job'\necho args $1\nflux resource info\nflux run echo inner\n"
    (instance.dir / "script.sh").write_text(script)
    job = instance.run("batch", "--output=batch.out", "script.sh", "one")
    assert instance.flux("job", "status", job, timeout=60).rc == 0, (instance.dir / "batch.out").read_text()
    assert (instance.dir / "batch.out").read_text().splitlines() == ["args one", instance.run("resource", "info"), "inner"]
    assert instance.run("jobs", "-no", "{name}", job) == "my job"


def test_batch_refuses_what_is_no_script(instance):
    (instance.dir / "binary").write_text("ELF")
    assert "does not appear to be a script" in instance.flux("batch", "-N1", "binary").err


def test_batch_directives(instance):
    def spec(text, *args):
        r = instance.flux("batch", "--dry-run", *args, stdin=text)
        return r.json if r.ok else r.err
    a = spec('#!/bin/sh\n# flux: -n2 # two slots\n# flux: --setattr=user.x="a b"\n')
    assert a["attributes"]["user"]["x"] == "a b" and a["resources"][0]["count"] == 2
    assert spec("#!/bin/sh\n# flux: -n2\n", "-n3")["resources"][0]["count"] == 3
    assert "sentinel changed" in spec("#!/bin/sh\n# flux: -n2\n## flux: -c1\n")
    assert "orphan 'flux:' detected" in spec("#!/bin/sh\n# flux: -n2\ntrue\n# flux: -c1\n")
    assert "Number of slots" in spec("#!/bin/sh\n")


def test_batch_wrap(instance):
    files = instance.flux("batch", "--dry-run", "-n1", "--wrap", "echo", "hi", check=True).json
    assert files["attributes"]["system"]["files"]["script"]["data"] == "#!/bin/sh\necho hi\n"


def test_alloc_runs_a_command_in_an_instance(instance):
    r = instance.flux("alloc", "-N1", "sh", "-c", "flux resource info", timeout=60)
    assert r.ok and r.out == instance.run("resource", "info") + "\n", repr(r)


def test_alloc_in_the_background_returns_when_the_instance_runs(instance4, tmp_path):
    """One that still waits for a broker has no address yet."""
    rc1 = tmp_path / "rc1"
    rc1.write_text("#!/bin/sh\n[ $(flux getattr rank) = 0 ] || "
                   "{ flux --parent kvs put begun=1; flux --parent kvs get --waitcreate go; }\n")
    rc1.chmod(0o755)
    alloc = instance4.spawn("alloc", "-N2", "--bg", f"--broker-opts=-Sbroker.rc1_path={rc1}")
    instance4.run("kvs", "get", "--waitcreate", "begun")
    job = instance4.run("job", "last")
    instance4.run("job", "memo", job, "not=the-address")
    assert "URI not found" in instance4.flux("uri", job).err and alloc.poll() is None
    instance4.run("kvs", "put", "go=1")
    out, err = alloc.communicate(timeout=30 * PATIENCE)
    assert out == f"{job}\n", err
    assert " run " in instance4.run("proxy", job, "flux", "uptime")
    instance4.run("cancel", job)
    instance4.run("kvs", "unlink", "begun", "go")


def test_interactive_terminal(instance):
    control, terminal = pty.openpty()
    p = instance.spawn("run", "-o", "pty.interactive", "sh", "-c", "test -t 0 && echo yes", stdin=terminal)
    os.close(terminal)
    out, _ = p.communicate(timeout=30 * PATIENCE)
    os.close(control)
    assert out.strip() == "yes"
