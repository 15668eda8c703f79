# SPDX-License-Identifier: LGPL-3.0-only
"""A reload is whole or nothing, on one broker and on all; what it cannot change it says."""
import pytest
from configured import Configured


@pytest.fixture
def cluster(tmp_path):
    c = Configured(tmp_path)
    yield c
    c.end()


def config(cluster, rank, key):
    result = cluster.flux("config", "get", key, rank=rank)
    return result.out.strip() if result.ok else None


def test_a_broker_rereads_its_own_files(cluster):
    cluster.start_all()
    for rank in 0, 1:
        cluster.write(rank, '[kvs]\ncheckpoint-period = "17m"\n', "b.toml")
    assert cluster.flux("config", "reload", rank=1).ok
    assert [config(cluster, rank, "kvs.checkpoint-period") for rank in (0, 1, 2)] == [None, "17m", None]
    cluster.await_log(1, "configuration reloaded")


def test_all_brokers_reread_theirs(cluster):
    cluster.start_all()
    for rank in 0, 1, 2:
        cluster.write(rank, f'[kvs]\ncheckpoint-period = "{rank + 1}m"\n', "b.toml")
    assert cluster.flux("config", "reload", "-a").ok
    assert [config(cluster, rank, "kvs.checkpoint-period") for rank in (0, 1, 2)] == ["1m", "2m", "3m"]


def test_one_bad_file_leaves_all_brokers_as_they_are(cluster):
    cluster.start_all()
    for rank in 0, 1, 2:
        cluster.write(rank, '[kvs]\ncheckpoint-period = "1m"\n', "b.toml")
    cluster.write(2, "[kvs]\ncheckpoint-perid = 5\n", "b.toml")
    result = cluster.flux("config", "reload", "-a")
    assert result.rc == 1
    assert "rank 2: b.toml:2: kvs.checkpoint-perid: unknown key; did you mean 'checkpoint-period'?" in result.err
    assert "nothing was changed" in result.err
    assert [config(cluster, rank, "kvs.checkpoint-period") for rank in (0, 1, 2)] == [None] * 3
    cluster.await_log(2, "configuration not reloaded: b.toml:2")


def test_brokers_that_are_away_are_named(cluster):
    leader = cluster.start(0)
    assert leader.stdout.readline() == "up\n"
    cluster.start(1)
    cluster.await_log(1, "quorum")
    cluster.write(0, '[kvs]\ncheckpoint-period = "1m"\n', "b.toml")
    result = cluster.flux("config", "reload", "-a")
    assert result.ok and "rank 2: offline, reads its files when it starts" in result.err
    assert config(cluster, 0, "kvs.checkpoint-period") == "1m"


def test_what_needs_a_restart_is_said_once_for_all(cluster):
    cluster.start_all()
    more = '[resource]\nnoverify = true\n[tbon]\nzmqdebug = 1\ntorpid_max = "41s"\n'
    for rank in 0, 1, 2:
        cluster.write(rank, more, "b.toml")
    result = cluster.flux("config", "reload", "-a")
    assert result.ok and result.err == \
        "flux-config: rank 0-2: needs a restart: resource.noverify, tbon.zmqdebug\n"
    cluster.await_log(1, "needs a restart: resource.noverify, tbon.zmqdebug")
    # and is said again until then
    assert "needs a restart: resource.noverify" in cluster.flux("config", "reload").err
    # attributes tell what is in force
    assert cluster.flux("getattr", "tbon.zmqdebug").out == "0\n"
    assert cluster.flux("getattr", "tbon.torpid_max").out == "41s\n"
    for rank in 0, 1, 2:
        cluster.write(rank, "", "b.toml")
    assert cluster.flux("config", "reload", "-a").err == ""
    assert cluster.flux("getattr", "tbon.torpid_max").out == "30s\n"


def test_a_module_that_objects_stops_the_reload(flux_start):
    instance = flux_start(config='[[resource.config]]\nhosts = "a0"\ncores = "0"\n[resource]\nnoverify = true\n',
                          args=["-Shostname=a0"])
    path = instance.dir / "config/test.toml"
    path.write_text(path.read_text() + 'exclude = "nosuch"\n[kvs]\ncheckpoint-period = "1m"\n')
    result = instance.flux("config", "reload")
    assert result.rc == 1 and "resource.exclude" in result.err and "nosuch" in result.err
    assert not instance.flux("config", "get", "kvs.checkpoint-period").ok


def test_the_command_line_wins_over_files_before_and_after_a_reload(flux_start):
    instance = flux_start(config='[kvs]\ncheckpoint-period = "1m"\n', args=['--conf=kvs.checkpoint-period="2m"'])
    assert instance.run("config", "get", "kvs.checkpoint-period") == "2m"
    (instance.dir / "config/test.toml").write_text('[kvs]\ncheckpoint-period = "3m"\ngc-threshold = 5\n')
    instance.run("config", "reload")
    assert instance.run("config", "get", "kvs.checkpoint-period") == "2m"
    assert instance.run("config", "get", "kvs.gc-threshold") == "5"


def test_torpid_limits_follow_a_reload(cluster):
    cluster.start_all()
    cluster.write(1, '[tbon]\ntorpid_min = "100s"\ntorpid_max = "1h"\n', "b.toml")
    cluster.write(0, '[tbon]\ntorpid_min = "0.1s"\ntorpid_max = "0.3s"\n', "b.toml")
    assert cluster.flux("config", "reload", "-a").ok
    cluster.await_log(0, "c1 (rank 1) is torpid")


def test_a_reload_without_files_is_refused(instance):
    result = instance.flux("config", "reload")
    assert result.rc == 1 and "without --config-path" in result.err


def test_load_replaces_all_and_is_checked(flux_start):
    instance = flux_start(config='[kvs]\ngc-threshold = 5\n')
    bad = instance.flux("config", "load", stdin='{"kvs": {"gc-threshold": "many"}}')
    assert bad.rc == 1 and "kvs.gc-threshold: must be an integer" in bad.err
    assert instance.run("config", "get", "kvs.gc-threshold") == "5"
    good = instance.flux("config", "load", stdin='{"resource": {"noverify": true}}')
    assert good.ok and "needs a restart: resource.noverify" in good.err
    assert instance.run("config", "get") == '{"resource":{"noverify":true}}'
    instance.run("config", "reload")
    assert instance.run("config", "get", "kvs.gc-threshold") == "5"


def test_dear_queries_are_bounded(flux_start):
    instance = flux_start(2, config="[job-list]\nmax_comparisons = 3\n")
    for _ in range(5):
        instance.run("run", "true")
    query = ["call", "job-list.List", 'constraint={"hostlist": ["nowhere"]}']
    result = instance.flux(*query)
    assert not result.ok and "more than 3 comparisons (job-list.max_comparisons)" in result.err, repr(result)
    (instance.dir / "config/test.toml").write_text("[job-list]\nmax_comparisons = 0\n")
    instance.run("config", "reload")
    assert instance.flux(*query).ok
