# SPDX-License-Identifier: LGPL-3.0-only
"""The layer that all nodes have above this machine's root: the product, users, keys, configuration, units."""
import json
import os
import pwd
import secrets
import subprocess
from pathlib import Path

from commands import BUILD

# Accounts of every node: name, uid, supplementary groups.
FLUX_UID = 871
USERS = {"alice": (5001, ["lab"]), "bob": (5002, ["lab"])}
GROUPS = {"lab": 5100}
NETWORK = "10.77.0"
PORT = 8050

# Of no use in a node, or meant for a machine with devices.
MASKED = """
    console-getty.service getty.target getty-static.service systemd-logind.service
    dbus-org.freedesktop.login1.service systemd-ask-password-wall.path systemd-ask-password-console.path
    systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service
    systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-user-sessions.service
    systemd-tmpfiles-clean.timer systemd-pstore.service systemd-binfmt.service systemd-sysctl.service
    systemd-modules-load.service systemd-firstboot.service systemd-machine-id-commit.service
    systemd-random-seed.service systemd-remount-fs.service systemd-hwdb-update.service
    systemd-journal-catalog-update.service systemd-update-done.service systemd-sysusers.service
    systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-boot-system-token.service
    systemd-initctl.socket systemd-journald-audit.socket systemd-networkd.service
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
    sys-kernel-config.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount
    ldconfig.service modprobe@dm_mod.service modprobe@loop.service kmod-static-nodes.service systemd-tmpfiles-setup-dev.service
    cryptsetup.target veritysetup.target integritysetup.target remote-cryptsetup.target
    remote-veritysetup.target remote-fs.target swap.target
""".split()

SYSTEM_TOML = """\
[exec]
imp = "/usr/libexec/flux/flux-imp"

[access]
allow-guest-user = true
allow-root-owner = true

[bootstrap]
curve_cert = "/etc/flux/system/curve.cert"
default_port = {port}
default_bind = "tcp://eth0:%p"
default_connect = "tcp://%h:%p"
hosts = [
    {{ host = "{hosts}" }},
{parents}]

# As short as a busy machine allows: tests wait for it.
[tbon]
tcp_user_timeout = "2s"

[resource]
[[resource.config]]
hosts = "{hosts}"
cores = "{cores}"

[kvs]
checkpoint-period = "30m"
gc-threshold = 100000

[ingest.validator]
plugins = [ "jobspec", "feasibility" ]

[job-manager]
inactive-age-limit = "7d"
"""


def read_options(build):
    path = Path(build) / "meson-info" / "intro-buildoptions.json"
    return {o["name"]: o["value"] for o in json.loads(path.read_text())}


def cores_of_this_machine():
    out = subprocess.run(["lscpu", "-p=CORE,SOCKET"], check=True, capture_output=True, text=True).stdout
    return len({line for line in out.splitlines() if not line.startswith("#")})


class Image:
    """Writes the layer, below `root`: the image directory as this process reaches it."""

    def __init__(self, cluster, extra_config, parents):
        self.cluster, self.extra_config = cluster, extra_config
        self.parents = parents  # of hosts that are not below rank 0
        self.root = cluster.files / "image"

    def write(self, path, text, mode=0o644, owner=0):
        """A file of all nodes. Missing directories are made, for root to write and all to read."""
        target = self.root / path.lstrip("/")
        self.make_dir(target.parent)
        target.write_text(text)
        target.chmod(mode)
        os.chown(target, owner, owner)

    def make_dir(self, target):
        if not target.is_dir():
            self.make_dir(target.parent)
            target.mkdir()
            target.chmod(0o755)

    def build_all(self):
        self.install_product()
        self.add_users()
        self.add_munge()
        self.add_units()
        self.add_configuration()
        self.write("/etc/hosts", "127.0.0.1 localhost\n" + "".join(
            f"{NETWORK}.{i} {host}\n" for i, host in enumerate(self.cluster.hosts, 1)))

    def install_product(self):
        """What `meson install` puts where a package would, without building anything."""
        self.cluster.in_keeper("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir",
                               self.cluster.dir / "image", stdout=subprocess.DEVNULL)
        imp = self.root / "usr/libexec/flux/flux-imp"
        if imp.exists():
            os.chown(imp, 0, 0)
            imp.chmod(0o4755)

    def add_users(self):
        passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
        shadow = Path("/etc/shadow").read_text()
        ours = {"flux", *USERS, *GROUPS}

        def others(text):
            return "".join(line + "\n" for line in text.splitlines() if line.split(":")[0] not in ours)
        passwd = others(passwd) + f"flux:x:{FLUX_UID}:{FLUX_UID}:Flux:/var/lib/flux:/usr/sbin/nologin\n"
        group = others(group) + f"flux:x:{FLUX_UID}:\n"
        for name, (uid, _) in USERS.items():
            passwd += f"{name}:x:{uid}:{uid}:{name}:/home/{name}:/bin/bash\n"
            group += f"{name}:x:{uid}:\n"
        for name, gid in GROUPS.items():
            group += f"{name}:x:{gid}:{','.join(u for u, (_, more) in USERS.items() if name in more)}\n"
        self.write("/etc/passwd", passwd)
        self.write("/etc/group", group)
        passwords = "".join(f"{name}:*:19000:0:99999:7:::\n" for name in ("flux", *USERS))
        self.write("/etc/shadow", others(shadow) + passwords, 0o640)
        state = self.root / "var/lib/flux"
        self.make_dir(state)
        os.chown(state, FLUX_UID, FLUX_UID)
        state.chmod(0o700)

    def add_munge(self):
        munge = pwd.getpwnam("munge")
        self.make_dir(self.root / "etc")
        key = self.root / "etc/munge/munge.key"
        key.parent.mkdir(mode=0o700)
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        for path in (key.parent, key):
            os.chown(path, munge.pw_uid, munge.pw_gid)

    def add_units(self):
        """Only what is enabled here runs: what this machine has enabled is out of sight."""
        units = self.root / "etc/systemd/system"
        self.make_dir(units)
        os.setxattr(units, "trusted.overlay.opaque", b"y")
        for name in MASKED:
            (units / name).symlink_to("/dev/null")
        wants = units / "multi-user.target.wants"
        wants.mkdir()
        for name in ("dbus.service", "munge.service", "flux.service"):
            (wants / name).symlink_to(f"/lib/systemd/system/{name}")
        self.write("/etc/systemd/journald.conf.d/cluster.conf", "[Journal]\nStorage=persistent\nCompress=no\n"
                   "SyncIntervalSec=0\nRateLimitIntervalSec=0\nForwardToSyslog=no\nForwardToConsole=no\n")
        self.write("/etc/systemd/system.conf.d/cluster.conf",
                   "[Manager]\nDefaultTimeoutStopSec=30s\nShowStatus=no\n")

    def add_configuration(self):
        last = cores_of_this_machine() - 1
        examples = self.root / "usr/share/doc/flux/examples"
        for space in ("security", "imp"):
            self.write(f"/etc/flux/{space}/conf.d/{space}.toml", (examples / f"{space}.toml").read_text())
        self.write("/etc/flux/system/conf.d/system.toml", SYSTEM_TOML.format(
            port=PORT, hosts=self.cluster.hostlist, cores=f"0-{last}" if last else "0", parents="".join(
                f'    {{ host = "{host}", parent = "{parent}" }},\n' for host, parent in self.parents.items())))
        if self.extra_config:
            self.write("/etc/flux/system/conf.d/test.toml", self.extra_config)
        cert = self.root / "etc/flux/system/curve.cert"
        subprocess.run([BUILD / "server/broker/flux-keygen", cert], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        os.chown(cert, FLUX_UID, FLUX_UID)
        cert.chmod(0o600)
