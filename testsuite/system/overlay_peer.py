# SPDX-License-Identifier: LGPL-3.0-only
"""One end of an overlay link, spoken through libzmq itself: a peer that says whatever a test wants."""
import ctypes
import re

from conftest import PATIENCE
from fake_broker import message

ROUTER, DEALER = 6, 5
OPTIONS = {"linger": 17, "rcvtimeo": 27, "curve_server": 47, "curve_publickey": 48, "curve_secretkey": 49,
           "curve_serverkey": 50}

zmq = ctypes.CDLL("libzmq.so.5", use_errno=True)
zmq.zmq_ctx_new.restype = zmq.zmq_socket.restype = ctypes.c_void_p





def keys(cert):
    text = cert.read_text()
    return [re.search(rf'{which}-key = "(.*)"', text)[1].encode() for which in ("public", "secret")]


class Peer:
    def __init__(self, cert, connect=None, bind=None):
        self.ctx = ctypes.c_void_p(zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(zmq.zmq_socket(self.ctx, ROUTER if bind else DEALER))
        public, secret = keys(cert)
        self.set("linger", 0)
        self.set("rcvtimeo", int(20000 * PATIENCE))
        self.set("curve_secretkey", secret)
        if bind:
            self.set("curve_server", 1)
            assert zmq.zmq_bind(self.socket, bind.encode()) == 0
        else:
            self.set("curve_publickey", public)
            self.set("curve_serverkey", public)
            assert zmq.zmq_connect(self.socket, connect.encode()) == 0

    def set(self, option, value):
        if isinstance(value, int):
            v = ctypes.c_int(value)
            r = zmq.zmq_setsockopt(self.socket, OPTIONS[option], ctypes.byref(v), ctypes.c_size_t(4))
        else:
            r = zmq.zmq_setsockopt(self.socket, OPTIONS[option], value, ctypes.c_size_t(len(value)))
        assert r == 0, option

    def send_part(self, data, more=False):
        assert zmq.zmq_send(self.socket, data, ctypes.c_size_t(len(data)), 2 if more else 0) == len(data)

    def receive_part(self):
        buffer = ctypes.create_string_buffer(65536)
        n = zmq.zmq_recv(self.socket, buffer, ctypes.c_size_t(len(buffer)), 0)
        assert n >= 0, "nothing came"
        return buffer.raw[:n]

    def receive(self):
        """The next message as an Envelope."""
        envelope = message("Envelope")
        envelope.ParseFromString(self.receive_part())
        return envelope

    def control(self, name, body=b"", to=None, **fields):
        kinds = message("Envelope").DESCRIPTOR.fields_by_name
        number = kinds["control"].enum_type.values_by_name[f"CONTROL_{name}"].number
        kind = kinds["kind"].enum_type.values_by_name["KIND_CONTROL"].number
        if to is not None:
            self.send_part(to, more=True)
        self.send_part(message("Envelope", kind=kind, control=number, body=body, **fields).SerializeToString())

    def hello(self, to=None, **fields):
        about = dict(protocol_min=1, protocol_max=1, version="0.0.0", hostname="fake", uuid="fake-uuid", size=3, rank=1)
        about.update(fields)
        self.control("HELLO", message("OverlayHello", **about).SerializeToString(), to)

    def close(self):
        zmq.zmq_close(self.socket)
        zmq.zmq_ctx_term(self.ctx)
