# SPDX-License-Identifier: LGPL-3.0-only
"""Sizes, licence lines, layout and names of files."""
import re
import subprocess

import tree

LONGEST = {".c": 800, ".cpp": 400, ".h": 300, ".py": 800, ".proto": 800}
SPDX = "SPDX-License-Identifier: LGPL-3.0-only"
DRAWERS = {"util", "utils", "common", "misc", "helper", "helpers"}
WITH_LICENCE_LINE = (".c", ".h", ".cpp", ".py", ".proto", ".sh", ".js")


def sources(*suffixes):
    """Written by hand: no expected output of the generator, no stored answers."""
    return [f for f in tree.files(*suffixes)
            if "expected" not in f.parts and "golden" not in f.parts and "bad" not in f.parts]


def test_files_are_of_a_size_one_can_read():
    def lines(f):
        return tree.text(f).count("\n")
    assert [f"{f}: {lines(f)}" for f in sources(*LONGEST) if lines(f) > LONGEST[f.suffix]] == []


def test_the_licence_is_named_at_the_top():
    def head(f):
        return "\n".join(tree.text(f).splitlines()[:3])
    assert [str(f) for f in sources(*WITH_LICENCE_LINE) if SPDX not in head(f)] == []


def test_c_files_say_what_lives_there():
    def second(f):
        return (tree.text(f).splitlines() + ["", ""])[1]
    assert [str(f) for f in sources(".c", ".h", ".cpp") if not second(f).startswith("/*")] == []


def test_headers_are_guarded():
    guard = re.compile(r"#ifndef (\w+)\n#define \1\n")
    assert [str(f) for f in sources(".h") if not guard.search(tree.text(f))] == []


def test_no_folder_is_a_drawer():
    assert [str(f) for f in tree.all_files() if DRAWERS & set(f.parts[:-1])] == []


def test_nothing_is_left_for_later():
    words = re.compile(r"\b(TODO|FIXME|XXX)\b")
    found = [f"{f}:{n}" for f in sources(".c", ".h", ".cpp", ".py", ".proto")
             if f.parts[:2] != ("testsuite", "lint")
             for n, line in enumerate(tree.text(f).splitlines(), 1) if words.search(line)]
    assert found == []


def test_the_layout_is_clang_formats():
    names = [tree.ROOT / f for f in sources(".c", ".h", ".cpp")]
    run = subprocess.run(["clang-format", "--dry-run", "--Werror", *names], capture_output=True,
                         text=True)
    bad = {line.split(":")[0].removeprefix(f"{tree.ROOT}/") for line in run.stderr.splitlines()
           if ": error:" in line}
    assert sorted(bad) == []


def test_no_blanks_at_the_end_of_lines():
    assert [f"{f}:{n}" for f in sources(".c", ".h", ".cpp", ".py", ".proto", ".md", ".build")
            for n, line in enumerate(tree.text(f).split("\n"), 1)
            if line != line.rstrip() and line != "  "] == []


def test_shell_scripts_parse():
    scripts = [f for f in tree.all_files() if f.suffix == ".sh" or str(f) in ("dev", ".ci/run")]
    for script in scripts:
        subprocess.run(["bash", "-n", tree.ROOT / script], check=True)
