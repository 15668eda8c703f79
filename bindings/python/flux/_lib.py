# SPDX-License-Identifier: LGPL-3.0-only
"""libflux, loaded, and the few idioms of calling it. Everything else in the package builds on this."""

import os

from flux._config import LIBFLUX
from flux._libflux import ffi
from flux.error import FluxError

lib = ffi.dlopen(os.environ.get("FLUX_LIBFLUX", LIBFLUX))


def encode(text):
    return ffi.NULL if text is None else text.encode("utf-8")


def string(pointer):
    """A borrowed C string, or None."""
    return None if pointer == ffi.NULL else ffi.string(pointer).decode("utf-8", "replace")


def take(pointer):
    """A C string that is ours to free."""
    try:
        return string(pointer)
    finally:
        lib.free(pointer)


def new_error():
    return ffi.new("struct flux_error *")


def check(r, err, what=ValueError):
    """Raise when a call returned a negative errno. Malformed text is a ValueError."""
    if r < 0:
        text = ffi.string(err.text).decode("utf-8", "replace") or os.strerror(-r)
        if what is FluxError:
            raise FluxError(-r, text)
        raise what(text)
    return r
