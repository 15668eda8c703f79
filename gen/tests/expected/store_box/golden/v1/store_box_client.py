# SPDX-License-Identifier: LGPL-3.0-only
# Generated from golden/v1/store_box.proto.
from flux.service import Method, Service

_MODULE = "golden.v1.store_box_pb2"


class StoreBox(Service):
    """Boxes, kept
    in order.
    """

    NAME = "golden.v1.StoreBox"
    METHODS = {
        "Get": Method("golden.v1.StoreBox/Get", _MODULE, "StoreBoxGet", idempotent=True),
        "Register": Method("golden.v1.StoreBox/Register", _MODULE, "StoreBoxRegister"),
        "Watch": Method("golden.v1.StoreBox/Watch", _MODULE, "StoreBoxWatch", stream=True, flow=True),
    }

    def get(self, *, name=None, limit=None, from_=None, _to=None, _timeout=0.0):
        """Read one box. ENOENT: there is none.

        Arguments:
            name (string): Which one.
            limit (uint64): at most this many
            from_ (string)

        Answer:
            colour (StoreBoxColour)
            parts (list of Part)
            counts (list of CountsEntry)
            label (Label)
        """
        return self._call("Get", _to, _timeout, name=name, limit=limit, **{"from": from_})

    def get_async(self, *, name=None, limit=None, from_=None, _to=None, _timeout=0.0):
        """Get as a future: awaitable, or .get() to wait."""
        return self._start("Get", _to, _timeout, name=name, limit=limit, **{"from": from_})

    def register(self, *, _to=None, _timeout=0.0):
        """Put it away; a "quoted" \\ word, and the end of a comment */ too."""
        return self._call("Register", _to, _timeout)

    def register_async(self, *, _to=None, _timeout=0.0):
        """Register as a future: awaitable, or .get() to wait."""
        return self._start("Register", _to, _timeout)

    def watch(self, *, name=None, _to=None, _timeout=0.0):
        """Follow a box.

        Arguments:
            name (string)

        Items:
            data (bytes)
        """
        return self._stream("Watch", _to, _timeout, name=name)
