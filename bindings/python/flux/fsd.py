# SPDX-License-Identifier: LGPL-3.0-only
"""Durations: "30s", "1.5h", "inf" (RFC 23)."""

from flux._lib import check, encode, ffi, lib, new_error


def parse_fsd(text):
    """Seconds."""
    err, ret = new_error(), ffi.new("double *")
    check(lib.flux_fsd_parse(encode(text), ret, err), err)
    return ret[0]


def fsd(seconds):
    buf = ffi.new("char[32]")
    lib.flux_fsd_format(seconds, buf)
    return ffi.string(buf).decode()
