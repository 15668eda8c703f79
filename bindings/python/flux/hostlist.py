# SPDX-License-Identifier: LGPL-3.0-only
"""Ordered lists of host names (RFC 29)."""

import errno

from flux._lib import check, encode, ffi, lib, new_error, string, take
from flux.idset import IDset


class Hostlist:
    """Hostlist("foo[0-3],bar"), Hostlist(["foo1", "foo2"]); str() gives the short form."""

    __slots__ = ("_l",)

    def __init__(self, arg="", *, _list=None):
        if _list is None and isinstance(arg, str):
            err, ret = new_error(), ffi.new("struct flux_hostlist **")
            check(lib.flux_hostlist_decode(encode(arg), ret, err), err)
            _list = ret[0]
        elif _list is None and isinstance(arg, Hostlist):
            _list = lib.flux_hostlist_copy(arg._l)
        elif _list is None:
            _list = lib.flux_hostlist_new()
        self._l = ffi.gc(_list, lib.flux_hostlist_free)
        if not isinstance(arg, (str, Hostlist)):
            self.append(arg)

    @staticmethod
    def _of(arg):
        return arg if isinstance(arg, Hostlist) else Hostlist(arg)

    def encode(self):
        return take(lib.flux_hostlist_encode(self._l))

    __str__ = encode

    def __repr__(self):
        return f"Hostlist('{self}')"

    def __len__(self):
        return lib.flux_hostlist_count(self._l)

    def count(self):
        return len(self)

    def __iter__(self):
        it = ffi.new("struct flux_hostlist_iter *")
        while True:
            name = string(lib.flux_hostlist_next(self._l, it))
            if name is None:
                return
            yield name

    def __getitem__(self, n):
        """The n-th name; a new list for a slice, an IDset or several positions."""
        if isinstance(n, slice):
            return Hostlist(list(self)[n])
        if not isinstance(n, int):
            return Hostlist(_list=lib.flux_hostlist_pick(self._l, IDset(n)._s))
        at = n + len(self) if n < 0 else n
        buf = ffi.new("char[256]")
        name = lib.flux_hostlist_nth(self._l, at, buf) if at >= 0 else ffi.NULL
        if name == ffi.NULL:
            raise IndexError(f"list has {len(self)} hosts, no number {n}")
        return string(name)

    def __contains__(self, name):
        return lib.flux_hostlist_find(self._l, encode(name)) >= 0

    def append(self, arg):
        """Add a hostlist, its text, or several. Returns self."""
        if isinstance(arg, Hostlist):
            arg = arg.copy() if arg is self else arg
            lib.flux_hostlist_append_list(self._l, arg._l)
        elif isinstance(arg, str):
            err = new_error()
            check(lib.flux_hostlist_append(self._l, encode(arg), err), err)
        else:
            for one in arg:
                self.append(one)
        return self

    def delete(self, hosts):
        """Take out one occurrence of each host; how many there were to take."""
        err = new_error()
        return check(lib.flux_hostlist_delete(self._l, encode(str(hosts)), err), err)

    def find(self, name):
        """Position of the first occurrence; FileNotFoundError if there is none."""
        n = lib.flux_hostlist_find(self._l, encode(name))
        if n < 0:
            raise FileNotFoundError(errno.ENOENT, f"no host {name} in the list")
        return n

    def index(self, hosts):
        """IDset of the positions of every host of `hosts`; FileNotFoundError names an unknown one."""
        err, ret = new_error(), ffi.new("struct flux_idset **")
        r = lib.flux_hostlist_positions(self._l, self._of(hosts)._l, ret, err)
        if r == -errno.ENOENT:
            raise FileNotFoundError(errno.ENOENT, ffi.string(err.text).decode())
        check(r, err)
        return IDset(_set=ret[0])

    def sort(self):
        """By name, numbers inside names as numbers. Returns self."""
        lib.flux_hostlist_sort(self._l)
        return self

    def uniq(self):
        """Drop repeats, keep the order. Returns self."""
        lib.flux_hostlist_uniq(self._l)
        return self

    def expand(self):
        return list(self)

    def copy(self):
        return Hostlist(self)

    def __eq__(self, other):
        if not isinstance(other, (Hostlist, str)):
            return NotImplemented
        return bool(lib.flux_hostlist_equal(self._l, self._of(other)._l))

    def __hash__(self):
        raise TypeError("a Hostlist can change: take str() of it as a key")

    def __add__(self, other):
        return self.copy().append(other)

    def __and__(self, other):
        return Hostlist(_list=lib.flux_hostlist_intersect(self._l, self._of(other)._l))

    def __sub__(self, other):
        return Hostlist(_list=lib.flux_hostlist_exclude(self._l, self._of(other)._l))


def decode(text):
    """Hostlist of a text; ValueError says what is wrong with it."""
    return Hostlist(text)
