# SPDX-License-Identifier: LGPL-3.0-only
"""Sets of small integers: ranks, cores, task ids (RFC 22)."""

from flux._lib import check, encode, ffi, lib, new_error, take

_NONE = 0xFFFFFFFF
_RANGE, _BRACKETS = 1, 2


class IDset:
    """A mutable set. IDset("0-3,7"), IDset([1, 2]), IDset(); str() gives "0-3,7". Ascending."""

    __slots__ = ("_s", "_flags")

    def __init__(self, arg="", *, _set=None):
        self._flags = _RANGE
        if _set is None and isinstance(arg, str):
            err, ret = new_error(), ffi.new("struct flux_idset **")
            check(lib.flux_idset_decode(encode(arg), ret, err), err)
            _set = ret[0]
        elif _set is None and isinstance(arg, IDset):
            _set = lib.flux_idset_copy(arg._s)
        elif _set is None:
            _set = lib.flux_idset_new()
        self._s = ffi.gc(_set, lib.flux_idset_free)
        if not isinstance(arg, (str, IDset)):
            self.add(arg)

    @staticmethod
    def _of(arg):
        return arg if isinstance(arg, IDset) else IDset(arg)

    def set_flags(self, range=True, brackets=False):
        """How str() writes the set."""
        self._flags = (_RANGE if range else 0) | (_BRACKETS if brackets else 0)
        return self

    def encode(self, range=True, brackets=False):
        flags = (_RANGE if range else 0) | (_BRACKETS if brackets else 0)
        return take(lib.flux_idset_encode(self._s, flags))

    def __str__(self):
        return take(lib.flux_idset_encode(self._s, self._flags))

    def __repr__(self):
        return f"IDset('{self.encode()}')"

    def __len__(self):
        return lib.flux_idset_count(self._s)

    def count(self):
        return len(self)

    def __iter__(self):
        i = lib.flux_idset_first(self._s)
        while i != _NONE:
            yield i
            i = lib.flux_idset_next(self._s, i)

    def __contains__(self, i):
        return isinstance(i, int) and 0 <= i < _NONE and lib.flux_idset_contains(self._s, i)

    def __getitem__(self, n):
        """The n-th smallest, or a set of them for a slice."""
        if isinstance(n, slice):
            return IDset(list(self)[n])
        at = n + len(self) if n < 0 else n
        if not 0 <= at < len(self):
            raise IndexError(f"set has {len(self)} members, no number {n}")
        return lib.flux_idset_nth(self._s, at)

    def __delitem__(self, n):
        self.remove(self[n])

    def __hash__(self):
        raise TypeError("an IDset can change: take str() of it as a key")

    def _ids(self, arg):
        for i in [arg] if isinstance(arg, int) else arg:
            if not isinstance(i, int):
                raise TypeError(f"not an id: {i!r}")
            yield i

    def add(self, arg):
        """Add an id, some ids, or the members of a set or its text. Returns self."""
        if isinstance(arg, (str, IDset)):
            lib.flux_idset_add_set(self._s, self._of(arg)._s)
            return self
        for i in self._ids(arg):
            if i < 0 or i >= _NONE or lib.flux_idset_add(self._s, i) < 0:
                raise ValueError(f"id {i} is out of range")
        return self

    set = add

    def remove(self, arg):
        """Take out likewise; what is not there is no error. Returns self."""
        if isinstance(arg, (str, IDset)):
            lib.flux_idset_remove_set(self._s, self._of(arg)._s)
            return self
        for i in self._ids(arg):
            if 0 <= i < _NONE:
                lib.flux_idset_remove(self._s, i)
        return self

    subtract = remove
    clear_id = remove

    def expand(self):
        return list(self)

    def first(self):
        return None if not self else lib.flux_idset_first(self._s)

    def last(self):
        return None if not self else lib.flux_idset_last(self._s)

    def next(self, i):
        """Smallest member above i, or None."""
        n = lib.flux_idset_next(self._s, i)
        return None if n == _NONE else n

    def copy(self):
        return IDset(self)

    def __eq__(self, other):
        if not isinstance(other, (IDset, str)):
            return NotImplemented
        return bool(lib.flux_idset_equal(self._s, self._of(other)._s))

    def equal(self, other):
        return self == self._of(other)

    def union(self, *others):
        out = self.copy()
        for o in others:
            lib.flux_idset_add_set(out._s, self._of(o)._s)
        return out

    def intersect(self, *others):
        out = self.copy()
        for o in others:
            lib.flux_idset_keep_set(out._s, self._of(o)._s)
        return out

    intersection = intersect

    def difference(self, *others):
        out = self.copy()
        for o in others:
            lib.flux_idset_remove_set(out._s, self._of(o)._s)
        return out

    def __or__(self, other):
        return self.union(other)

    __add__ = __or__

    def __and__(self, other):
        return self.intersect(other)

    def __sub__(self, other):
        return self.difference(other)

    def __le__(self, other):
        return bool(lib.flux_idset_is_subset(self._s, self._of(other)._s))

    issubset = __le__

    def isdisjoint(self, other):
        return not lib.flux_idset_intersects(self._s, self._of(other)._s)


def decode(text):
    """IDset of a text; ValueError says what is wrong with it."""
    return IDset(text)
