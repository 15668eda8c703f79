# SPDX-License-Identifier: LGPL-3.0-only
"""The key-value store, with JSON values: get(h, key), put/commit, directories, watches.

h.kvs has the rpcs themselves, with bytes."""

import json
import os

from flux.error import FluxError

VALUE, DIR, SYMLINK, LOG = 1, 2, 3, 4
_PUT, _APPEND, _UNLINK, _MKDIR, _SYMLINK = 1, 2, 3, 4, 5


def default_namespace():
    return os.environ.get("FLUX_KVS_NAMESPACE", "")


def _ns(namespace):
    return default_namespace() if namespace is None else namespace


def _lookup(h, key, namespace=None, **more):
    return h.kvs.get(namespace=_ns(namespace), key=key, **more)


def get_raw(h, key, namespace=None):
    """The bytes of a value or log."""
    answer = _lookup(h, key, namespace)
    if answer.type == DIR:
        raise IsADirectoryError(21, f"{key}: is a directory")
    return answer.value


def get(h, key, namespace=None):
    """The value of a key, decoded; KeyError if there is none."""
    try:
        raw = get_raw(h, key, namespace)
    except FluxError as e:
        if e.errno == 2:
            raise KeyError(key) from None
        raise
    return json.loads(raw) if raw else None


def get_dir(h, path=".", namespace=None):
    return KVSDir(h, path, namespace)


def _type(h, key, namespace, nofollow=False):
    try:
        return _lookup(h, key, namespace, nofollow=nofollow).type
    except FluxError as e:
        if e.errno in (2, 20):
            return None
        raise


def exists(h, key, namespace=None):
    return _type(h, key, namespace) is not None


def isdir(h, key, namespace=None):
    return _type(h, key, namespace) == DIR


def listdir(h, key=".", namespace=None):
    """Names in a directory, sorted."""
    return [e.name for e in _lookup(h, key, namespace, list=True).entries]


class Transaction:
    """Changes that are made together: put(), append(), unlink(), mkdir(), symlink(), then commit()."""

    def __init__(self, h, namespace=None):
        self.handle = h
        self.namespace = namespace
        self.ops = []

    def _add(self, kind, key, **fields):
        self.ops.append(dict(kind=kind, key=key, **fields))
        return self

    def put(self, key, value):
        """Any value that JSON can say."""
        return self.put_raw(key, json.dumps(value, separators=(",", ":")).encode())

    def put_raw(self, key, data):
        return self._add(_PUT, key, value=data)

    def append(self, key, data):
        """To a log, which is made if need be."""
        return self._add(_APPEND, key, value=data)

    def unlink(self, key):
        return self._add(_UNLINK, key)

    def mkdir(self, key):
        return self._add(_MKDIR, key)

    def symlink(self, key, target, target_namespace=""):
        return self._add(_SYMLINK, key, target=target, target_namespace=target_namespace)

    def commit(self):
        """Apply all or nothing; returns {version, rootref} once it is durable."""
        ops, self.ops = self.ops, []
        return self.handle.kvs.commit(namespace=_ns(self.namespace), ops=ops)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind is None:
            self.commit()


def put(h, key, value, namespace=None):
    """Store one value, durably."""
    return Transaction(h, namespace).put(key, value).commit()


def unlink(h, key, namespace=None):
    return Transaction(h, namespace).unlink(key).commit()


def watch(h, key, namespace=None, waitcreate=False):
    """The value of a key now, and after each change; None while it does not exist."""
    with h.kvs.watch(namespace=_ns(namespace), key=key, waitcreate=waitcreate) as items:
        for item in items:
            yield None if item.absent else json.loads(item.value)


class KVSDir:
    """A directory as a mapping; changes take effect with commit(), or at the end of a `with`."""

    def __init__(self, h, path=".", namespace=None):
        self.handle = h
        self.path = path
        self.namespace = namespace
        self._txn = Transaction(h, namespace)

    def key_at(self, name):
        return name if self.path in (".", "") else f"{self.path}.{name}"

    def __getitem__(self, name):
        key = self.key_at(name)
        if isdir(self.handle, key, self.namespace):
            return KVSDir(self.handle, key, self.namespace)
        return get(self.handle, key, self.namespace)

    def __setitem__(self, name, value):
        if isinstance(value, dict) and value:
            for sub, v in value.items():
                self[f"{name}.{sub}"] = v
        else:
            self._txn.put(self.key_at(name), value)

    def __delitem__(self, name):
        self._txn.unlink(self.key_at(name))

    def __contains__(self, name):
        return exists(self.handle, self.key_at(name), self.namespace)

    def __iter__(self):
        return iter(listdir(self.handle, self.path, self.namespace))

    def __len__(self):
        return len(listdir(self.handle, self.path, self.namespace))

    def keys(self):
        return iter(self)

    def items(self):
        return ((name, self[name]) for name in self)

    def values(self):
        return (self[name] for name in self)

    def mkdir(self, name, contents=None):
        self._txn.mkdir(self.key_at(name))
        for sub, value in (contents or {}).items():
            self[f"{name}.{sub}"] = value

    def commit(self):
        return self._txn.commit()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind is None:
            self.commit()
