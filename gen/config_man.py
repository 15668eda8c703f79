#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""Turns proto/flux/v1/config.proto into the manual page of one table, in scdoc.

usage: config_man.py DESCRIPTOR_SET PAGE FRAGMENT

PAGE is the name without "flux-": config-exec for the table [exec] of the instance, config-security-sign
for [sign] of the security space; "config" and "config-security" list the tables of their space, and
"config-security-imp" describes all of the IMP's. FRAGMENT says what the proto file cannot: what stands before its section EXAMPLES stands before the keys.
"""
import re
import sys

from google.protobuf import descriptor_pb2

from config_schema import ROOTS, Schema, toml_key

SPACES = {"config": "SYSTEM", "config-security": "SECURITY", "config-security-imp": "IMP"}
# Pages that exist for other reasons than a table of their name.
ALSO = {"config": ["flux-config(1)", "flux-keygen(1)", "flux-broker(1)"],
        "config-bootstrap": ["flux-keygen(1)", "flux-overlay(1)"],
        "config-security-imp": ["flux-config-security-sign(5)", "flux-config-exec(5)"]}
KINDS = {"BOOL": "true or false", "INT": "integer", "FLOAT": "number", "STRING": "string", "FSD": "duration",
         "IDSET": "idset", "HOSTLIST": "hostlist", "PATH": "path", "COMMAND": "array of strings",
         "SIGNAL": "signal", "SIZE": "size", "ENDPOINT": "endpoint", "TABLE": "table", "ANY": "any value"}
UNUSED = "Checked, but nothing in this version acts on it."
# Described on a page of its own, wherever else it occurs.
OWN_PAGE = {"PolicyConfig": "flux-config-policy(5)", "CaConfig": "flux-config-security-ca(5)"}


def escape(text):
    return re.sub(r"([_*\\~<>\[\]#|`])", r"\\\1", text)


def tables_of(schema, root):
    """{key: (message name or None, doc)} of a space."""
    message = schema.messages[ROOTS[root]]
    return {toml_key(f): (schema.kind(f, message), schema.doc(message, i)) for i, f in enumerate(message.field)}


def locate(schema, page):
    """The table of a page: (its name in files, (kind, message, map?), doc)."""
    for prefix in sorted(SPACES, key=len, reverse=True):
        table = page[len(prefix) + 1:]
        tables = tables_of(schema, SPACES[prefix])
        if page.startswith(prefix + "-") and table in tables:
            return table, *tables[table]
    sys.exit(f"config_man.py: there is no table for the page {page}")


def kind_text(field, kind):
    text = KINDS.get(kind, "table")
    if field.label == field.LABEL_REPEATED:
        return {"string": "array of strings", "path": "array of paths"}.get(text, f"array of {text}s")
    return text


def entry(out, path, kinds, doc):
    lines = [escape(doc.text)]
    if "required" in doc.marks:
        lines.append("Must be set.")
    if "restart" in doc.marks:
        lines.append("Acts after a restart.")
    if "unused" in doc.marks:
        lines.append(UNUSED)
    out.append(f"*{escape(path)}* ({escape(kinds)})\n\t{' '.join(lines)}\n")


def forms(schema, message):
    """Of a value that may have one of several forms: all of them, and the one that is a table."""
    kinds = [schema.kind(f, message) for f in message.field]
    text = " or ".join(KINDS.get(kind, "table") for kind, _, _ in kinds)
    return text, next((target for _, target, _ in kinds if target), None)


def keys(schema, name, prefix, out, top):
    """Entries for all keys of a message, those of tables in it after their own."""
    message = schema.messages[name]
    for i, field in enumerate(message.field):
        kind, target, is_map = schema.kind(field, message)
        doc = schema.doc(message, i)
        path = prefix + toml_key(field)
        if is_map:
            path += ".NAME"
        elif field.label == field.LABEL_REPEATED and target:
            path += "[]"
        if not target:
            entry(out, path, kind_text(field, kind), doc)
            continue
        if any(o.name == "either" for o in schema.messages[target].oneof_decl):
            text, inner = forms(schema, schema.messages[target])
            entry(out, path, text, doc)
            if inner:
                keys(schema, inner, path + ".", out, top)
        elif target in OWN_PAGE and target != top:
            out.append(f"*{escape(path)}* (table)\n\t{escape(doc.text)} See *{OWN_PAGE[target][:-3]}*(5).\n")
        else:
            entry(out, path, "array of tables" if path.endswith("[]") else "table", doc)
            keys(schema, target, path + ".", out, top)


def overview(schema, page):
    out = []
    for table, (_, doc) in tables_of(schema, SPACES[page]).items():
        out.append(f"*flux-{page}-{escape(table)}*(5)\n\t{escape(doc.text)}\n")
    return "TABLES", out, "configuration of " + {
        "config": "a Flux instance", "config-security": "signatures on job requests"}[page]


def reference(schema, page):
    out = []
    if page == "config-security-imp":
        keys(schema, ROOTS["IMP"], "", out, ROOTS["IMP"])
        return "KEYS", out, "the IMP, the program that starts the jobs of other users"
    table, (_, target, is_map), doc = locate(schema, page)
    if not target:
        return "KEYS", ["The keys of this table are not known to Flux itself.\n"], f"the table {table}"
    keys(schema, target, "NAME." if is_map else "", out, target)
    return "KEYS", out, doc.text.rstrip(".")[0].lower() + doc.text.rstrip(".")[1:]


def see_also(schema, page):
    others = ALSO.get(page, [])
    up = next(p for p in sorted(SPACES, key=len, reverse=True) if page == p or page.startswith(p + "-"))
    pages = [] if page == up else [f"flux-{up}(5)"]
    if page == "config":
        pages += ["flux-config-security(5)", "flux-config-security-imp(5)"]
    return ", ".join(f"*{p[:-3]}*{p[-3:]}" for p in pages + others + (["flux-config(1)"] if page != "config" else []))


def main(source, page, fragment):
    files = descriptor_pb2.FileDescriptorSet.FromString(open(source, "rb").read())
    schema = Schema(next(f for f in files.file if f.name.endswith("config.proto")))
    title, entries, summary = (overview if page in ("config", "config-security") else reference)(schema, page)
    text = open(fragment).read()
    before, mark, after = text.partition("# EXAMPLES")
    print(f"flux-{page}(5)\n\n# NAME\n\nflux-{page} - {escape(summary)}\n")
    print(before.strip() + "\n")
    leaves = [e for e in entries if not re.search(r"\((array of )?tables?\)$", e.split("\n")[0])]
    if title == "KEYS" and all(UNUSED in e for e in leaves):
        entries = [e.replace(" " + UNUSED, "") for e in entries]
        print("Nothing in this version acts on this table yet: it is checked, and that is all.\n")
    print(f"# {title}\n\n" + "\n".join(entries))
    print((mark + after).strip() + "\n" if mark else "")
    print(f"# SEE ALSO\n\n{see_also(schema, page)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
