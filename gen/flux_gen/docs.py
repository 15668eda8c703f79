# SPDX-License-Identifier: LGPL-3.0-only
"""NAME.md: the reference of a service, from the comments in its proto file."""

ACCESS = {
    "OWNER": "instance owner",
    "ADMIN": "instance owner and admins",
    "GUEST": "anyone who may connect",
}
HOME = {"EVERY_RANK": "every rank", "LEADER": "rank 0"}


def _anchor(name):
    return name.lower()


def _type(fd, model):
    name = fd.type
    if "." in name:
        kind = model.find(name)
        if getattr(kind, "map_entry", False):
            key, value = (_type(x, model) for x in kind.fields)
            return f"map of {key} to {value}"
        short = name.rsplit(".", 1)[-1]
        name = f"[{short}](#{_anchor(short)})"
    return f"list of {name}" if fd.repeated else name


def _cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def _fields(m, model):
    if not m.fields:
        return "No fields.\n"
    text = "| field | type | |\n|---|---|---|\n"
    for fd in m.fields:
        note = _cell(fd.doc)
        if fd.oneof:
            note = f"{note} (may be absent)".strip()
        text += f"| `{fd.name}` = {fd.number} | {_type(fd, model)} | {note} |\n"
    return text


def _enum(e):
    text = "| value | number | |\n|---|---|---|\n"
    return text + "".join(f"| `{v.name}` | {v.number} | {_cell(v.doc)} |\n" for v in e.values)


def _facts(m):
    facts = [f"Callers: {ACCESS[m.access]}."]
    if m.stream:
        facts.append("Answer: a stream" + (", under flow control." if m.flow else "."))
    if m.idempotent:
        facts.append("Idempotent.")
    if m.cli:
        facts.append(f"Command: `flux {m.cli}`.")
    if m.since:
        facts.append(f"Since {m.since}.")
    if m.max_body:
        facts.append(f"Largest request: {m.max_body} bytes.")
    if m.max_open:
        facts.append(f"Open calls a user: {m.max_open}.")
    return " ".join(facts)


def _rpc(m, model):
    request, response = model.find(m.request), model.find(m.response)
    answer = "Item" if m.stream else "Response"
    return (
        f"\n## {m.name}\n\n{m.doc}\n\n`{m.wire}` {_facts(m)}\n\n"
        f"Request `{request.name}`:\n\n{_fields(request, model)}\n"
        f"{answer} `{response.name}`:\n\n{_fields(response, model)}"
    )


def generate(f, model):
    s = f.service
    if not s:
        return
    text = f"# {s.short}\n\n{s.doc}\n\n"
    text += f"Service `{s.full}`, on {HOME[s.home]}. Defined in `{f.path}`.\n"
    ends = {full for m in s.methods for full in (m.request, m.response)}
    for m in s.methods:
        text += _rpc(m, model)
    others = [m for m in f.messages if m.full not in ends and not m.map_entry]
    if others or f.enums:
        text += "\n# Types\n"
    for m in others:
        text += f"\n## {m.name}\n\n" + (m.doc + "\n\n" if m.doc else "") + _fields(m, model)
    for e in f.enums:
        text += f"\n## {e.name}\n\n" + (e.doc + "\n\n" if e.doc else "") + _enum(e)
    yield f.stem + ".md", text
