# SPDX-License-Identifier: LGPL-3.0-only
"""Idsets, hostlists, job ids, durations."""

import pytest

from flux.fluid import JobID
from flux.fsd import fsd, parse_fsd
from flux.hostlist import Hostlist
from flux.idset import IDset


def test_idset_reads_writes_and_iterates():
    s = IDset("1,3-5")
    assert list(s) == [1, 3, 4, 5] and len(s) == 4 and str(s) == "1,3-5"
    assert s.encode(brackets=True) == "[1,3-5]" and s.encode(range=False) == "1,3,4,5"
    assert s[0] == 1 and s[-1] == 5 and str(s[1:3]) == "3-4"
    assert 3 in s and 2 not in s and "x" not in s and -1 not in s
    assert s.first() == 1 and s.last() == 5 and s.next(1) == 3 and s.next(5) is None
    with pytest.raises(IndexError):
        s[4]


def test_idset_changes():
    s = IDset([5, 1]).add("7-9").add(2).remove(8).remove([1, 100])
    assert str(s) == "2,5,7,9"
    with pytest.raises(ValueError):
        s.add(-1)
    with pytest.raises(ValueError):
        s.add(1 << 30)
    with pytest.raises(TypeError):
        s.add([1.5])


def test_idset_algebra():
    a, b = IDset("0-5"), IDset("4-7")
    assert str(a | b) == "0-7" and str(a & b) == "4-5" and str(a - b) == "0-3"
    assert IDset("1") <= a and not b <= a and a == "0-5" and a.isdisjoint("9")
    assert not IDset() and IDset().first() is None


@pytest.mark.parametrize("bad", ["1-", "x", "2,1", "1,,2", "1-0"])
def test_bad_idsets_are_value_errors_that_tell(bad):
    with pytest.raises(ValueError, match="idset"):
        IDset(bad)


def test_hostlist_reads_writes_and_iterates():
    h = Hostlist("foo[0-2],bar")
    assert list(h) == ["foo0", "foo1", "foo2", "bar"] and str(h) == "foo[0-2],bar" and len(h) == 4
    assert h[0] == "foo0" and h[-1] == "bar" and str(h[1:3]) == "foo[1-2]" and str(h[[0, 3]]) == "foo0,bar"
    assert "foo1" in h and "foo9" not in h and h.find("bar") == 3
    assert str(h.index("foo2,bar")) == "2-3"
    with pytest.raises(FileNotFoundError, match="nope"):
        h.index("nope")
    with pytest.raises(IndexError):
        h[4]


def test_hostlist_changes():
    h = Hostlist(["b2", "b1"]).append("a[1-2]").append("b2")
    assert str(h.copy().sort().uniq()) == "a[1-2],b[1-2]"
    assert h.delete("b2") == 1 and len(h) == 4
    assert str(Hostlist("a[1-4]") & "a[3-9]") == "a[3-4]" and str(Hostlist("a[1-4]") - "a2") == "a[1,3-4]"
    h.append(h)
    assert len(h) == 8


def test_bad_hostlists_are_value_errors():
    with pytest.raises(ValueError):
        Hostlist("foo[1-")


def test_job_ids_have_many_spellings():
    j = JobID(6731191091817518)
    assert j.f58plain == "fuZZybuNNy" and j.f58.endswith("uZZybuNNy")
    assert j.dothex == "0017.e9fb.8df1.6c2e" and j.kvs == "job.0017.e9fb.8df1.6c2e"
    assert j.hex == "0x17e9fb8df16c2e" and j.dec == "6731191091817518"
    assert j.words == "reform-remote-galileo--heart-package-academy"
    for text in (j.f58, j.f58plain, j.dothex, j.kvs, j.hex, j.dec, j.words, j.emoji):
        assert JobID(text) == j
    with pytest.raises(ValueError):
        JobID("?")
    with pytest.raises(ValueError):
        j.encode("morse")


def test_durations():
    assert parse_fsd("1.5h") == 5400 and parse_fsd("inf") == float("inf") and fsd(90) == "1.5m"
    with pytest.raises(ValueError):
        parse_fsd("1y")
