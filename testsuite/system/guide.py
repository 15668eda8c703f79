# SPDX-License-Identifier: LGPL-3.0-only
"""The examples of the administrator's guide, as steps that a test can take.

Two kinds of fenced blocks are examples. Their conventions are explained to readers in the guide's README;
here is what they mean to the test:

    ```console [source] [fails]     commands with prompts, each followed by what it answers
    ```LANG title="/path" [on=HOSTS] [owner=USER] [mode=0600]     a file

- A prompt is `$ `, or `user@host$ `. A backslash continues a line. What follows up to the next prompt is
  compared with standard output and error together; if nothing follows, nothing is compared.
- `...` in an answer matches any text, on a line of its own any lines.
- `source`: the commands run in the directory of the source. `fails`: the last one must.
- Other blocks are not examples: `text` for what cannot be shown here.
"""
import re
from dataclasses import dataclass, field
from pathlib import Path

from commands import ROOT

GUIDE = ROOT / "docs/admin-guide"
FENCE = re.compile(r"^```(\S*)\s*(.*)$")
PROMPT = re.compile(r"^(?:(\w+)@(\w+))?\$ (.*)$")
ATTRIBUTE = re.compile(r'(\w+)(?:=(?:"([^"]*)"|(\S+)))?')


@dataclass
class Command:
    where: str
    text: str
    user: str = ""
    host: str = ""
    answer: list = field(default_factory=list)
    source: bool = False
    fails: bool = False


@dataclass
class File:
    where: str
    path: str
    text: str
    on: str = ""
    owner: str = "root"
    mode: int = 0o644


def chapters():
    """The files of the guide in the order of its table of contents."""
    text = (GUIDE / "README.md").read_text()
    return [GUIDE / name for name in re.findall(r"^\d+\. \[[^]]+\]\((\w+\.md)\)", text, re.M)]


def blocks(path):
    """(line number, language, attributes, lines) of each fenced block."""
    opened, lines = None, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = FENCE.match(line)
        if opened and line == "```":
            yield (*opened, lines)
            opened, lines = None, []
        elif opened:
            lines.append(line)
        elif m:
            attributes = {k: a or b or True for k, a, b in ATTRIBUTE.findall(m[2])}
            opened = (number, m[1], attributes)
    assert not opened, f"{path}:{opened[0]}: a block without an end"


def commands(where, lines, attributes):
    found = []
    for number, line in enumerate(lines, 1):
        m = PROMPT.match(line)
        if found and found[-1].text.endswith("\\") and not found[-1].answer:
            found[-1].text = found[-1].text[:-1] + line.lstrip()
        elif m:
            found.append(Command(f"{where[0]}:{where[1] + number}", m[3], m[1] or "", m[2] or "",
                                 source="source" in attributes))
        else:
            assert found, f"{where[0]}:{where[1] + number}: an answer without a command"
            found[-1].answer.append(line)
    assert found, f"{where[0]}:{where[1]}: no command"
    found[-1].fails = "fails" in attributes
    return found


def steps(path):
    """Files and commands of a chapter, in order."""
    for number, language, attributes, lines in blocks(path):
        where = f"{path.name}:{number}"
        if language == "console":
            yield from commands((path.name, number), lines, attributes)
        elif "title" in attributes:
            yield File(where, attributes["title"], "\n".join(lines) + "\n", attributes.get("on", ""),
                       attributes.get("owner", "root"), int(attributes.get("mode", "0644"), 8))


def pattern(answer):
    """The regular expression of an answer."""
    parts = []
    for line in answer:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*".join(re.escape(p.rstrip() if p == line.split("...")[-1] else p)
                                   for p in line.split("...")) + r" *\n")
    return "".join(parts)


def matches(answer, text):
    """Whether a command said what the guide says. Blanks at the ends of lines do not count."""
    if text and not text.endswith("\n"):
        text += "\n"
    return re.fullmatch(pattern(answer), text) is not None


def expand(hostlist):
    """Names of "test[1-3,5]"."""
    names = []
    for m in re.finditer(r"([^,\[]+)(?:\[([^]]*)\])?,?", hostlist):
        numbers = []
        for part in (m[2] or "").split(","):
            low, _, high = part.partition("-")
            numbers += range(int(low), int(high or low) + 1) if part else [""]
        names += [f"{m[1]}{n}" for n in numbers]
    return names


def mistakes():
    """Blocks that look like examples but would not be run."""
    listed = chapters()
    unlisted = sorted(set(GUIDE.glob("*.md")) - {*listed, GUIDE / "README.md"})
    wrong = [f"{p.name}: not in the table of contents" for p in unlisted]
    for path in listed:
        for number, language, attributes, _ in blocks(path):
            if language not in ("console", "text") and "title" not in attributes:
                wrong.append(f"{path.name}:{number}: neither console, nor a file with a title, nor text")
    return wrong


