"""docs/operations.md and docs/upgrading.md: each procedure is carried out on a real cluster, as the page has it."""

import os
import re
import shutil
import signal
import uuid

import consul_facts
from pages import blocks, carry_out, sections
from tools import Watch, eventually, holds
from world import ALIVE, CONSUL, LEFT, renumbered_consul, run

MASTER = "1c5d0a2e-2f6b-4f0f-8a39-1f3d9d0e7b11"
NEW_ADDRESS = "10.77.0.99"


def procedures():
    """Heading -> lines of each section of the two pages."""
    return sections("operations.md", "## ") | sections("upgrading.md", "## ")


def steps(heading):
    """The indented lines of a section, settings and commands."""
    return [line for block in blocks(procedures()[heading]) for line in block]


def serving(world, server=None, **settings):
    """A server, and a node whose check has passed and whose leave needs no patience any more."""
    server, client = server or world.server(), world.client(**settings)
    client.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    client.logged("agent: Synced node info")
    return server, client


def operations_page(world):
    """Every section of the pages with commands has its scenario."""
    tried = {name.removeprefix("operations_").replace("_", " ") for name in globals() if name.startswith("operations_")}
    headings = {heading.lower() for heading in procedures() if steps(heading)}
    assert headings == tried - {"page", "grace periods"}, headings ^ tried


def operations_rolling_update(world):
    """Two nodes in turn, the second when the first is ready; with `stay` neither is missed for a moment."""
    server = world.server()
    clients = [world.client(name, stop={"policy": "stay"}).start() for name in ("n1", "n2")]
    for client in clients:
        client.ready()
    eventually(lambda: server.passing() == ["n1", "n2"], 15, "both checks pass")
    before = {client.name: client.pid for client in clients}
    with Watch(lambda: set(server.instances()) == {"n1", "n2"}) as catalog:
        for client in clients:
            carry_out(client, steps("Rolling update"))
            assert client.status()["ready"] and client.pid != before[client.name]
    assert not catalog.gaps, catalog.gaps


def operations_maintenance(world):
    """Nobody is told of the node's services while it is in, and they pass again when it is out."""
    server, client = serving(world)
    on, off = steps("Maintenance")
    assert "the node is in maintenance: a new disk\n" == carry_out(client, [on])
    assert server.passing() == [] and "n1" in server.instances()
    carry_out(client, [off])
    assert server.passing() == ["n1"]


def operations_upgrading_consul(world):
    """A newer program in the place of the one that runs: the doctor sees it, a restart puts it to work, nobody leaves."""
    binary, new = f"{world.folder}/consul", f"{world.folder}/new"
    shutil.copy(CONSUL, binary)
    consul = consul_facts.given()
    numbers = renumbered_consul(new)
    newer = consul.build.replace(*numbers)
    server, client = serving(world, agent={"binary": binary})
    agent = client.agent_pid()
    lines = steps("Upgrading Consul")
    check = next(i for i, line in enumerate(lines) if line.startswith("lictor check --consul "))
    swap = next(i for i, line in enumerate(lines) if line.startswith("mv ")) + 1
    placed = {"/usr/bin/consul": binary}
    with Watch(lambda: "n1" in server.instances() and server.member("n1") == ALIVE) as seen:
        carry_out(client, lines[:check], {"NEW-CONSUL": new} | placed)
        assert "settings and host are fine" in carry_out(client, lines[check : check + 1], placed)
        carry_out(client, lines[check + 1 : swap], placed)
        told = client.command("doctor", within=40).stdout
        assert f"the agent that runs is Consul {consul.as_member}, the one on disk {newer}" in told, told
        assert client.agent_pid() == agent
        carry_out(client, lines[swap:])
        eventually(lambda: client.status()["agent"].get("version") == consul.as_member.replace(*numbers), 10, "the new version runs")
        client.ready()
        holds(lambda: server.passing() == ["n1"], 2, "its check passes")
    assert not seen.gaps and client.agent_pid() != agent, seen.gaps
    assert client.status()["agent"]["restarts_by_reason"]["asked"] == 1


def operations_upgrading_lictor(world):
    """Another lictor in the place of the one that runs, which has taken `stay` first: no instance is ever missed."""
    server, client = serving(world)
    other = f"{world.folder}/lictor"
    shutil.copy(world.lictor, other)
    node_id = client.node_id()
    lines = steps("Upgrading lictor")
    with Watch(lambda: server.passing() == ["n1"]) as seen:
        carry_out(client, lines[:1])
        client.logged("settings read again")
        world.lictor = other
        assert "lictor" in carry_out(client, lines[1:])
        assert os.path.samefile(f"/proc/{client.pid}/exe", other) and client.node_id() == node_id
        holds(lambda: server.member("n1") == ALIVE, 1)
    assert not seen.gaps, seen.gaps
    assert "stopped without leaving" in client.log


def operations_another_address(world):
    """Left before the change, the node is back at the new address with a passing check at once, as itself."""
    server, client = serving(world)
    node_id = client.node_id()
    words = {"NEW-ADDRESS": NEW_ADDRESS, "OLD-ADDRESS": client.address}
    inside = [f"ip netns exec {client.namespace} {c}" if c.startswith("ip ") else c for c in steps("Another address")]
    carry_out(client, inside, words)
    assert server.node("n1")["Node"]["Address"] == NEW_ADDRESS and client.node_id() == node_id

    def alive():
        found = [m for m in server.get("/v1/agent/members") if m["Name"] == "n1"]
        return (found[0]["Status"], found[0]["Addr"]) == (ALIVE, NEW_ADDRESS) and server.passing() == ["n1"]

    eventually(alive, 5, "alive and passing at the new address")
    holds(alive, 5, "and stays so")


def operations_another_name(world):
    """Left before the change, nothing of the old name stays, and the new one serves."""
    server, client = serving(world)
    carry_out(client, steps("Another name"), {"NEW-NAME": "n9"})
    assert server.instances() == {"n9": client.address} and server.member("n9") == ALIVE
    holds(lambda: server.node("n1") is None and server.member("n1") in (LEFT, None), 5, "the old name is gone")
    assert client.status()["problems"] == [], client.status()["problems"]


def operations_leave_by_hand(world):
    """Somebody has the agent leave: the lines of the page are those of the log, and lictor ends with 0."""
    server, client = serving(world)
    assert client.agent("PUT", "/v1/agent/leave", timeout=10).status == 200
    assert client.ended(5) == 0, client.last_line()
    for line in steps("Leave by hand"):
        assert re.search(re.sub(r"\d+", r"\\d+", re.escape(line)), client.log), f"{line}: not in {client.log}"
    assert server.member("n1") == LEFT and server.node("n1") is None


def operations_a_lost_data_directory(world):
    """Gone without a leave, the node is back under its old id after one restart; left before, under a new one."""
    server, client = serving(world)
    node_id = client.node_id()
    # A directory is lost without a leave.
    client.stop(signal.SIGQUIT)
    lines = steps("A lost data directory")
    carry_out(client, lines[1:], {"DATA_DIR": client.data_dir})
    status = client.status()
    assert client.node_id() == node_id == server.node("n1")["Node"]["ID"]
    assert status["agent"]["restarts_by_reason"]["id_taken_back"] == 1, status
    client.logged("taking back its id")
    # And as the page has it, with a leave before.
    carry_out(client, lines, {"DATA_DIR": client.data_dir})
    assert server.instances() == {"n1": client.address}
    eventually(lambda: server.member("n1") == ALIVE, 10, "the leave has been refuted")
    assert client.node_id() != node_id and client.status()["agent"]["restarts"] == 0
    assert server.node("n1")["Node"]["ID"] == client.node_id()


def operations_a_new_token(world):
    """The new token is taken without a restart, and the node serves on without the old one."""
    acl = {"enabled": True, "default_policy": "deny"}
    server = world.server({"primary_datacenter": "dc1", "acl": acl | {"tokens": {"master": MASTER}}}, token=MASTER)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    rules = 'node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }'
    server.put("/v1/acl/policy", {"Name": "n1", "Rules": rules})
    first = server.put("/v1/acl/token", {"SecretID": str(uuid.uuid4()), "Policies": [{"Name": "n1"}]})
    path = f"{world.folder}/token"
    with open(path, "w") as file:
        file.write(first["SecretID"])
    os.chmod(path, 0o600)
    config = {"primary_datacenter": "dc1", "acl": acl | {"token_ttl": "1s"}}
    tokens = {"default_file": path, "agent_file": path}
    server, client = serving(world, server, agent={"config": config, "tokens": tokens})
    agent = client.agent_pid()
    at_server = {"CONSUL_HTTP_ADDR": f"unix://{server.socket}", "CONSUL_HTTP_TOKEN": MASTER}
    lines = steps("A new token")
    words = {"NODE": "n1", "TOKEN_FILE": path}
    carry_out(client, lines[:-1], words, at_server)
    client.logged("new settings, taken by the running agent keys=acl")
    carry_out(client, lines[-1:], {"OLD-ACCESSOR": first["AccessorID"]}, at_server)
    client.write_settings(services=[{"name": "web", "port": 80}])
    eventually(lambda: server.instances("web") == {"n1": client.address}, 10, "it registers with the new token")
    assert client.agent_pid() == agent and client.status()["ready"]


def operations_a_new_gossip_key(world):
    """The cluster's key is exchanged under two nodes; each follows with its file, and nobody is missed."""
    path = f"{world.folder}/key"
    key = run(CONSUL, "keygen").strip()
    with open(path, "w") as file:
        file.write(key)
    os.chmod(path, 0o600)
    server = world.server({"encrypt": key})
    server, client = serving(world, server, agent={"encrypt_file": path})
    lines = steps("A new gossip key")
    with Watch(lambda: "n1" in server.instances() and server.member("n1") == ALIVE) as seen:
        carry_out(client, lines, {"KEY_FILE": path}, {"CONSUL_HTTP_ADDR": f"unix://{server.socket}"})
        client.logged("keys=encrypt")
        status = client.ready()
        assert status["problems"] == [] and status["agent"]["restarts"] == 1, status
    assert not seen.gaps, seen.gaps
    with open(path) as new, open(f"{client.data_dir}/serf/local.keyring") as keyring:
        kept = keyring.read()
        assert new.read().strip() in kept and key not in kept


def operations_a_new_certificate(world):
    """Key and certificate are exchanged by a rename each, and shown by the running agent."""

    def make(name):
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=n1 -keyout"
        paths = [f"{world.folder}/{name}-{what}.pem" for what in ("key", "cert")]
        run(*command.split(), paths[0], "-out", paths[1])
        for each in paths:
            shutil.chown(each, "consul")
            os.chmod(each, 0o600)
        return paths

    (key, cert), (new_key, new_cert) = make("old"), make("new")
    config = {"cert_file": cert, "key_file": key, "ports": {"https": 8501}}
    server, client = serving(world, agent={"config": config})
    agent = client.agent_pid()
    with open(new_cert) as file:
        wanted = file.read()
    words = {"NEW-KEY": new_key, "NEW-CERT": new_cert, "KEY_FILE": key, "CERT_FILE": cert}
    carry_out(client, steps("A new certificate"), words)
    client.logged('taken by the running agent keys="cert_file key_file"')
    show = ["ip", "netns", "exec", client.namespace, "openssl", "s_client", "-connect", "127.0.0.1:8501"]
    eventually(lambda: wanted in run(*show), 5, "the new certificate is shown")
    assert client.agent_pid() == agent and server.passing() == ["n1"]


def operations_grace_periods(world):
    """The times of the page: a grown-up node's leave, a `stay`, a leave without any server, and a grace too short."""
    server, client = serving(world, stop={"timeout": "6s"})
    told = client.command("doctor", within=40, LICTOR_GRACE="5s").stdout
    assert "stop.timeout is 6s, the grace period 5s" in told, told
    joined = client.status()["agent"]["uptime"]
    eventually(lambda: client.status()["agent"]["uptime"] - joined > 3.3, 5)
    code, seconds = client.stop()
    assert code == 0 and seconds < 2.5, (code, seconds)
    print(f"leave {seconds:.2f} s")
    client.write_settings(stop={"policy": "stay"})
    client.start().ready()
    code, seconds = client.stop()
    assert code == 0 and seconds < 2.5, (code, seconds)
    print(f"stay {seconds:.2f} s")
    client.write_settings(stop={"policy": "leave"})
    client.start().ready()
    server.process.kill()
    code, seconds = client.stop()
    assert code == 1 and seconds <= 6.5, (code, seconds)
    print(f"without a server {seconds:.2f} s")
