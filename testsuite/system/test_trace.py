# SPDX-License-Identifier: LGPL-3.0-only
"""Following messages: of a broker's neighbours, and of its modules."""
import json
import re
import time

from conftest import PATIENCE

STAMP = r"\d{4}-\d\d-\d\dT[\d:.]+Z "


def start(instance, rank, *command):
    """A trace at the broker of that rank, which has begun."""
    p = instance.spawn(*command)

    def has_begun():
        methods = instance.flux("call", f"--rank={rank}", "broker.Stats", "service=trace", check=True).json["methods"]
        return any(m["method"].endswith("Trace/Watch") and m.get("open") for m in methods)
    deadline = time.monotonic() + 20 * PATIENCE
    while not has_begun():
        assert p.poll() is None and time.monotonic() < deadline
    return p


def lines_of(p, count):
    """What the trace has printed when it has ended by itself."""
    out, err = p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == 0 and out.count("\n") == count, out + err
    return out.splitlines()


def test_messages_between_brokers(flux_start):
    i = flux_start(3, args=["-Stbon.topo=kary:1"])
    p = start(i, 0, "overlay", "trace", "-c", "2", "--full", "Broker/Ping")
    i.run("ping", "-c1", "-i0", "2")
    request, response = lines_of(p, 2)
    assert re.fullmatch(STAMP + r'rank 1 \(\S+\) tx request Broker/Ping \[\d+\] \{"seq":0.*\}', request)
    assert re.fullmatch(STAMP + r'rank 1 \(\S+\) rx response Broker/Ping \[\d+\] .*"route":"0!1!2".*', response)
    p = start(i, 1, "overlay", "trace", "-r", "1", "-H", "-c", "4", "Broker/Ping*")
    i.run("ping", "-c1", "-i0", "2")
    lines = lines_of(p, 4)
    assert [re.sub(r"\[[^]]*\]|\(\S+\)", "", line).split() for line in lines[:4]] == [
        ["rank", peer, way, kind, "Broker/Ping"]
        for peer, way, kind in (("0", "rx", "request"), ("2", "tx", "request"), ("2", "rx", "response"),
                                ("0", "tx", "response"))]


def test_messages_of_a_module(instance):
    p = start(instance, 0, "module", "trace", "--type=request", "--method=Kvs/GetMany", "-f", "-c", "1", "kvs")
    instance.flux("kvs", "get", "a.b", "a.c")
    line, = lines_of(p, 1)
    m = re.fullmatch(STAMP + r"kvs rx request Kvs/GetMany \[\d+\] (\{.*\})", line)
    assert json.loads(m[1])["keys"] == ["a.b", "a.c"]
    assert "no module nothing is loaded" in instance.flux("module", "trace", "nothing").err
    assert not instance.flux("module", "trace").ok


def test_errors_are_named(instance):
    p = start(instance, 0, "module", "trace", "--type=response", "--method=Kvs/Get*", "-c", "1", "kvs")
    instance.flux("kvs", "get", "no.such.key")
    line, = lines_of(p, 1)
    assert re.fullmatch(STAMP + r"kvs tx response Kvs/Get\S* \[\d+\].*", line)


def test_messages_are_for_the_owner_alone(instance):
    assert "trace.Watch  (owner, stream)" in instance.run("describe", "trace")
