# SPDX-License-Identifier: LGPL-3.0-only
"""Calls, errors, streams, callbacks and asyncio, against a broker made of Python."""

import asyncio
import errno
import gc
import subprocess
import sys
import time

import pytest

import flux
from fake_broker import Hold
from flux.v1 import broker_pb2, exec_pb2, kvs_pb2


def value(text, **more):
    return kvs_pb2.KvsWatchResponse(value=text, **more)


def test_a_call_takes_keywords_and_returns_the_response(broker, h):
    broker.on("Kvs/Get", lambda r: kvs_pb2.KvsGetResponse(value=r.key.encode() * 2))
    assert h.kvs.get(key="ab").value == b"abab"
    assert broker.requests[0][0].method == "flux.v1.Kvs/Get"


def test_an_unknown_keyword_is_a_type_error(h):
    with pytest.raises(TypeError):
        h.kvs.get(colour="red")


def test_an_error_has_number_and_text(broker, h):
    broker.on("Kvs/Get", lambda r: (errno.ENOENT, f"{r.key}: no such key"))
    with pytest.raises(flux.FluxError) as e:
        h.kvs.get(key="a")
    assert e.value.errno == errno.ENOENT
    assert str(e.value) == "a: no such key"
    assert isinstance(e.value, OSError)


def test_an_unserved_rpc_is_enosys(h):
    with pytest.raises(flux.FluxError) as e:
        h.broker.ping()
    assert e.value.errno == errno.ENOSYS


def test_the_target_is_passed_on(broker, h):
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse(seq=r.seq))
    h.broker.ping(seq=1, _to=5)
    h.broker.ping(seq=2, _to=flux.UPSTREAM)
    (a, _), (b, _) = broker.requests
    assert (a.target, a.rank, b.target) == (2, 5, 1)
    with pytest.raises(ValueError):
        h.broker.ping(_to="there")


def test_what_the_hello_tells_is_known(h):
    assert (h.rank, h.size, h.owner, h.userid) == (3, 8, 100, 100)


def test_a_stream_is_an_iterator_that_ends(broker, h):
    broker.on("Kvs/Watch", lambda r: [value(b"1"), value(b"2")])
    assert [i.value for i in h.kvs.watch(key="a")] == [b"1", b"2"]


def test_a_stream_fails_when_the_broker_is_lost(broker, h):
    broker.on("Kvs/Watch", lambda r: Hold(value(b"1")))
    items = h.kvs.watch(key="a")
    assert next(items).value == b"1"
    broker.hang_up()
    with pytest.raises(flux.FluxError) as e:
        next(items)
    assert e.value.errno == errno.ECONNRESET
    with pytest.raises(StopIteration):
        next(items)


def test_a_cancelled_stream_has_ended(broker, h):
    broker.on("Kvs/Watch", lambda r: Hold(value(b"1")))
    items = h.kvs.watch(key="a")
    items.cancel()
    with pytest.raises(StopIteration):
        next(items)


def test_leaving_a_with_block_cancels_the_stream(broker, h):
    hold = Hold(value(b"1"))
    broker.on("Kvs/Watch", lambda r: hold)
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse())
    with h.kvs.watch(key="a") as items:
        assert next(items).value == b"1"
    h.broker.ping()
    assert hold.cancelled.wait(5)


def test_a_dropped_stream_is_cancelled(broker, h):
    hold = Hold(value(b"1"))
    broker.on("Kvs/Watch", lambda r: hold)
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse())
    items = h.kvs.watch(key="a")
    next(items)
    del items
    gc.collect()
    h.broker.ping()
    assert hold.cancelled.wait(5)


def test_a_flow_controlled_stream_is_given_credit_back(broker, h):
    item = exec_pb2.ExecRunResponse(started="0-3")
    broker.on("Exec/Run", lambda r: [item, item])
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse())
    broker.on("Exec/Run", lambda r: Hold(item, item))
    run = h.exec.run(ranks="all", argv=["true"])
    assert next(run).started == "0-3"
    h.broker.ping()
    assert broker.requests[0][0].credit > 0
    assert broker.credits == [item.ByteSize()]


def test_waiting_for_an_answer_can_time_out(broker, h):
    broker.on("Kvs/Watch", lambda r: Hold())
    with pytest.raises(flux.FluxError) as e:
        h.kvs.watch(key="a").next(timeout=0.02)
    assert e.value.errno == errno.ETIMEDOUT


def test_a_call_can_have_a_time_limit(broker, h):
    broker.on("Kvs/Watch", lambda r: Hold())
    with pytest.raises(flux.FluxError) as e:
        next(h.kvs.watch(key="a", _timeout=0.02))
    assert e.value.errno == errno.ETIMEDOUT


def test_callbacks_run_until_no_call_is_open(broker, h):
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse(seq=r.seq))
    got = []
    calls = [h.broker.ping_async(seq=n).then(lambda f: got.append(f.get().seq)) for n in range(10)]
    h.run()
    assert sorted(got) == list(range(10)) and len(calls) == 10


def test_stream_callbacks_get_every_item(broker, h):
    broker.on("Kvs/Watch", lambda r: [value(b"1"), value(b"2"), value(b"3")])
    got = []
    stream = h.kvs.watch(key="a").then(lambda s: got.append(s.next()))
    h.run()
    assert [g.value for g in got[:-1]] == [b"1", b"2", b"3"] and got[-1] is None
    assert not stream.open


def test_asyncio_awaits_calls_and_iterates_streams(broker, h):
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse(seq=r.seq))
    broker.on("Kvs/Watch", lambda r: [value(b"%d" % n) for n in range(50)])

    async def main():
        pings = await asyncio.gather(*(h.broker.ping_async(seq=n) for n in range(20)))
        items = [i.value async for i in h.kvs.watch(key="a")]
        return [p.seq for p in pings], items

    seqs, items = asyncio.run(main())
    assert seqs == list(range(20))
    assert items == [b"%d" % n for n in range(50)]
    assert h.broker.ping(seq=7).seq == 7


def test_a_callback_may_call_again(broker, h):
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse(seq=r.seq))
    got, calls = [], []

    def again(call):
        got.append(call.get().seq)
        if got[-1] < 10:
            calls.append(h.broker.ping_async(seq=got[-1] + 1).then(again))

    calls.append(h.broker.ping_async(seq=1).then(again))
    h.run()
    assert got == list(range(1, 11))


def test_asyncio_sees_errors(broker, h):
    broker.on("Kvs/Get", lambda r: errno.ENOENT)

    async def main():
        with pytest.raises(flux.FluxError):
            await h.kvs.get_async(key="x")

    asyncio.run(main())


def test_a_wrong_uri_is_an_error_that_names_it(tmp_path):
    with pytest.raises(flux.FluxError) as e:
        flux.Flux(f"local://{tmp_path}/nowhere").rank
    assert "nowhere" in str(e.value)


def test_a_closed_handle_says_so(broker):
    h = flux.Flux(broker.uri)
    h.close()
    h.close()
    with pytest.raises(ValueError):
        h.broker.ping()


def test_methods_have_docstrings(h):
    assert "Read one key" in h.kvs.get.__doc__
    assert "key (string)" in h.kvs.get.__doc__


def test_importing_the_package_is_quick():
    code = "import time; t = time.perf_counter(); import flux; print(time.perf_counter() - t)"
    best = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    assert best < 0.05
    code = "import sys, flux; print('google.protobuf' in sys.modules, '_cffi_backend' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False"] * 2


def test_calls_are_reasonably_fast(broker, h):
    broker.on("Broker/Ping", lambda r: broker_pb2.BrokerPingResponse(seq=r.seq))
    began = time.monotonic()
    for n in range(200):
        h.broker.ping(seq=n)
    assert time.monotonic() - began < 5
