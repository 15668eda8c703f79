# SPDX-License-Identifier: LGPL-3.0-only
"""The example files that are installed are fit for use: only hosts and cores are adapted to four small nodes."""
import re

import pytest

from conftest import ROOT

EXAMPLES = ROOT / "server/etc/conf.d"


@pytest.fixture(scope="module")
def own(_clusters):
    with _clusters.start(4, boot=False) as c:
        text = (EXAMPLES / "system.toml").read_text()
        for old, new in (("test[1-16]", "test[1-4]"), ("test[1-15]", "test[1-3]"), ("test16", "test4"), ("0-7", "0-1"),
                         ("0-63", "0-1")):
            assert old in text
            text = text.replace(f'"{old}"', f'"{new}"')
        (c.files / "image/etc/flux/system/conf.d/system.toml").write_text(text)
        c.boot()
        c.wait_online()
        yield c


def test_the_resources_are_those_of_the_file(own):
    assert own.flux("resource list").out == """\
     STATE PROPERTIES NNODES   NCORES    NGPUS NODELIST
      free                 3        6        3 test[1-3]
      free fatnode         1        2        2 test4
 allocated                 0        0        0\x20
      down                 0        0        0\x20
"""
    assert own.flux("resource drain -n").out == ""


def test_users_run_jobs(own):
    assert own.flux("run -N4 -t 30s id -un", user="alice").lines == ["alice"] * 4
    assert own.flux("run --requires=fatnode hostname", user="bob").lines == ["test4"]


def test_the_broker_says_what_it_does_not_do_yet(own):
    log = own.flux("dmesg").out
    idle = set(re.findall(r"config: system.toml:\d+: (\S+): nothing in this version acts on it", log))
    assert {"ingest.validator.plugins", "policy.limits.duration"} <= idle
    assert not {k for k in idle if k.startswith(("access", "bootstrap", "exec", "resource", "tbon"))}
