# SPDX-License-Identifier: LGPL-3.0-only
"""A broker that is not one: a thread with a socket that speaks the wire protocol and answers rpcs with
Python functions, so that the client side is tested alone.

A handler takes the request message and returns a response, a list of them (the items of a stream that
then ends), an int (an error number), or a Hold (the stream stays open; tests push items)."""

import importlib
import socket
import struct
import threading

from flux.v1 import envelope_pb2 as wire


class Hold:
    """An open stream."""

    def __init__(self, *items):
        self.items = items
        self.cancelled = threading.Event()


class FakeBroker:
    def __init__(self, path):
        self.uri = f"local://{path}"
        self.handlers = {}
        self.requests = []
        self.credits = []
        self.holds = {}
        self.conns = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def on(self, method, handler):
        self.handlers["flux.v1." + method] = handler

    def hang_up(self):
        """Close all connections."""
        for conn in self.conns:
            conn.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)

    def _serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.conns.append(conn)
            threading.Thread(target=self._client, args=(conn,), daemon=True).start()

    @staticmethod
    def _read(conn, n):
        data = b""
        while len(data) < n:
            more = conn.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    @staticmethod
    def send(conn, **fields):
        data = wire.Envelope(**fields).SerializeToString()
        conn.sendall(struct.pack(">I", len(data)) + data)

    def _client(self, conn):
        hello = wire.Hello(
            protocol_min=1, protocol_max=1, version="fake", rank=3, size=8, userid=100, roles=1, owner=100
        )
        try:
            self.send(
                conn,
                kind=wire.KIND_CONTROL,
                control=wire.CONTROL_HELLO,
                body=hello.SerializeToString(),
            )
            while True:
                (n,) = struct.unpack(">I", self._read(conn, 4))
                self._message(conn, wire.Envelope.FromString(self._read(conn, n)))
        except (EOFError, OSError):
            conn.close()

    def _message(self, conn, m):
        if m.kind == wire.KIND_REQUEST:
            self._request(conn, m)
        elif m.control == wire.CONTROL_CANCEL and m.tag in self.holds:
            self.holds.pop(m.tag).cancelled.set()
            self.respond(conn, m.tag, status=125)
        elif m.control == wire.CONTROL_CREDIT:
            self.credits.append(m.credit)

    def respond(self, conn, tag, **fields):
        self.send(conn, kind=wire.KIND_RESPONSE, tag=tag, **fields)

    def _request(self, conn, m):
        service, rpc = m.method.removeprefix("flux.v1.").split("/")
        file = "config_rpc" if service == "Config" else _snake(service)
        module = importlib.import_module(f"flux.v1.{file}_pb2")
        request = getattr(module, f"{service}{rpc}Request").FromString(m.body)
        self.requests.append((m, request))
        handler = self.handlers.get(m.method)
        answer = handler(request) if handler else 38
        if isinstance(answer, tuple):
            self.respond(conn, m.tag, status=answer[0], text=answer[1])
        elif isinstance(answer, int):
            self.respond(conn, m.tag, status=answer)
        elif isinstance(answer, (list, Hold)):
            for item in answer if isinstance(answer, list) else answer.items:
                self.respond(conn, m.tag, more=True, body=item.SerializeToString())
            if isinstance(answer, Hold):
                self.holds[m.tag] = answer
            else:
                self.respond(conn, m.tag)
        else:
            self.respond(conn, m.tag, body=answer.SerializeToString())


def _snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
