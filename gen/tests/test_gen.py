# SPDX-License-Identifier: LGPL-3.0-only
"""Small protos with the exact expected output, bad protos with the exact expected error.

After a wanted change: gen/tests/test_gen.py --update, and read the diff."""

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGETS = "c+docs+python+fuzz+table+python-table+comments"


def generate(folder, path, out):
    base = out / "base.desc"
    subprocess.run([ROOT / "gen/base_descriptors.py", base], check=True)
    return subprocess.run(
        [
            "protoc",
            f"--descriptor_set_in={base}",
            f"-I{folder}",
            f"-I{ROOT / 'proto'}",
            f"--plugin={ROOT / 'gen/protoc-gen-flux'}",
            f"--flux_opt={TARGETS}",
            f"--flux_out={out}",
            folder / path,
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def outputs(path, out):
    """What we make of a good proto; protobuf-c's own files and the base set are not ours to fix."""
    done = generate(HERE / "good", path, out)
    assert done.returncode == 0, done.stderr
    made = {str(p.relative_to(out)): p for p in out.rglob("*") if p.is_file()}
    return {k: p.read_text() for k, p in made.items() if ".pb-c." not in k and k != "base.desc"}


def error(path, out):
    done = generate(HERE / "bad", path, out)
    assert done.returncode != 0, f"{path} was accepted"
    return done.stderr.removeprefix("--flux_out: ")


GOOD = sorted(str(p.relative_to(HERE / "good")) for p in (HERE / "good").rglob("*.proto"))
BAD = sorted(str(p.relative_to(HERE / "bad")) for p in (HERE / "bad").rglob("*.proto"))


def stored(path):
    return HERE / "expected" / pathlib.Path(path).stem


@pytest.mark.parametrize("path", GOOD)
def test_good_proto_gives_the_expected_files(path, tmp_path):
    made = outputs(path, tmp_path)
    want = {
        str(p.relative_to(stored(path))): p.read_text()
        for p in stored(path).rglob("*")
        if p.is_file()
    }
    assert sorted(made) == sorted(want)
    for name in want:
        assert made[name] == want[name], name


@pytest.mark.parametrize("path", BAD)
def test_bad_proto_gives_the_expected_error(path, tmp_path):
    assert error(path, tmp_path) == (HERE / "bad" / path).with_suffix(".err").read_text()


def test_generated_c_compiles_without_warnings(tmp_path):
    for path in GOOD:
        outputs(path, tmp_path)
    options = ROOT / "proto/flux/v1/options.proto"
    assert generate(ROOT / "proto", options, tmp_path).returncode == 0
    flags = "-std=gnu11 -D_GNU_SOURCE -fvisibility=hidden -Wall -Wextra -Werror -Wmissing-prototypes"
    flags += " -Wno-unused-parameter -Wno-missing-field-initializers -fsyntax-only"
    sources = [p for p in tmp_path.rglob("*.c") if not p.name.endswith("_fuzz.c")]
    assert len(sources) >= 5
    for source in sources:
        inc = [f"-I{tmp_path}", f"-I{ROOT / 'bindings/c/include'}"]
        subprocess.run(["cc", *flags.split(), *inc, source], check=True)


def update():
    for path in GOOD:
        with tempfile.TemporaryDirectory() as tmp:
            for name, text in outputs(path, pathlib.Path(tmp)).items():
                target = stored(path) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
    for path in BAD:
        with tempfile.TemporaryDirectory() as tmp:
            (HERE / "bad" / path).with_suffix(".err").write_text(error(path, pathlib.Path(tmp)))


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    else:
        sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
