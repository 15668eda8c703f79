# SPDX-License-Identifier: LGPL-3.0-only
"""<flux/v1/NAME.h> and NAME.c: plain names for the types of a file, and the client's side of its
service."""

from .names import pbc_upper
from .text import SPDX, c_string, comment, wrap

HEAD = (
    SPDX
    + """/* Generated from {path}. */
#ifndef {guard}_H
#define {guard}_H

{includes}

#pragma GCC visibility push(default)
"""
)
TAIL = """
#pragma GCC visibility pop
#endif
"""

UNARY_C = """
{call}
{{
    ProtobufCMessage *msg = NULL;
{wait}

    if (r >= 0 && out)
        *out = ({response} *)msg;
    return r;
}}

{async_call}
{{
    return flux_rpc(h, to, &{stem}_method, (const ProtobufCMessage *)in);
}}
"""
STREAM_C = """
{stream_call}
{{
    return flux_rpc(h, to, &{stem}_method, (const ProtobufCMessage *)in);
}}
"""
RESULT_C = """
{result}
{{
    const ProtobufCMessage *msg = NULL;
    int r = flux_rpc_result(f, &msg, err);

    if (r >= 0 && out)
        *out = (const {response} *)msg;
    return r;
}}
"""


def message(m):
    return (
        f"typedef {m.pbc} {m.c};\n"
        f"#define {m.upper}_INIT {m.pbc_lower.upper()}__INIT\n"
        f"FLUX_PROTO_MESSAGE({m.c});\n"
    )


def enum(e, prefix):
    upper = pbc_upper(e.full)
    lines = [f"typedef {e.pbc} {e.c};"]
    for v in e.values:
        lines.append(f"#define {prefix.upper()}_{v.name} {upper}__{v.name}")
    lines.append(f"#define {e.c}_descriptor {upper.lower()}__descriptor")
    return "\n".join(lines) + "\n"


def prototypes(s, m, model):
    """The C declarations of one rpc, by role, without the semicolon."""
    request, response = model.find(m.request).c, model.find(m.response).c
    stem = f"{s.c}_{m.snake}"
    where = ["struct flux *h", "struct flux_to to", f"const {request} *in"]
    result = ["struct flux_future *f", f"const {response} **out", "struct flux_error *err"]
    out = {"result": wrap(f"int {stem}_result(", result, ")")}
    if m.stream:
        out["stream"] = wrap(f"struct flux_future *{stem}_stream(", where, ")")
    else:
        blocking = where + [f"{response} **out", "struct flux_error *err"]
        out["call"] = wrap(f"int {stem}(", blocking, ")")
        out["async"] = wrap(f"struct flux_future *{stem}_async(", where, ")")
    return out


def header(f, model):
    includes = []
    if f.service:
        includes.append("#include <flux/rpc.h>")
    includes.append("#include <flux/proto.h>")
    for path in f.imports:
        includes.append(f"#include <{path[:-len('.proto')]}.h>")
    includes.append(f'#include "{f.stem}.pb-c.h"')
    parts = [HEAD.format(path=f.path, guard=f.guard, includes="\n".join(includes))]
    parts += [comment(e.doc) + enum(e, f.prefix) for e in f.enums]
    parts += [comment(m.doc) + message(m) for m in f.messages]
    text = "\n".join(parts)
    for s in f.services:
        text += "\n" + comment(s.doc) + _service_head(s)
        for m in s.methods:
            text += _method_head(s, m, model)
    return text + TAIL


def _service_head(s):
    return f"#define {s.upper}_SERVICE {c_string(s.full)}\n"


def _method_head(s, m, model):
    p = prototypes(s, m, model)
    lines = [p[k] + ";" for k in ("call", "async", "stream", "result") if k in p]
    lines.append(f"extern const struct flux_method {s.c}_{m.snake}_method;")
    return "\n" + comment(m.doc) + "\n".join(lines) + "\n"


def _table(s, m, model):
    rows = [
        f".name = {c_string(m.wire)}",
        f".request = &{model.find(m.request).pbc_lower}__descriptor",
        f".response = &{model.find(m.response).pbc_lower}__descriptor",
        f".access = FLUX_ACCESS_{m.access}",
    ]
    rows += [f".{k} = true" for k in ("stream", "idempotent", "flow") if getattr(m, k)]
    rows += [f".{k} = {getattr(m, k)}u" for k in ("max_body", "max_open") if getattr(m, k)]
    body = "".join(f"    {r},\n" for r in rows)
    return f"\nconst struct flux_method {s.c}_{m.snake}_method = {{\n{body}}};\n"


def _wait(stem):
    args = ["h", "to", f"&{stem}_method", "(const ProtobufCMessage *)in", "out ? &msg : NULL", "err"]
    return wrap("int r = flux_rpc_wait(", args, ");", 4)


def source(f, model):
    s = f.service
    text = SPDX + f"/* Generated from {f.path}: the method tables and the client's side. */\n"
    text += f"#include <flux/v1/options.h>\n#include <{f.stem}.h>\n"
    for m in s.methods:
        p = prototypes(s, m, model)
        stem, response = f"{s.c}_{m.snake}", model.find(m.response).c
        text += _table(s, m, model)
        if m.stream:
            text += STREAM_C.format(stream_call=p["stream"], stem=stem)
        else:
            text += UNARY_C.format(
                call=p["call"],
                async_call=p["async"],
                stem=stem,
                response=response,
                wait=_wait(stem),
            )
        text += RESULT_C.format(result=p["result"], response=response)
    return text


def generate(f, model):
    yield f.stem + ".h", header(f, model)
    if f.service:
        yield f.stem + ".c", source(f, model)


OPTIONS_H = (
    SPDX
    + """/* Generated from {path}. */
#ifndef {guard}_H
#define {guard}_H

{enums}
#endif
"""
)


def options(f):
    """options.proto never travels: its numbers are all that C needs."""
    text = ""
    for e in f.enums:
        rows = "".join(
            f"    FLUX_{e.name.upper()}_{v.name} = {v.number}, "
            f"/* {v.doc.strip()} */\n" for v in e.values
        )
        text += comment(e.doc) + f"enum {e.c} {{\n{rows}}};\n\n"
    yield f.stem + ".h", OPTIONS_H.format(path=f.path, guard=f.guard, enums=text.rstrip("\n") + "\n")
