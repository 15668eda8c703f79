# SPDX-License-Identifier: LGPL-3.0-only
"""Job ids in all their spellings (RFC 19)."""

from flux._lib import check, encode, ffi, lib, new_error


def parse(text):
    """Any spelling to the number."""
    err, ret = new_error(), ffi.new("uint64_t *")
    check(lib.flux_fluid_parse(encode(text), ret, err), err)
    return ret[0]


def spell(number, form="f58"):
    """dec, hex, dothex, kvs, words, emoji, f58 or f58plain."""
    kind = lib.flux_fluid_form(form.encode())
    if kind < 0:
        raise ValueError(f"job id: no form '{form}'")
    buf = ffi.new("char[64]")
    check(lib.flux_fluid_encode(number, kind, buf, 64), new_error())
    return ffi.string(buf).decode()


class JobID(int):
    """A number that prints as people write job ids: JobID("ƒabc"), JobID(1234)."""

    def __new__(cls, value):
        return super().__new__(cls, parse(value) if isinstance(value, str) else int(value))

    def encode(self, form="dec"):
        return spell(self, form)

    @property
    def dec(self):
        return self.encode("dec")

    @property
    def hex(self):
        return self.encode("hex")

    @property
    def dothex(self):
        return self.encode("dothex")

    @property
    def kvs(self):
        return self.encode("kvs")

    @property
    def words(self):
        return self.encode("words")

    @property
    def emoji(self):
        return self.encode("emoji")

    @property
    def f58(self):
        return self.encode("f58")

    @property
    def f58plain(self):
        return self.encode("f58plain")

    def orig(self):
        return self.f58

    def __str__(self):
        return self.f58

    def __repr__(self):
        return f"JobID({int(self)})"
