# SPDX-License-Identifier: LGPL-3.0-only
"""What documentation says of the tree is so."""
import re

import tree

# Manual pages written by hand, and where their program reads its options. Pages of verbs are made
# from the rows that the command itself reads.
PAGES = {
    "docs/man/man1/broker.1.scd": "server/broker/main.c",
    "docs/man/man1/flux-shell.scd": "server/shell/main.c",
    "docs/man/man1/keygen.1.scd": "server/broker/keygen.c",
    "docs/man/man1/sign.1.scd": "cli/sign/main.c",
    "docs/man/man1/top.1.scd": "cli/top/main.c",
}
PARTS = ("bindings", "cli", "docs", "gen", "imp", "proto", "server", "testsuite")


def test_pages_have_the_options_of_their_programs():
    for page, source in PAGES.items():
        read = re.findall(r'\{"([a-z-]+)", (?:no|required|optional)_argument', tree.text(source))
        told = re.findall(r"^\*.*\*--([a-z-]+)\*|^\*--([a-z-]+)\*", tree.text(page), re.M)
        assert read, f"{source}: no table of options found"
        assert {a or b for a, b in told} | {"help"} == set(read), f"{page} and {source} differ"


def named_paths():
    """(page, path) of what pages in Markdown call by its path from the root, folders included."""
    for page in tree.files(".md"):
        for code in re.findall(r"`([^`\n]+)`", tree.text(page)):
            for word in re.findall(r"[\w.*/-]+", code):
                if word.split("/")[0] in PARTS and "/" in word and "greeter" not in word:
                    yield page, word.rstrip("/.")


def test_named_files_and_folders_exist():
    def exists(path):
        return any(tree.ROOT.glob(path)) or any(tree.ROOT.glob(path + ".c"))
    assert [f"{page}: {path}" for page, path in named_paths() if not exists(path)] == []


def test_links_between_pages_lead_somewhere():
    broken = [f"{page}: {target}" for page in tree.files(".md")
              for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", tree.text(page))
              if not (tree.ROOT / page.parent / target).exists()]
    assert broken == []
