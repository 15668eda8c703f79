# SPDX-License-Identifier: LGPL-3.0-only
"""What a proto file says, as the templates want it. Built once from the descriptors; read only."""

from dataclasses import dataclass, field as member
from typing import List, Optional

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F

from . import names

SCALARS = {
    F.TYPE_DOUBLE: "double",
    F.TYPE_FLOAT: "float",
    F.TYPE_INT64: "int64",
    F.TYPE_UINT64: "uint64",
    F.TYPE_INT32: "int32",
    F.TYPE_FIXED64: "fixed64",
    F.TYPE_FIXED32: "fixed32",
    F.TYPE_BOOL: "bool",
    F.TYPE_STRING: "string",
    F.TYPE_BYTES: "bytes",
    F.TYPE_UINT32: "uint32",
    F.TYPE_SFIXED32: "sfixed32",
    F.TYPE_SFIXED64: "sfixed64",
    F.TYPE_SINT32: "sint32",
    F.TYPE_SINT64: "sint64",
}

OPTIONS_FILE = "flux/v1/options.proto"
ACCESS = ("OWNER", "ADMIN", "GUEST")
HOME = ("EVERY_RANK", "LEADER")


@dataclass
class Field:
    name: str
    number: int
    type: str  # "uint64", or the full name of a message or enum
    repeated: bool
    oneof: Optional[str]
    optional: bool  # proto3 optional
    doc: str
    line: int
    raw: object = None


@dataclass
class EnumValue:
    name: str
    number: int
    doc: str


@dataclass
class Enum:
    name: str
    full: str
    c: str  # flux_kvs_op
    pbc: str  # Flux__V1__KvsOp
    values: List[EnumValue]
    doc: str
    line: int


@dataclass
class Message:
    name: str
    full: str
    c: str  # flux_kvs_get_request
    pbc: str  # Flux__V1__KvsGetRequest
    pbc_lower: str
    fields: List[Field]
    doc: str
    line: int
    map_entry: bool

    @property
    def upper(self):
        return self.c.upper()


@dataclass
class Method:
    name: str  # Get
    snake: str
    slot: str  # member of the ops struct
    wire: str  # flux.v1.Kvs/Get
    request: str  # full names
    response: str
    stream: bool
    client_stream: bool
    access: str
    since: str
    cli: str
    idempotent: bool
    flow: bool
    max_body: int
    max_open: int
    doc: str
    line: int


@dataclass
class Service:
    name: str  # Kvs
    full: str  # flux.v1.Kvs
    c: str  # flux_kvs
    snake: str  # kvs
    short: str  # what people type
    home: str
    methods: List[Method]
    doc: str
    line: int

    @property
    def upper(self):
        return self.c.upper()


@dataclass
class File:
    path: str  # flux/v1/kvs.proto
    package: str
    syntax: str
    prefix: str  # flux
    imports: List[str]
    messages: List[Message] = member(default_factory=list)
    enums: List[Enum] = member(default_factory=list)
    services: List[Service] = member(default_factory=list)

    @property
    def stem(self):
        return self.path[: -len(".proto")]

    @property
    def base(self):
        return self.stem.rsplit("/", 1)[-1]

    @property
    def guard(self):
        return self.stem.replace("/", "_").replace("-", "_").upper()

    @property
    def service(self):
        return self.services[0] if self.services else None


class _Options:
    """Values of the extensions in options.proto, read with the definitions the request brings."""

    def __init__(self, request):
        pool = descriptor_pool.DescriptorPool()
        for f in request.proto_file:
            pool.Add(f)
        self.pool = pool
        self.known = any(f.name == OPTIONS_FILE for f in request.proto_file)

    def read(self, options, wanted):
        if not self.known or not options.ByteSize():
            return {}
        kind = self.pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        cls = message_factory.MessageFactory(self.pool).GetPrototype(kind)
        typed = cls.FromString(options.SerializeToString())
        out = {}
        for name in wanted:
            ext = self.pool.FindExtensionByName("flux.v1." + name)
            out[name] = typed.Extensions[ext]
        return out


class _Reader:
    def __init__(self, proto, options):
        self.proto = proto
        self.options = options
        self.where = {tuple(loc.path): loc for loc in proto.source_code_info.location}
        prefix = proto.package.split(".")[0] or "flux"
        self.file = File(proto.name, proto.package, proto.syntax, prefix, list(proto.dependency))

    def line(self, path):
        loc = self.where.get(path)
        return loc.span[0] + 1 if loc else 1

    def doc(self, path):
        """The comment above, else the one at the end of the line; one leading blank removed."""
        loc = self.where.get(path)
        if not loc:
            return ""
        text = loc.leading_comments or loc.trailing_comments
        return "\n".join(s[1:] if s.startswith(" ") else s for s in text.rstrip().split("\n"))

    def read(self):
        for i, m in enumerate(self.proto.message_type):
            self.message(m, (4, i), [])
        for i, e in enumerate(self.proto.enum_type):
            self.enum(e, (5, i), [])
        for i, s in enumerate(self.proto.service):
            self.service(s, (6, i))
        return self.file

    def spell(self, outer, name):
        parts = outer + [name]
        full = ".".join(filter(None, [self.file.package] + parts))
        return full, "_".join([self.file.prefix] + [names.snake(p) for p in parts])

    def message(self, m, path, outer):
        full, c = self.spell(outer, m.name)
        fields = [self.field(f, m, path + (2, i)) for i, f in enumerate(m.field)]
        self.file.messages.append(
            Message(
                m.name,
                full,
                c,
                names.pbc_type(full),
                names.pbc_lower(full),
                fields,
                self.doc(path),
                self.line(path),
                m.options.map_entry,
            )
        )
        for i, n in enumerate(m.nested_type):
            self.message(n, path + (3, i), outer + [m.name])
        for i, e in enumerate(m.enum_type):
            self.enum(e, path + (4, i), outer + [m.name])

    def field(self, f, m, path):
        kind = SCALARS.get(f.type) or f.type_name.lstrip(".")
        oneof = m.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") else None
        repeated = f.label == F.LABEL_REPEATED
        return Field(
            f.name,
            f.number,
            kind,
            repeated,
            oneof,
            f.proto3_optional,
            self.doc(path),
            self.line(path),
            f,
        )

    def enum(self, e, path, outer):
        full, c = self.spell(outer, e.name)
        values = [
            EnumValue(v.name, v.number, self.doc(path + (2, i))) for i, v in enumerate(e.value)
        ]
        self.file.enums.append(
            Enum(e.name, full, c, names.pbc_type(full), values, self.doc(path), self.line(path))
        )

    def service(self, s, path):
        full, c = self.spell([], s.name)
        opt = self.options.read(s.options, ("home", "name"))
        methods = [self.method(m, full, path + (2, i)) for i, m in enumerate(s.method)]
        self.file.services.append(
            Service(
                s.name,
                full,
                c,
                names.snake(s.name),
                opt.get("name") or names.kebab(s.name),
                HOME[opt.get("home", 0)],
                methods,
                self.doc(path),
                self.line(path),
            )
        )

    def method(self, m, service, path):
        wanted = ("access", "since", "cli", "idempotent", "flow", "max_body", "max_open")
        opt = self.options.read(m.options, wanted)
        return Method(
            m.name,
            names.snake(m.name),
            names.c_slot(m.name),
            f"{service}/{m.name}",
            m.input_type.lstrip("."),
            m.output_type.lstrip("."),
            m.server_streaming,
            m.client_streaming,
            ACCESS[opt.get("access", 0)],
            opt.get("since", ""),
            opt.get("cli", ""),
            opt.get("idempotent", False),
            opt.get("flow", False),
            opt.get("max_body", 0),
            opt.get("max_open", 0),
            self.doc(path),
            self.line(path),
        )


class Model:
    """All files of a request; `wanted` are those to generate, `find` looks a type up by full name."""

    def __init__(self, request):
        options = _Options(request)
        self.files = {p.name: _Reader(p, options).read() for p in request.proto_file}
        self.wanted = [self.files[name] for name in request.file_to_generate]
        self.types = {}
        for f in self.files.values():
            for t in f.messages + f.enums:
                self.types[t.full] = t

    def find(self, full):
        return self.types[full]
