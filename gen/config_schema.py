#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""Turns proto/flux/v1/config.proto into the C table that configuration files are checked against.

usage: config_schema.py DESCRIPTOR_SET OUTPUT.c

The rules in the comments (see the head of config.proto) become members of the table's rows.
"""
import json
import re
import sys

from google.protobuf import descriptor_pb2

SPECIAL = {"Fsd": "FSD", "Idset": "IDSET", "Hostlist": "HOSTLIST", "Path": "PATH",
           "Command": "COMMAND", "Signal": "SIGNAL", "Size": "SIZE", "Endpoint": "ENDPOINT",
           "Table": "TABLE", "Any": "ANY"}
SCALAR = {1: "FLOAT", 2: "FLOAT", 3: "INT", 5: "INT", 8: "BOOL", 9: "STRING"}
ROOTS = {"SYSTEM": "SystemConfig", "SECURITY": "SecurityConfig", "IMP": "ImpConfig"}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def toml_key(field):
    if field.json_name != camel(field.name):
        return field.json_name
    return field.name.replace("_", "-")


def comments(fdp):
    """(message index, field index) -> leading comment in one line."""
    found = {}
    for loc in fdp.source_code_info.location:
        path = list(loc.path)
        if len(path) == 4 and path[0] == 4 and path[2] == 2:
            found[path[1], path[3]] = " ".join(loc.leading_comments.split())
    return found


class Doc:
    """What a comment says: text for people (marks taken out), and its rules."""
    MARKS = ("required", "restart", "unused")

    def __init__(self, comment):
        self.marks = {mark for mark in self.MARKS if f"({mark})" in comment}
        for mark in self.MARKS:
            comment = comment.replace(f"({mark})", "")
        self.text = " ".join(comment.split())
        found = re.search(r"One of (\"[^.]*\")\.", self.text)
        self.values = re.findall(r'"([^"]*)"', found[1]) if found else []
        found = re.search(r"Range: (-?\d+) (?:to (\d+)|and up)\.", self.text)
        self.range = (int(found[1]), int(found[2] or 2**63 - 1)) if found else None
        found = re.search(r"Default: (.+?)\.(?= |$)", self.text)
        self.default = found[1] if found else None
        plain = re.sub(r"(Default: .+?|One of \"[^.]*\"|Range: [^.]*)\.(?= |$)", "", self.text)
        self.plain = " ".join(plain.split())


class Schema:
    def __init__(self, fdp):
        self.fdp = fdp
        self.messages = {m.name: m for m in fdp.message_type}
        self.docs = comments(fdp)

    def kind(self, field, owner):
        """C enum, message name or None, map?"""
        if field.type != field.TYPE_MESSAGE:
            return SCALAR[field.type], None, False
        name = field.type_name.rsplit(".", 1)[1]
        nested = {n.name: n for n in owner.nested_type}
        if name in nested:
            kind, target, _ = self.kind(nested[name].field[1], nested[name])
            return kind, target, True
        if name in SPECIAL:
            return SPECIAL[name], None, False
        return "MESSAGE", name, False

    def doc(self, message, index):
        f = message.field[index]
        position = list(self.messages).index(message.name)
        comment = self.docs.get((position, index), "")
        if not comment:
            sys.exit(f"config.proto: {message.name}.{f.name} has no comment")
        return Doc(comment)

    def field(self, message, index):
        f = message.field[index]
        kind, target, is_map = self.kind(f, message)
        doc = self.doc(message, index)
        members = [f".key = {json.dumps(toml_key(f))}", f".kind = CONFIG_{kind}"]
        if target:
            members.append(f".table = &{snake(target)}")
        if f.label == f.LABEL_REPEATED:
            members.append(".map = true" if is_map else ".repeated = true")
        members += [f".{mark} = true" for mark in sorted(doc.marks)]
        if doc.values:
            values = ", ".join(map(json.dumps, doc.values))
            members.append(f".values = (const char *const[]){{{values}, NULL}}")
        if doc.range:
            members.append(f".has_range = true, .min = {doc.range[0]}, .max = {doc.range[1]}")
        if doc.default:
            members.append(f".otherwise = {json.dumps(doc.default)}")
        members.append(f".doc = {json.dumps(doc.text)}")
        return "    {" + ",\n     ".join(members) + "},"

    def inner(self, message):
        """The names of the messages that its fields hold."""
        return [target for f in message.field if (target := self.kind(f, message)[1])]

    def emit(self, name, done, out):
        if name in done:
            return
        done.add(name)
        message = self.messages[name]
        for target in self.inner(message):
            self.emit(target, done, out)
        either = any(o.name == "either" for o in message.oneof_decl)
        out.append(f"static const struct config_field {snake(name)}_fields[] = {{")
        out += [self.field(message, i) for i in range(len(message.field))]
        out.append("};")
        out.append(f"static const struct config_table {snake(name)} = {{{snake(name)}_fields, "
                   f"FLUX_ARRAY_SIZE({snake(name)}_fields), {str(either).lower()}}};\n")


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def main(source, target):
    files = descriptor_pb2.FileDescriptorSet.FromString(open(source, "rb").read())
    schema = Schema(next(f for f in files.file if f.name.endswith("config.proto")))
    out = ["/* Made by gen/config_schema.py from proto/flux/v1/config.proto. */",
           '#include "schema.h"', ""]
    done = set()
    for root in ROOTS.values():
        schema.emit(root, done, out)
    unused = set(schema.messages) - done - set(SPECIAL)
    if unused:
        sys.exit(f"config.proto: not used: {', '.join(sorted(unused))}")
    out.append("const struct config_table *const config_roots[] = {")
    out += [f"    [FLUX_CONFIG_{space}] = &{snake(name)}," for space, name in ROOTS.items()]
    out.append("};")
    with open(target, "w") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
