# SPDX-License-Identifier: LGPL-3.0-only
"""The files of the project, as the lint tests see them."""
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def all_files():
    """Paths relative to the root, of what is or would be committed."""
    git = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                         capture_output=True, text=True)
    if git.returncode == 0:
        names = [n for n in git.stdout.split("\0") if n]
    else:
        names = [os.path.relpath(os.path.join(d, f), ROOT) for d, _, fs in os.walk(ROOT)
                 for f in fs if not os.path.relpath(d, ROOT).startswith(("build", "."))]
    return sorted(Path(n) for n in names if (ROOT / n).is_file())


def files(*suffixes):
    return [f for f in all_files() if f.suffix in suffixes]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")
