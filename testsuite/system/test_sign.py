# SPDX-License-Identifier: LGPL-3.0-only
"""Signed requests from end to end: made by users with flux-sign, verified by the setuid IMP."""
import json
import re

import pytest

from conftest import BUILD
from imp_world import CONFIG, SECURITY, USERS, World, needs_world

pytestmark = needs_world
CURVE = """
[sign]
max-ttl = 3600
default-type = "curve"
allowed-types = ["curve"]
"""
CA = CURVE + """
[sign.curve]
require-ca = true
[ca]
max-cert-ttl = 86400
max-sign-ttl = 600
cert-path = "/etc/flux/security/ca"
revoke-dir = "/etc/flux/security/revoked"
revoke-allow = true
domain = "test"
"""
SIGN = "/usr/libexec/flux/flux-sign"
ID = ("/usr/bin/bash", "-c", "id -un")


@pytest.fixture(scope="module")
def shared():
    w = World()
    w.install(BUILD / "cli/flux-sign", SIGN, 0o755)
    w.install(BUILD / "imp/sign/libflux-sign.so.0", "/usr/libexec/flux/libflux-sign.so.0", 0o755)
    assert sign(w, "root", "keygen", "--ca", "/etc/flux/security/ca").ok
    w.root("mkdir", "-m", "755", "/etc/flux/security/revoked", check=True)
    for user in ("alice", "bob"):
        assert sign(w, user, "keygen").out == f"/mnt/home/{user}/.flux/curve/sig\n/mnt/home/{user}/.flux/curve/sig.pub\n"
    yield w
    w.close()


@pytest.fixture
def world(shared):
    shared.configure()
    shared.log  # pylint: disable=pointless-statement
    return shared


def sign(world, user, *args, stdin=None, **env):
    env = {"LD_LIBRARY_PATH": "/usr/libexec/flux", **env}
    if user == "root":
        return world.root("/usr/bin/env", *[f"{k}={v}" for k, v in env.items()], SIGN, *args, stdin=stdin)
    return world.run(user, SIGN, *args, stdin=stdin, env=env)


def wrap(world, user, payload="{}"):
    result = sign(world, user, "wrap", stdin=payload)
    assert result.ok, result
    return result.out.strip()


def casign(world, user):
    home = f"/mnt/home/{user}/.flux/curve/sig.pub"
    result = world.imp("casign", user=user, stdin=world.path(home).read_text())
    assert result.ok, result
    world.write(home, result.out, owner=user)
    return re.search('uuid = "(.*)"', result.out)[1]


def refused(world, result, text):
    assert (result.rc, result.out) == (1, "") and text in result.err and text in world.log


@pytest.mark.parametrize("security", [SECURITY, CURVE], ids=["munge", "curve"])
def test_what_a_user_signs_others_verify_and_the_imp_obeys(world, security):
    world.configure(security=security)
    j = wrap(world, "alice", '{"x": 1}')
    result = sign(world, "root", "unwrap", "-v", stdin=j)
    assert result.out == '{"x": 1}'
    assert re.match(f"user {USERS['alice']}, type (munge|curve), expires 20", result.err)
    assert world.exec(*ID, j=j).out == "alice\n"


def test_a_request_that_is_not_to_be_trusted_is_not_printed(world):
    header, _, signature = wrap(world, "alice", "original").split(".")
    forged = f"{header}.{'Zm9yZ2Vk'}.{signature}"
    result = sign(world, "bob", "unwrap", stdin=forged)
    assert (result.rc, result.out) == (1, "") and "altered" in result.err
    assert sign(world, "bob", "unwrap", "--no-verify", stdin=forged).out == "forged"


def test_without_a_security_configuration_the_text_says_what_to_do(world):
    result = sign(world, "alice", "wrap", stdin="x", FLUX_SECURITY_CONF="/mnt/none")
    assert result.rc == 1 and "/mnt/none/security.toml must say how requests are signed" in result.err


def test_a_configuration_that_others_could_have_written_is_not_used(world):
    world.root("chmod", "666", "/etc/flux/security/conf.d/security.toml", check=True)
    result = sign(world, "alice", "wrap", stdin="x")
    assert result.rc == 1 and "others than its owner may write to it" in result.err


def test_the_imp_looks_at_no_configuration_of_the_callers(world):
    world.configure(security=CURVE)
    j = world.sign("flux", mechanism="none")
    request = json.dumps({"J": j})
    result = world.imp("exec", *ID, stdin=request, env={"FLUX_SECURITY_CONF": "/tmp"})
    refused(world, result, "'none' is not in sign.allowed-types")


def test_a_key_that_others_could_have_written_proves_nothing(world):
    world.configure(security=CURVE)
    j = wrap(world, "alice")
    world.run("alice", "chmod", "777", "/mnt/home/alice/.flux")
    try:
        refused(world, world.exec(*ID, j=j), "others than its owner may write to it")
    finally:
        world.run("alice", "chmod", "700", "/mnt/home/alice/.flux")
    assert world.exec(*ID, j=j).out == "alice\n"


def test_a_key_is_of_no_use_in_the_home_of_another(world):
    """Alice's file gone, a link to bob's in its place: the owner of the file counts."""
    world.configure(security=CURVE)
    j = wrap(world, "alice")
    curve = "/mnt/home/alice/.flux/curve"
    world.run("alice", "mv", f"{curve}/sig.pub", f"{curve}/kept")
    world.run("bob", "chmod", "-R", "go+rX", "/mnt/home/bob")
    world.run("alice", "ln", "-s", "/mnt/home/bob/.flux/curve/sig.pub", f"{curve}/sig.pub")
    try:
        refused(world, world.exec(*ID, j=j), f"belongs to user {USERS['bob']}")
    finally:
        world.run("alice", "mv", f"{curve}/kept", f"{curve}/sig.pub")


def test_with_a_ca_only_certificates_that_it_signed_count(world):
    world.configure(security=CA)
    refused(world, world.exec(*ID, j=wrap(world, "bob")), "not signed by this CA")
    uuid = casign(world, "alice")
    j = wrap(world, "alice")
    assert "type curve" in sign(world, "bob", "unwrap", "-v", stdin=j).err
    assert world.exec(*ID, j=j).out == "alice\n"
    assert "certificate signed for alice" in world.log
    assert not sign(world, "alice", "revoke", uuid).ok
    assert "not the uuid of a certificate" in sign(world, "root", "revoke", "../x").err
    assert sign(world, "root", "revoke", uuid).ok
    refused(world, world.exec(*ID, j=j), "it was revoked")
    casign(world, "alice")
    assert world.exec(*ID, j=wrap(world, "alice")).out == "alice\n"


def test_the_ca_signs_for_the_caller_whoever_the_certificate_names(world):
    world.configure(security=CA)
    text = world.path("/mnt/home/alice/.flux/curve/sig.pub").read_text()
    result = world.imp("casign", user="bob", stdin=text)
    assert f"userid = {USERS['bob']}" in result.out and "ca-capability = false" in result.out
    secret = world.path("/mnt/home/bob/.flux/curve/sig").read_text()
    assert "give the public half" in world.imp("casign", user="bob", stdin=secret).err


def test_a_certificate_of_the_ca_itself_signs_no_requests(world):
    """A user who hands in the public half of the CA gets one for himself, which is no CA."""
    world.configure(security=CA)
    result = world.imp("casign", user="bob", stdin=world.path("/etc/flux/security/ca.pub").read_text())
    assert result.ok and "ca-capability = false" in result.out


def test_no_secret_is_readable(world):
    assert not world.run("bob", "cat", "/etc/flux/security/ca").ok
    assert not world.run("bob", "cat", "/mnt/home/alice/.flux/curve/sig").ok
    result = sign(world, "alice", "keygen")
    assert result.rc == 1 and "File exists" in result.err


@pytest.mark.parametrize("args", [(), ("x",), ("wrap", "x"), ("keygen", "a", "b"), ("keygen", "--ca"), ("--bad",)])
def test_misuse_is_answered_with_the_usage(world, args):
    result = sign(world, "alice", *args, stdin="")
    assert result.rc == 2 and "usage: flux sign" in result.err
