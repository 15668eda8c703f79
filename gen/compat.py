#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""Compare two descriptor sets: compat.py OLD NEW. Within v1 the contract only grows: whatever OLD
has, NEW must have with the same number, type and shape. Prints what does not hold; exit code 1 then.

compat.py --normalize IN OUT writes a set without comments and positions, for keeping in the tree."""

import sys

from google.protobuf import descriptor_pb2 as pb


def load(path):
    with open(path, "rb") as f:
        return pb.FileDescriptorSet.FromString(f.read())


def ours(files):
    return [f for f in files.file if not f.name.startswith("google/")]


def flatten(messages, enums, prefix, out):
    for e in enums:
        out["enum " + prefix + e.name] = e
    for m in messages:
        out["message " + prefix + m.name] = m
        flatten(m.nested_type, m.enum_type, prefix + m.name + ".", out)


def things(files):
    """Every message, enum and service by kind and full name."""
    out = {}
    for f in ours(files):
        prefix = f.package + "."
        flatten(f.message_type, f.enum_type, prefix, out)
        for s in f.service:
            out["service " + prefix + s.name] = s
    return out


def field_shape(f):
    kind = pb.FieldDescriptorProto.Type.Name(f.type)[5:].lower()
    label = pb.FieldDescriptorProto.Label.Name(f.label)[6:].lower()
    oneof = " in a oneof" if f.HasField("oneof_index") else ""
    return f"{f.name}, {label} {f.type_name or kind}{oneof}"


def method_shape(m):
    return f"{m.input_type} -> {'stream ' if m.server_streaming else ''}{m.output_type}"


def members(kind, thing):
    """{what it is called in a report: its shape}"""
    if kind == "message":
        return {f"field {f.number}": field_shape(f) for f in thing.field}
    if kind == "enum":
        return {f"value {v.number}": v.name for v in thing.value}
    return {f"rpc {m.name}": method_shape(m) for m in thing.method}


def compare(old, new):
    found = []
    have = things(new)
    for name, thing in things(old).items():
        if name not in have:
            found.append(f"{name}: removed")
            continue
        kind = name.split()[0]
        now = members(kind, have[name])
        for member, shape in members(kind, thing).items():
            if member not in now:
                found.append(f"{name}: {member} ({shape}) removed")
            elif now[member] != shape:
                found.append(f"{name}: {member} was {shape}, is {now[member]}")
    return found


def normalize(files):
    out = pb.FileDescriptorSet()
    for f in ours(files):
        f.ClearField("source_code_info")
        out.file.add().CopyFrom(f)
    return out


def main(args):
    if len(args) == 3 and args[0] == "--normalize":
        with open(args[2], "wb") as f:
            f.write(normalize(load(args[1])).SerializeToString())
        return 0
    if len(args) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = compare(load(args[0]), load(args[1]))
    for line in found:
        print(line)
    if found:
        print("see docs/protocol.md: within v1 the contract only grows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
