# SPDX-License-Identifier: LGPL-3.0-only
"""The administrator's guide (docs/admin-guide), followed from top to bottom on a fresh virtual cluster: what
it installs and configures is all there is.

The nodes cannot log in to each other. So lines that begin with `sudo pdsh -w HOSTS` and `sudo pdcp [-p] -w HOSTS` are
taken apart here and done node by node. What is built in the directory of the source is built by root there."""
import os
import re
import shlex
import shutil
import warnings
from pathlib import Path

import pytest

import guide
from commands import BUILD, ROOT

ME, HERE = "alice", "test1"
LIMIT = 120  # seconds for one command
# A systemd that a busy machine leaves no time for 90 s drops who waits for it. Nobody would give up at that.
SYSTEMD_HANGS_UP = "Transport endpoint is not connected"
FAILURES = int(os.environ.get("FLUX_GUIDE_FAILURES", "1"))  # steps that may fail before it gives up


def make_bare(cluster):
    """Take everything of Flux away that the fixture has put into the nodes' image."""
    image = cluster.files / "image"
    for path in ("usr", "lib", "etc/flux", "etc/pam.d", "var/lib/flux", "etc/munge"):
        shutil.rmtree(image / path, ignore_errors=True)
    (image / "etc/munge").mkdir()
    os.setxattr(image / "etc/munge", "trusted.overlay.opaque", b"y")
    shutil.chown(image / "etc/munge", "munge", "munge")
    (image / "etc/munge").chmod(0o700)
    wants = image / "etc/systemd/system/multi-user.target.wants"
    for unit in ("flux.service", "munge.service"):
        (wants / unit).unlink(missing_ok=True)
    # users come and go while systemd and dbus work: neither must wait for the other to know a name
    (image / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    # the nodes reach no mirror: what is installed is new enough, whatever this machine's lists say
    apt = image / "etc/apt/apt.conf.d/guide"
    apt.parent.mkdir(parents=True)
    apt.write_text('APT::Get::Upgrade "false";\n')
    sudoers = image / "etc/sudoers.d/guide"
    sudoers.parent.mkdir()
    sudoers.write_text(f"{ME} ALL=(ALL) NOPASSWD: ALL\n")
    for name in ("passwd", "group", "shadow"):
        path = image / "etc" / name
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("flux:")))


class Reader:
    """Somebody who follows the guide."""

    def __init__(self, cluster):
        self.cluster, self.failed = cluster, 0
        self.nodes = {node.host: node for node in cluster}

    def write(self, step):
        for host in guide.expand(step.on) if step.on else self.nodes:
            self.nodes[host].write(step.path, step.text, step.mode, step.owner)

    def shell(self, host, text, user, again=True):
        """Exit code and output, both streams together."""
        result = self.nodes[host].run(["bash", "-c", f"exec 2>&1\n{text}"], user=user, check=False, timeout=LIMIT)
        if result.rc and again and SYSTEMD_HANGS_UP in result.out:
            warnings.warn(f"{host}: {text}: {result.out}" + "\n".join(self.nodes[host].journal(unit=None).splitlines()[-30:]))
            return self.shell(host, text, user, again=False)
        return result.rc, result.out + result.err

    def pdsh(self, words, text):
        """sudo pdsh -w HOSTS COMMAND"""
        code, out = 0, ""
        # the shell that reads the line takes one level of quotes away, as it does from pdsh's arguments
        command = " ".join(words[4:])
        for host in guide.expand(words[3]):
            rc, said = self.shell(host, command, "root")
            code = code or rc
            out += "".join(f"{host}: {line}\n" for line in said.splitlines())
        return code, out

    def pdcp(self, words):
        """sudo pdcp [-p] -w HOSTS FILE... TARGET, from the first node"""
        names = [w for w in words[2:] if w != "-p"]
        hosts, (*files, target) = guide.expand(names[1]), names[2:]
        for name in files:
            source = self.nodes[HERE].path(name)
            mode = source.stat()
            for host in hosts:
                copy = self.nodes[host].path(target)
                copy = copy / source.name if copy.is_dir() else copy
                shutil.copyfile(source, copy)
                copy.chmod(mode.st_mode & 0o7777 if "-p" in words else 0o644)
                os.chown(copy, mode.st_uid if "-p" in words else 0, mode.st_gid if "-p" in words else 0)
        return 0, ""

    def command(self, step):
        words = shlex.split(step.text) if step.text.startswith("sudo pd") else []
        if words[:2] == ["sudo", "pdsh"]:
            code, out = self.pdsh(words, step.text)
        elif words[:2] == ["sudo", "pdcp"]:
            code, out = self.pdcp(words)
        else:
            text = f"cd {ROOT}\n{step.text}" if step.source else step.text
            code, out = self.shell(step.host or HERE, text, "root" if step.source else step.user or ME)
        assert (code != 0) == step.fails, f"{step.where}: {step.text}\nexit {code}\n{out}"
        assert not step.answer or guide.matches(step.answer, out), \
            f"{step.where}: {step.text}\n-- the guide says\n" + "\n".join(step.answer) + f"\n-- it says\n{out}"

    def follow(self, chapter):
        failures = []
        for step in guide.steps(chapter):
            print(f"{step.where}: {getattr(step, 'path', '') or step.text}")
            try:
                (self.write if isinstance(step, guide.File) else self.command)(step)
            except AssertionError as e:
                failures.append(str(e))
                self.failed += 1
                if self.failed >= FAILURES:
                    break
        assert not failures, "\n\n".join(failures)


@pytest.fixture(scope="module")
def reader(_clusters):
    if BUILD != ROOT / "build":
        pytest.skip("the guide builds in build/")
    if {Path("/tmp"), Path("/run")} & {*ROOT.parents}:
        pytest.skip("nodes have a /tmp of their own: they do not see this source")
    if not shutil.which("sudo"):
        pytest.skip("the guide wants sudo")
    cluster = _clusters.start(4, boot=False, flux=False)
    try:
        make_bare(cluster)
        cluster.boot()
        yield Reader(cluster)
    finally:
        cluster.close()


@pytest.mark.parametrize("chapter", guide.chapters(), ids=lambda p: p.stem)
def test_chapter(reader, chapter):
    if reader.failed >= FAILURES:
        pytest.fail("an earlier chapter failed")
    try:
        reader.follow(chapter)
    except BaseException:
        print(reader.cluster.report(40))
        raise


def test_all_examples_are_run():
    assert guide.mistakes() == []


def test_manual_pages_that_it_names_exist():
    names = {m for path in guide.chapters() for m in re.findall(r"\*(flux-[\w-]+)\*\((\d)\)", path.read_text())}
    assert len(names) > 5
    assert sorted(f"{n}.{s}" for n, s in names if not (BUILD / f"docs/man/man{s}/{n}.{s}").exists()) == []


def test_answers_match_as_the_guide_explains():
    assert guide.matches(["a...c", "...", "d"], "abbbc\nx\ny\nd  \n")
    assert guide.matches(["a b..."], "a b\n") and guide.matches(["..."], "")
    assert not guide.matches(["a"], "a\nb\n") and not guide.matches(["a.c"], "abc\n")
    assert guide.expand("test[1-3,5],x") == ["test1", "test2", "test3", "test5", "x"]
