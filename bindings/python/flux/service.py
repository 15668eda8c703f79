# SPDX-License-Identifier: LGPL-3.0-only
"""What the generated client classes (flux/v1/*_client.py) are made of."""

import importlib


class Method:
    """One rpc: its name on the wire, its properties, and its messages, which are loaded with the first
    call."""

    __slots__ = ("name", "module", "stem", "stream", "idempotent", "flow", "_types", "_c")

    def __init__(self, name, module, stem, stream=False, idempotent=False, flow=False):
        self.name = name
        self.module = module
        self.stem = stem
        self.stream = stream
        self.idempotent = idempotent
        self.flow = flow
        self._types = None
        self._c = None

    @property
    def types(self):
        """(request class, response class)"""
        if self._types is None:
            module = importlib.import_module(self.module)
            self._types = (
                getattr(module, self.stem + "Request"),
                getattr(module, self.stem + "Response"),
            )
        return self._types

    @property
    def c(self):
        """struct flux_method, kept for as long as the program runs."""
        if self._c is None:
            from flux._lib import ffi

            name = ffi.new("char[]", self.name.encode())
            m = ffi.new("struct flux_method *")
            m.name = name
            m.stream, m.idempotent, m.flow = self.stream, self.idempotent, self.flow
            self._c = (m, name)
        return self._c[0]


class Service:
    """Base of the generated classes; `handle` is a flux.Flux."""

    NAME = ""
    METHODS = {}

    def __init__(self, handle):
        self.handle = handle

    def _request(self, method, fields):
        given = {k: v for k, v in fields.items() if v is not None}
        return method.types[0](**given)

    def _start(self, rpc, to, timeout, /, **fields):
        method = self.METHODS[rpc]
        return self.handle.start(method, self._request(method, fields), to, timeout)

    def _call(self, rpc, to, timeout, /, **fields):
        return self._start(rpc, to, timeout, **fields).get()

    def _stream(self, rpc, to, timeout, /, **fields):
        method = self.METHODS[rpc]
        return self.handle.stream(method, self._request(method, fields), to, timeout)

    def __repr__(self):
        return f"<{self.NAME} of {self.handle!r}>"
