#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""Write a descriptor set with google/protobuf/descriptor.proto, which options.proto imports, from the
copy inside python3-protobuf: protoc's own copy is in a package that nothing else here needs."""

import sys

from google.protobuf import descriptor_pb2

files = descriptor_pb2.FileDescriptorSet()
descriptor_pb2.DESCRIPTOR.CopyToProto(files.file.add())
with open(sys.argv[1], "wb") as out:
    out.write(files.SerializeToString())
