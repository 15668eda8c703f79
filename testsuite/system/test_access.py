# SPDX-License-Identifier: LGPL-3.0-only
"""Who may call what: every rpc of every service, by everyone, against what its proto file declares; and of those
that guests may call, whose jobs each is about. A new rpc is covered by being there; a new one for guests must be
given its rule in RULES."""
import json
import os
import pwd
import subprocess
from contextlib import ExitStack

import pytest
from google.protobuf import descriptor_pb2

import guests
from conftest import BUILD, PATIENCE, Instance
from guests import ALICE, BOB, client_as, submit

pytestmark = pytest.mark.root
OWNER, ROOT = 64100, 0
ADMIN = pwd.getpwnam("games").pw_uid  # who has a name everywhere, as the configuration wants one
CALLERS = {"owner": OWNER, "admin": ADMIN, "root": ROOT, "own": ALICE, "other": BOB}
EPERM, ENOENT, ECHILD, EPROTO = 1, 2, 10, 71
ACCESS = 50001  # the option, a varint: 0 owner, 1 admin, 2 guest
NO_MESSAGE = b"\x0f"  # a wire type that does not exist


class Owned(Instance):
    """An instance of a user who is not root."""

    def _spawn(self, command):
        for path in (self.dir, *self.dir.iterdir()):
            os.chown(path, OWNER, OWNER)
        self.dir.chmod(0o755)
        os.mkfifo(self.dir / "uri")
        os.chown(self.dir / "uri", OWNER, OWNER)
        self._uri_pipe = os.open(self.dir / "uri", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=log, stderr=log,
                                            env=self.env, cwd=self.dir, start_new_session=True,
                                            user=OWNER, group=OWNER, extra_groups=[])

    def run(self, *args, **kwargs):
        r = guests.flux_as(OWNER, self, *args, **kwargs)
        assert r.returncode == 0, (args, r.stdout, r.stderr)
        return r.stdout.rstrip("\n")

    def configure(self, root_owner=False, private=False, admins=(), guest=True):
        """New rules, acting at once."""
        def on(value):
            return "true" if value else "false"
        (self.dir / "config" / "test.toml").write_text(
            f"[access]\nallow-guest-user = {on(guest)}\nallow-root-owner = {on(root_owner)}\n"
            f"private-mode = {on(private)}\n[access.roles.admin]\nusers = {json.dumps(list(admins))}\n"
            f'groups = []\n[exec]\nimp = "{self.imp}"\n[exec.testexec]\nallow-guests = true\n')
        self.run("config", "reload")


def rpcs():
    """(Service/Method, access, fields of its request) of all."""
    found, messages = [], {}
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "proto/flux/v1/flux.v1.desc").read_bytes()).file
    for file in files:
        messages.update({m.name: [f.name for f in m.field] for m in file.message_type})
    for file in files:
        for service in file.service:
            for rpc in service.method:
                options = rpc.options.SerializeToString()
                key = bytes([ACCESS << 3 & 0x7f | 0x80, ACCESS << 3 >> 7 & 0x7f | 0x80, ACCESS << 3 >> 14])
                at = options.find(key)
                access = options[at + len(key)] if at >= 0 else 0
                found.append((f"{service.name}/{rpc.name}", access, messages[rpc.input_type.split(".")[-1]]))
    return found


RPCS = rpcs()


@pytest.fixture(scope="module")
def owned():
    if not guests.can_run():
        pytest.skip("the build directory is private")
    stack = ExitStack()
    imp = guests.make_imp(stack.enter_context(guests.public_dir()))
    instance = Owned(2, config="[access]\nallow-guest-user = true\n")
    instance.imp, instance.admin_name = imp, pwd.getpwuid(ADMIN).pw_name
    yield instance
    assert instance.stop() == 0, instance.log[-4000:]
    assert instance.clean() == [], "processes were left behind"
    stack.close()


@pytest.fixture
def everyone(owned):
    """A client of each caller, made under the present rules."""
    def connect():
        return {name: client_as(uid, owned.uri) for name, uid in CALLERS.items()}
    with ExitStack() as stack:
        def made():
            clients = connect()
            for c in clients.values():
                stack.callback(c.socket.close)
            return clients
        yield made


def status(client, method, body):
    """The error number of the first answer; 0: the call was let in and has answered, or goes on."""
    tag = next(client.tags)
    client.send(kind="KIND_REQUEST", method="flux.v1." + method, tag=tag, body=body)
    while True:
        m = client.receive()
        if m.kind == client.kind["KIND_RESPONSE"] and m.tag == tag:
            if m.more:
                client.cancel(tag)
            return m.status, m.text


# --- what the proto files declare ---

RIGHTS = {  # who may call rpcs of each access: 0 owner, 1 admin, 2 guest
    (False, "owner"): 2, (False, "admin"): 1, (False, "root"): 0, (False, "own"): 0, (False, "other"): 0,
    (True, "owner"): 2, (True, "admin"): 1, (True, "root"): 2, (True, "own"): 0, (True, "other"): 0,
}


@pytest.mark.parametrize("root_owner", [False, True])
def test_every_rpc_is_open_to_those_whom_its_proto_names(owned, everyone, root_owner):
    """What is let in fails to decode, and so has no effect; what is not is refused before that."""
    owned.configure(root_owner=root_owner, admins=[owned.admin_name])
    wrong, clients = [], everyone()
    for method, access, _ in RPCS:
        for name, client in clients.items():
            may = access + RIGHTS[root_owner, name] >= 2
            got, text = status(client, method, NO_MESSAGE)
            if got != (EPROTO if may else EPERM) or (not may and "for the instance owner" not in text):
                wrong.append((method, name, got, text))
    assert wrong == []
    assert len(RPCS) > 80


@pytest.mark.parametrize("method", ["Collective/Gather", "Overlay/Report", "ResourceDiscovery/Report"])
def test_what_brokers_tell_each_other_is_nothing_for_a_client(owned, everyone, method):
    """Not for the owner's, either: a made-up mismatch would drain a node."""
    assert status(everyone()["owner"], method, b"")[0] == EPERM


# --- whose jobs ---

# steer: the job's user, administrators, the owner.  read: the job's user and the owner.  list: everyone, but in
# private mode only those who may steer.  wait: the job's user alone. The fields make no difference to the job.
FIELDS = {
    "JobManager/Raise": ("steer", dict(type="note", severity=7)),
    "JobManager/Kill": ("steer", dict(signum=1000)),
    "JobManager/SetUrgency": ("steer", dict(urgency=0)),
    "JobManager/Memo": ("steer", dict(memo='{"a":1}')),
    "JobManager/Update": ("steer", dict(updates="[]")),
    "JobManager/Wait": ("wait", {}),
    "JobInfo/Lookup": ("read", dict(keys=["jobspec", "eventlog"])),
    "JobInfo/Watch": ("read", {}),
    "JobIo/Write": ("read", dict(shells=1, seq=1)),
    "JobIo/Read": ("read", dict(nofollow=True)),
    "JobIo/WriteInput": ("read", dict(data=b"x")),
    "JobIo/ReadInput": ("read", dict(tasks="0")),
    "JobList/WaitState": ("list", dict(states=16)),
}
# Rpcs for guests that name no job: what keeps a guest to what is its own, or why there is nothing to keep.
RULES = {
    "Broker/Ping": "nothing of anybody's", "Broker/GetAttr": "public", "Broker/ListAttr": "public",
    "Broker/Info": "public", "Broker/WatchState": "public", "Broker/Stats": "counters of methods, not of users",
    "Collective/Exchange": "names are the caller's own", "Config/Get": "public; secrets are in files",
    "Event/Subscribe": "events are public", "JobIngest/Submit": "signed by the caller",
    "JobList/List": "private mode", "JobList/Ids": "private mode", "JobList/Stats": "private mode",
    "JobManager/RaiseAll": "own jobs", "JobManager/KillAll": "own jobs", "JobManager/QueueStatus": "private mode",
    "Kvs/Get": "namespaces have owners", "Kvs/GetMany": "namespaces have owners",
    "Kvs/Commit": "namespaces have owners", "Kvs/Watch": "namespaces have owners",
    "Kvs/GetRoot": "namespaces have owners", "Module/List": "public", "Overlay/Status": "public",
    "Overlay/Topology": "public", "Overlay/Online": "public", "Resource/Status": "public", "Resource/Get": "public",
    "Sched/Feasible": "nothing of anybody's", "Sched/Status": "resources are public",
}


def test_every_rpc_for_guests_has_its_rule():
    guest = {m for m, access, _ in RPCS if access == 2}
    assert guest == set(FIELDS) | set(RULES)
    assert not set(FIELDS) & set(RULES)
    by_id = {m for m, access, fields in RPCS if access == 2 and "id" in fields}
    assert by_id == set(FIELDS)


@pytest.fixture(scope="module")
def alices(owned):
    """A job of alice that runs (nothing but a timer)."""
    owned.configure(admins=[owned.admin_name])
    client = client_as(ALICE, owned.uri)
    job = submit(client, owned, "--setattr=system.exec.test.run_duration=1000s", "sleep", "1000")
    owned.run("job", "wait-event", job, "start")
    return job


def refused(rule, caller, root_owner, private):
    """The error that a call about alice's job ends with, or None: it is let in."""
    owner = caller == "owner" or (caller == "root" and root_owner)
    if caller == "own":
        return None
    if rule == "wait":
        return ECHILD
    if owner or (caller == "admin" and rule in ("steer", "list")):
        return None
    if rule == "list" and not private:
        return None
    return ENOENT if private and caller != "admin" else EPERM


@pytest.mark.parametrize("root_owner, private", [(False, False), (False, True), (True, False), (True, True)])
def test_every_rpc_about_a_job_is_open_to_those_who_may(owned, everyone, alices, root_owner, private):
    owned.configure(root_owner=root_owner, private=private, admins=[owned.admin_name])
    wrong, clients = [], everyone()
    for method, (rule, fields) in FIELDS.items():
        for name, client in clients.items():
            request = client.contract.message(method.replace("/", "") + "Request")(id=alices, **fields)
            want = refused(rule, name, root_owner, private)
            client.socket.settimeout(20 * PATIENCE if want else 1)
            try:
                got, text = status(client, method, request.SerializeToString())
            except TimeoutError:  # it was let in, and waits
                got, text = 0, ""
                clients[name] = client = client_as(CALLERS[name], owned.uri)
            if (got != want) if want else got in (EPERM, ENOENT):
                wrong.append((method, name, got, text, want))
    assert wrong == []
    assert owned.run("jobs", "-no", "{state}", alices) == "RUN"


def test_in_private_mode_a_guest_sees_its_own_jobs_and_no_statistics(owned, everyone, alices):
    owned.configure(private=True, admins=[owned.admin_name])
    clients = everyone()

    def listed(name):
        (answer,) = clients[name].call("JobList/List", userid=0xffffffff)
        return [job.id for job in answer.jobs]
    assert {name: alices in listed(name) for name in clients} == {
        "owner": True, "admin": True, "root": False, "own": True, "other": False}
    for name in ("root", "own", "other"):
        with pytest.raises(Exception, match="private"):
            list(clients[name].call("JobList/Stats"))
        (status_of_queues,) = clients[name].call("JobManager/QueueStatus")
        assert status_of_queues.running == status_of_queues.active == 0
    for name in ("other", "root"):
        with pytest.raises(Exception, match="unknown"):
            list(clients[name].call("JobList/Ids", ids=[alices]))
    assert guests.flux_as(BOB, owned, "jobs", "-A", "-no", "{id}").stdout == ""
    r = guests.flux_as(BOB, owned, "job", "info", alices, "jobspec")
    assert r.returncode == 1 and "unknown job id" in r.stderr


def test_jobs_of_many_are_those_of_the_caller(owned, everyone, alices):
    owned.configure(admins=[owned.admin_name])
    clients = everyone()
    anybody = dict(select=dict(userid=0xffffffff), dry_run=True)
    for method, fields in (("JobManager/RaiseAll", dict(type="cancel")), ("JobManager/KillAll", dict(signum=15))):
        for name, uid in CALLERS.items():
            mine = dict(select=dict(userid=uid), dry_run=True)
            (answer,) = clients[name].call(method, **mine, **fields)
            assert answer.matched == (1 if name == "own" else 0), (method, name)
        for name in ("owner", "admin"):
            (answer,) = clients[name].call(method, **anybody, **fields)
            assert answer.matched == 1
        for name in ("root", "own", "other"):
            with pytest.raises(Exception, match="their own jobs"):
                list(clients[name].call(method, **anybody, **fields))


def test_a_guest_may_not_go_above_the_default_urgency_and_an_administrator_may(owned, everyone):
    owned.configure(admins=[owned.admin_name])
    clients = everyone()
    owned.run("queue", "stop")
    job = submit(clients["own"], owned, "true")
    try:
        with pytest.raises(Exception, match="only adjust urgency <= default"):
            list(clients["own"].call("JobManager/SetUrgency", id=job, urgency=17))
        list(clients["own"].call("JobManager/SetUrgency", id=job, urgency=0))
        list(clients["admin"].call("JobManager/SetUrgency", id=job, urgency=31))
        r = guests.flux_as(ALICE, owned, "job", "urgency", job, "expedite")
        assert r.returncode == 1 and "urgency" in r.stderr
    finally:
        owned.run("cancel", job)
        owned.run("queue", "start")


def test_a_guest_cannot_wait_for_the_end_of_anothers_job(owned, everyone, alices):
    clients = everyone()
    text = guests.jobspec(owned, f"--dependency=afterany:{alices}", "true")
    (answer,) = clients["other"].call("JobIngest/Submit", jobs=[dict(signed=guests.sign(BOB, text))])
    assert answer.outcomes[0].id == 0 and "not yours" in answer.outcomes[0].text
    (answer,) = clients["own"].call("JobIngest/Submit", jobs=[dict(signed=guests.sign(ALICE, text))])
    assert answer.outcomes[0].id
    owned.run("cancel", answer.outcomes[0].id)


# --- namespaces of the KVS ---

PUT, SYMLINK, COPY = 1, 5, 6


def kvs_calls(namespace, **more):
    return [("Kvs/Get", dict(namespace=namespace, key="a", **more)),
            ("Kvs/GetMany", dict(namespace=namespace, keys=["a"], **more)),
            ("Kvs/GetRoot", dict(namespace=namespace, **more)),
            ("Kvs/Watch", dict(namespace=namespace, key="a", **more)),
            ("Kvs/Commit", dict(namespace=namespace, ops=[dict(kind=PUT, key="a", value=b"x")], **more))]


def refuses(client, method, **fields):
    """Whether the call ends with EPERM; its items do not come."""
    request = client.contract.message(method.replace("/", "") + "Request")(**fields)
    return status(client, method, request.SerializeToString())[0] == EPERM


@pytest.mark.parametrize("rank", [0, 1])
def test_a_namespace_is_its_users_and_the_owners(owned, rank):
    owned.configure(admins=[owned.admin_name])
    uri = owned.uri.replace("local-0", f"local-{rank}")
    clients = {name: client_as(uid, uri) for name, uid in CALLERS.items()}
    mine, other = f"alices{rank}", f"bobs{rank}"
    owned.run("kvs", "namespace", "create", "-o", str(ALICE), mine)
    owned.run("kvs", "namespace", "create", "-o", str(BOB), other)
    wrong = [(method, name) for method, fields in reversed(kvs_calls(mine)) for name in ("owner", "own", "admin", "root", "other")
             if refuses(clients[name], method, **fields) != (name in ("admin", "root", "other"))]
    wrong += [(method, name) for namespace in ("primary", other) for method, fields in kvs_calls(namespace)
              for name in ("own", "admin", "root") if not refuses(clients[name], method, **fields)]
    assert wrong == []


@pytest.mark.parametrize("rank", [0, 1])
def test_no_way_leads_from_a_guests_namespace_into_another(owned, rank):
    uri = owned.uri.replace("local-0", f"local-{rank}")
    own, owner = client_as(ALICE, uri), client_as(OWNER, uri)
    name = f"ways{rank}"
    owned.run("kvs", "namespace", "create", "-o", str(ALICE), name)
    owned.run("kvs", "put", "secret.a=1")
    (root,) = owner.call("Kvs/GetRoot")
    for namespace in (name, "primary"):
        assert refuses(own, "Kvs/Get", namespace=namespace, key="secret.a", rootref=root.rootref)
        assert refuses(own, "Kvs/GetMany", namespace=namespace, keys=["secret.a"], rootref=root.rootref)
    for method, fields in kvs_calls("primary", on_behalf=OWNER + 1):
        assert refuses(own, method, **fields), method
    for kind in (SYMLINK, COPY):
        op = dict(kind=kind, key=f"way{kind}", target="secret", target_namespace="primary")
        if refuses(own, "Kvs/Commit", namespace=name, ops=[op]):
            continue
        assert kind == SYMLINK, "a copy of what it may not read"
        for key in (f"way{kind}.a", f"way{kind}"):
            assert refuses(own, "Kvs/Get", namespace=name, key=key), key
            assert refuses(own, "Kvs/GetMany", namespace=name, keys=[key]), key
            assert refuses(own, "Kvs/Watch", namespace=name, key=key), key
        with pytest.raises(Exception, match="leads through a link"):
            list(own.call("Kvs/Commit", namespace=name, ops=[dict(kind=PUT, key=f"way{kind}.a", value=b"2")]))
    assert owned.run("kvs", "get", "secret.a") == "1"


# --- a reload ---


def gone(client):
    """The text of the broker's goodbye."""
    client.socket.settimeout(20 * PATIENCE)
    while True:
        m = client.receive()
        if m.kind == client.kind["KIND_CONTROL"] and m.control == client.control["CONTROL_GOODBYE"]:
            return m.text


def test_rights_follow_the_configuration_at_once(owned, everyone):
    owned.configure(root_owner=True, admins=[owned.admin_name])
    clients = everyone()
    assert status(clients["root"], "Log/Clear", NO_MESSAGE)[0] == EPROTO
    owned.configure(root_owner=False, admins=[])
    assert "taken rights" in gone(clients["root"]) and "taken rights" in gone(clients["admin"])
    clients = {**clients, "root": client_as(ROOT, owned.uri)}
    assert status(clients["root"], "Log/Clear", NO_MESSAGE)[0] == EPERM
    owned.configure(root_owner=True, admins=[])
    assert status(clients["root"], "Log/Clear", NO_MESSAGE)[0] == EPROTO
    owned.configure(guest=False)
    for name in ("own", "other"):
        assert "admits no guests" in gone(clients[name])
    assert "admits no guests" in guests.flux_as(BOB, owned, "ping", "-c1", "0").stderr
    owned.configure(guest=False, admins=[owned.admin_name])
    assert client_as(ADMIN, owned.uri).hello.roles & 8
    owned.configure()


def test_a_name_that_nobody_has_grants_nothing_and_is_told(owned):
    owned.configure(admins=["nosuchuser"])
    assert "there is no user 'nosuchuser' here" in owned.run("dmesg")
    owned.configure()
