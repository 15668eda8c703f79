#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""A client of Flux in Python with nothing but python3-protobuf, written from docs/protocol.md: it knows
the descriptor set of the contract and how to frame an Envelope, and nothing else of this project.

    client.py DESCRIPTORS SOCKET COMMAND [ARGS...]

Commands: ping; put KEY TEXT; get KEY; watch KEY COUNT; submit JOBSPEC; events ID; call METHOD; flood METHOD COUNT.
Each answer is a line of JSON on standard output; an error is a line {"error": NUMBER, "text": ...}."""

import itertools
import json
import socket
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


class Contract:
    """Message classes and rpcs by name, from a descriptor set."""

    def __init__(self, path):
        self.pool = descriptor_pool.DescriptorPool()
        with open(path, "rb") as f:
            for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file:
                self.pool.Add(file)
        self.factory = message_factory.MessageFactory(self.pool)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName("flux.v1." + name))

    def is_stream(self, method):
        service, rpc = method.split("/")
        found = self.pool.FindServiceByName("flux.v1." + service).FindMethodByName(rpc)
        proto = descriptor_pb2.MethodDescriptorProto()
        found.CopyToProto(proto)
        return proto.server_streaming

    def enum(self, name):
        values = self.pool.FindEnumTypeByName("flux.v1." + name).values
        return {v.name: v.number for v in values}


class Error(Exception):
    def __init__(self, number, text):
        super().__init__(text)
        self.number = number


class Client:
    def __init__(self, contract, path):
        self.contract = contract
        self.envelope = contract.message("Envelope")
        self.kind = contract.enum("Kind")
        self.control = contract.enum("Control")
        self.tags = itertools.count(1)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        hello = self.contract.message("Hello")(protocol_min=1, protocol_max=1, version="third party")
        self.send(kind="KIND_CONTROL", control="CONTROL_HELLO", body=hello.SerializeToString())
        first = self.receive()
        if first.status:
            raise Error(first.status, first.text)
        self.hello = contract.message("Hello").FromString(first.body)

    def send(self, **fields):
        data = self.envelope(**fields).SerializeToString()
        self.socket.sendall(struct.pack(">I", len(data)) + data)

    def read(self, n):
        parts = []
        while n:
            part = self.socket.recv(n)
            if not part:
                raise Error(104, "connection closed")
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def receive(self):
        (n,) = struct.unpack(">I", self.read(4))
        return self.envelope.FromString(self.read(n))

    def call(self, method, **fields):
        """The answers of an rpc, one or many."""
        stem = method.replace("/", "")
        request = self.contract.message(stem + "Request")(**fields)
        response = self.contract.message(stem + "Response")
        tag = next(self.tags)
        self.send(
            kind="KIND_REQUEST", method="flux.v1." + method, tag=tag, body=request.SerializeToString()
        )
        return self.answers(tag, response, self.contract.is_stream(method))

    def answers(self, tag, response, stream):
        while True:
            m = self.receive()
            if m.kind != self.kind["KIND_RESPONSE"] or m.tag != tag:
                continue
            if m.status:
                raise Error(m.status, m.text)
            if not m.more and stream:
                return
            yield response.FromString(m.body)
            if not m.more:
                return

    def cancel(self, tag):
        self.send(kind="KIND_CONTROL", control="CONTROL_CANCEL", tag=tag)


def show(**fields):
    print(json.dumps(fields), flush=True)


def ping(client):
    (answer,) = client.call("Broker/Ping", seq=7, pad=b"abc")
    show(seq=answer.seq, pad=answer.pad.decode(), rank=client.hello.rank, userid=answer.userid)


def put(client, key, text):
    put_kind = client.contract.enum("KvsOpKind")["KVS_OP_PUT"]
    op = dict(kind=put_kind, key=key, value=text.encode())
    (answer,) = client.call("Kvs/Commit", ops=[op])
    show(version=answer.version)


def get(client, key):
    (answer,) = client.call("Kvs/Get", key=key)
    show(value=answer.value.decode())


def watch(client, key, count):
    """`count` values, then the stream is cancelled; its end must come."""
    items = client.call("Kvs/Watch", key=key)
    for item in itertools.islice(items, int(count)):
        show(value=item.value.decode())
    client.cancel(1)
    try:
        for _ in items:
            pass
    except Error as e:
        show(ended=e.number)


def submit(client, jobspec):
    (answer,) = client.call("JobIngest/Submit", jobs=[dict(jobspec=jobspec)])
    outcome = answer.outcomes[0]
    if outcome.errnum:
        raise Error(outcome.errnum, outcome.text)
    show(id=outcome.id)


def events(client, job):
    for item in client.call("JobInfo/Watch", id=int(job)):
        for line in item.events.splitlines():
            show(event=json.loads(line)["name"])


def call(client, method):
    """Any rpc with an empty request."""
    for _ in client.call(method):
        show(ok=True)


def flood(client, method, count):
    """Open a stream many times over, until one is refused."""
    for tag in range(1, int(count) + 1):
        client.send(kind="KIND_REQUEST", method="flux.v1." + method, tag=tag)
    while True:
        m = client.receive()
        if m.status:
            raise Error(m.status, m.text)


COMMANDS = {f.__name__: f for f in (ping, put, get, watch, submit, events, call, flood)}


def main(descriptors, path, command, *args):
    try:
        COMMANDS[command](Client(Contract(descriptors), path), *args)
    except Error as e:
        show(error=e.number, text=str(e))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
