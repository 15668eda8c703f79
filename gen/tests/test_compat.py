# SPDX-License-Identifier: LGPL-3.0-only
"""What may change in the contract, and what may not."""

import pathlib
import sys

import pytest
from google.protobuf import descriptor_pb2 as pb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import compat  # noqa: E402

F = pb.FieldDescriptorProto


@pytest.fixture
def old():
    files = pb.FileDescriptorSet()
    f = files.file.add(name="flux/v1/box.proto", package="flux.v1")
    m = f.message_type.add(name="BoxGetRequest")
    m.field.add(name="name", number=1, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL)
    e = f.enum_type.add(name="Colour")
    e.value.add(name="COLOUR_UNSPECIFIED", number=0)
    e.value.add(name="COLOUR_RED", number=1)
    s = f.service.add(name="Box")
    s.method.add(name="Get", input_type=".flux.v1.BoxGetRequest", output_type=".flux.v1.X")
    return files


@pytest.fixture
def new(old):
    files = pb.FileDescriptorSet()
    files.CopyFrom(old)
    return files


def test_additions_are_fine(old, new):
    f = new.file[0]
    f.message_type[0].field.add(name="more", number=2, type=F.TYPE_BOOL, label=F.LABEL_OPTIONAL)
    f.message_type.add(name="Other")
    f.enum_type[0].value.add(name="COLOUR_BLUE", number=2)
    f.service[0].method.add(name="Put", input_type=".flux.v1.A", output_type=".flux.v1.B")
    assert compat.compare(old, new) == []


def test_a_removed_field_is_reported(old, new):
    del new.file[0].message_type[0].field[:]
    want = "message flux.v1.BoxGetRequest: field 1 (name, optional string) removed"
    assert compat.compare(old, new) == [want]


def test_a_renumbered_field_is_reported(old, new):
    new.file[0].message_type[0].field[0].number = 7
    assert len(compat.compare(old, new)) == 1


def test_a_field_of_another_type_is_reported(old, new):
    new.file[0].message_type[0].field[0].type = F.TYPE_BYTES
    want = "message flux.v1.BoxGetRequest: field 1 was name, optional string, is name, optional bytes"
    assert compat.compare(old, new) == [want]


def test_a_renamed_enum_value_is_reported(old, new):
    new.file[0].enum_type[0].value[1].name = "COLOUR_BLUE"
    assert compat.compare(old, new) == ["enum flux.v1.Colour: value 1 was COLOUR_RED, is COLOUR_BLUE"]


def test_a_removed_rpc_is_reported(old, new):
    del new.file[0].service[0].method[:]
    assert len(compat.compare(old, new)) == 1


def test_an_rpc_that_became_a_stream_is_reported(old, new):
    new.file[0].service[0].method[0].server_streaming = True
    assert len(compat.compare(old, new)) == 1


def test_a_removed_service_is_reported(old, new):
    del new.file[0].service[:]
    assert compat.compare(old, new) == ["service flux.v1.Box: removed"]
