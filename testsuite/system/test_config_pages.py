# SPDX-License-Identifier: LGPL-3.0-only
"""The reference of configuration is true: each table has its page, each example passes the checker, each key that
is not marked unused is read by some part of Flux, and documented defaults are those of the code."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import BUILD, FLUX, ROOT, clean_env, execute

sys.path.insert(0, str(ROOT / "gen"))
from config_schema import ROOTS, SPECIAL, Schema, toml_key  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402

PAGES = sorted((ROOT / "docs/man/man5").glob("*.scd"))
GUIDE = ("exec access bootstrap tbon resource ingest archive job-manager policy kvs sched-fluxion-qmanager "
         "sched-fluxion-resource queues security security-sign security-imp").split()


@pytest.fixture(scope="module")
def schema():
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "bindings/c/config/config.desc").read_bytes())
    return Schema(next(f for f in files.file if f.name.endswith("config.proto")))


def fields(schema):
    for name, message in schema.messages.items():
        for i, field in enumerate(message.field if name not in SPECIAL else []):
            yield name, field, schema.doc(message, i)


def space_of(page):
    if page.startswith("config-security-imp"):
        return "imp"
    return "security" if page.startswith("config-security") else "system"


@pytest.fixture
def trusted_dir():
    """A directory that nobody but root could have tampered with."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with tempfile.TemporaryDirectory(dir="/run") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.mark.parametrize("page", [p.stem for p in PAGES])
def test_examples_of_a_page_pass_the_checker(page, trusted_dir):
    text = (ROOT / f"docs/man/man5/{page}.scd").read_text()
    examples = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    for i, example in enumerate(e for e in examples if not e.startswith("$ ")):
        path = trusted_dir / f"{i}.toml"
        path.write_text(example)
        result = execute([FLUX, "config", "check", "-q", "-s", space_of(page), path], env=clean_env())
        assert result.ok, f"{example}\n{result.err}"


def test_each_table_has_a_page(schema):
    pages = {p.stem for p in PAGES}
    for root, prefix in ("SystemConfig", "config"), ("SecurityConfig", "config-security"):
        for field in schema.messages[root].field:
            assert f"{prefix}-{toml_key(field)}" in pages
    assert {f"config-{name}" for name in GUIDE} | {"config"} <= pages


@pytest.mark.parametrize("page", ["config-exec", "config-policy", "config-security-imp"])
def test_pages_are_found_by_man(page):
    shown = subprocess.run([FLUX, "help", page], env=clean_env(MANPAGER="cat", MANWIDTH=100), capture_output=True,
                           text=True)
    if "cannot run man" in shown.stderr:
        pytest.skip("no man")
    assert shown.returncode == 0 and "KEYS" in shown.stdout, shown.stderr


def test_each_key_is_read_by_some_part_or_marked_unused(schema):
    code = "".join(p.read_text() for top in ("server", "imp", "bindings/c") for p in (ROOT / top).rglob("*.c"))
    shell_less = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    for message, field, doc in fields(schema):
        key = toml_key(field)
        if "unused" in doc.marks or message in ROOTS.values() or "ccepted and ignored" in doc.text:
            continue
        used = f'"{key}"' in shell_less or re.search(rf'"(\w|-|\.)*\.{key}"', shell_less) or \
            f'"{message_key(schema, message)}.{key}"' in shell_less
        assert used or contains_used_tables(schema, field), f"{message}.{key}: nothing reads it: mark it (unused)"


def message_key(schema, message):
    return next((toml_key(f) for _, f, _ in fields(schema) if f.type_name.endswith("." + message)), "")


def contains_used_tables(schema, field):
    """A table is read by way of its keys; those of [tbon] become attributes."""
    return field.type == field.TYPE_MESSAGE and field.type_name.rsplit(".", 1)[1] not in SPECIAL


def test_defaults_of_the_tree_are_those_of_its_attributes(instance, schema):
    """Each key of [tbon] is an attribute, and has the default that the page says."""
    values = dict(line.split(None, 1) for line in instance.run("lsattr", "-v").splitlines() if " " in line)
    for message, field, doc in fields(schema):
        if message != "TbonConfig":
            continue
        key = f"tbon.{toml_key(field)}"
        assert key in values, f"{key} is no attribute"
        assert values[key].strip() in doc.default.replace('"', ""), key
