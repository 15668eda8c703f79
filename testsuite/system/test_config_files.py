# SPDX-License-Identifier: LGPL-3.0-only
"""Configuration files: who may write them, and every key of every space against good and bad values."""
import json
import os
import tempfile
from pathlib import Path

import pytest
from conftest import BUILD, FLUX, clean_env, execute
from test_config_pages import ROOTS, SPECIAL, Schema, descriptor_pb2, toml_key

CHECKER = BUILD / "cli/flux-configfile"
# Values of each kind that pass, and some that do not, as TOML.
GOOD = {"BOOL": ["true"], "INT": ["1"], "FLOAT": ["1.5", "1"], "STRING": ['"x"'],
        "FSD": ['"5m"', '"1.5h"', "30", "0.5", '"infinity"', '"none"'], "IDSET": ['"0-3,7"', '""'],
        "HOSTLIST": ['"a"', '"a[0-3],b"'], "PATH": ['"/x/y"'], "COMMAND": ['["a", "b"]'],
        "SIGNAL": ['"SIGTERM"', '"term"', '"9"'], "SIZE": ['"10M"', "4096", '"1.5g"'],
        "ENDPOINT": ['"tcp://eth0:%p"', '"tcp://*:8050"', '"tcp://[::1]:1"', '"ipc:///x"'], "TABLE": ["{ x = 1 }"],
        "ANY": ["1", '"x"']}
BAD = {"BOOL": ['"true"', "1"], "INT": ['"1"', "1.5", "true"], "FLOAT": ['"1"', "true"], "STRING": ["1", "true", "[]"],
       "FSD": ['"5 minutes"', "-1", "true", '""'], "IDSET": ['"3-1"', '"a"', "3"], "HOSTLIST": ['"a[0-"', "1", '"a["'],
       "PATH": ['"x/y"', '""', "1"], "COMMAND": ["[]", '"a b"', "[1]"], "SIGNAL": ['"SIGNOT"', '"0"', "15", '""'],
       "SIZE": ['"10X"', '"M"', "-1", '""'], "ENDPOINT": ['"eth0"', '"tcp://eth0"', '"udp://x:1"', '"tcp://a b:1"', "1"],
       "TABLE": ["1", '"x"'], "ANY": []}


def load_schema():
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "bindings/c/config/config.desc").read_bytes())
    return Schema(next(f for f in files.file if f.name.endswith("config.proto")))


def leaves(schema, name, path, siblings):
    """(path as nested keys, field, kind, rules, required siblings) of every key below a message."""
    message = schema.messages[name]
    if any(o.name == "either" for o in message.oneof_decl):
        return
    required = {toml_key(f): good_value(schema, message, i)
                for i, f in enumerate(message.field) if "required" in schema.doc(message, i).marks}
    for i, field in enumerate(message.field):
        kind, target, is_map = schema.kind(field, message)
        key = toml_key(field)
        step = [key, "anything"] if is_map else [key]
        repeated = field.label == field.LABEL_REPEATED and not is_map
        rest = siblings + [(len(path), {k: v for k, v in required.items() if k != key})]
        if target and repeated:
            yield from leaves(schema, target, path + step + [0], rest)
        elif target and name != "QueueConfig":
            yield from leaves(schema, target, path + step, rest)
        elif kind in GOOD:
            yield path + step, kind, repeated, schema.doc(message, i), rest


def good_value(schema, message, i):
    field, doc = message.field[i], schema.doc(message, i)
    kind = schema.kind(field, message)[0]
    value = json.dumps(doc.values[0]) if doc.values else GOOD.get(kind, ["{}"])[0]
    return f"[{value}]" if field.label == field.LABEL_REPEATED else value


def render(path, value, siblings):
    """One inline TOML value for a path; every table on the way has what it requires."""
    for depth in range(len(path) - 1, -1, -1):
        if path[depth] == 0:
            value = f"[ {value} ]"
            continue
        more = next((s for d, s in siblings if d == depth), {})
        pairs = [f'{json.dumps(path[depth])} = {value}'] + [f"{k} = {v}" for k, v in more.items()]
        value = "{ " + ", ".join(pairs) + " }" if depth else "\n".join(pairs) + "\n"
    return value


@pytest.fixture(scope="module")
def place():
    """A directory that even the strictest checker believes in."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with tempfile.TemporaryDirectory(dir="/run") as path:
        os.chmod(path, 0o755)
        yield Path(path)


def check(place, space, text):
    path = place / "t.toml"
    path.write_text(text)
    return execute([CHECKER, "--check-quietly", space, path], env=clean_env())


CASES = [(space.lower(), *leaf) for space, root in ROOTS.items() for leaf in leaves(load_schema(), root, [], [])]


@pytest.mark.parametrize("space, path, kind, repeated, doc, siblings", CASES,
                         ids=[f"{c[0]}-{'.'.join(map(str, c[1]))}" for c in CASES])
def test_values(place, space, path, kind, repeated, doc, siblings):
    def verdict(value):
        text = render(path, f"[{value}]" if repeated else value, siblings)
        return check(place, space, text), text

    dotted = ".".join(map(str, path))
    meant = {"sign.default-type": ['"munge"'], "sign.allowed-types": ['"munge"'],
             "bootstrap.hosts.0.host": ['"a"'], "bootstrap.hosts.0.parent": ['"a"'], "tbon.topo": ['"kary:2"', '"mincrit"'],
             "policy.jobspec.defaults.system.queue": [], "queues.anything.parent": []}
    for value in meant.get(dotted, [json.dumps(v) for v in doc.values] or GOOD[kind]):
        if dotted in ("tbon.torpid_max", "heartbeat.timeout"):
            value = '"5m"'
        if dotted == "tbon.torpid_min" or dotted == "heartbeat.period":
            value = '"1s"'
        result, text = verdict(value)
        assert result.ok, f"{text}\n{result.err}"
    for value in BAD[kind] + (['"nosuch"'] if doc.values else []):
        result, text = verdict(value)
        assert result.rc == 1 and f"{dotted}" in result.err and "t.toml:" in result.err, f"{text}\n{result.err}"
    if doc.range:
        result, text = verdict(str(doc.range[0] - 1))
        assert result.rc == 1 and f"{dotted}: must be " in result.err, f"{text}\n{result.err}"


def test_the_kinds_are_all_covered():
    assert {kind for _, _, kind, *_ in CASES} >= set(SPECIAL.values()) - {"ANY"}


FILES = [
    # mode of the file, of the directory, owner of the file; what the system space and the others say
    (0o644, 0o755, 0, None, None),
    (0o600, 0o700, 0, None, None),
    (0o664, 0o755, 0, None, "may be written by others (mode 0664): chmod go-w it"),
    (0o666, 0o755, 0, "may be written by others (mode 0666): chmod o-w it", "mode 0666"),
    (0o644, 0o775, 0, None, "may be written by others (mode 0775)"),
    (0o644, 0o777, 0, "may be written by others (mode 0777)", "may be written by others (mode 0777)"),
    (0o644, 0o755, 1234, "belongs to user 1234: it must belong to root or to who runs Flux", "it must belong to root"),
]


@pytest.mark.parametrize("mode, dirmode, owner, system, others", FILES)
def test_whose_files_are_read(place, mode, dirmode, owner, system, others):
    conf = place / "conf.d"
    conf.mkdir(exist_ok=True)
    file = conf / "a.toml"
    for space in "system", "security", "imp":
        file.write_text("")
        if space == "security":
            file.write_text('[sign]\nmax-ttl = 5\ndefault-type = "munge"\nallowed-types = ["munge"]\n')
        os.chown(file, owner, 0)
        file.chmod(mode)
        conf.chmod(dirmode)
        result = execute([FLUX, "config", "check", "-s", space, conf], env=clean_env())
        why = system if space == "system" else others
        assert result.ok == (why is None) and (why or "") in result.err, repr(result)
        file.unlink()


@pytest.mark.root
def test_a_broker_refuses_files_that_anybody_may_write(tmp_path):
    (tmp_path / "a.toml").write_text("")
    (tmp_path / "a.toml").chmod(0o666)
    result = execute([FLUX, "broker", f"-c{tmp_path}", "true"], env=clean_env())
    assert result.rc == 1 and "a.toml may be written by others" in result.err


def test_check_tells_errors_and_warnings_apart(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("[my-plugin]\nx = 1\n[archive]\nperiod = 5\n")
    result = execute([FLUX, "config", "check", file], env=clean_env())
    assert result.ok and "a.toml:1: my-plugin: a table that is not known here (a warning)" in result.err
    assert "a.toml:4: archive.period: nothing in this version acts on it (a warning)" in result.err
    assert execute([FLUX, "config", "check", "-q", file], env=clean_env()).err == ""
    file.write_text("[kvs]\ngc-treshold = 1\ncheckpoint-period = true\n")
    result = execute([FLUX, "config", "check", file], env=clean_env())
    assert result.rc == 1 and result.err.splitlines() == [
        "a.toml:2: kvs.gc-treshold: unknown key; did you mean 'gc-threshold'?",
        'a.toml:3: kvs.checkpoint-period: must be a duration such as "30s" or "5m"']
    assert execute([FLUX, "config", "check", tmp_path / "none"], env=clean_env()).rc == 1
    assert execute([FLUX, "config", "check", "-s", "nowhere", file], env=clean_env()).rc == 1


GET = [
    (["kvs.gc-threshold"], "5", 0), (["-t", "integer", "kvs.gc-threshold"], "5", 0),
    (["-t", "string", "kvs.gc-threshold"], "", 1), (["kvs.checkpoint-period"], "30m", 0),
    (["-t", "fsd", "kvs.checkpoint-period"], "30m", 0), (["-t", "fsd-integer", "kvs.checkpoint-period"], "1800", 0),
    (["-t", "fsd-real", "kvs.checkpoint-period"], "1800.000000", 0), (["-t", "fsd", "kvs.gc-threshold"], "5.000000", 0),
    (["-t", "object", "kvs"], '{"checkpoint-period":"30m","gc-threshold":5}', 0), (["nosuch.key"], "", 1),
    (["-d", "9", "nosuch.key"], "9", 0), (["-q", "kvs.gc-threshold"], "", 0), (["-q", "nosuch"], "", 1),
    (["-t", "array", "access.roles.admin.users"], '["root"]', 0), (["-t", "boolean", "resource.noverify"], "true", 0),
    (["-t", "nonsense", "kvs"], "", 1),
]


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    from conftest import Instance
    instance = Instance(1, config=CONFIG)
    yield instance
    assert instance.clean() == []


CONFIG = '[kvs]\ngc-threshold = 5\ncheckpoint-period = "30m"\n[resource]\nnoverify = true\n[access.roles.admin]\nusers = ["root"]\n'


@pytest.mark.parametrize("args, out, code", GET)
def test_get_from_the_broker_and_from_files(configured, tmp_path, args, out, code):
    (tmp_path / "a.toml").write_text(CONFIG)
    for where in [], ["-c", tmp_path], ["-c", tmp_path / "a.toml"]:
        result = configured.flux("config", "get", *where, *args)
        assert (result.out.rstrip("\n"), result.rc) == (out, code), repr(result)
