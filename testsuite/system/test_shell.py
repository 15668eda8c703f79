# SPDX-License-Identifier: LGPL-3.0-only
"""flux-shell alone, without a broker: a start document in, tasks, their output and an exit code out."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess

import pytest

from conftest import BUILD, PATIENCE, ROOT, SANITIZE, clean_env

SHELL = BUILD / "server" / "shell" / "flux-shell"
JOB = 0x1234567


def quoted(value):
    """As protoc's text format wants a string."""
    return json.dumps(value, ensure_ascii=True) if isinstance(value, str) else str(value).lower()


class Job:
    """One node's share of a job, made up."""

    def __init__(self, tmp):
        self.tmp, self.prefix = tmp, []
        self.fields = {"job_id": JOB, "rundir": str(tmp), "hostname": "node0"}

    def document(self, command, ntasks=1, cores="0-63", nnodes=1, options=None, environment=None, cwd=None, system=None,
                 nodes=None, **fields):
        system = {**(system or {}), "duration": 0, "cwd": str(cwd or self.tmp),
                  "environment": {"PATH": os.environ["PATH"], **(environment or {})},
                  "shell": {"options": options or {}}}
        slot = {"type": "slot", "count": ntasks, "label": "task", "with": [{"type": "core", "count": 1}]}
        jobspec = {"version": 1, "resources": [slot], "attributes": {"system": system},
                   "tasks": [{"command": command, "slot": "task", "count": {"per_slot": 1}}]}
        ranks = "0" if nnodes == 1 else f"0-{nnodes - 1}"
        nodes = nodes or ["node0" if nnodes == 1 else f"node[0-{nnodes - 1}]"]
        r = {"version": 1, "execution": {"R_lite": [{"rank": ranks, "children": {"core": cores}}],
                                         "nodelist": nodes, "starttime": 0, "expiration": 0}}
        fields = {**self.fields, "jobspec": json.dumps(jobspec), "resources": json.dumps(r), **fields}
        text = "".join(f"{k}: {quoted(v)}\n" for k, v in fields.items())
        run = subprocess.run(["protoc", "--encode=flux.v1.ShellStart", f"-I{ROOT / 'proto'}", "flux/v1/shell.proto"],
                             input=text.encode(), capture_output=True, check=True)
        path = self.tmp / "start"
        path.write_bytes(run.stdout)
        return path

    def popen(self, command, ntasks=1, **kw):
        kw = {k: kw[k] for k in kw}
        pipes = {k: kw.pop(k) for k in ("stdin",) if k in kw}
        return subprocess.Popen([*self.prefix, SHELL, "--standalone", f"--start={self.document(command, ntasks, **kw)}"],
                                env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True, **{"stdin": subprocess.DEVNULL, **pipes})

    def run(self, command, ntasks=1, input=None, timeout=30, **kw):
        if input is not None:
            kw.update(stdin=subprocess.PIPE, stdin_service=True)
        p = self.popen(command, ntasks, **kw)
        try:
            out, err = p.communicate(input, timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            raise
        p.out, p.err, p.rc = out, err, p.returncode
        return p


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def sh(text):
    return ["sh", "-c", text]


def test_runs_a_task_and_returns_its_code(job):
    assert job.run(["true"]).rc == 0
    assert job.run(["false"]).rc == 1
    assert job.run(sh("exit 7")).rc == 7


def test_a_signal_counts_as_128_and_its_number(job):
    assert job.run(sh("kill -TERM $$")).rc == 143


def test_the_largest_code_of_all_tasks_wins(job):
    assert job.run(sh("exit $FLUX_TASK_RANK"), 5).rc == 4


def test_stdout_and_stderr_are_passed_on_unchanged(job):
    p = job.run(sh("printf 'a\\nb'; printf c >&2"))
    assert (p.out, p.err) == ("a\nb", "c")


def test_lines_of_tasks_are_not_mixed(job):
    p = job.run(sh("for i in 1 2 3 4 5 6 7 8 9; do echo $FLUX_TASK_RANK$FLUX_TASK_RANK; done"), 8)
    assert sorted(p.out.split()) == sorted(f"{r}{r}" for r in range(8) for _ in range(9))


def test_large_output_is_complete(job):
    p = job.run(sh("seq 1 300000"))
    assert p.out == "".join(f"{i}\n" for i in range(1, 300001))


def test_the_environment_names_job_and_task(job):
    p = job.run(["env"], 1, environment={"MINE": "x=y", "PMI_FD": "99"}, enclosing_id="f1",
                job_id_path="/f1/f2", local_uri="local:///nowhere")
    env = dict(line.split("=", 1) for line in p.out.splitlines())
    assert env["MINE"] == "x=y"
    assert env["FLUX_JOB_SIZE"] == env["FLUX_JOB_NNODES"] == env["PMI_SIZE"] == "1"
    assert env["FLUX_TASK_RANK"] == env["FLUX_TASK_LOCAL_ID"] == env["PMI_RANK"] == "0"
    assert env["FLUX_ENCLOSING_ID"] == "f1" and env["FLUX_JOB_ID_PATH"] == "/f1/f2"
    assert env["FLUX_URI"] == "local:///nowhere" and env["PMI_FD"] != "99"
    assert env["FLUX_KVS_NAMESPACE"] == f"job-{JOB}" and env["FLUX_JOB_ID"]
    assert env["FLUX_PMI_LIBRARY_PATH"].endswith("libpmi.so")
    assert env["CUDA_VISIBLE_DEVICES"] == "-1"


def test_the_temporary_directory_is_private_and_goes_with_the_job(job):
    p = job.run(sh("stat -c %a $FLUX_JOB_TMPDIR; mkdir -p $FLUX_JOB_TMPDIR/a/b; echo $FLUX_JOB_TMPDIR"))
    mode, path = p.out.split()
    assert mode == "700" and path.startswith(f"{job.tmp}/") and not os.path.exists(path)


def test_an_unknown_command_is_a_127(job):
    p = job.run(["/no/such/command"])
    assert p.rc == 127 and "start failed: /no/such/command: No such file or directory" in p.err


def test_a_file_that_may_not_be_run_is_a_126(job):
    (job.tmp / "plain").write_text("x")
    assert job.run([str(job.tmp / "plain")]).rc == 126


def test_a_script_without_an_interpreter_line_is_the_shells(job):
    script = job.tmp / "script"
    script.write_text("echo $1-$2\n")
    script.chmod(0o755)
    assert job.run([str(script), "a", "b"]).out == "a-b\n"


def test_signals_reach_all_tasks(job):
    p = job.popen(sh("trap 'echo usr1; exit 3' USR1; echo ready; while :; do sleep 0.05; done"), 2)
    assert p.stdout.readline() == p.stdout.readline() == "ready\n"
    p.send_signal(signal.SIGUSR1)
    out, _ = p.communicate(timeout=20 * PATIENCE)
    assert out == "usr1\nusr1\n" and p.returncode == 3


def test_the_tasks_die_with_the_shell(job):
    p = job.popen(["sleep", "1000"])
    p.kill()
    p.communicate(timeout=20 * PATIENCE)  # returns when the task's pipes are closed
    assert p.returncode == -signal.SIGKILL


def test_what_a_task_leaves_behind_holds_the_job_until_it_is_asked_to_end(job):
    p = job.popen(sh("setsid sh -c 'echo up; exec sleep 1000' &"))
    assert p.stdout.readline() == "up\n"
    with pytest.raises(subprocess.TimeoutExpired):
        p.wait(0.2)
    p.terminate()
    assert p.wait(20 * PATIENCE) == 0


def test_exit_on_error_ends_the_others(job):
    p = job.run(sh("[ $FLUX_TASK_RANK = 1 ] && exit 5; exec sleep 1000"), 3, options={"exit-on-error": True})
    assert p.rc == 143 and "task 1 on host node0 failed and exit-on-error is set" in p.err


def test_exit_timeout_ends_the_others(job):
    p = job.run(sh("[ $FLUX_TASK_RANK = 1 ] && exit 0; exec sleep 1000"), 2, options={"exit-timeout": "0.1s"})
    assert p.rc == 143 and "exit-timeout=100ms has expired" in p.err


@pytest.mark.parametrize("template,names", [
    ("out.{{id}}", 1), ("out.{{task.rank}}", 3), ("out.{{node.id}}.{{node.name}}", 1), ("{{name}}-{{jobid.dec}}", 1),
])
def test_output_goes_to_files_named_by_a_template(job, template, names):
    p = job.run(sh("echo out$FLUX_TASK_RANK; echo err$FLUX_TASK_RANK >&2"), 3,
                options={"output": {"stdout": {"type": "file", "path": template}}})
    files = [f for f in job.tmp.iterdir() if f.is_file() and f.name != "start"]
    assert p.rc == 0 and p.out == p.err == "" and len(files) == names
    lines = sorted("".join(f.read_text() for f in files).split())
    assert lines == ["err0", "err1", "err2", "out0", "out1", "out2"]


def test_an_output_file_is_truncated_or_appended_to(job):
    stdout = {"stdout": {"type": "file", "path": "f"}}
    for mode, expected in (("truncate", "x\n"), ("append", "x\nx\n"), ("truncate", "x\n")):
        job.run(["echo", "x"], options={"output": {**stdout, "mode": mode}})
        assert (job.tmp / "f").read_text() == expected


def test_lines_in_files_can_be_labelled(job):
    job.run(sh("echo a; printf b"), 2,
            options={"output": {"stdout": {"type": "file", "path": "f", "label": True}}})
    assert sorted((job.tmp / "f").read_text().splitlines()) == ["0: a", "0: b", "1: a", "1: b"]


def test_an_output_file_that_cannot_be_opened_ends_the_job(job):
    p = job.run(["true"], options={"output": {"stdout": {"type": "file", "path": "/no/such/dir/f"}}})
    assert p.rc == 1 and "error opening stdout file: /no/such/dir/f: No such file or directory" in p.err


def test_input_comes_from_a_file_or_from_us(job):
    (job.tmp / "in").write_text("hello\n")
    assert job.run(["cat"], options={"input": {"stdin": {"type": "file", "path": "in"}}}).out == "hello\n"
    assert job.run(["cat"], input="from us\n").out == "from us\n"
    assert job.run(["cat"]).out == ""


def test_arguments_and_variables_are_filled_in(job):
    p = job.run(["sh", "-c", "echo {{task.rank}}/{{ntasks}} {{node.name}} {{nosuch}} $V"], 2,
                options={"env-expand": {"V": "v{{task.index}}"}})
    assert sorted(p.out.splitlines()) == ["0/2 node0 {{nosuch}} v0", "1/2 node0 {{nosuch}} v1"]


def test_files_of_the_jobspec_are_laid_out(job):
    files = {"script": {"mode": 0o100755, "encoding": "utf-8", "data": "#!/bin/sh\necho $0 $1\n"},
             "a/b": {"mode": 0o100600, "encoding": "base64", "data": "aGVsbG8K"},
             "conf.json": {"mode": 0o100644, "data": {"x": 1}}, "d": {"mode": 0o40700},
             "link": {"mode": 0o120777, "data": "a/b"}}
    p = job.run(["sh", "-c", "{{tmpdir}}/script 1; cd {{tmpdir}}; cat a/b link conf.json; stat -c %a script a/b d"],
                system={"files": files})
    assert p.rc == 0 and p.out.split() == [p.out.split()[0], "1", "hello", "hello", '{"x":1}755', "600", "700"]


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/../../x", "", "a//b", "./x", "link/x"])
def test_files_stay_in_the_directory(job, name):
    files = {"link": {"mode": 0o120777, "data": str(job.tmp)}, name: {"mode": 0o100600, "data": "x"}}
    p = job.run(["true"], system={"files": files})
    assert p.rc == 1 and "files: cannot make" in p.err and not (job.tmp / "x").exists()


def test_soft_limits_are_set(job):
    assert job.run(sh("ulimit -Sc"), options={"rlimit": {"core": 0}}).out == "0\n"
    p = job.run(["prlimit", "--pid", "self", "--nofile"], options={"rlimit": {"nofile": 1 << 40}})
    assert re.search(r"flux-shell\[0\]:  WARN: rlimit: nofile exceeds current max, raising value to hard limit", p.err)
    assert "unknown limit 'nosuch'" in job.run(["true"], options={"rlimit": {"nosuch": 1}}).err


def test_many_tasks_need_no_higher_limit_of_their_own(job):
    job.prefix = ["prlimit", "--nofile=256:"]
    p = job.run(sh("ulimit -n"), 200, cores="0-255", timeout=60)
    assert (p.rc, p.out) == (0, "256\n" * 200), p.err


def test_a_terminal_is_one(job):
    p = job.run(sh("tty >/dev/null && stty size"), options={"pty": {"rows": 30, "cols": 100}})
    assert (p.rc, p.out) == (0, "30 100\n")


def test_tasks_have_groups_of_their_own(job):
    pgrp = sh("ps -o pid=,pgid= $$ | awk '{print $1==$2}'")
    assert job.run(pgrp, 2).out == "1\n1\n"
    assert job.run(pgrp, 2, options={"nosetpgrp": True}).out == "0\n0\n"


def cpus():
    return sorted(os.sched_getaffinity(0))


def test_a_task_can_be_bound(job):
    allowed = ["sh", "-c", "grep Cpus_allowed_list /proc/self/status | cut -f2"]
    everything = job.run(allowed).out
    assert job.run(allowed, cores="0", options={"cpu-affinity": "off"}).out == everything
    assert job.run(allowed, options={"cpu-affinity": f"map:{cpus()[-1]}"}).out == f"{cpus()[-1]}\n"
    p = job.run(allowed, cores="0", core_units=f"{cpus()[0]}", options={"cpu-affinity": "verbose"})
    assert p.out == f"{cpus()[0]}\n" and f"node0: task 0: cpus: {cpus()[0]}" in p.err
    p = job.run(allowed, cores="0", options={"cpu-affinity": "dry-run"})
    assert p.out == everything and "cpu-affinity: node0: task 0" in p.err


@pytest.mark.skipif(len(cpus()) < 2, reason="one processor")
def test_tasks_share_the_cores(job):
    units = ";".join(map(str, cpus()[:2]))
    p = job.run(sh("grep Cpus_allowed_list /proc/self/status | cut -f2"), 2, cores="0-1", core_units=units,
                options={"cpu-affinity": "per-task"})
    assert sorted(p.out.split()) == sorted(map(str, cpus()[:2]))


def test_gpus_are_shared_out(job):
    p = job.run(sh("echo $FLUX_TASK_RANK:$CUDA_VISIBLE_DEVICES"), 2, options={"gpu-affinity": "map:0;1,2"})
    assert sorted(p.out.split()) == ["0:0", "1:1,2"]
    assert job.run(sh("echo ${CUDA_VISIBLE_DEVICES-unset}"), options={"gpu-affinity": "off"}).out == "unset\n"


@pytest.mark.parametrize("taskmap,mine", [
    ({}, "0 1"), ({"scheme": "block"}, "0 1"), ({"scheme": "cyclic"}, "0 3"),
    ({"scheme": "manual", "value": "[[1,2,2,1],[0,1,2,1]]"}, "4 5"),
])
def test_tasks_are_mapped_to_nodes(job, taskmap, mine):
    p = job.run(sh("echo $FLUX_TASK_RANK"), 6, cores="0-1", nnodes=3, options={"taskmap": taskmap} if taskmap else {})
    assert sorted(p.out.split()) == mine.split()


def test_a_hostfile_maps_tasks(job):
    (job.tmp / "hosts").write_text("node1\nnode0\n# none\nnode1\nnode0\n")
    p = job.run(sh("echo $FLUX_TASK_RANK"), 4, cores="0-1", nnodes=2,
                options={"taskmap": {"scheme": "hostfile", "value": str(job.tmp / "hosts")}})
    assert sorted(p.out.split()) == ["1", "3"]


def test_a_wrong_map_ends_the_job(job):
    p = job.run(["true"], 4, options={"taskmap": {"scheme": "nosuch"}})
    assert p.rc == 1 and "no such scheme: nosuch" in p.err


def test_stopped_tasks_wait_for_a_debugger(job):
    p = job.popen(["true"], options={"stop-tasks-in-exec": True, "verbose": 0})
    children = f"/proc/{p.pid}/task/{p.pid}/children"
    for _ in range(int(2000 * PATIENCE)):
        pids = open(children).read().split()
        if pids and open(f"/proc/{pids[0]}/stat").read().split()[2] == "T":
            break
        signal.sigtimedwait([], 0.005)
    os.kill(int(pids[0]), signal.SIGCONT)
    assert p.wait(20 * PATIENCE) == 0


def test_a_directory_that_is_gone_is_replaced(job):
    p = job.run(["pwd"], cwd="/no/such/directory")
    assert p.out == "/tmp\n" and "Going to /tmp instead" in p.err


def test_nonsense_is_refused(job):
    bad = job.tmp / "bad"
    for data in (b"", b"\xff\xff\xff", bytes(range(255, 155, -1))):
        bad.write_bytes(data)
        p = subprocess.run([SHELL, "--standalone", f"--start={bad}"], capture_output=True, text=True, timeout=20 * PATIENCE)
        assert p.returncode == 1 and p.stderr.startswith("flux-shell: ")


# --- PMI

PMI = """
import os, socket
s = socket.socket(fileno=int(os.environ["PMI_FD"]))
f = s.makefile("rw", newline="\\n")
def ask(line):
    f.write(line + "\\n"); f.flush()
    return f.readline().rstrip("\\n")
rank, size = os.environ["PMI_RANK"], int(os.environ["PMI_SIZE"])
assert "rc=0" in ask("cmd=init pmi_version=1 pmi_subversion=1")
name = ask("cmd=get_my_kvsname").split("kvsname=")[1]
assert "rc=0" in ask(f"cmd=put kvsname={name} key=card{rank} value=card of {rank}")
assert ask("cmd=barrier_in") == "cmd=barrier_out rc=0"
for i in range(size):
    assert ask(f"cmd=get kvsname={name} key=card{i}").endswith(f"value=card of {i}")
print(ask(f"cmd=get kvsname={name} key=PMI_process_mapping").split("value=")[1])
"""


def test_pmi_serves_the_tasks(job):
    p = job.run(["/usr/bin/python3", "-c", PMI + "assert 'rc=0' in ask('cmd=finalize')"], 3)
    assert p.rc == 0 and p.out == "(vector,(0,1,3))\n" * 3


def test_pmi_abort_ends_the_job(job):
    abort = PMI + "\nif rank == '1': s.send(b'cmd=abort exitcode=9 error_msg=oh no\\n')\nimport time; time.sleep(1000)"
    p = job.run(["/usr/bin/python3", "-c", abort], 2)
    assert p.rc == 143 and "MPI_Abort: task 1: oh no" in p.err


def test_leaving_pmi_without_a_word_ends_the_job(job):
    p = job.run(["/usr/bin/python3", "-c", PMI + "\nif rank == '0': import time; time.sleep(1000)"], 2)
    assert p.rc == 143 and "task 1: pmi: closed before finalize" in p.err


def test_pmi_can_be_off(job):
    assert job.run(sh("echo ${PMI_FD-none}"), options={"pmi": "off"}).out == "none\n"


HELLO = """
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    int rank, size, token, sum;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Sendrecv(&rank, 1, MPI_INT, (rank + 1) % size, 0, &token, 1, MPI_INT, (rank + size - 1) % size, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Allreduce(&token, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%d tasks, sum %d\\n", size, sum);
    MPI_Finalize();
    return 0;
}
"""


@pytest.mark.parametrize("mpicc", ["mpicc.mpich", "mpicc.openmpi"])
def test_mpi_programs_run(job, mpicc):
    if not shutil.which(mpicc):
        pytest.skip(f"no {mpicc}")
    if SANITIZE and "openmpi" in mpicc:
        pytest.skip("it loads a sanitized libpmi")
    (job.tmp / "ring.c").write_text(HELLO)
    subprocess.run([mpicc, "-o", job.tmp / "ring", job.tmp / "ring.c"], check=True)
    env = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "HOME": str(job.tmp)}
    p = job.run([str(job.tmp / "ring")], 4, timeout=60, environment=env)
    assert (p.rc, p.out) == (0, "4 tasks, sum 6\n"), p.err


# --- plugins

PLUGIN = r"""
#include <flux/shell.h>
#include <unistd.h>
static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const char *text = flux_shell_option_text(sh, "hello", NULL);
    if (!text)
        return flux_error_set(err, -EINVAL, "whom to greet?");
    flux_shell_setenv(sh, "GREETING", "hello %s, of %u", text, flux_shell_ntasks(sh));
    return 0;
}
static int task_init(struct flux_shell *sh, struct flux_shell_task *t, void **data, struct flux_error *err)
{
    flux_shell_task_setenv(t, "INDEX", "%u", flux_shell_task_index(t));
    return 0;
}
static int task_exec(struct flux_shell *sh, struct flux_shell_task *t, void *data)
{
    return write(1, "exec\n", 5) == 5 ? 0 : -errno;
}
static void task_exit(struct flux_shell *sh, struct flux_shell_task *t, void **data)
{
    flux_shell_log(sh, FLUX_SHELL_NOTICE, "hello", "task %u: %d", flux_shell_task_rank(t), flux_shell_task_status(t));
}
const struct flux_shell_plugin flux_shell_plugin = {
    .api = FLUX_SHELL_API + BUMP, .name = NAME,
    .init = init, .task_init = task_init, .task_exec = task_exec, .task_exit = task_exit };
"""


def plugin(job, name="hello", bump=0):
    (job.tmp / "p.c").write_text(PLUGIN)
    subprocess.run(["cc", "-shared", "-fPIC", f'-DNAME="{name}"', f"-DBUMP={bump}", "-o", job.tmp / "p.so", job.tmp / "p.c",
                    f"-I{ROOT / 'bindings/c/include'}"], check=True)
    return str(job.tmp / "p.so")


def test_a_plugin_sees_and_changes_the_job(job):
    so = plugin(job)
    p = job.run(sh("echo $GREETING $INDEX"), 2, options={"plugins": [so], "hello": "you"})
    assert p.rc == 0 and sorted(p.out.splitlines()) == ["exec", "exec", "hello you, of 2 0", "hello you, of 2 1"]
    assert "flux-shell[0]: hello: task 1: 0" in p.err
    p = job.run(["true"], options={"plugins": so})
    assert p.rc == 1 and "hello: whom to greet?" in p.err


def test_plugins_are_found_in_directories_and_replace_built_in_ones(job):
    plugin(job, name="tmpdir")
    p = job.run(sh("echo ${FLUX_JOB_TMPDIR-none}"), options={"hello": "you"}, plugin_path=str(job.tmp))
    assert p.out == "exec\nnone\n"


def test_a_plugin_of_another_version_is_refused(job):
    p = job.run(["true"], options={"plugins": plugin(job, bump=1)})
    assert p.rc == 1 and "made for another version" in p.err


# --- through the IMP: the document is from somebody whom the user need not trust ---

GUEST = 64101


def as_guest(job, command, request, *args, user_id=GUEST, fd=4, **document):
    """The shell as an IMP starts it: as the user, the verified request on descriptor 4. No broker: it is alone."""
    start = job.document(command, user_id=user_id, owner_id=1, **document)
    request_path = job.tmp / "request"
    request_path.write_text(request)
    become = f"setpriv --reuid={GUEST} --regid={GUEST} --clear-groups"
    return subprocess.run(["sh", "-c", f'exec {become} "$0" "$@" 3<{start} {fd}<{request_path}', SHELL, *args], cwd="/",
                          env={"PATH": "/usr/bin:/bin", "FLUX_IMP_REQUEST_FD": str(fd)}, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30 * PATIENCE)


def signed(job, command, **kwargs):
    """The jobspec of a document made for it."""
    text = subprocess.run(["protoc", "--decode=flux.v1.ShellStart", f"-I{ROOT / 'proto'}", "flux/v1/shell.proto"],
                          stdin=job.document(command, **kwargs).open("rb"), capture_output=True, text=True, check=True).stdout
    return json.loads(json.loads(re.search(r"^jobspec: (.*)$", text, re.M).group(1).replace("\\'", "'")))


@pytest.mark.root
@pytest.mark.plain
def test_what_runs_for_a_guest_is_what_was_signed(job):
    request = json.dumps(signed(job, sh("echo signed; id -u; env")))
    p = as_guest(job, sh("echo forged"), request, environment={"EVIL": "1"},
                 options={"plugins": ["/nonexistent.so"]}, plugin_path="/nonexistent", init_file="/nonexistent")
    assert p.returncode == 0, p.stderr
    assert p.stdout.startswith(f"signed\n{GUEST}\n") and "EVIL" not in p.stdout and "FLUX_IMP" not in p.stdout
    where = re.search(r"FLUX_JOB_TMPDIR=(.*)", p.stdout).group(1)
    assert not where.startswith(str(job.tmp)), "the run directory is the owner's: it could exchange what is in it"
    assert not os.path.exists(where)


@pytest.mark.root
@pytest.mark.plain
def test_a_broker_of_another_host_is_refused(job, tmp_path, monkeypatch):
    """No document makes a shell run ssh."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    p = job.run(["echo", "ran"], 1, local_uri="ssh://elsewhere/run/flux/local")
    assert p.rc == 1 and "ssh://elsewhere/run/flux/local is not on this host" in p.err
    assert not (tmp_path / "called").exists()


def test_a_document_for_another_user_is_refused(job):
    request = json.dumps(signed(job, ["true"]))
    p = as_guest(job, ["true"], request, user_id=GUEST + 1)
    assert p.returncode == 1 and f"for user {GUEST + 1}, and this is {GUEST}" in p.stderr
    p = as_guest(job, ["true"], "")
    assert p.returncode == 1 and "jobspec" in p.stderr
    p = as_guest(job, ["true"], request, fd=0)
    assert p.returncode == 1 and "not a descriptor" in p.stderr


@pytest.mark.root
@pytest.mark.plain
@pytest.mark.parametrize("name", ["$(id)", "a/../b", "..", "-rf", "a b", "a\nb", "a;b"])
def test_names_of_nodes_write_nothing_into_a_guests_command(job, name):
    request = json.dumps(signed(job, ["echo", "{{node.name}}"]))
    assert as_guest(job, ["true"], request, hostname="node-1.site").stdout == "node-1.site\n"
    p = as_guest(job, ["true"], request, hostname=name)
    assert p.returncode == 1 and p.stdout == "" and "a name that is none" in p.stderr
    p = as_guest(job, ["true"], request, hostname="", nodes=[name])
    assert p.returncode == 1 and p.stdout == ""


@pytest.mark.root
@pytest.mark.plain
@pytest.mark.parametrize("option", ["--standalone", "--start=/dev/null"])
def test_a_guests_shell_has_none_of_the_options_for_rescue(job, option):
    p = as_guest(job, ["true"], json.dumps(signed(job, ["echo", "ran"])), option)
    assert p.returncode == 1 and p.stdout == "" and "not for jobs of others" in p.stderr


@pytest.mark.root
def test_variables_of_the_instance_reach_no_guest(job):
    request = json.dumps(signed(job, ["env"]))
    start = job.document(["true"], user_id=GUEST, owner_id=1)
    text = 'variables { name: "LD_PRELOAD" value: "/tmp/evil.so" }'
    more = subprocess.run(["protoc", "--encode=flux.v1.ShellStart", f"-I{ROOT / 'proto'}", "flux/v1/shell.proto"],
                          input=text.encode(), capture_output=True, check=True).stdout
    job.document = lambda *args, **kwargs: start
    start.write_bytes(start.read_bytes() + more)
    p = as_guest(job, ["true"], request)
    assert p.returncode == 0 and "LD_PRELOAD" not in p.stdout, p.stderr
