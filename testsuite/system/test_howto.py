# SPDX-License-Identifier: LGPL-3.0-only
"""What docs/howto-service.md shows is generated, compiled, and run as it stands there."""

import re
import subprocess

import pytest
from conftest import BUILD, ROOT

TEXT = (ROOT / "docs/howto-service.md").read_text()
MAIN = """
#include "greeter.c"
#include <assert.h>
#define assert_int_equal(a, b) assert((a) == (b))
#define assert_string_equal(a, b) assert(strcmp(a, b) == 0)
int main(void)
{
"""


def block(language, start):
    blocks = re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)
    return next(b for b in blocks if start in b)


def pkg_config(*names):
    return subprocess.check_output(["pkg-config", "--cflags", *names], text=True).split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The proto file and module of the page, and what the generator makes of them."""
    out = tmp_path_factory.mktemp("greeter")
    (out / "flux/v1").mkdir(parents=True)
    (out / "flux/v1/greeter.proto").write_text(block("proto", "service Greeter"))
    (out / "greeter.c").write_text(block("c", "greeter_watch(struct"))
    protoc = ["protoc", f"--descriptor_set_in={BUILD}/gen/base.desc", f"-I{out}", f"-I{ROOT}/proto"]
    protoc += [f"--plugin={ROOT}/gen/protoc-gen-flux", f"--flux_out={out}", out / "flux/v1/greeter.proto"]
    subprocess.run(protoc, check=True)
    return out


def compile_c(folder, *args):
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    include = [f"-I{folder}", f"-I{ROOT}/bindings/c/include", f"-I{BUILD}/proto"]
    stubs = [folder / "flux/v1" / n for n in ("greeter.c", "greeter.pb-c.c", "greeter_service.c")]
    libs = [f"-L{BUILD}/bindings/c", f"-Wl,-rpath,{BUILD}/bindings/c", "-lflux", "-lprotobuf-c", "-luv"]
    command = ["cc", *flags, *include, *pkg_config("libuv", "jansson"), *stubs, *args, *libs]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


@pytest.mark.plain
def test_the_module_answers_on_a_loop_handle(folder):
    (folder / "main.c").write_text(MAIN + block("c", "flux_open_loop") + "flux_close(h); return 0; }\n")
    done = compile_c(folder, folder / "main.c", "-o", folder / "greeter")
    assert done.returncode == 0, done.stderr
    assert subprocess.run([folder / "greeter"]).returncode == 0


@pytest.mark.plain
def test_a_missing_handler_stops_the_link_and_is_named(folder):
    text = (folder / "greeter.c").read_text().replace("int greeter_watch(", "int greeter_look(")
    (folder / "missing.c").write_text(text + "int greeter_look(struct flux_call *, const flux_greeter_watch_request *);\n"
                                      "int main(void) { return ops.greet == 0; }\n")
    done = compile_c(folder, folder / "missing.c", "-Wno-missing-prototypes", "-o", folder / "missing")
    assert done.returncode != 0 and "undefined reference to `greeter_watch'" in done.stderr


@pytest.mark.plain
def test_the_module_can_be_loaded(folder, instance):
    done = compile_c(folder, "-shared", "-fPIC", folder / "greeter.c", "-o", folder / "greeter.so")
    assert done.returncode == 0, done.stderr
    instance.run("module", "load", folder / "greeter.so")
    assert "greeter" in instance.run("module", "list")
    instance.run("module", "remove", "greeter")
