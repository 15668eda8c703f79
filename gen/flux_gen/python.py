# SPDX-License-Identifier: LGPL-3.0-only
"""NAME_client.py: a class for each service with a method for each rpc. Messages are protoc's own
(NAME_pb2.py), loaded with the first call."""

import keyword
import textwrap

from .text import wrap

HEAD = '''# SPDX-License-Identifier: LGPL-3.0-only
# Generated from {path}.
from flux.service import Method, Service

_MODULE = "{module}_pb2"


class {name}(Service):
    """{doc}"""

    NAME = "{full}"
    METHODS = {{
{rows}    }}
'''

METHOD = '''
{head}
        """{doc}"""
        return self._{how}({args})
'''


def py_name(name):
    return name + "_" if keyword.iskeyword(name) else name


def _doc(text, indent):
    pad = " " * indent
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = [pad + s if s else s for s in text.rstrip().split("\n")]
    closing = "\n" + pad if len(lines) > 1 else ""
    return "\n".join(lines).lstrip() + closing


def _fields_doc(title, m):
    if not m.fields:
        return ""
    out = [title]
    for fd in m.fields:
        text = " ".join(fd.doc.split())
        line = f"{py_name(fd.name)} ({'list of ' if fd.repeated else ''}{fd.type.rsplit('.', 1)[-1]})"
        out += textwrap.wrap(
            line + (": " + text if text else ""), 88, initial_indent="    ", subsequent_indent="      "
        )
    return "\n".join(out)


def _method(m, model, form):
    request, response = model.find(m.request), model.find(m.response)
    told = [m.doc]
    if form == "call":
        told.append(_fields_doc("Arguments:", request))
        told.append(_fields_doc("Items:" if m.stream else "Answer:", response))
        name = py_name(m.snake)
        how = "stream" if m.stream else "call"
    else:
        told = [f"{m.name} as a future: awaitable, or .get() to wait."]
        name, how = m.snake + "_async", "start"
    body = "\n\n".join(t for t in told if t)
    names = [fd.name for fd in request.fields]
    params = ["self", "*"] + [f"{py_name(n)}=None" for n in names] + ["_to=None", "_timeout=0.0"]
    given = [f"{n}={py_name(n)}" if py_name(n) == n else f'**{{"{n}": {py_name(n)}}}' for n in names]
    return METHOD.format(
        head=wrap(f"def {name}(", params, "):", 4),
        doc=_doc(body, 8),
        how=how,
        args=wrap(f"return self._{how}(", [f'"{m.name}"', "_to", "_timeout"] + given, ")", 8).split("(", 1)[1][:-1],
    )


def generate(f, model):
    s = f.service
    if not s:
        return
    module = f.stem.replace("/", ".")
    rows = ""
    for m in s.methods:
        flags = "".join(f", {k}=True" for k in ("stream", "idempotent", "flow") if getattr(m, k))
        rows += f'        "{m.name}": Method("{m.wire}", _MODULE, "{s.name}{m.name}"{flags}),\n'
    text = HEAD.format(
        path=f.path, module=module, name=s.name, doc=_doc(s.doc, 4), full=s.full, rows=rows
    )
    for m in s.methods:
        text += _method(m, model, "call")
        if not m.stream:
            text += _method(m, model, "async")
    yield f.stem + "_client.py", text


def table(files):
    """services.py: attribute of a handle -> module and class of its client."""
    text = "# SPDX-License-Identifier: LGPL-3.0-only\n# Generated: the services that a handle offers.\n"
    text += "SERVICES = {\n"
    for f in sorted((f for f in files if f.service), key=lambda f: f.service.snake):
        module = f.stem.replace("/", ".")
        text += f'    "{f.service.snake}": ("{module}_client", "{f.service.name}"),\n'
    yield "flux/v1/services.py", text + "}\n"
