# SPDX-License-Identifier: LGPL-3.0-only
"""Following messages: of a broker's neighbours, and of its modules."""
import json
import re

STAMP = r"\d{4}-\d\d-\d\dT[\d:.]+Z "


def lines_of(p, provoke, count):
    """Provoke messages until the trace has printed `count` lines and ended."""
    while p.poll() is None:
        provoke()
    out, err = p.communicate()
    assert p.returncode == 0 and out.count("\n") == count, out + err
    return out.splitlines()


def test_messages_between_brokers(flux_start):
    i = flux_start(3, args=["-Stbon.topo=kary:1"])
    p = i.spawn("overlay", "trace", "-c", "2", "--full", "Broker/Ping")
    request, response = lines_of(p, lambda: i.run("ping", "-c1", "-i0", "2"), 2)
    assert re.fullmatch(STAMP + r'rank 1 \(\S+\) tx request Broker/Ping \[\d+\] \{"seq":0.*\}', request)
    assert re.fullmatch(STAMP + r'rank 1 \(\S+\) rx response Broker/Ping \[\d+\] .*"route":"0!1!2".*', response)
    p = i.spawn("overlay", "trace", "-r", "1", "-H", "-c", "4", "Broker/*")
    lines = lines_of(p, lambda: i.run("ping", "-c1", "-i0", "2"), 4)
    assert [re.sub(r"\[[^]]*\]|\(\S+\)", "", line).split() for line in lines[:4]] == [
        ["rank", peer, way, kind, "Broker/Ping"]
        for peer, way, kind in (("0", "rx", "request"), ("2", "tx", "request"), ("2", "rx", "response"),
                                ("0", "tx", "response"))]


def test_messages_of_a_module(instance):
    p = instance.spawn("module", "trace", "--type=request", "--method=Kvs/Commit", "-f", "-c", "1", "kvs")
    line, = lines_of(p, lambda: instance.run("kvs", "put", "a=42"), 1)
    m = re.fullmatch(STAMP + r"kvs rx request Kvs/Commit \[\d+\] (\{.*\})", line)
    assert json.loads(m[1])["ops"][0]["key"] == "a"
    assert "no module nothing is loaded" in instance.flux("module", "trace", "nothing").err
    assert not instance.flux("module", "trace").ok


def test_errors_are_named(instance):
    p = instance.spawn("module", "trace", "--type=response", "-c", "1", "kvs")
    line, = lines_of(p, lambda: instance.flux("kvs", "get", "no.such.key"), 1)
    assert re.fullmatch(STAMP + r"kvs tx response Kvs/Get\S* \[\d+\].*", line)


def test_messages_are_for_the_owner_alone(instance):
    assert "trace.Watch  (owner, stream)" in instance.run("describe", "trace")
