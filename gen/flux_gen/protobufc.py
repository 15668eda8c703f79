# SPDX-License-Identifier: LGPL-3.0-only
"""Messages in C: protobuf-c's own plugin is run on a leaner view of the files, without services and
custom options (ours to handle), with const strings and without a set of helpers for each message;
then the descriptors are marked as exported, and nothing else is."""

import subprocess

from google.protobuf.compiler import plugin_pb2

from .model import OPTIONS_FILE

# extend google.protobuf.FileOptions { ProtobufCFileOptions pb_c_file = 1019; }, with
# gen_pack_helpers (2) = false and const_strings (4) = true.
_VALUE = bytes([2 << 3, 0, 4 << 3, 1])
_TAG = (1019 << 3) | 2
PB_C_FILE = bytes([_TAG & 0x7F | 0x80, _TAG >> 7, len(_VALUE)]) + _VALUE

EXPORT = (
    ("/* --- descriptors --- */\n", "/* --- descriptors --- */\n\n#pragma GCC visibility push(default)\n"),
    ("PROTOBUF_C__END_DECLS\n", "#pragma GCC visibility pop\n\nPROTOBUF_C__END_DECLS\n"),
)


def lean(request):
    out = plugin_pb2.CodeGeneratorRequest()
    out.file_to_generate.extend(f for f in request.file_to_generate if f != OPTIONS_FILE)
    for f in request.proto_file:
        if f.name in (OPTIONS_FILE, "google/protobuf/descriptor.proto"):
            continue
        copy = out.proto_file.add()
        copy.CopyFrom(f)
        del copy.service[:]
        del copy.dependency[:]
        copy.dependency.extend(d for d in f.dependency if d != OPTIONS_FILE)
        copy.options.MergeFromString(PB_C_FILE)
    return out


def generate(request):
    """Yield (path, text) of each .pb-c.c and .pb-c.h."""
    asked = lean(request)
    if not asked.file_to_generate:
        return
    done = subprocess.run(
        ["protoc-gen-c"], input=asked.SerializeToString(), stdout=subprocess.PIPE, check=True
    )
    response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
    if response.error:
        raise RuntimeError(response.error)
    for f in response.file:
        text = f.content
        if f.name.endswith(".h"):
            for old, new in EXPORT:
                assert text.count(old) == 1, f"protobuf-c: no single {old!r} in {f.name}"
                text = text.replace(old, new)
        yield f.name, text
