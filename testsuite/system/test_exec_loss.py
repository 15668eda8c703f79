# SPDX-License-Identifier: LGPL-3.0-only
"""What a running job sees when a shell, a spawn helper or a broker under it is killed."""
import os
import signal
from pathlib import Path

from processes import await_ends


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def shell_of(instance, rank, job):
    for row in instance.run("sproc", "ps", "-n", "-o", "{label} {pid}", "-r", str(rank)).splitlines():
        label, pid = row.split()
        if label == job:
            return int(pid)
    raise AssertionError(f"no shell of {job} on rank {rank}")


def start_job(instance, nodes):
    """A job of one task a node; its tasks' process ids by rank are in task.RANK."""
    job = instance.run("submit", f"-N{nodes}", f"-n{nodes}", "sh", "-c",
                       f"echo $$ >{instance.dir}/tmp.$FLUX_TASK_RANK; "
                       f"mv {instance.dir}/tmp.$FLUX_TASK_RANK {instance.dir}/task.$FLUX_TASK_RANK; exec sleep 1000")
    instance.run("job", "wait-event", job, "start")
    return job


def task_pids(instance, nodes):
    """Once all have written theirs."""
    script = f"cd {instance.dir}; for i in $(seq 0 {nodes - 1}); do until [ -e task.$i ]; do sleep 0.01; done; cat task.$i; done"
    return [int(line) for line in instance.run("exec", "-n", "-r", "0", "sh", "-c", script).split()]


def wait_gone(pidfd):
    assert not await_ends([pidfd]), "still there"


def exceptions(instance, job):
    return [line for line in instance.run("job", "eventlog", job).splitlines() if " exception " in line]


def test_a_killed_shell_takes_its_task_along_and_fails_the_job(flux_start):
    instance = flux_start(1)
    job = start_job(instance, 1)
    task = os.pidfd_open(task_pids(instance, 1)[0])
    os.kill(shell_of(instance, 0, job), signal.SIGKILL)
    assert instance.flux("job", "status", job).rc == 128 + signal.SIGKILL
    wait_gone(task)


def test_a_killed_helper_fails_the_job_and_names_the_host(flux_start):
    instance = flux_start(2)
    job = start_job(instance, 2)
    tasks = [os.pidfd_open(pid) for pid in task_pids(instance, 2)]
    os.kill(parent(shell_of(instance, 1, job)), signal.SIGKILL)
    assert instance.flux("job", "status", job).rc != 0
    assert any("node-failure" in e and "(rank 1): its spawn helper died" in e for e in exceptions(instance, job))
    for task in tasks:
        wait_gone(task)
    assert instance.flux("run", "-N2", "true").ok


def test_a_killed_broker_fails_the_job_and_names_the_host(flux_start):
    instance = flux_start(4)
    job = start_job(instance, 4)
    tasks = [os.pidfd_open(pid) for pid in task_pids(instance, 4)]
    helper = os.pidfd_open(parent(shell_of(instance, 3, job)))
    os.kill(int(instance.run("exec", "-r", "3", "flux", "getattr", "broker.pid")), signal.SIGKILL)
    assert instance.flux("job", "status", job).rc != 0
    assert any("node-failure" in e and "lost contact with" in e and "(rank 3)" in e for e in exceptions(instance, job))
    for task in tasks:
        wait_gone(task)
    wait_gone(helper)
