# SPDX-License-Identifier: LGPL-3.0-only
"""flux.v1.comments.json: every comment of the contract by the full name of what it is about, for
programs that show it (`flux describe`): libflux itself carries no prose."""

import json


def comments(files):
    out = {}

    def keep(name, doc):
        if doc:
            out[name] = doc

    for f in files:
        for s in f.services:
            keep(s.full, s.doc)
            for m in s.methods:
                keep(m.wire, m.doc)
                keep(m.wire + "#cli", m.cli)
                keep(m.wire + "#since", m.since)
        for m in f.messages:
            keep(m.full, m.doc)
            for fd in m.fields:
                keep(f"{m.full}.{fd.name}", fd.doc)
        for e in f.enums:
            keep(e.full, e.doc)
            for v in e.values:
                keep(f"{e.full}.{v.name}", v.doc)
    return out


def table(files):
    yield "flux/v1/flux.v1.comments.json", json.dumps(comments(files), indent=1, sort_keys=True) + "\n"
