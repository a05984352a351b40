"""`lictor doctor`: what it finds where something is wrong, and that it finds nothing where nothing is."""

import contextlib
import json
import os
import signal
import subprocess
import sys

from terminal import written_to_terminal
from tools import children, eventually
from world import FAILED, LEFT, run

TOKEN = "0b1f0f53-6c55-47a1-9d3c-7f0f4f1d2a64"
CHECKS = {
    "settings",
    "identity",
    "claims",
    "serf",
    "address",
    "storage",
    "secrets",
    "ports",
    "limits",
    "version",
    "grace",
    "stop-policy",
    "proxy",
    "clock",
    "held-for-failed",
    "servers",
    "duplicate-address",
    "duplicate-id",
    "failed-member",
    "entry-without-member",
    "member-without-entry",
}
LOCAL = {"settings", "identity", "storage", "secrets", "ports", "limits", "version", "proxy", "servers"}
# A server that lets others ask it the time.
OPEN_HTTP = "0.0.0.0"


def examine(client, **environment):
    """Runs the doctor: (exit code, findings as (check, what is seen), names of the checks made, check -> why not)."""
    told = client.command("doctor", "--json", within=40, **environment)
    assert told.stdout and not told.stderr, told
    report = json.loads(told.stdout)
    findings = []
    for finding in report["findings"]:
        assert sorted(finding) == ["check", "mend", "seen", "severity", "why"] and all(finding.values()), finding
        # Where the whole machine is a container, its folders do not outlast it; the doctor is right to say so.
        if finding["check"] != "storage" or not fleeting(client.folder):
            findings.append((finding["check"], finding["seen"]))
    unseen = {entry["check"]: entry["reason"] for entry in report["not_looked_at"]}
    assert CHECKS == set(report["looked_at"]) | set(unseen) and not set(report["looked_at"]) & set(unseen), report
    return told.returncode, findings, set(report["looked_at"]), unseen


def fleeting(folder):
    return run("stat", "--file-system", "--format=%T", folder).strip() in ("overlayfs", "tmpfs", "ramfs")


def clean_exit(client):
    return 1 if fleeting(client.folder) else 0


@contextlib.contextmanager
def listening(client, port, kind):
    """Another program on the node that has a port of 127.0.0.1: its pid."""
    code = f"import socket; s = socket.socket(type=socket.{kind}); s.bind(('127.0.0.1', {port}))"
    code += "; s.listen() if s.type == socket.SOCK_STREAM else None; print('bound', flush=True); input()"
    command = ["ip", "netns", "exec", client.namespace, sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "bound\n"
        try:
            yield process.pid
        finally:
            process.kill()


def doctor_clean(world):
    """Two healthy nodes: every check is made and none finds anything."""
    server = world.server({"addresses": {"http": f"{OPEN_HTTP} unix://{world.folder}/server.sock"}})
    # Nobody tells there why lictor is stopped, which only `auto` would have to know.
    clients = [world.client(name, stop={"policy": "leave"}).start() for name in ("n1", "n2")]
    for client in clients:
        client.ready()
    eventually(lambda: all(len(client.members()) == 3 for client in clients) and server.node("n2"), 10)
    for client in clients:
        code, findings, looked_at, unseen = examine(client, LICTOR_GRACE="30")
        assert (code, findings, looked_at, unseen) == (clean_exit(client), [], CHECKS, {}), (code, findings, unseen)
    # What only this lictor's own environment tells.
    _, findings, _, unseen = examine(clients[0])
    assert not findings and set(unseen) == {"grace"}, (findings, unseen)


def doctor_acls(world):
    """With ACLs: nothing is found where the token reads all, and nothing is invented where it reads little."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": TOKEN}}
    server = world.server({"primary_datacenter": "dc1", "acl": acl}, token=TOKEN)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    reads = {"all": 'node_prefix "" { policy = "read" }', "own": "", "none": ""}
    for name, rules in reads.items():
        own = "" if name == "none" else f'node "{name}" {{ policy = "write" }} service_prefix "" {{ policy = "write" }}'
        server.put("/v1/acl/policy", {"Name": name, "Rules": rules + own})
        write = server.put(
            "/v1/acl/policy", {"Name": f"{name}-agent", "Rules": f'node "{name}" {{ policy = "write" }}'}
        )
        tokens = {
            "default": server.put("/v1/acl/token", {"Policies": [{"Name": name}]})["SecretID"],
            "agent": server.put("/v1/acl/token", {"Policies": [{"ID": write["ID"]}]})["SecretID"],
        }
        services = [] if name == "none" else None
        config = {
            "primary_datacenter": "dc1",
            "acl": {"enabled": True, "default_policy": "deny", "tokens": tokens},
        }
        client = world.client(name, agent={"config": config}, services=services).start()
        eventually(lambda name=name: server.node(name), 10, f"{name} is in the catalog")
        code, findings, _, unseen = examine(client, LICTOR_GRACE="30")
        assert (code, findings) == (clean_exit(client), []), (name, code, findings)
        filtered = {"all": set(), "own": {"member-without-entry"}}.get(
            name, {check for check in CHECKS if check.startswith("duplicate")} | {"claims", "failed-member"}
        )
        assert filtered <= set(unseen) and (name != "all" or set(unseen) == {"clock", "stop-policy"}), (name, unseen)


def doctor_cluster(world):
    """What is wrong in the cluster, each by its name: exit 1."""
    server = world.server()
    # The doctor looks; nobody heals before it has.
    client, dying = world.client("n1", node={"heal": False}), world.client("n2")
    for each in (client, dying):
        each.start().ready()
    for name, address in (
        ("former", client.address),
        ("twin-a", "10.99.0.1"),
        ("twin-b", "10.99.0.1"),
        ("ghost", "10.99.0.2"),
    ):
        server.put("/v1/catalog/register", {"Node": name, "Address": address})
    meta = {"external-node": "true"}
    server.put("/v1/catalog/register", {"Node": "printer", "Address": "10.99.0.2", "NodeMeta": meta})
    dying.send(signal.SIGKILL)
    eventually(lambda: client.members()["n2"] == FAILED, 15, "n2 has failed for n1")
    code, findings, _, _ = examine(client)
    assert code == 1, findings
    seen = {check: sorted(text for name, text in findings if name == check) for check, _ in findings}
    assert sorted(seen) == ["claims", "duplicate-address", "entry-without-member", "failed-member"], findings
    assert len(seen["claims"]) == 1 and "former" in seen["claims"][0] and client.address in seen["claims"][0], seen
    assert len(seen["duplicate-address"]) == 1 and "twin-a, twin-b" in seen["duplicate-address"][0], seen
    assert [text.split()[1] for text in seen["entry-without-member"]] == ["ghost", "twin-a", "twin-b"], seen
    assert len(seen["failed-member"]) == 1 and "n2" in seen["failed-member"][0], seen


def doctor_name_taken(world):
    """A node whose name is alive elsewhere: its gossip shuts down, and the doctor says so, and who has the name."""
    world.server()
    first = world.client("n1").start()
    first.ready()
    second = world.client("n2", node={"name": "n1", "heal": False})
    second.start()
    second.logged("EventMemberJoin: server ", 10)
    # Before the vote on the name, which takes 3 s: lictor would set out to restart the agent that loses it.
    for each in (first, second):
        each.send(signal.SIGSTOP)
    # What the agents write waits in their pipes to lictor; the gossip port of the one that has shut down is closed.
    def silent():
        return [each for each in (first, second) if ":8301" not in run("ip", "netns", "exec", each.namespace, "ss", "-Hlnu")]

    (victim,) = eventually(silent, 20, "serf has shut down on one of the two")
    eventually(lambda: victim.agent_get("/v1/agent/self"), 5)
    code, findings, _, unseen = examine(victim)
    assert code == 75 and "serf" in dict(findings), (code, findings, unseen)
    assert victim.address in dict(findings)["serf"], findings
    for each in (first, second):
        each.send(signal.SIGCONT)


def doctor_without_lictor(world):
    """Without a lictor all that the host alone can tell is looked at."""
    client = world.client(stop={"timeout": "10s"})
    code, findings, looked_at, unseen = examine(client)
    assert (code, findings) == (clean_exit(client), []), (code, findings)
    assert looked_at == LOCAL and all("runs here" in why for check, why in unseen.items() if check not in ("grace", "stop-policy")), unseen
    assert not client.processes() and not os.path.exists(client.data_dir) and not os.path.exists(client.run_dir)
    code, findings, looked_at, _ = examine(client, LICTOR_GRACE="5")
    assert code == 1 and "10s" in dict(findings)["grace"] and "5s" in dict(findings)["grace"], findings
    code, findings, _, _ = examine(client, LICTOR_GRACE="10500ms")
    assert (code, findings) == (clean_exit(client), []), (code, findings)
    for port, kind, setting in (
        (8600, "SOCK_DGRAM", "ports.dns: UDP"),
        (8500, "SOCK_STREAM", "ports.http: TCP"),
        (8555, "SOCK_STREAM", "control.http: TCP"),
    ):
        with listening(client, port, kind) as pid:
            code, findings, _, _ = examine(client)
        assert code == 1 and len(findings) == 1, findings
        assert findings[0][1].startswith(setting) and f"(pid {pid})" in findings[0][1], findings
    with listening(client, 8500, "SOCK_DGRAM"):
        assert examine(client)[1] == []
    del client.settings["agent"]["config"]["retry_join"]
    client.write_settings()
    code, findings, _, _ = examine(client)
    assert code == 1 and [check for check, _ in findings] == ["servers"], findings


def doctor_lacks_sight(world):
    """A doctor that is root and can't see which program has a port says what it lacks for that, not that it should be root."""
    world.server()
    client = world.client().start()
    client.ready()
    command = ["ip", "netns", "exec", client.namespace, "setpriv", "--bounding-set=-sys_ptrace", client.world.lictor]
    command += ["doctor", "--json", "-c", client.settings_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=client.environment)
    unseen = {one["check"]: one["reason"] for one in json.loads(done.stdout)["not_looked_at"]}
    assert "takes CAP_SYS_PTRACE" in unseen["ports"] and "root" not in unseen["ports"], unseen


def doctor_host(world):
    """What keeps lictor from starting the agent is a finding, beside what can be seen all the same."""
    client = world.client(with_address=False, agent={"binary": "consul-nowhere"})
    code, findings, looked_at, _ = examine(client)
    assert code == 1 and {check for check, _ in findings} == {"settings"}, findings
    seen = " ".join(text for _, text in findings)
    assert "consul-nowhere" in seen and "eth0" in seen, findings
    assert "limits" in looked_at and "version" not in looked_at, looked_at


def doctor_identity(world):
    """A damaged node-id, and a host that was renamed, are told before the next start mends them."""
    server, client = world.server(), world.client()
    client.start().ready()
    assert client.stop()[0] == 0
    eventually(lambda: server.member("n1") == LEFT, 5)
    with open(f"{client.data_dir}/node-id", "w"):
        pass
    code, findings, _, _ = examine(client)
    assert code == 1 and list(dict(findings)) == ["identity"], findings
    code, findings, _, _ = examine(client, NODE_NAME="n9")
    assert code == 1 and any("n9" in text and "n1" in text for _, text in findings), findings


def doctor_agent_unreachable(world):
    """An agent or a lictor that runs and can't be asked: exit 75, and what can be seen is shown."""
    world.server()
    client = world.client().start()
    client.ready()
    # lictor's own connections stay.
    os.rename(client.agent_socket, client.agent_socket + ".away")
    code, findings, looked_at, unseen = examine(client)
    assert (code, findings) == (75, []) and "can't be asked" in unseen["claims"], (code, findings, unseen)
    assert LOCAL <= looked_at, looked_at
    os.rename(client.agent_socket + ".away", client.agent_socket)
    os.rename(client.control_socket, client.control_socket + ".away")
    code, _, looked_at, unseen = examine(client)
    assert code == 75 and "can't be asked" in unseen["address"] and "claims" in looked_at, (code, unseen)


def doctor_broken_settings(world):
    """Settings that can't be read: 75, with all their problems on stderr and nothing on stdout."""
    client = world.client(stop={"policy": "go"}, nonsense={})
    for arguments in (("doctor",), ("doctor", "--json")):
        told = client.command(*arguments)
        assert told.returncode == 75 and not told.stdout, told
        assert "stop.policy" in told.stderr and "nonsense" in told.stderr, told
    assert client.command("doctor", "--no-such-option").returncode == 64


def doctor_terminal(world):
    """Colour is for terminals alone, and not where NO_COLOR says no; a pipe gets the same words, a finding's each in a line."""
    client = world.client()

    def on_terminal(**environment):
        said, code = written_to_terminal(client, "doctor", **environment)
        assert code == 1, said
        return said

    plain = client.command("doctor", LICTOR_GRACE="5").stdout
    assert "\x1b" not in plain and "\nwarning  grace: stop.timeout is 10s" in "\n" + plain, plain
    assert plain.splitlines()[-1].endswith(f"of {len(CHECKS)} checks made"), plain
    coloured = on_terminal(LICTOR_GRACE="5")
    assert "\x1b[1;33mwarning\x1b[0m" in coloured, coloured
    narrow = on_terminal(LICTOR_GRACE="5", NO_COLOR="1")
    assert narrow.split() == plain.split() and all(len(line) <= 80 for line in narrow.splitlines()), narrow
    assert any(len(line) > 80 for line in plain.splitlines()), plain
    assert not children(os.getpid())
