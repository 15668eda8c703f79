# SPDX-License-Identifier: LGPL-3.0-only
"""bulksubmit, pgrep, pkill, pstree, watch, uri, hostlist, R, config files, shutdown."""
import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import termios

import pytest

from conftest import BUILD, FLUX, PATIENCE


def test_bulksubmit_combines_inputs(instance):
    def commands(*args, **kwargs):
        out = instance.flux("bulksubmit", "--dry-run", *args, check=True, **kwargs).lines
        return [line.removeprefix("bulksubmit: submit ") for line in out]
    assert commands("echo", "{0}-{1}", "{seq1}", ":::", "a", "b", ":::", "x", "y") == [
        "echo a-x 1", "echo a-y 2", "echo b-x 3", "echo b-y 4"]
    assert commands("echo", "{0}{1}", ":::", "a", "b", "c", ":::+", "x", "y") == ["echo ax", "echo by", "echo cx"]
    assert commands("echo", ":::", "a", "b") == ["echo a", "echo b"]
    assert commands("echo", "{.%}", "{./}", "{./%}", "{.//}", "{{id}}", "{cc}", ":::", "/d/f.txt") == [
        "echo /d/f f.txt f /d {{id}} {cc}"]
    assert commands("echo", stdin="one\ntwo words\n") == ["echo one", "echo two words"]
    assert sorted(commands("--shuffle", "echo", ":::", "1", "2", "3")) == ["echo 1", "echo 2", "echo 3"]
    assert "only 1 input lists" in instance.flux("bulksubmit", "echo", "{2}", ":::", "a").err
    assert "unknown replacement" in instance.flux("bulksubmit", "echo", "{x}", ":::", "a").err


def test_bulksubmit_runs_jobs(instance):
    r = instance.flux("bulksubmit", "--watch", "--quiet", "--job-name=bulk-{}", "echo", "{}", ":::", "a", "b", check=True)
    assert sorted(r.lines) == ["a", "b"]
    assert set(instance.run("pgrep", "-a", "-no", "{name}", "^bulk-").split()) == {"bulk-a", "bulk-b"}


def test_pgrep_and_pkill(instance):
    job = instance.run("submit", "--job-name=findme", "sleep", "300")
    assert instance.run("pgrep", "find") == job
    assert instance.run("pgrep", f"{job}..{job}") == job
    assert instance.flux("pgrep", "nonesuch").rc == 1
    r = instance.flux("pgrep", "[")
    assert r.rc == 2 and r.err.startswith("flux-pgrep: ERROR: [: ")
    instance.run("pkill", "--wait", "^findme$")
    assert instance.flux("pgrep", "find").rc == 1


def test_watch(instance):
    ids = instance.run("submit", "--cc=1-3", "sh", "-c", "echo {cc}; exit {cc}").split()
    r = instance.flux("watch", *ids)
    assert sorted(r.lines) == ["1", "2", "3"] and r.rc == 3
    assert instance.flux("watch").rc == 2


def on_terminal(instance, *args):
    """What a command that ends by itself shows on a terminal."""
    control, terminal = pty.openpty()
    p = subprocess.Popen([FLUX, *args], stdin=terminal, stdout=terminal, stderr=terminal,
                         env={**instance.env, "TERM": "xterm"})
    os.close(terminal)
    shown = b""
    try:
        while data := os.read(control, 65536):
            shown += data
    except OSError:  # nobody has the terminal open any more
        pass
    os.close(control)
    p.wait(30)
    return shown.decode()


def test_instances_in_instances(instance):
    job = instance.run("alloc", "-n1", "--bg", timeout=60)
    uri = instance.run("uri", "--local", job)
    inner = {"FLUX_URI": uri}
    assert instance.run("uri", "..", env=inner) == instance.run("uri", "/", env=inner) == instance.uri
    assert instance.run("uri", "--remote", job).startswith("ssh://")
    assert instance.run("-p", "jobs", "-no", "{id.f58}", env=inner) == job
    instance.run("submit", "--job-name=inside", "sleep", "300", env=inner)
    instance.run("job", "wait-event", instance.run("job", "last", env=inner), "start", env=inner)
    assert instance.run("pstree", "-C").splitlines() == [".", "`-- flux", "    `-- inside"]
    assert instance.run("pstree", "-C", "-L1").splitlines() == [".", "`-- flux"]
    assert instance.run("jobs", "-R", "-no", "{name}").splitlines() == ["flux", "", f"{job}:", "inside"]
    assert instance.run("jobs", "-R", "-no", "{name}", job).splitlines() == ["flux", "", f"{job}:", "inside"]
    assert instance.run("jobs", "-R", "--level=0", "-no", "{name}") == "flux"
    assert instance.flux("jobs", "-R", "--json").rc == 2
    instance.run("shutdown", "--background", job)
    assert instance.flux("job", "status", job, timeout=60).rc in (0, 1)
    assert "unknown scheme" in instance.flux("uri", "nosuch://x").err
    assert "URI not found" in instance.flux("uri", instance.run("submit", "true")).err


def test_jobs_are_listed_again_and_again(instance):
    p = instance.spawn("jobs", "-a", "-n", "--watch=0.05", "-o", "{name}")
    text = ""
    while text.count("\033[H\033[J") < 3:
        text += p.stdout.read(1) or pytest.fail(text)
    p.kill()
    p.communicate()


def test_proxy(instance, tmp_path):
    job = instance.run("alloc", "-n1", "--bg", timeout=60)
    assert instance.run("proxy", job, "flux", "getattr", "jobid").startswith("ƒ")
    r = instance.flux("proxy", job, "sh", "-c", "echo $FLUX_PROXY_REMOTE; exit 3")
    assert r.rc == 3 and r.out.startswith("ssh://")
    assert instance.flux("proxy", "local:///no/such", "true").rc == 1
    assert instance.flux("proxy", "-f", "local:///no/such", "true").rc == 0
    # a stand-in for ssh that forwards on this host: ... -L LOCAL:REMOTE HOST
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nwhile [ $1 != -L ]; do shift; done\nln -s ${2#*:} ${2%%:*}\nexec sleep 300\n")
    ssh.chmod(0o755)
    path = instance.uri.removeprefix("local://")
    out = instance.run("proxy", f"ssh://elsewhere{path}", "sh", "-c", "echo $FLUX_URI; flux getattr size",
                       env={"FLUX_SSH": str(ssh)}).splitlines()
    assert out[0].startswith("local:///tmp/flux-proxy-") and out[1] == "1"
    instance.run("cancel", job)
    instance.run("queue", "drain")


@pytest.mark.parametrize("where", ["-oProxyCommand=id", "-oProxyCommand=id@host", "user@-oProxyCommand=id", "host:-F",
                                   "a b", "host;id", ""])
def test_proxy_hands_ssh_no_options_that_a_job_has_chosen(instance, tmp_path, where):
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    ssh.chmod(0o755)
    job = instance.run("submit", "sleep", "300").strip()
    instance.run("job", "memo", job, f"uri=ssh://{where}/run/x")
    r = instance.flux("proxy", "-f", job, "true", env={"FLUX_SSH": str(ssh)})
    instance.run("cancel", job)
    assert r.rc == 1 and "not ssh://[user@]host[:port]/path" in r.err and not (tmp_path / "called").exists()


@pytest.fixture
def elsewhere(instance, tmp_path, monkeypatch):
    """The instance as host `elsewhere`, which a stand-in for ssh "logs in" to, has it. Its calls are in `called`."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"""#!/bin/sh
echo "$*" >>{tmp_path}/called
[ "$1" != -p ] || shift 2
[ "$1" = elsewhere ] || exit 255
exec sh -c "$2"
""")
    ssh.chmod(0o755)
    monkeypatch.setitem(instance.env, "FLUX_SSH", str(ssh))
    monkeypatch.setitem(instance.env, "FLUX_SSH_RCMD", str(FLUX))
    return f"ssh://elsewhere{instance.uri.removeprefix('local://')}"


def test_an_instance_on_another_host(instance, elsewhere, tmp_path):
    there = {"FLUX_URI": elsewhere}
    path = instance.uri.removeprefix("local://")
    assert instance.run("getattr", "size", env=there) == "1"
    assert (tmp_path / "called").read_text() == f"elsewhere {FLUX} relay {path}\n"
    data = "x" * 1_000_000
    assert instance.run("run", "cat", env=there, stdin=data) == data
    with_port = elsewhere.replace("elsewhere", "elsewhere:2222")
    assert instance.run("getattr", "size", env={"FLUX_URI": with_port}) == "1"
    assert (tmp_path / "called").read_text().splitlines()[-1].startswith("-p 2222 elsewhere ")
    here = {"FLUX_URI": elsewhere.replace("elsewhere", socket.gethostname()), "FLUX_SSH": "/no/such"}
    assert instance.run("getattr", "size", env=here) == "1"


def test_an_instance_that_ssh_does_not_reach(instance, elsewhere):
    r = instance.flux("getattr", "size", env={"FLUX_URI": elsewhere.replace("elsewhere", "nowhere")})
    assert r.rc == 1 and "ssh has ended" in r.err
    r = instance.flux("getattr", "size", env={"FLUX_URI": "ssh://elsewhere/no/such"})
    assert r.rc == 1 and "cannot connect to the broker at /no/such" in r.err
    r = instance.flux("getattr", "size", env={"FLUX_URI": elsewhere, "FLUX_SSH": "/no/such"})
    assert r.rc == 1 and "/no/such: No such file or directory" in r.err
    for path in ("/a;id", "/a b", "/$(id)", "/a'"):
        r = instance.flux("getattr", "size", env={"FLUX_URI": "ssh://elsewhere" + path})
        assert r.rc == 1 and "not a path to be reached through ssh" in r.err
    assert "ssh has ended" in on_terminal(instance, "shutdown", "ssh://nowhere/tmp/local-0")


def test_listings_reach_instances_on_other_hosts(instance, elsewhere):
    """Of one's own jobs: what another's says is no reason to run ssh."""
    job = instance.run("submit", "--job-name=outer", "sleep", "300")
    instance.run("job", "memo", job, f"uri={elsewhere}")
    assert f"\n\n{job}:\nouter" in instance.run("jobs", "-R", "--level=1", "-no", "{name}")
    assert instance.run("pstree", "-C", "-L2").splitlines() == [".", "`-- outer", "    `-- outer"]
    instance.run("cancel", job)
    instance.run("job", "wait-event", job, "clean")


def test_pstree_merges_what_is_alike(instance):
    instance.run("queue", "drain")
    instance.run("submit", "--cc=1-2", "--job-name=twin", "sleep", "300")
    out = instance.run("pstree", "-a", "-f", "active").splitlines()
    assert out[-1] == "└── 2*[twin]"
    instance.run("cancel", "--all")
    instance.run("queue", "drain")


def test_hostlist(instance4):
    run = instance4.run
    assert run("hostlist", "a[1-3]", "b") == "a[1-3],b"
    assert run("hostlist", "-e", "a[1-3]") == "a1 a2 a3"
    assert run("hostlist", "-e", "-d,", "a[1-3]") == "a1,a2,a3"
    assert run("hostlist", "-c", "a[1-3]", "a1") == "4"
    assert run("hostlist", "-u", "a[1-3]", "a1") == "a[1-3]"
    assert run("hostlist", "-S", "a3", "a1") == "a[1,3]"
    assert run("hostlist", "-i", "a[1-3]", "a[2-5]") == "a[2-3]"
    assert run("hostlist", "-m", "a[1-3]", "a2") == "a[1,3]"
    assert run("hostlist", "-X", "a[1-3]", "a[2-5]") == "a[1,4-5]"
    assert run("hostlist", "-x", "a2", "a[1-3]") == run("hostlist", "-x", "1", "a[1-3]") == "a[1,3]"
    assert run("hostlist", "-n", "-1", "a[1-3]") == "a3"
    assert run("hostlist", "-L", "2", "a[1-3]") == "a[1-2]"
    assert run("hostlist", "-L", "-2", "a[1-3]") == "a[2-3]"
    assert run("hostlist", "-F", "a3", "a[1-3]") == "2"
    assert run("hostlist", stdin="a1 a2\na3\n") == "a[1-3]"
    assert run("hostlist", "-c", "instance") == "4"
    job = run("submit", "-N2", "true")
    run("job", "status", job)
    assert run("hostlist", "-c", job) == "2"
    assert instance4.flux("hostlist", "-q", "-x", "a1", "a1").rc == 1


def test_R_verbs(instance):
    def run(*args, stdin=None):
        return instance.run("R", *args, stdin=stdin)
    a = run("encode", "-r", "0-3", "-c", "0-3", "-H", "a[0-3]", "-p", "x:1-2")
    b = run("encode", "-r", "1", "-c", "0-3", "-H", "a1")
    assert json.loads(a)["execution"]["properties"] == {"x": "1-2"}
    assert run("decode", "-s", stdin=a) == "rank[0-3]/core[0-3]"
    assert [run("decode", "-c", t, stdin=a) for t in ("node", "core", "gpu")] == ["4", "16", "0"]
    assert run("decode", "-n", "-p", "x", stdin=a) == "a[1-2]"
    assert run("decode", "-r", "-p", "^x", stdin=a) == "0,3"
    assert run("decode", "-r", "-i", "a[0-2]", "-x", "0", stdin=a) == "1-2"
    assert run("decode", "-r", stdin=run("diff", stdin=a + b)) == "0,2-3"
    assert run("decode", "-r", stdin=run("intersect", stdin=a + b)) == "1"
    assert run("decode", "-r", stdin=run("remap", stdin=b)) == "0"
    assert run("decode", "-n", stdin=run("rerank", "a[3,2,1,0]", stdin=a)) == "a[3,2,1,0]"
    assert json.loads(run("set-property", "y:0", stdin=b.replace('"1"', '"0"')))["execution"]["properties"] == {"y": "0"}
    c = run("encode", "-r", "7", "-c", "0", "-H", "b7")
    assert run("decode", "-r", stdin=run("append", stdin=a + c)) == "0-3,7"
    assert instance.flux("R", "append", stdin=a + b).rc == 1
    assert instance.flux("R", "verify", stdin=b + b).rc == 0
    assert "missing" in instance.flux("R", "verify", stdin=b + run("encode", "-r1", "-c0", "-Ha1")).err
    assert instance.flux("R", "decode", stdin="{}").rc == 1


def topology(cores):
    """What hwloc writes of a machine with so many cores."""
    mask = hex((1 << cores) - 1)
    sets = 'cpuset="{0}" complete_cpuset="{0}" nodeset="0x1" complete_nodeset="0x1"'
    inner = "".join(f"""
<object type="Core" os_index="{i}" {sets.format(hex(1 << i))} gp_index="{10 + i}">
<object type="PU" os_index="{i}" {sets.format(hex(1 << i))} gp_index="{100 + i}"/></object>""" for i in range(cores))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
<object type="Machine" os_index="0" {sets.format(mask)} allowed_cpuset="{mask}" allowed_nodeset="0x1" gp_index="1">
<object type="NUMANode" os_index="0" {sets.format(mask)} gp_index="2" local_memory="1048576"/>{inner}
</object></topology>
"""


def test_R_of_this_machine_and_of_topologies(instance, tmp_path):
    found = instance.run("R", "encode", "--local", "-H", "a[0-1]")
    here = int(instance.run("R", "decode", "-c", "core", stdin=instance.run("resource", "R", "-s", "all")))
    assert instance.run("R", "decode", "-c", "core", stdin=found) == str(2 * here)
    (tmp_path / "t.xml").write_text(topology(3))
    found = instance.run("R", "encode", f"--xml={tmp_path}/t.xml", "-r", "5", "-H", "b")
    assert instance.run("R", "decode", "-s", stdin=found) == "rank5/core[0-2]"
    assert "/no/such.xml" in instance.flux("R", "encode", "--xml=/no/such.xml").err
    assert instance.flux("R", "encode", "--local", "-c", "0").rc == 1


def test_R_of_a_configuration(instance, tmp_path):
    (tmp_path / "a.toml").write_text("""
[[resource.config]]
hosts = "a[0-3]"
cores = "0-1"
[[resource.config]]
hosts = "a3"
gpus = "0"
properties = ["fat"]
""")
    r = instance.run("R", "parse-config", tmp_path)
    assert instance.run("R", "decode", "-s", stdin=r) == "rank[0-2]/core[0-1] rank3/core[0-1],gpu0"
    assert instance.run("R", "decode", "-n", "-p", "fat", stdin=r) == "a3"
    (tmp_path / "a.toml").write_text('[[resource.config]]\ncores = "0"\n')
    assert "hosts is missing" in instance.flux("R", "parse-config", tmp_path).err
    (tmp_path / "a.toml").write_text("[resource]\n")
    assert "there is no resource.config" in instance.flux("R", "parse-config", tmp_path).err


def test_resources_are_reloaded(flux_start, tmp_path):
    own = flux_start(2, args=["--test-hosts=a[0-1]"])
    (tmp_path / "R").write_text(own.run("R", "encode", "-H", "a[0-1]", "-c", "0-6"))
    own.run("resource", "reload", tmp_path / "R")
    assert own.run("resource", "info") == "2 Nodes, 14 Cores, 0 GPUs"
    for rank in 0, 1:
        (tmp_path / f"{rank}.xml").write_text(topology(2 + rank))
    own.run("resource", "reload", "-x", tmp_path)
    assert own.run("resource", "list", "-s", "all", "-no", "{rlist}") == "rank0/core[0-1] rank1/core[0-2]"
    (tmp_path / "1.xml").unlink()
    assert "1.xml" in own.flux("resource", "reload", "-x", tmp_path).err


def test_config_from_files(instance, tmp_path):
    (tmp_path / "a.toml").write_text('[x]\ny = "1h"\nz = [1, 2]\n')
    def get(*args):
        return instance.flux("config", "get", "-c", tmp_path, *args)
    assert get("x.y").out == "1h\n"
    assert get("-t", "fsd-integer", "x.y").out == "3600\n"
    assert get("x.z").out == "[1,2]\n"
    assert get("x.none").rc == 1
    (tmp_path / "a.toml").write_text("[x\n")
    assert "a.toml:1" in get("x.y").err


def test_user_formats_in_toml(instance, tmp_path):
    (tmp_path / "flux").mkdir()
    (tmp_path / "flux" / "flux-jobs.toml").write_text('[formats.t]\nformat = "{id.dec}"\n')
    assert instance.flux("jobs", "-o", "t", env={"XDG_CONFIG_HOME": str(tmp_path)}).ok


@pytest.mark.parametrize("form,text", [("raw", "0-1;2-3"), ("pmi", "(vector,(0,2,2))"), ("json", "[[0,2,2,1]]")])
def test_taskmap_forms(instance, form, text):
    assert instance.run("job", "taskmap", f"--to={form}", "[[0,2,2,1]]") == text
    assert instance.run("job", "taskmap", "--nodeid=3", "[[0,2,2,1]]") == "1"
    assert instance.run("job", "taskmap", "--taskids=1", "[[0,2,2,1]]") == "2-3"


def test_queue_list(flux_start):
    instance = flux_start(1, config="""
[queues.batch]
[queues.debug.policy.limits]
duration = "30m"
job-size.max.nnodes = 2
[policy.limits]
duration = "1d"
[policy.jobspec.defaults.system]
queue = "batch"
""")
    out = instance.flux("queue", "list").lines
    assert out[0].split() == ["QUEUE", "EN", "ST", "TDEFAULT", "TLIMIT", "NNODES", "NCORES", "NGPUS"]
    assert out[1].split() == ["batch*", "✔", "✗", "inf", "1d", "0-inf", "0-inf", "0-inf"]
    assert out[2].split() == ["debug", "✔", "✗", "inf", "30m", "0-2", "0-inf", "0-inf"]
    assert instance.run("queue", "list", "-q", "debug", "-no", "{queue} {enabled.ascii} {resources.all.nnodes}") == "debug y 1"


def test_shutdown(flux_start):
    instance = flux_start(2)
    assert instance.flux("shutdown", "--quiet", timeout=60).rc == 0
    instance.process.wait(30 * PATIENCE)


def test_every_verb_has_its_place_in_a_manual_page(instance):
    verbs = re.findall(r"^  \['([^']+)'\]='--help", instance.run("completion", "bash"), re.M)
    assert len(verbs) > 100
    for verb in verbs:
        page = BUILD / "docs/man/man1" / f"flux-{verb.split()[0]}.1"
        assert page.exists(), f"flux {verb} has no manual page"
        text = re.sub(r"\\f.|\\", "", page.read_text())
        assert f"flux {verb}" in text or f"flux-{verb}" in text, f"{page.name} does not tell of flux {verb}"
        assert instance.flux(*verb.split(), "--help").lines[1], f"flux {verb} has no summary"


def test_help_shows_manual_pages(instance):
    man = {"MANPATH": str(BUILD / "docs/man"), "MANPAGER": "cat", "MANWIDTH": "80"}
    for words in (["run"], ["overlay"], ["flux-resource"], ["keygen"]):
        r = instance.flux("help", *words, env=man)
        assert r.ok and "SYNOPSIS" in r.out, repr(r)
    assert not instance.flux("help", "no-such-page", env=man).ok


def test_top(instance):
    if not (FLUX.parent / "flux-top").exists():
        pytest.skip("built without curses")
    assert "must be a terminal" in instance.flux("top").err
    job = instance.run("alloc", "-n1", "--bg", "--job-name=deep", timeout=60)
    control, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    p = subprocess.Popen([FLUX, "top"], stdin=terminal, stdout=terminal, stderr=subprocess.PIPE,
                         env={**instance.env, "TERM": "xterm"})
    os.close(terminal)
    screen = b""

    def until(text):
        nonlocal screen
        while text not in screen:
            assert select.select([control], [], [], 20 * PATIENCE)[0], screen
            screen += os.read(control, 65536)
    until(b"deep")
    assert b"nodes" in screen and b"1 running" in screen.replace(b"  ", b" ")
    os.write(control, b"\n")
    until(b"/" + job.encode())
    os.write(control, b"q")
    os.write(control, b"q")
    assert p.wait(30 * PATIENCE) == 0
    os.close(control)
    instance.run("cancel", job)
    instance.run("queue", "drain")
