# SPDX-License-Identifier: LGPL-3.0-only
"""A broker's socket with nothing behind it but what a test says: for clients that must stand losses.

Speaks docs/protocol.md through python3-protobuf alone. `handlers` maps a method's short name, such as
"JobIo/Write", to a function of the request; what it returns is the answer (a message, a list of them
for a stream that ends, DROP to lose the connection without an answer, None for no answer yet).
`refusals`: numbers of errors with which it refuses the next connections.
"""
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from conftest import ROOT

DROP = object()


def load():
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["protoc", "--include_imports", f"--descriptor_set_out={f.name}", f"-I{ROOT / 'proto'}",
                        *sorted(Path(ROOT / "proto/flux/v1").glob("*.proto"))], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(f.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


POOL = load()
FACTORY = message_factory.MessageFactory(POOL)


def message(name, **fields):
    return FACTORY.GetPrototype(POOL.FindMessageTypeByName(f"flux.v1.{name}"))(**fields)


class FakeBroker:
    def __init__(self, path, handlers):
        self.path, self.handlers, self.seen, self.refusals = str(path), handlers, [], []
        self.lock = threading.Lock()
        self.open()

    def open(self):
        """Listen (again)."""
        Path(self.path).unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        self.connections = []
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        Path(self.path).unlink(missing_ok=True)
        for c in self.connections:
            c.close()

    def accept(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            self.connections.append(conn)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            self.converse(conn)
        except OSError:
            pass  # the client has gone

    def converse(self, conn):
        if self.refusals:
            hello = message("Envelope", kind=3, control=3, status=self.refusals.pop(0), text="refused").SerializeToString()
            conn.sendall(struct.pack(">I", len(hello)) + hello)
            conn.shutdown(socket.SHUT_RDWR)
            conn.close()
            return
        stream = conn.makefile("rb")
        while len(head := stream.read(4)) == 4:
            envelope = message("Envelope")
            envelope.ParseFromString(stream.read(struct.unpack(">I", head)[0]))
            if envelope.kind == 1 and not self.request(conn, envelope):
                break
        stream.close()
        conn.close()

    def request(self, conn, envelope):
        service, method = envelope.method.removeprefix("flux.v1.").split("/")
        m = POOL.FindServiceByName(f"flux.v1.{service}").FindMethodByName(method)
        request = FACTORY.GetPrototype(m.input_type)()
        request.ParseFromString(envelope.body)
        with self.lock:
            self.seen.append((f"{service}/{method}", request))
            self.rank = envelope.rank  # whom the request is for, for handlers that play several brokers
            answer = self.handlers[f"{service}/{method}"](request)
        if answer is DROP:
            return False
        if isinstance(answer, list):
            for item in answer:
                self.send(conn, envelope.tag, body=item.SerializeToString(), more=True)
            self.send(conn, envelope.tag, status=61)
        elif isinstance(answer, int):
            self.send(conn, envelope.tag, status=answer, text="refused")
        elif answer is not None:
            self.send(conn, envelope.tag, body=answer.SerializeToString())
        return True

    def send(self, conn, tag, **fields):
        data = message("Envelope", kind=2, tag=tag, **fields).SerializeToString()
        try:
            conn.sendall(struct.pack(">I", len(data)) + data)
        except OSError:
            pass  # the client has gone
