#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""Turns the privileged configuration spaces of proto/flux/v1/config.proto into C tables of keys.

usage: imp_keys.py DESCRIPTOR_SET OUTPUT.c
"""
import json
import sys

import config_schema
from google.protobuf import descriptor_pb2

KINDS = {"BOOL": "BOOL", "INT": "INT", "STRING": "STRING", "PATH": "PATH", "MESSAGE": "KEYS"}
ROOTS = {"security": "SecurityConfig", "imp": "ImpConfig"}


class Keys(config_schema.Schema):
    def row(self, message, field):
        kind, target, is_map = self.kind(field, message)
        if kind not in KINDS:
            sys.exit(f"config.proto: {message.name}.{field.name}: imp/conf reads no {kind}")
        repeated = field.label == field.LABEL_REPEATED and not is_map
        target = f"&{config_schema.snake(target)}" if target else "NULL"
        name = json.dumps(config_schema.toml_key(field))
        flags = f"{str(repeated).lower()}, {str(is_map).lower()}"
        return f"    {{{name}, CONF_KIND_{KINDS[kind]}, {target}, {flags}}},"

    def tables(self, name, symbol, done, out):
        """The table of a message, after those that it refers to."""
        if name in done:
            return
        done.add(name)
        message = self.messages[name]
        for target in self.inner(message):
            snake = config_schema.snake(target)
            self.tables(target, f"static const struct conf_keys {snake}", done, out)
        rows = f"{config_schema.snake(name)}_rows"
        out.append(f"static const struct conf_key {rows}[] = {{")
        out += [self.row(message, field) for field in message.field]
        out.append(f"}};\n{symbol} = {{{rows}, sizeof({rows}) / sizeof({rows}[0])}};\n")


def main(source, target):
    files = descriptor_pb2.FileDescriptorSet.FromString(open(source, "rb").read())
    keys = Keys(next(f for f in files.file if f.name.endswith("config.proto")))
    out = ["/* Made by gen/imp_keys.py from proto/flux/v1/config.proto. */",
           '#include "conf.h"', '#include "keys.h"', ""]
    done = set()
    for space, root in ROOTS.items():
        keys.tables(root, f"const struct conf_keys conf_keys_{space}", done, out)
    with open(target, "w") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
