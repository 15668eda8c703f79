# SPDX-License-Identifier: LGPL-3.0-only
"""What `ninja install` puts where: programs, libraries, headers and pkg-config data belong together."""
import re
import subprocess

import pytest

from conftest import BUILD, SANITIZE


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    dest = tmp_path_factory.mktemp("dest")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", dest], check=True)
    prefix = subprocess.run(["meson", "introspect", BUILD, "--buildoptions"], check=True, capture_output=True,
                            text=True).stdout
    import json
    options = {o["name"]: o["value"] for o in json.loads(prefix)}
    return dest, dest / options["prefix"].lstrip("/"), options


def test_programs_are_there_and_executable(tree):
    _, prefix, _ = tree
    for name in ("bin/flux", "libexec/flux/cmd/flux-broker", "libexec/flux/flux-shell", "libexec/flux/flux-spawnd"):
        assert (prefix / name).stat().st_mode & 0o111, name


def test_only_flux_imp_is_setuid_and_nobody_else_may_write_to_anything(tree):
    dest, _, _ = tree
    modes = {str(p.relative_to(dest)): p.lstat().st_mode for p in dest.rglob("*") if not p.is_symlink()}
    setuid = {p: oct(mode) for p, mode in modes.items() if mode & 0o6000}
    assert list(setuid) == [str(next(dest.rglob("flux-imp")).relative_to(dest))] and setuid.popitem()[1] == "0o104755"
    assert [p for p, mode in modes.items() if mode & 0o022] == []


def test_programs_find_the_libraries_of_flux_in_any_place(tree):
    """The loader does not look everywhere by itself: not in /usr/lib64 on a Debian, for one."""
    dest, _, options = tree
    lost = []
    for path in dest.rglob("libexec/**/*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            dynamic = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout
            found = re.search(r"RUNPATH.*\[(.*)\]", dynamic)
            if re.search(r"NEEDED.*\[libflux", dynamic) and (not found or found[1] != f"{options['prefix']}/{options['libdir']}"):
                lost.append(path.name)
    assert lost == []


@pytest.mark.parametrize("name", ["flux-imp", "flux-pam-query", "pam_flux.so", "libflux-sign.so.0.0.0"])
def test_what_root_runs_is_hardened(tree, name):
    if SANITIZE:
        pytest.skip("a build with sanitizers is made otherwise")
    path = next(tree[0].rglob(name))
    show = subprocess.run(["readelf", "-hldW", path], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Type: +DYN", show) and "GNU_RELRO" in show and "BIND_NOW" in show
    assert re.search(r"GNU_STACK .* RW +0x", show) and "RPATH" not in show and "RUNPATH" not in show
    symbols = subprocess.run(["readelf", "--dyn-syms", "-W", path], capture_output=True, text=True, check=True).stdout
    assert "__stack_chk_fail" in symbols and re.search(r"__\w+_chk\b", symbols.replace("__stack_chk", ""))


def test_a_client_compiles_against_it(tree, tmp_path):
    if SANITIZE:
        pytest.skip("a build with sanitizers wants their runtime")
    dest, prefix, options = tree
    (tmp_path / "client.c").write_text("#include <flux/handle.h>\n#include <flux/idset.h>\n#include <flux/v1/kvs.h>\n"
                                       "int main(void) { flux_idset_free(flux_idset_new()); return 0; }\n")
    pkgconfig = prefix / options["libdir"] / "pkgconfig"
    env = {"PKG_CONFIG_SYSROOT_DIR": str(dest), "PATH": "/usr/bin:/bin",
           "PKG_CONFIG_LIBDIR": f"{pkgconfig}:/usr/lib/x86_64-linux-gnu/pkgconfig:/usr/share/pkgconfig"}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "flux-core"], env=env, check=True, capture_output=True,
                           text=True).stdout.split()
    lib = prefix / options["libdir"]
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", tmp_path / "client", tmp_path / "client.c",
                    *flags], check=True)
    subprocess.run([tmp_path / "client"], env={"LD_LIBRARY_PATH": str(lib)}, check=True)


def test_python_package_is_there(tree):
    _, prefix, options = tree
    assert (prefix / options["libdir"] / "flux/python3/flux/__init__.py").exists()


def test_the_installed_python_package_works(tree):
    if SANITIZE:
        pytest.skip("a build with sanitizers wants their runtime")
    _, prefix, options = tree
    lib = prefix / options["libdir"]
    program = ("import flux.job, flux.kvs, flux.v1.kvs_client, flux.v1.kvs_pb2\n"
               "from flux.idset import IDset\nfrom flux.hostlist import Hostlist\n"
               "print(IDset('0-3').count(), Hostlist('a[0-1]').expand(), flux.__file__)")
    out = subprocess.run(["/usr/bin/python3", "-c", program], check=True, capture_output=True, text=True,
                         env={"PYTHONPATH": str(lib / "flux/python3"), "FLUX_LIBFLUX": str(lib / "libflux.so.0"),
                              "PYTHONDONTWRITEBYTECODE": "1"}).stdout
    assert out.startswith("4 ['a0', 'a1'] " + str(lib))


def test_the_contract_is_there(tree):
    _, prefix, _ = tree
    for name in ("flux.v1.desc", "flux.v1.comments.json", "proto/flux/v1/kvs.proto", "proto/flux/v1/options.proto"):
        assert (prefix / "share/flux" / name).stat().st_size > 0, name
    assert "## Get" in (prefix / "share/doc/flux/services/kvs.md").read_text()
