# SPDX-License-Identifier: LGPL-3.0-only
"""A connection to an instance, and the calls on it. A handle belongs to one thread.

Waiting is done here, in poll(2) on libuv's own descriptor, so that Ctrl-C interrupts it and an asyncio
loop can take it over; libflux runs only when there is something to do."""

import errno
import importlib
import select
import time
import weakref
from collections import deque

from flux._lib import check, encode, ffi, lib, new_error, string
from flux.error import FluxError

UPSTREAM = "upstream"
_TARGET = {None: 0, UPSTREAM: 1}
_CREDIT = 1 << 20  # bytes of a flow-controlled stream on their way to us


def _to(to, timeout, credit):
    if isinstance(to, int):
        return ffi.new("struct flux_to *", (2, False, to, credit, timeout))
    if to not in _TARGET:
        raise ValueError(f"to: {to!r}: expected a rank, flux.UPSTREAM or None")
    return ffi.new("struct flux_to *", (_TARGET[to], False, 0, credit, timeout))


class Flux:
    """Connect to `uri` (default: $FLUX_URI, else the system instance).

    Each service is an attribute: h.kvs, h.job_manager, h.broker ... (see flux.v1.services). A request's
    fields are keyword arguments; `_to` is a rank or flux.UPSTREAM, `_timeout` is in seconds."""

    def __init__(self, uri=None, *, _handle=None):
        self._h = None
        self._sent = False  # by a callback: it goes out at the start of the next turn
        self._calls = weakref.WeakSet()
        self._driver = None
        if _handle is None:
            err, ret = new_error(), ffi.new("struct flux **")
            check(lib.flux_open(encode(uri), ret, err), err, FluxError)
            _handle = ret[0]
        self._h = _handle
        self._loop = lib.flux_loop(self._h)
        self._fd = lib.uv_backend_fd(self._loop)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def close(self):
        """Open calls end here."""
        if self._h is None:
            return
        if self._driver:
            self._driver.stop()
        for call in list(self._calls):
            call.cancel()
        lib.flux_close(self._h)
        self._h = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __del__(self):
        if getattr(self, "_h", None) is not None:
            self.close()

    def __getattr__(self, name):
        from flux.v1.services import SERVICES

        if name not in SERVICES:
            raise AttributeError(f"no service or attribute '{name}'")
        module, cls = SERVICES[name]
        service = getattr(importlib.import_module(module), cls)(self)
        self.__dict__[name] = service
        return service

    @property
    def handle(self):
        """struct flux *, for cffi."""
        if self._h is None:
            raise ValueError("the handle is closed")
        return self._h

    @property
    def rank(self):
        """Rank of the broker that we are connected to."""
        return lib.flux_rank(self.handle)

    @property
    def size(self):
        """Number of brokers in the instance."""
        return lib.flux_size(self.handle)

    @property
    def owner(self):
        """User id of the instance owner."""
        return lib.flux_owner(self.handle)

    @property
    def userid(self):
        """Who the broker takes us for."""
        return lib.flux_userid(self.handle)

    @property
    def roles(self):
        return lib.flux_roles(self.handle)

    def attr_get(self, name):
        """Value of a broker attribute; KeyError if there is none of that name."""
        value = string(lib.flux_attr(self.handle, encode(name)))
        if value is None:
            raise KeyError(name)
        return value

    def log(self, level, text):
        """Write a line to the log of the instance; `level` is one of syslog.LOG_*."""
        line = ffi.new("char[]", encode(text))
        lib.flux_log(self.handle, level, b"%s", line)

    def reconnect(self, seconds):
        """Keep trying to connect again for that long after a loss; idempotent calls are repeated."""
        lib.flux_set_reconnect(self.handle, seconds)

    # --- calls; for the generated classes ---

    def start(self, method, request, to=None, timeout=0.0):
        return Future(self, method, request, to, timeout)

    def stream(self, method, request, to=None, timeout=0.0):
        return Stream(self, method, request, to, timeout)

    # --- the loop ---

    def _turn(self):
        """Do what is ready; how long to wait for more, in ms (-1 = for ever)."""
        while True:
            self._sent = False
            alive = lib.uv_run(self._loop, lib.UV_RUN_NOWAIT)
            ms = lib.uv_backend_timeout(self._loop) if alive else -1
            if ms != 0 and not self._sent:
                return ms

    def _wait(self, ready, timeout=None):
        """Run until ready(); False when `timeout` seconds have passed first."""
        end = None if timeout is None else time.monotonic() + timeout
        while not ready():
            self._sent = False
            alive = lib.uv_run(self._loop, lib.UV_RUN_NOWAIT)
            ms = 0 if self._sent else lib.uv_backend_timeout(self._loop)
            if ready():
                break
            if not alive:
                raise FluxError(errno.EDEADLK, "nothing is left that could answer the call")
            if end is not None:
                left = int((end - time.monotonic()) * 1000)
                if left <= 0:
                    return False
                ms = left if ms < 0 else min(ms, left)
            if ms != 0:
                self._poll.poll(None if ms < 0 else ms)
        return True

    def run(self, until=None):
        """Deliver answers to callbacks until `until()` is true, or no call is open."""
        self._wait(until or (lambda: not any(c.open for c in self._calls)))

    def _asyncio(self):
        import asyncio

        loop = asyncio.get_running_loop()
        if self._driver is None or self._driver.loop is not loop:
            if self._driver:
                self._driver.stop()
            self._driver = _Driver(self, loop)
        self._driver.turn()
        return loop


class _Driver:
    """Runs a handle inside an asyncio loop."""

    def __init__(self, handle, loop):
        self.handle = weakref.ref(handle)
        self.loop = loop
        self.fd = handle._fd
        self.timer = None
        loop.add_reader(self.fd, self.turn)

    def turn(self):
        handle = self.handle()
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if handle is None or handle._h is None:
            self.stop()
            return
        ms = handle._turn()
        if ms > 0:
            self.timer = self.loop.call_later(ms / 1000, self.turn)

    def stop(self):
        if self.timer:
            self.timer.cancel()
        if not self.loop.is_closed():
            self.loop.remove_reader(self.fd)


@ffi.callback("void(struct flux_future *, void *)")
def _on_answer(f, arg):
    ffi.from_handle(arg)._arrived()


class _Call:
    """An open call; it ends with cancel(), or with its last reference."""

    def __init__(self, handle, method, request, to, timeout):
        credit = _CREDIT if method.flow else 0
        body = request.SerializeToString()
        self.handle = handle
        self.method = method
        self.open = True
        self._callback = None
        self._me = None
        where = _to(to, timeout, credit)[0]
        self._f = lib.flux_rpc_bytes(handle.handle, where, method.c, body, len(body))
        handle._sent = True
        handle._calls.add(self)

    def _result(self):
        """Decode the present answer, or raise; None at the end of a stream. There must be one."""
        err = new_error()
        body, size = ffi.new("const void **"), ffi.new("size_t *")
        r = lib.flux_rpc_result_bytes(self._f, body, size, err)
        if r < 0:
            self.open = False
            if r == -errno.ENODATA and self.method.stream:
                return None
            check(r, err, FluxError)
        message = self.method.types[1]()
        if size[0]:
            message.ParseFromString(bytes(ffi.buffer(body[0], size[0])))
        return message

    def _need(self):
        if self._f is None:
            raise FluxError(errno.ECANCELED, f"{self.method.name}: the call was cancelled")

    def _wait(self, timeout):
        self._need()
        if not self.handle._wait(self.ready, timeout):
            raise FluxError(errno.ETIMEDOUT, f"{self.method.name}: no answer in {timeout} s")

    def _hear(self):
        """From now on libflux tells us of answers by _arrived()."""
        if self._me is None:
            self._need()
            self._me = ffi.new_handle(self)
            lib.flux_future_then(self._f, _on_answer, self._me)

    def then(self, callback):
        """callback(self) is called for each answer while the handle runs (and, for streams, at the
        end); it takes it with get() or next()."""
        self._callback = callback
        self._hear()
        return self

    def cancel(self):
        """End the call if it is still open; nothing more comes of it."""
        if self._f is not None and self.handle._h is not None:
            lib.flux_future_free(self._f)
            self.handle._sent = True
        self._f = None
        self._callback = self._me = None
        self.open = False

    def __del__(self):
        if getattr(self, "_f", None) is not None:
            self.cancel()

    async def _answer(self):
        """Wait inside asyncio."""
        loop = self.handle._asyncio()
        if self.ready():
            return
        waiter = loop.create_future()
        self.then(lambda call: waiter.done() or waiter.set_result(None))
        self.handle._asyncio()
        await waiter


class Future(_Call):
    """A call with one answer: get() waits for it, as does `await` in asyncio."""

    def ready(self):
        return self._f is None or lib.flux_future_ready(self._f)

    def get(self, timeout=None):
        self._wait(timeout)
        self.open = False
        return self._result()

    def _arrived(self):
        self.open = False
        if self._callback:
            self._callback(self)

    def __await__(self):
        yield from self._answer().__await__()
        return self.get()


class Stream(_Call):
    """A call with many answers: iterate, or `async for`; cancel() or the end of a `with` ends it."""

    def __init__(self, *args):
        self._items = deque()  # (item, bytes), or an exception, taken from libflux already
        super().__init__(*args)

    def ready(self):
        return bool(self._items) or self._f is None or lib.flux_future_ready(self._f)

    def _take(self):
        try:
            item = self._result()
        except FluxError as e:
            return e
        return item, lib.flux_future_size(self._f)

    def _arrived(self):
        self._items.append(self._take())
        if self._callback:
            self._callback(self)

    def next(self, timeout=None):
        """The next item; None when the stream has ended well."""
        if not self._items:
            if not self.open:
                return None
            self._wait(timeout)
        return self._next()

    def _next(self):
        if self._items:
            got = self._items.popleft()
        else:
            got = self._take()
            lib.flux_future_next(self._f)
        if isinstance(got, FluxError):
            raise got
        item, size = got
        if item is not None and self.method.flow and self._f is not None:
            lib.flux_future_credit(self._f, size)
            self.handle._sent = True
        return item

    def __iter__(self):
        return self

    def __next__(self):
        item = self.next()
        if item is None:
            raise StopIteration
        return item

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._items:
            if not self.open:
                raise StopAsyncIteration
            self._hear()
            await self._answer()
        item = self._next()
        if item is None:
            raise StopAsyncIteration
        return item

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.cancel()
