# SPDX-License-Identifier: LGPL-3.0-only
"""NAME_fuzz.c: bytes into each decoder and through each dispatcher of a service. The handlers only
look at what they were given; testsuite/fuzz/service.h has the runtime."""

from .text import SPDX, wrap

FUZZ = (
    SPDX
    + """/* Generated from {path}. */
#include <{stem}_service.h>

#include "service.h"

{handlers}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{{
    static const struct {c}_ops ops = {{
{slots}    }};

    return fuzz_service(&{c}_service, &ops, data, size);
}}
"""
)
HANDLER = """{head}
{{
    return fuzz_handle(call, (const ProtobufCMessage *)in, {out});
}}
"""


def _handler(m, model):
    args = ["struct flux_call *call", f"const {model.find(m.request).c} *in"]
    if not m.stream:
        args.append(f"{model.find(m.response).c} *out")
    head = wrap(f"static int handle_{m.snake}(", args, ")")
    return HANDLER.format(head=head, out="NULL" if m.stream else "(ProtobufCMessage *)out")


def generate(f, model):
    s = f.service
    if not s:
        return
    handlers = "\n".join(_handler(m, model) for m in s.methods)
    slots = "".join(f"        .{m.slot} = handle_{m.snake},\n" for m in s.methods)
    yield f"{f.base}_fuzz.c", FUZZ.format(
        path=f.path, stem=f.stem, c=s.c, handlers=handlers, slots=slots
    )
