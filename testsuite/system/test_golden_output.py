# SPDX-License-Identifier: LGPL-3.0-only
"""What administrators read, to the character: a cluster of 101 nodes as its services would describe it,
and what the commands make of that. Ranks 0-2 are fluke[1,3,108], ranks 3-100 are fluke[6-103]."""
import json
import subprocess

import pytest

from conftest import FLUX, PATIENCE, clean_env
from fake_broker import FakeBroker, message


def expand(text):
    """Numbers of "6-8,10"."""
    numbers = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        numbers += range(int(low), int(high or low) + 1)
    return numbers


def ids(numbers):
    return ",".join(map(str, sorted(numbers)))


def rank_of(host):
    return {1: 0, 3: 1, 108: 2}.get(host, host - 3)


def ranks_of(hosts):
    return ids(rank_of(n) for n in expand(hosts))


HOSTS = [1, 3, 108, *range(6, 104)]
PROPERTIES = {"batch": "6-95", "debug": "96-103", "testprop": "102-103"}
OFFLINE = "17,24,61,66,79,92,102"
EXCLUDED = "1,3,108"
DRAINED = "18,64-67,69-70,74-76,81,87,89,94"
DOWN = "17-18,24,61,64-67,69-70,74-76,79,81,87,89,92,94,102"
QUEUES = {"batch": {"requires": ["batch"]}, "debug": {"requires": ["debug"]}}


def r_of(hosts):
    """R (RFC 20) of these nodes, four cores each."""
    hosts = sorted(hosts, key=rank_of)
    properties = {name: ids(rank_of(n) for n in expand(text) if n in hosts) for name, text in PROPERTIES.items()}
    return json.dumps({"version": 1, "execution": {
        "R_lite": [{"rank": ids(map(rank_of, hosts)), "children": {"core": "0-3"}}] if hosts else [],
        "nodelist": [f"fluke{n}" for n in hosts], "starttime": 0, "expiration": 0,
        "properties": {name: text for name, text in properties.items() if text}}})


class Cluster:
    def __init__(self, path):
        self.path = path
        self.drain = [(DRAINED, 1608109225.0, "")]
        self.allocated, self.queues = "", QUEUES
        self.broker = FakeBroker(path, {
            "Resource/Status": self.status, "Sched/Status": self.sched,
            "Config/Get": lambda request: message("ConfigGetResponse", json=json.dumps(self.queues))})

    def status(self, request):
        online = set(HOSTS) - set(expand(OFFLINE))
        drain = [message("ResourceDrainInfo", ranks=ranks_of(hosts), timestamp=t, reason=why)
                 for hosts, t, why in self.drain]
        return message("ResourceStatusResponse", r=r_of(HOSTS), online=ids(map(rank_of, online)),
                       exclude=ranks_of(EXCLUDED), drain=drain, allocated=self.allocated)

    def sched(self, request):
        return message("SchedStatusResponse", all=r_of(HOSTS[3:]), allocated=r_of([]), down=r_of(expand(DOWN)))

    def flux(self, *args, **env):
        p = subprocess.run([FLUX, *args], capture_output=True, text=True, timeout=30 * PATIENCE,
                           env=clean_env(FLUX_URI=f"local://{self.path}", **env))
        assert p.returncode == 0, p.stderr
        return p.stdout


@pytest.fixture
def cluster(tmp_path):
    c = Cluster(tmp_path / "socket")
    yield c
    c.broker.close()


def test_status_shows_states_that_have_members(cluster):
    assert cluster.flux("resource", "status") == """\
     STATE UP NNODES NODELIST
     avail  ✔     78 fluke[6-16,19-23,25-60,62-63,68,71-73,77-78,80,82-86,88,90-91,93,95-101,103]
    avail*  ✗      6 fluke[17,24,61,79,92,102]
   exclude  ✔      3 fluke[1,3,108]
   drained  ✔     13 fluke[18,64-65,67,69-70,74-76,81,87,89,94]
  drained*  ✗      1 fluke66
"""


def test_status_keeps_the_order_of_states(cluster):
    assert cluster.flux("resource", "status", "--states=drained,exclude") == """\
     STATE UP NNODES NODELIST
   exclude  ✔      3 fluke[1,3,108]
   drained  ✔     13 fluke[18,64-65,67,69-70,74-76,81,87,89,94]
  drained*  ✗      1 fluke66
"""


def test_status_merges_rows_that_look_alike(cluster):
    assert cluster.flux("resource", "status", "-s", "all", "-no", "{nodelist}") == "fluke[1,3,6-103,108]\n"


def test_status_of_some_nodes_or_of_a_queue(cluster):
    assert cluster.flux("resource", "status", "-n", "-i", "fluke[60-62]") == """\
     avail  ✔      2 fluke[60,62]
    avail*  ✗      1 fluke61
"""
    assert cluster.flux("resource", "status", "-n", "-q", "debug") == """\
     avail  ✔      7 fluke[96-101,103]
    avail*  ✗      1 fluke102
"""


def test_list_splits_by_queue_and_property(cluster):
    assert cluster.flux("resource", "list") == """\
     STATE QUEUE      PROPERTIES NNODES   NCORES NODELIST
      free batch                     71      284 \
fluke[6-16,19-23,25-60,62-63,68,71-73,77-78,80,82-86,88,90-91,93,95]
      free debug                      6       24 fluke[96-101]
      free debug      testprop        1        4 fluke103
 allocated                            0        0\x20
      down batch                     19       76 fluke[17-18,24,61,64-67,69-70,74-76,79,81,87,89,92,94]
      down debug      testprop        1        4 fluke102
"""


def test_list_of_ranks_and_cores(cluster):
    assert cluster.flux("resource", "list", "-o", "rlist") == """\
     STATE QUEUE    PROPERTIES NNODES   NCORES    NGPUS LIST
      free batch                   71      284        0 \
rank[3-13,16-20,22-57,59-60,65,68-70,74-75,77,79-83,85,87-88,90,92]/core[0-3]
      free debug                    6       24        0 rank[93-98]/core[0-3]
      free debug    testprop        1        4        0 rank100/core[0-3]
 allocated                          0        0        0\x20
      down batch                   19       76        0 \
rank[14-15,21,58,61-64,66-67,71-73,76,78,84,86,89,91]/core[0-3]
      down debug    testprop        1        4        0 rank99/core[0-3]
"""


def test_list_has_no_column_of_queues_where_there_are_none(cluster):
    cluster.queues = {}
    assert cluster.flux("resource", "list").splitlines()[:2] == [
        "     STATE PROPERTIES NNODES   NCORES NODELIST",
        "      free batch          71      284 fluke[6-16,19-23,25-60,62-63,68,71-73,77-78,80,82-86,88,90-91,93,95]"]


HEADER = "TIMESTAMP            STATE    RANK     REASON                         NODELIST\n"


def test_the_list_of_drains(cluster):
    cluster.drain = [("7", 1608109225.0, "node is fubar")]
    cluster.allocated = "4"
    row = "2020-12-16T09:00:25  %s 4        node is fubar                  fluke7\n"
    assert cluster.flux("resource", "drain") == HEADER + row % "draining"
    cluster.allocated = ""
    assert cluster.flux("resource", "drain") == HEADER + row % "drained "
    cluster.drain = []
    assert cluster.flux("resource", "drain") == HEADER


# ---- overlay


TREE = ["fluke62", "fluke63", "fluke64", "fluke65", "fluke67", "fluke68", "fluke69", "fluke70", "fluke71",
        "fluke72", "fluke73", "fluke74", "fluke75", "fluke76", "fluke77"]
STATES = {"unknown": 0, "full": 1, "partial": 2, "degraded": 3, "lost": 4, "offline": 5}


class Overlay(Cluster):
    """Fifteen brokers, two children each."""

    def __init__(self, path):
        self.path, self.states = path, {14: "lost", 6: "degraded", 2: "degraded", 0: "degraded"}
        self.errors, self.down = {}, set()
        self.broker = FakeBroker(path, {
            "Overlay/Topology": lambda request: message(
                "OverlayTopologyResponse", parents=[max(0, (r - 1) // 2) for r in range(15)],
                hostlist=",".join(TREE), topo="kary:2"),
            "Overlay/Status": self.status})

    def state(self, rank):
        return STATES[self.states.get(rank, "full")]

    def status(self, request):
        rank = self.broker.rank
        if rank in self.down:
            return 113
        children = [message("OverlayChild", rank=r, state=self.state(r), duration=72.0, hostname=TREE[r],
                            error=self.errors.get(r, "")) for r in (2 * rank + 1, 2 * rank + 2) if r < 15]
        return message("OverlayStatusResponse", rank=rank, state=self.state(rank), duration=72.0,
                       hostname=TREE[rank], children=children)


@pytest.fixture
def overlay(tmp_path):
    o = Overlay(tmp_path / "socket")
    yield o
    o.broker.close()


def test_the_tree_of_brokers(overlay):
    assert overlay.flux("overlay", "status") == """\
0 fluke62: degraded
├─ 1 fluke63: full
│  ├─ 3 fluke65: full
│  │  ├─ 7 fluke70: full
│  │  └─ 8 fluke71: full
│  └─ 4 fluke67: full
│     ├─ 9 fluke72: full
│     └─ 10 fluke73: full
└─ 2 fluke64: degraded
   ├─ 5 fluke68: full
   │  ├─ 11 fluke74: full
   │  └─ 12 fluke75: full
   └─ 6 fluke69: degraded
      ├─ 13 fluke76: full
      └─ 14 fluke77: lost
"""


def test_only_what_is_down(overlay):
    assert overlay.flux("overlay", "status", "--down") == """\
0 fluke62: degraded
└─ 2 fluke64: degraded
   └─ 6 fluke69: degraded
      └─ 14 fluke77: lost
"""
    assert overlay.flux("overlay", "status", "--down", "--no-pretty", "-v").splitlines() == [
        "0 fluke62: degraded for 1.2m", "2 fluke64: degraded for 1.2m", "6 fluke69: degraded for 1.2m",
        "14 fluke77: lost for 1.2m"]


def test_what_is_behind_a_lost_broker_is_presumed(overlay):
    overlay.states = {0: "degraded", 1: "lost"}
    overlay.down = {1, 3, 4}
    assert overlay.flux("overlay", "status", "--down").splitlines() == [
        "0 fluke62: degraded", "├─ 1 fluke63: lost", "│  ├─ 3 fluke65: lost", "│  │  ├─ 7 fluke70: lost",
        "│  │  └─ 8 fluke71: lost", "│  └─ 4 fluke67: lost", "│     ├─ 9 fluke72: lost", "│     └─ 10 fluke73: lost"]
    assert overlay.flux("overlay", "status", "--down", "--no-ghost").splitlines() == [
        "0 fluke62: degraded", "├─ 1 fluke63: lost"]


def test_a_broker_can_be_highlighted(overlay):
    assert "<<5 fluke68>>: full" in overlay.flux("overlay", "status", "-H", "fluke68", "--color=never")
    assert "\033[31mlost" in overlay.flux("overlay", "status", "--color=always")


def test_errors_are_told_once_with_their_hosts(overlay):
    overlay.states.update({13: "lost"})
    overlay.errors = {13: "it stopped answering", 14: "it stopped answering", 11: "refused: version 3"}
    assert overlay.flux("overlay", "errors") == "fluke74: refused: version 3\nfluke[76-77]: it stopped answering\n"
    overlay.errors = {}
    assert overlay.flux("overlay", "errors") == ""


# ---- the log


def entry(seconds, app, text, rank=0, level=7):
    return message("LogEntry", level=level, timestamp=1683039072 + seconds, rank=rank, appname=app, text=text)


def test_the_log_for_people(tmp_path):
    lines = [entry(0, "sched-simple", "feasibility_request_cb: feasibility succeeded"),
             entry(0.039371, "sched-simple", "alloc success (queue=debug id=184120855100391424)"),
             entry(24.778929, "job-exec", "exec aborted: id=184120855100391424"),
             entry(24.779019, "job-exec", "exec_kill: 184120855100391424: signal 15"),
             entry(60.5, "job-manager", "purged 1 inactive jobs", level=6)]
    broker = FakeBroker(tmp_path / "socket", {"Log/Read": lambda request: [message("LogReadResponse", entries=lines)]})

    def dmesg(*args):
        p = subprocess.run([FLUX, "dmesg", *args], capture_output=True, text=True, timeout=30 * PATIENCE,
                           env={**clean_env(FLUX_URI=f"local://{tmp_path / 'socket'}"), "TZ": "UTC+0"})
        assert p.returncode == 0, p.stderr
        return p.stdout

    assert dmesg("-H") == """\
[May02 14:51] sched-simple[0]: feasibility_request_cb: feasibility succeeded
[  +0.039371] sched-simple[0]: alloc success (queue=debug id=184120855100391424)
[ +24.778929] job-exec[0]: exec aborted: id=184120855100391424
[ +24.779019] job-exec[0]: exec_kill: 184120855100391424: signal 15
[May02 14:52] job-manager[0]: purged 1 inactive jobs
"""
    assert dmesg("-H", "-x").splitlines()[4] == "[May02 14:52] job-manager.info[0]: purged 1 inactive jobs"
    assert dmesg("-H", "-d").splitlines()[3] == \
        "[  +0.000090] job-exec[0]: exec_kill: 184120855100391424: signal 15"
    assert dmesg().splitlines()[1] == ("2023-05-02T14:51:12.039371Z sched-simple.debug[0]: "
                                       "alloc success (queue=debug id=184120855100391424)")
    broker.close()
