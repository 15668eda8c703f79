# SPDX-License-Identifier: LGPL-3.0-only
"""<flux/v1/NAME_service.h> and NAME_service.c: what a service is written against. The table of all
services is made by `table`."""

from .text import SPDX, c_string, comment, macro, wrap

HEADER = (
    SPDX
    + """/* Generated from {path}: the server's side.
 *
 *   {upper}_HANDLERS(PREFIX);
 *   static const struct {c}_ops ops = {upper}_OPS(PREFIX);
 *   r = {c}_serve(h, &ops, data, err);
 *
 * with a function PREFIX_RPC for each rpc: one that is missing stops the link and is named. */
#ifndef {guard}_SERVICE_H
#define {guard}_SERVICE_H

#include <flux/service.h>
#include <{stem}.h>

#pragma GCC visibility push(default)

/* One handler for each rpc; what they return is told in flux/service.h. NULL answers ENOSYS. */
struct {c}_ops {{
{slots}}};

{handlers}

{ops}

extern const struct flux_service {c}_service;

/* Offer the service on `h`. `ops` must outlive it; handlers find `data` with flux_call_data(). */
{serve};

/* Late answers, for handlers that returned FLUX_CALL_LATER; items of a stream. 0 or an error. */
{answers}
#pragma GCC visibility pop
#endif
"""
)

THUNK = """
static int dispatch_{snake}({params}
{{
    const struct {c}_ops *o = ops;

    if (!o->{slot})
        return -ENOSYS;
{handler}
}}
"""
SERVE = """
{serve}
{{
    return flux_service_register(h, &{c}_service, ops, data, err);
}}
"""
ANSWER = """
{prototype}
{{
    return {call}(call, (const ProtobufCMessage *){arg});
}}
"""
TABLE = """
const struct flux_service {c}_service = {{
    .name = {name},
    .short_name = {short},
    .home = FLUX_HOME_{home},
    .methods = methods,
    .count = sizeof(methods) / sizeof(methods[0]),
}};
"""


def _handler_args(m, model):
    args = ["struct flux_call *call", f"const {model.find(m.request).c} *in"]
    if not m.stream:
        args.append(f"{model.find(m.response).c} *out")
    return args


def _serve(s):
    args = ["struct flux *h", f"const struct {s.c}_ops *ops", "void *data", "struct flux_error *err"]
    return wrap(f"int {s.c}_serve(", args, ")")


def _answer(s, m, model):
    verb, arg = ("send", "item") if m.stream else ("reply", "out")
    args = ["struct flux_call *call", f"const {model.find(m.response).c} *{arg}"]
    return wrap(f"int {s.c}_{m.snake}_{verb}(", args, ")"), "flux_call_" + verb, arg


def header(f, model):
    s = f.service
    slots = "".join(
        comment(m.doc, 4) + wrap(f"int (*{m.slot})(", _handler_args(m, model), ");", 4) + "\n"
        for m in s.methods
    )
    handlers = [f"#define {s.upper}_HANDLERS(prefix)"]
    for i, m in enumerate(s.methods):
        end = ")" if i + 1 == len(s.methods) else ");"
        text = wrap(f"int prefix##_{m.snake}(", _handler_args(m, model), end, 4)
        handlers += text.split("\n")
    ops = [f"#define {s.upper}_OPS(prefix)", "    {"]
    ops += [f"        .{m.slot} = prefix##_{m.snake}," for m in s.methods]
    ops.append("    }")
    return HEADER.format(
        path=f.path,
        stem=f.stem,
        guard=f.guard,
        c=s.c,
        upper=s.upper,
        slots=slots,
        handlers=macro(handlers),
        ops=macro(ops),
        serve=_serve(s),
        answers="".join(_answer(s, m, model)[0] + ";\n" for m in s.methods),
    )


def source(f, model):
    s = f.service
    text = SPDX + f"/* Generated from {f.path}: dispatch, registration, answers. */\n"
    text += f"#include <flux/v1/options.h>\n#include <{f.stem}_service.h>\n"
    params = [
        "struct flux_call *call",
        "const void *ops",
        "const ProtobufCMessage *in",
        "ProtobufCMessage *out",
    ]
    for m in s.methods:
        args = ["call", f"(const {model.find(m.request).c} *)in"]
        if not m.stream:
            args.append(f"({model.find(m.response).c} *)out")
        head = f"static int dispatch_{m.snake}("
        text += THUNK.format(
            snake=m.snake,
            params=wrap(head, params, ")")[len(head):],
            c=s.c,
            slot=m.slot,
            handler=wrap(f"return o->{m.slot}(", args, ");", 4),
        )
    rows = "".join(f"    {{&{s.c}_{m.snake}_method, dispatch_{m.snake}}},\n" for m in s.methods)
    text += f"\nstatic const struct flux_service_method methods[] = {{\n{rows}}};\n"
    text += TABLE.format(c=s.c, name=c_string(s.full), short=c_string(s.short), home=s.home)
    text += SERVE.format(serve=_serve(s), c=s.c)
    for m in s.methods:
        prototype, call, arg = _answer(s, m, model)
        text += ANSWER.format(prototype=prototype, call=call, arg=arg)
    return text


def generate(f, model):
    if f.service:
        yield f.stem + "_service.h", header(f, model)
        yield f.stem + "_service.c", source(f, model)


def table(files):
    """services.c: every service that libflux knows."""
    services = [f.service for f in files if f.service]
    text = SPDX + "/* Generated: every service that libflux knows, by name. */\n"
    text += "#include <flux/services.h>\n\n"
    names = sorted(s.c for s in services)
    text += "".join(f"extern const struct flux_service {c}_service;\n" for c in names)
    text += "\nconst struct flux_service *const flux_services[] = {\n"
    text += "".join(f"    &{c}_service,\n" for c in names) + "    NULL,\n};\n"
    yield "flux/v1/services.c", text
