# SPDX-License-Identifier: LGPL-3.0-only
"""Who may include whose headers: the floors of the house."""
import os
import re

import tree

# A part of the tree and the parts whose headers its files may include, besides its own.
FLOORS = {
    # floor 0
    "bindings/c/base": set(),
    "bindings/c/format": {"bindings/c/base"},
    "bindings/c/pmi": {"bindings/c/base", "bindings/c/format"},
    # floor 1
    "bindings/c/wire": {"bindings/c/base", "bindings/c/format", "generated"},
    "bindings/c/config": {"bindings/c/base", "bindings/c/format"},
    # floor 2
    "bindings/c/client": {"floor 1", "bindings/c/service", "generated", "imp"},  # <flux/signer.h>
    "bindings/c/service": {"floor 1", "bindings/c/client", "generated"},
    # floor 3
    "server/spawnd": {"floor 2"},
    "server/broker": {"floor 2", "server/spawnd"},
    # floor 4: plugins and services see neither the broker's insides nor each other's
    "server/modules": {"floor 2"},
    "server/shell": {"floor 2"},
    # the island
    "imp": set(),
    "imp/pam": {"floor 2"},
    # floor 5
    "cli": {"floor 2", "imp"},  # <flux/signer.h>
    "bindings/python": {"floor 2"},
}
GROUPS = {
    "floor 1": {"bindings/c/base", "bindings/c/format", "bindings/c/pmi", "bindings/c/wire",
                "bindings/c/config"},
}
GROUPS["floor 2"] = GROUPS["floor 1"] | {"bindings/c/client", "bindings/c/service", "generated"}

# Where the private headers of libflux may be seen outside of their folder.
PRIVATE = {
    ("bindings/c/client", "bindings/c/wire"),
    ("bindings/c/service", "bindings/c/client"),
    ("bindings/c/service", "bindings/c/wire"),
    ("server/broker", "bindings/c/wire"),
    ("server/broker", "bindings/c/client"),
    # the store is the leader's log: one thread hosts both
    ("server/modules/kvs", "server/modules/content-sqlite"),
    # it shares imp/sign with the server: a signed request is taken apart there
    ("server/modules/job-ingest", "imp"),
    # and imp/signals.h, which is how one speaks to an IMP
    ("server/modules/exec", "imp"),
}

# Public headers whose name is not that of a file in the folder that implements them.
PUBLIC = {
    "handle.h": "bindings/c/client", "rpc.h": "bindings/c/client", "proto.h": "bindings/c/wire",
    "service.h": "bindings/c/service", "services.h": "bindings/c/service",
    "protojson.h": "bindings/c/wire",
    "module.h": "bindings/c/service", "pmi.h": "bindings/c/pmi", "base.h": "bindings/c/base",
    "msg.h": "bindings/c/wire", "rset.h": "bindings/c/format", "config.h": "bindings/c/config",
    "shell.h": "server/shell", "signer.h": "imp",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:<(flux/[^>]+)>|"([^"]+)")', re.M)


def part_of(path):
    """The key of FLOORS that holds a path; each module is a part of its own."""
    path = str(path)
    if path.startswith("server/modules/"):
        return "/".join(path.split("/")[:3])
    for part in sorted(FLOORS, key=len, reverse=True):
        if path.startswith(part + "/"):
            return part
    return None


def allowed(part):
    rules = FLOORS["server/modules" if part.startswith("server/modules/") else part]
    found = {part}
    for rule in rules:
        found |= GROUPS.get(rule, {rule})
    return found


def public_owner(name):
    if name.startswith("v1/"):
        return "generated"
    if name in PUBLIC:
        return PUBLIC[name]
    stem = name.removesuffix(".h")
    owners = {part_of(f) for f in tree.files(".c", ".cpp")
              if f.stem == stem and str(f).startswith("bindings/c/")}
    return owners.pop() if len(owners) == 1 else f"<flux/{name}>: add it to PUBLIC"


def violations():
    for path in tree.files(".c", ".h", ".cpp"):
        part = part_of(path)
        if not part:
            continue
        for public, quoted in INCLUDE.findall(tree.text(path)):
            if public:
                owner = public_owner(public.removeprefix("flux/"))
                if owner not in allowed(part):
                    yield f"{path}: <{public}> belongs to {owner}"
                continue
            target = os.path.normpath(os.path.join(path.parent, quoted))
            owner = part_of(target) if (tree.ROOT / target).exists() else part
            if owner != part and (part, owner) not in PRIVATE:
                yield f"{path}: \"{quoted}\" is inside {owner}"


def test_nobody_includes_upward_or_sideways():
    assert list(violations()) == []


def test_the_rules_name_real_folders():
    known = set(FLOORS) | {p for pair in PRIVATE for p in pair}
    assert [p for p in known if not (tree.ROOT / p).is_dir()] == []
