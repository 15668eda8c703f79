# SPDX-License-Identifier: LGPL-3.0-only
"""The rules of docs/protocol.md, section "Proto files". A broken one is reported as
FILE:LINE: WHAT; all of a file's are reported at once."""

from .model import OPTIONS_FILE
from .names import snake


def check(f):
    """Return the list of errors in one file."""
    if f.path == OPTIONS_FILE:
        return []
    found = []

    def err(line, text):
        found.append((line, f"{f.path}:{line}: {text}"))

    if f.syntax != "proto3":
        err(1, 'must say syntax = "proto3"')
    _check_package(f, err)
    _check_types(f, err)
    for s in f.services:
        _check_service(f, s, err)
    if len(f.services) > 1:
        err(f.services[1].line, f"service {f.services[1].name}: one service a file")
    if not found:
        _check_c_names(f, err)
    return [text for _, text in sorted(found, key=lambda e: e[0])]


def _check_package(f, err):
    folder = f.path.rsplit("/", 1)[0].replace("/", ".") if "/" in f.path else ""
    if f.package != folder:
        err(1, f"package must be {folder or '(none)'}, as its folder, not {f.package or '(none)'}")


def _check_types(f, err):
    for e in f.enums:
        zero = e.values[0]
        if zero.number != 0 or not zero.name.endswith("_UNSPECIFIED"):
            err(e.line, f"enum {e.name}: the first value must be ..._UNSPECIFIED = 0")
    for m in f.messages:
        for fd in m.fields:
            if fd.optional:
                err(
                    fd.line,
                    f"field {m.name}.{fd.name}: proto3 optional is not supported; "
                    "use a oneof of one member",
                )


def _check_service(f, s, err):
    if f.base not in (snake(s.name), snake(s.name) + "_rpc"):
        err(s.line, f"service {s.name} belongs in {snake(s.name)}.proto")
    if not s.doc:
        err(s.line, f"service {s.name}: no comment (it is the documentation)")
    if not s.methods:
        err(s.line, f"service {s.name}: no rpc")
    own = {m.full for m in f.messages}
    for m in s.methods:
        if m.client_stream:
            err(m.line, f"rpc {m.name}: client streaming is not supported")
        for what, have in (("request", m.request), ("response", m.response)):
            want = f"{s.name}{m.name}{what.capitalize()}"
            full = f"{f.package}.{want}"
            if have != full or full not in own:
                err(
                    m.line,
                    f"rpc {m.name}: its {what} must be {want} of this file, "
                    f"not {have.rsplit('.', 1)[-1] if have.startswith(f.package) else have}",
                )
        if m.flow and not m.stream:
            err(m.line, f"rpc {m.name}: flow is for streams")
        if not m.doc:
            err(m.line, f"rpc {m.name}: no comment (it is the documentation)")


def c_names(f):
    """Every C identifier the file gives rise to, with its line and what it stems from."""
    for m in f.messages:
        yield m.c, m.line, f"message {m.name}"
        yield m.c + "_free", m.line, f"message {m.name}"
        yield m.c + "_autofree", m.line, f"message {m.name}"
        yield m.upper + "_INIT", m.line, f"message {m.name}"
    for e in f.enums:
        yield e.c, e.line, f"enum {e.name}"
        for v in e.values:
            yield f"{f.prefix.upper()}_{v.name}", e.line, f"enum {e.name} value {v.name}"
    for s in f.services:
        for suffix in ("_serve", "_service"):
            yield s.c + suffix, s.line, f"service {s.name}"
        for m in s.methods:
            what = f"rpc {m.name}"
            stem = f"{s.c}_{m.snake}"
            for suffix in _suffixes(m):
                yield stem + suffix, m.line, what


def _suffixes(m):
    if m.stream:
        return ("_method", "_stream", "_result", "_send")
    return ("", "_method", "_async", "_result", "_reply")


def _check_c_names(f, err):
    seen, told = {}, set()
    for name, line, what in c_names(f):
        other = seen.setdefault(name, what)
        if other != what and (what, other) not in told:
            told.add((what, other))
            err(line, f"{what}: the C name {name} is taken by {other}")
