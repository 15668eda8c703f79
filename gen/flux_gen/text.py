# SPDX-License-Identifier: LGPL-3.0-only
"""Laying out C text: 100 columns, continuation lines under the opening parenthesis."""

WIDTH = 100
SPDX = "// SPDX-License-Identifier: LGPL-3.0-only\n"


def wrap(head, args, tail, indent=0):
    """`head(` + comma-separated args + `tail`, broken where it would pass the right margin."""
    lines, line = [], " " * indent + head
    margin = len(line)
    for i, arg in enumerate(args):
        piece = arg + ("," if i + 1 < len(args) else tail)
        if len(line) > margin and len(line) + 1 + len(piece) > WIDTH:
            lines.append(line)
            line = " " * margin + piece
        else:
            line += (" " if len(line) > margin else "") + piece
    return "\n".join(lines + [line])


def macro(lines):
    """A #define over several lines, the backslashes in the last column."""
    return "\n".join([s.ljust(WIDTH - 1) + "\\" for s in lines[:-1]] + lines[-1:])


def comment(doc, indent=0):
    """A C comment, wrapped; empty for no text."""
    if not doc:
        return ""
    pad = " " * indent
    out, line = [], pad + "/*"
    for word in doc.replace("*/", "* /").split():
        if len(line) + 1 + len(word) > WIDTH - 3:
            out.append(line)
            line = pad + " *"
        line += " " + word
    return "\n".join(out + [line + " */"]) + "\n"


def c_string(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'
