# SPDX-License-Identifier: LGPL-3.0-only
"""flux resource, config, module, and the front end itself."""
import os
import re

from conftest import PATIENCE


def test_resource_list(instance4):
    out = instance4.flux("resource", "list", check=True).lines
    assert re.match(r" +STATE NNODES   NCORES NODELIST$", out[0])
    assert [line.split()[:2] for line in out[1:]] == [["free", "4"], ["allocated", "0"], ["down", "0"]]
    assert len(instance4.flux("resource", "list", "--skip-empty").lines) == 2
    assert instance4.run("resource", "list", "-s", "all", "-no", "{nnodes}") == "4"
    assert "rank[0-3]/core" in instance4.run("resource", "list", "-o", "rlist")
    assert instance4.run("resource", "list", "-s", "all", "-i", "1-2", "-no", "{ranks}") == "1-2"
    r = instance4.flux("resource", "list", "-s", "x")
    assert r.err == "flux-resource: ERROR: Invalid resource state x specified\n"
    r = instance4.flux("resource", "list", "-s", "help")
    assert r.ok and r.err == "flux-resource: INFO: valid states: free,allocated,down,up,all\n"


def test_allocated_while_a_job_runs(instance4):
    job = instance4.run("submit", "-N2", "sleep", "300")
    instance4.run("job", "wait-event", job, "start")
    assert instance4.run("resource", "list", "-s", "allocated", "-no", "{nnodes}") == "2"
    instance4.run("cancel", job)
    instance4.run("queue", "drain")


def test_resource_info_and_R(instance4):
    assert re.match(r"4 Nodes, \d+ Cores, \d+ GPUs$", instance4.run("resource", "info"))
    assert instance4.run("resource", "info", "-i", "0").startswith("1 Node, ")
    assert instance4.flux("resource", "R", "-s", "all").json["version"] == 1


def test_resource_status(instance4):
    out = instance4.flux("resource", "status", check=True).lines
    assert out[0] == "     STATE UP NNODES NODELIST"
    assert out[1].startswith("     avail  ✔      4 ")
    assert len(out) == 2
    r = instance4.flux("resource", "status", "-s", "help")
    assert r.err.startswith("flux-resource: INFO: valid states: ")
    assert instance4.run("resource", "status", "-s", "all", "-no", "{nnodes}") == "4"
    assert instance4.run("resource", "status", "-s", "avail", "-no", "{up.ascii} {status}") == "y online"


def test_drain_and_undrain(instance4):
    instance4.run("resource", "drain", "2", "node", "is", "fubar")
    out = instance4.flux("resource", "drain", check=True).lines
    assert out[0] == "TIMESTAMP            STATE    RANK     REASON                         NODELIST"
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d  drained  2        node is fubar  ", out[1])
    assert "drained" in instance4.run("resource", "status", "-s", "drained,exclude")
    r = instance4.flux("resource", "drain", "2", "again")
    assert r.rc == 1 and "already drained" in r.err
    instance4.run("resource", "drain", "-f", "2", "other reason")
    assert "other reason" in instance4.run("resource", "drain", "-n")
    instance4.run("resource", "drain", "-u", "1-2", "more")
    assert instance4.run("resource", "drain", "-no", "{ranks} {reason}").splitlines() in (
        ["2 other reason", "1 more"], ["1 more", "2 other reason"])
    instance4.run("resource", "undrain", "1-2")
    assert len(instance4.flux("resource", "drain").lines) == 1
    r = instance4.flux("resource", "undrain", "2")
    assert r.rc == 1 and "not drained" in r.err
    instance4.run("resource", "undrain", "-u", "1-2")


def test_draining_while_work_runs(instance4):
    job = instance4.run("submit", "-N4", "sleep", "300")
    instance4.run("job", "wait-event", job, "start")
    instance4.run("resource", "drain", "3")
    assert instance4.run("resource", "drain", "-no", "{state}") == "draining"
    instance4.run("cancel", job)
    instance4.run("job", "wait-event", job, "clean")
    assert instance4.run("resource", "drain", "-no", "{state}") == "drained"
    instance4.run("resource", "undrain", "3")


def test_eventlog(instance4):
    instance4.run("resource", "drain", "1", "for the log")
    lines = instance4.run("resource", "eventlog", "-T", "offset").splitlines()
    assert lines[0].split()[1] == "restart" and lines[1].split()[1:] == ["resource-define", 'method="dynamic-discovery"']
    assert any('drain idset="1"' in line and 'reason="for the log"' in line for line in lines)
    p = instance4.spawn("resource", "eventlog", "--wait=undrain", "--match-context=idset=1", "-f", "json")
    instance4.run("resource", "undrain", "1")
    out, err = p.communicate(timeout=30 * PATIENCE)
    assert p.returncode == 0 and '"undrain"' in out.splitlines()[-1], err
    assert not instance4.flux("resource", "eventlog", "--wait=never", "-t", "0.1s").ok


def test_eventlog_of_some_nodes(instance4):
    host = instance4.run("hostlist", "-e", "instance").split()[2]
    instance4.run("resource", "drain", "1,3", "of others")
    instance4.run("resource", "undrain", "1,3")
    instance4.run("resource", "drain", "2-3", "of two")
    instance4.run("resource", "undrain", "2-3")
    assert "of others" not in instance4.run("resource", "eventlog", "-i", "2")
    assert "of two" in instance4.run("resource", "eventlog", "-i", "0,2")
    assert "of others" in instance4.run("resource", "eventlog", "-i", host)  # all have one name here
    assert "of two" not in instance4.run("resource", "eventlog", "-i", "elsewhere")
    assert instance4.run("resource", "eventlog", "-i", "elsewhere").split()[1] == "restart"
    assert not instance4.flux("resource", "eventlog", "-i", "a[").ok


def test_colours_are_for_terminals_and_who_asks(instance4):
    instance4.run("resource", "drain", "1", "why")
    for verb in "status", "drain":
        assert "\033" not in instance4.run("resource", verb)
        assert instance4.run("resource", verb, "--color").count("\033[33m") == 1
        assert "Invalid argument to --color" in instance4.flux("resource", verb, "--color=pink").err
    instance4.run("resource", "undrain", "1")


def test_queues_split_rows(flux_start):
    config = """
[queues.batch]
requires = ["batch"]
[queues.debug]
requires = ["debug"]
[[resource.config]]
hosts = "a[0-3]"
cores = "0-3"
[[resource.config]]
hosts = "a[0-2]"
properties = ["batch"]
[[resource.config]]
hosts = "a3"
properties = ["debug", "testprop"]
[resource]
noverify = true
"""
    instance = flux_start(4, config=config, args=["--test-hosts=a[0-3]"])
    out = instance.flux("resource", "list", "-s", "all").lines
    assert out[0] == "     STATE QUEUE      PROPERTIES NNODES   NCORES NODELIST"
    assert [line.split()[1:] for line in out[1:]] == [["batch", "3", "12", "a[0-2]"],
                                                       ["debug", "testprop", "1", "4", "a3"]]


def test_config_get(flux_start):
    instance = flux_start(1, config='[access]\nallow-guest-user = true\n[resource]\nexclude = ""\n')
    assert instance.run("config", "get", "access.allow-guest-user") == "true"
    assert instance.run("config", "get", "-d", "7", "no.such.key") == "7"
    assert instance.flux("config", "get", "no.such.key").rc == 1
    assert instance.flux("config", "get", "-t", "string", "access.allow-guest-user").rc == 1
    assert instance.flux("config", "get").json["access"]["allow-guest-user"] is True


def test_config_reload(flux_start):
    instance = flux_start(1, config="[access]\nallow-guest-user = false\n")
    (instance.dir / "config" / "test.toml").write_text("[access]\nallow-guest-user = true\n")
    instance.run("config", "reload")
    assert instance.run("config", "get", "access.allow-guest-user") == "true"
    (instance.dir / "config" / "test.toml").write_text("[access\n")
    assert instance.flux("config", "reload").rc == 1
    assert instance.run("config", "get", "access.allow-guest-user") == "true"


def test_module_list(instance):
    out = instance.flux("module", "list", check=True).lines
    assert out[0].split() == ["Module", "Idle", "S", "Sendq", "Recvq", "Service"]
    names = [line.split()[0] for line in out[1:]]
    assert "kvs" in names and names == sorted(names)
    assert instance.flux("module", "remove", "no-such-module").rc == 1
    instance.run("module", "remove", "-f", "no-such-module")
    assert instance.flux("module", "load", "/no/such/file.so").rc == 1


def test_stats(instance):
    instance.run("kvs", "put", "a=1")
    assert any(line.startswith("Kvs/Commit") for line in instance.flux("stats").lines)


def test_front_end(instance, tmp_path):
    r = instance.flux("no-such-thing")
    assert r.rc == 1 and r.err == "flux: `no-such-thing' is not a flux command.  See 'flux --help'\n"
    assert "Did you mean 'flux submit'?" in instance.flux("sumbit").err
    assert "Did you mean 'flux job attach'?" in instance.flux("job", "atach").err
    (tmp_path / "flux-hello").write_text("#!/bin/sh\necho hello $1; echo $FLUX_EXEC_PATH\n")
    os.chmod(tmp_path / "flux-hello", 0o755)
    out = instance.flux("hello", "you", env={"FLUX_EXEC_PATH": str(tmp_path)}).lines
    assert out[0] == "hello you" and str(tmp_path) in out[1]
    assert instance.flux(str(tmp_path / "flux-hello"), "x").lines[0] == "hello x"


def test_version(instance):
    out = dict(line.split(None, 1) for line in instance.flux("version").lines)
    assert out["commands:"] == out["libflux-core:"] == out["broker:"]
    assert out["FLUX_URI:"] == instance.uri
    assert instance.flux("-V").out == instance.flux("version").out


def test_env(instance):
    assert "export FLUX_EXEC_PATH=" in instance.run("env")
    assert instance.run("env", "sh", "-c", "echo $MANPATH").endswith(":")


def test_every_verb_has_help_and_completion(instance):
    script = instance.run("completion", "bash")
    verbs = re.findall(r"^  \['([^']+)'\]='--help", script, re.M)
    assert len(verbs) > 40
    for verb in verbs:
        r = instance.flux(*verb.split(), "--help")
        assert r.ok and r.out.startswith(f"Usage: flux-{verb} "), repr(r)


def test_instance_that_is_not_there(instance):
    r = instance.flux("jobs", env={"FLUX_URI": "local:///no/such/socket"})
    assert r.rc == 1 and r.err.startswith("flux-jobs: ERROR: ")
    r = instance.flux("pstree", env={"FLUX_URI": "local:///no/such/socket"})
    assert r.rc == 1 and r.out == ""


def test_each_first_word_of_verbs_has_verbs(instance):
    for word in "config content event job kvs module overlay pmi queue R resource sproc".split():
        lines = instance.flux(word, "--help").lines
        assert lines[0] == f"Usage: flux-{word} [OPTIONS] COMMAND ARGS" and len(lines) > 4
    assert "is not a flux command" in instance.flux("housekeeping", "list").err
