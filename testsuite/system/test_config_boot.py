# SPDX-License-Identifier: LGPL-3.0-only
"""Boot from [bootstrap]: what is wrong is told where it is wrong, and on both sides of a connection."""
import os
import signal

import pytest
from conftest import BUILD, FLUX, PATIENCE, clean_env, execute
from configured import Configured
from overlay_peer import Peer


@pytest.fixture
def cluster(tmp_path):
    c = Configured(tmp_path)
    yield c
    c.end()


@pytest.fixture
def peers():
    made = []
    yield made
    for peer in made:
        peer.close()


def leader(cluster, *args):
    broker = cluster.start(0, *args)
    assert broker.stdout.readline() == "up\n", cluster.log(0)
    return broker


def broker_fails(*args):
    result = execute([FLUX, "broker", *args, "true"], env=clean_env())
    assert result.rc == 1, repr(result)
    return result.err


def test_a_host_that_is_not_listed_is_told_what_to_do(cluster):
    broker = cluster.start(0, hostname="stranger")
    assert broker.wait(20 * PATIENCE) == 1
    assert "this host, stranger, is not in bootstrap.hosts: add it there, or say by -Shostname=NAME" in cluster.log(0)


def test_one_host_needs_no_certificate(tmp_path):
    solo = Configured(tmp_path, size=1)
    try:
        solo.write(0, '[bootstrap]\nhosts = [ { host = "c0" } ]\n')
        leader(solo)
        assert solo.flux("getattr", "hostlist").out == "c0\n"
    finally:
        solo.end()


@pytest.mark.parametrize("spoil, why", [
    (lambda cert: cert.unlink(), "make one with flux keygen"),
    (lambda cert: cert.write_text("x"), "is not a certificate with a public and a secret CURVE key"),
    (lambda cert: cert.chmod(0o640), "can be read by others (mode 0640): chmod 0600 it"),
    (lambda cert: (cert.unlink(), cert.mkdir()), "is not a regular file"),
])
def test_a_bad_certificate_is_refused(cluster, spoil, why):
    spoil(cluster.cert)
    assert cluster.start(0).wait(20 * PATIENCE) == 1
    assert why in cluster.log(0)


@pytest.mark.root
def test_the_certificate_may_belong_to_root_or_the_owner_only(cluster):
    os.chown(cluster.cert, 1234, 0)
    assert cluster.start(0).wait(20 * PATIENCE) == 1
    assert "belongs to user 1234" in cluster.log(0)


def test_keygen_overwrites_nothing_and_keeps_its_secret(tmp_path):
    path = tmp_path / "cert"
    made = execute([FLUX, "keygen", "-n", "fluke", "--meta=site=here,room=5", path], env=clean_env())
    text = path.read_text()
    assert made.ok and path.stat().st_mode & 0o777 == 0o600
    for line in ('name = "fluke"', 'site = "here"', 'room = "5"', "keygen.hostname", "keygen.time", "keygen.userid",
                 "keygen.flux-core-version", "keygen.zmq-version", "public-key", "secret-key"):
        assert line in text
    again = execute([FLUX, "keygen", path], env=clean_env())
    assert again.rc == 1 and "is there already: remove it first" in again.err and path.read_text() == text


@pytest.mark.parametrize("bind, why", [
    ("tcp://nosuch0:8050", "name an interface or an address of this host, or '*' for all"),
    ("tcp://192.0.2.1:8050", "name an interface or an address of this host, or '*' for all"),
    ("tcp://lo:%p", "%p has %p in it, and default_port is not set"),
    ("eth0:8050", "must be an endpoint"),
])
def test_an_endpoint_that_cannot_be_listened_on_is_named(cluster, bind, why):
    cluster.write(0, cluster.text.replace(f"tcp://lo:{cluster.ports[0]}", bind))
    assert cluster.start(0).wait(20 * PATIENCE) == 1
    assert bind in cluster.log(0) or "bootstrap.hosts.0.bind" in cluster.log(0)
    assert why in cluster.log(0)


def test_two_brokers_on_one_port_are_told(cluster):
    leader(cluster)
    cluster.write(1, cluster.text.replace(f":{cluster.ports[1]}", f":{cluster.ports[0]}")
                  .replace('{ host = "c2"', '{ host = "c2", parent = "c1"'))
    assert cluster.start(1).wait(20 * PATIENCE) == 1
    assert "Address already in use: does another broker run on this host?" in cluster.log(1)


@pytest.mark.parametrize("bind", ["tcp://*:{}", "tcp://lo:{}", "tcp://127.0.0.1:{}"])
def test_a_broker_listens_where_it_is_told_to(cluster, bind):
    cluster.write(0, cluster.text.replace(f"tcp://lo:{cluster.ports[0]}", bind.format(cluster.ports[0])))
    leader(cluster)
    cluster.start(1)
    assert cluster.flux("overlay", "status", "-w", "partial").ok
    cluster.await_log(1, "parent-ready")


def test_ipv6_is_used_where_it_is_enabled(cluster):
    if not os.path.exists("/proc/sys/net/ipv6") or open("/proc/sys/net/ipv6/conf/lo/disable_ipv6").read() == "1\n":
        pytest.skip("no IPv6 here")
    for rank in 0, 1:
        cluster.write(rank, cluster.text.replace(f"tcp://lo:{cluster.ports[0]}", f"tcp://[::1]:{cluster.ports[0]}")
                      .replace(f"tcp://127.0.0.1:{cluster.ports[0]}", f"tcp://[::1]:{cluster.ports[0]}")
                      .replace("[bootstrap]", "[bootstrap]\nenable_ipv6 = true"))
    leader(cluster)
    cluster.start(1)
    cluster.await_log(1, "parent-ready")


def test_another_list_of_hosts_is_refused_on_both_sides(cluster):
    leader(cluster)
    cluster.write(1, cluster.text.replace('"c2"', '"d2"'))
    assert cluster.start(1).wait(20 * PATIENCE) == 1
    assert "refused c1 (rank 1): its bootstrap.hosts names other hosts than that of rank 0" in cluster.log(0)
    assert "refused by the parent (rank 0): its bootstrap.hosts names other hosts" in cluster.log(1)


def test_a_list_of_another_length_is_refused_on_both_sides(cluster):
    leader(cluster)
    cluster.write(1, cluster.text.replace("hosts = [\n", "hosts = [\n").replace("\n]\n", '\n{ host = "c3" },\n]\n'))
    assert cluster.start(1).wait(20 * PATIENCE) == 1
    for rank in 0, 1:
        assert "it takes the instance for 4 brokers, rank 0 for 3" in cluster.log(rank)
        assert "is bootstrap.hosts the same on both?" in cluster.log(rank)


def test_a_second_broker_of_a_rank_is_refused_on_both_sides(cluster):
    leader(cluster)
    cluster.start(1)
    cluster.await_log(1, "parent-ready")
    double = cluster.start(2, hostname="c1", conf=1)
    assert double.wait(20 * PATIENCE) == 1
    assert "refused c1 (rank 1): rank 1 is connected already, from c1" in cluster.log(0)
    assert "refused by the parent (rank 0): rank 1 is connected already" in cluster.log(2)
    assert cluster.brokers[1].poll() is None


@pytest.mark.parametrize("later", [0, 1])
def test_brokers_of_releases_without_a_common_protocol_refuse_each_other(cluster, later):
    """Two builds, each once as the parent; both sides say what each speaks."""
    programs = [(FLUX, "broker"), (FLUX, "broker")]
    programs[later] = (BUILD / "testsuite/system/flux-broker-later",)
    assert cluster.start(0, program=programs[0]).stdout.readline() == "up\n", cluster.log(0)
    assert cluster.start(1, program=programs[1]).wait(20 * PATIENCE) == 1
    version = cluster.flux("getattr", "version").out.strip()
    child, parent = ("7-9", "1-1") if later else ("1-1", "7-9")
    why = f"version {version} (protocol {child}) does not fit version {version} (protocol {parent})"
    assert f"refused c1 (rank 1): {why}" in cluster.log(0)
    assert f"refused by the parent (rank 0): {why}" in cluster.log(1)


def test_a_newer_child_that_still_speaks_our_protocol_is_let_in(cluster, peers):
    leader(cluster)
    peers.append(Peer(cluster.cert, connect=f"tcp://127.0.0.1:{cluster.ports[0]}"))
    peers[0].hello(protocol_min=1, protocol_max=9, version="9.9.9")
    assert peers[0].receive().status == 0
    assert cluster.flux("overlay", "status", "-w", "partial").ok


def test_a_parent_that_hangs_is_given_up(tmp_path):
    cluster = Configured(tmp_path, more='[heartbeat]\nperiod = "0.1s"\ntimeout = "5s"\nwarn_thresh = 5\n')
    try:
        cluster.start_all()
        cluster.brokers[0].send_signal(signal.SIGSTOP)
        assert cluster.brokers[1].wait(20 * PATIENCE) == 1
        assert "the parent, c0 (rank 0), has been silent for" in cluster.log(1)
        assert "was lost: silent for" in cluster.log(1)
    finally:
        cluster.brokers[0].send_signal(signal.SIGCONT)
        cluster.end()


def test_contradictions_are_told_with_file_and_line(tmp_path):
    (tmp_path / "a.toml").write_text('[bootstrap]\ncurve_cert = "/x"\ndefault_bind = "tcp://*:1"\n'
                                     'default_connect = "tcp://%h:1"\nhosts = [\n  { host = "a[0-3]" },\n'
                                     '  { host = "a2", parent = "b" },\n]\n')
    assert "a.toml:7: bootstrap.hosts.1.parent: 'b', the parent of a2, is not in bootstrap.hosts" in \
        broker_fails(f"-c{tmp_path}", "-Shostname=a0")
