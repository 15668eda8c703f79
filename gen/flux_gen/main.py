# SPDX-License-Identifier: LGPL-3.0-only
"""From a request to a response. Errors of all files are reported together, as protoc shows them."""

from google.protobuf.compiler import plugin_pb2

from . import c_client, c_service, check, comments, docs, fuzz, protobufc, python
from .model import OPTIONS_FILE, Model


def _each(generate):
    def run(request, model):
        for f in model.wanted:
            yield from generate(f, model)

    return run


def _c(request, model):
    yield from protobufc.generate(request)
    for f in model.wanted:
        if f.path == OPTIONS_FILE:
            yield from c_client.options(f)
        else:
            yield from c_client.generate(f, model)
            yield from c_service.generate(f, model)


TARGETS = {
    "c": _c,
    "comments": lambda request, model: comments.table(model.wanted),
    "docs": _each(docs.generate),
    "fuzz": _each(fuzz.generate),
    "python": _each(python.generate),
    "python-table": lambda request, model: python.table(model.wanted),
    "table": lambda request, model: c_service.table(model.wanted),
}


def respond(request):
    response = plugin_pb2.CodeGeneratorResponse()
    # so that it is we who refuse it, saying what to write instead
    response.supported_features = plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    targets = [t for t in request.parameter.split("+") if t] or ["c"]
    unknown = [t for t in targets if t not in TARGETS]
    if unknown:
        response.error = f"unknown target {unknown[0]}; known: {' '.join(TARGETS)}"
        return response
    model = Model(request)
    errors = [e for f in model.wanted for e in check.check(f)]
    if errors:
        response.error = "\n".join(errors)
        return response
    for target in targets:
        for path, text in TARGETS[target](request, model):
            response.file.add(name=path, content=text)
    return response


def main(stdin, stdout):
    request = plugin_pb2.CodeGeneratorRequest.FromString(stdin.read())
    stdout.write(respond(request).SerializeToString())
    return 0
