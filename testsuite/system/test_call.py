# SPDX-License-Identifier: LGPL-3.0-only
"""`flux call` and `flux describe`: any rpc, with no code for it."""

import json

from conftest import PATIENCE


def test_a_call_answers_in_json(instance):
    assert instance.flux("call", "broker.Ping", "seq=7", "pad=abc").json["seq"] == 7
    assert instance.flux("call", "broker.get-attr", '{"name": "size"}').json["value"] == "1"


def test_a_stream_is_a_line_an_item(instance):
    instance.run("call", "kvs.commit", 'ops={"kind": "KVS_OP_PUT", "key": "call.a", "value": "1"}')
    with instance.spawn("call", "-n", 2, "kvs.watch", "key=call.a") as p:
        assert json.loads(p.stdout.readline())["value"] == "1"
        instance.run("call", "kvs.commit", 'ops={"kind": "KVS_OP_PUT", "key": "call.a", "value": "2"}')
        out, err = p.communicate(timeout=30 * PATIENCE)
    assert json.loads(out)["value"] == "2" and p.returncode == 0, err


def test_an_error_names_its_number(instance):
    result = instance.flux("call", "kvs.get", "key=no.such.key")
    assert result.rc == 1 and "ENOENT" in result.err


def test_what_is_wrong_with_a_call_is_told(instance):
    assert "it has: seq pad" in instance.flux("call", "broker.ping", "x=1").err
    assert "GetMany" in instance.flux("call", "kvs.sing").err
    assert "job-manager" in instance.flux("call", "opera.sing").err
    assert instance.flux("call").rc != 0


def test_a_call_can_be_for_a_rank_and_for_a_time(instance):
    assert instance.flux("call", "-r", 0, "broker.info").json["rank"] == 0
    result = instance.flux("call", "-r", 7, "broker.info")
    assert not result.ok and "EHOSTUNREACH" in result.err
    result = instance.flux("call", "-t", "0.05s", "event.subscribe", "prefix=nothing")
    assert not result.ok and "ETIMEDOUT" in result.err


def test_describe_lists_services_rpcs_and_fields(instance):
    out = instance.run("describe")
    assert "job-manager" in out and "key-value store" in out
    assert "kvs.GetMany  (anyone" in instance.run("describe", "kvs")
    out = instance.run("describe", "kvs.get")
    assert "nofollow  (bool)" in out and "Do not follow a symbolic link" in out
    assert "no service" in instance.flux("describe", "opera").err


def test_messages_are_shown_decoded(instance):
    result = instance.flux("call", "broker.ping", "seq=42", env={"FLUX_DEBUG": "wire"})
    assert 'wire: > request 1 flux.v1.Broker/Ping {"seq":42' in result.err
    assert 'wire: < response 1 flux.v1.Broker/Ping {"seq":42' in result.err
