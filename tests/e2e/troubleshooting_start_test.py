"""docs/troubleshooting.md: what keeps a node from starting and registering."""

import os
import pwd

import storage_test
from symptoms import symptom
from tools import eventually
from world import CONSUL, SERVER_ADDRESS, run

NOBODY = 65534
MASTER = "6f3c1c1e-7b0d-4a55-9f7a-2f8b8f0d5a10"
GOSSIP_KEY = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="


@symptom("No address")
def troubleshooting_no_address(world, advice):
    """The interface has a name that nobody has told lictor."""
    server, client = world.server(), world.client(link="ens3", bind={"wait": "1s"})
    assert client.start().ended(5) == 75
    advice.seen_in(client.log)
    client.write_settings(**advice.settings(INTERFACE="ens3"))
    client.start().ready()
    assert server.instances() == {"n1": client.address}


@symptom("File not there yet")
def troubleshooting_file_missing(world, advice):
    """The gossip key is written later than lictor waits."""
    key = f"{world.folder}/key"
    server = world.server({"encrypt": GOSSIP_KEY})
    client = world.client(agent={"encrypt_file": key}, wait={"files": "1s"})
    client.start()
    told = eventually(lambda: client.status()["problems"], 5, "the status tells")
    assert client.ended(5) == 75
    advice.seen_in(client.log + "\n".join(f"problem    {problem}" for problem in told))
    client.write_settings(**advice.settings())
    client.start()
    client.logged("waiting for files seconds=300")
    with open(key, "w") as file:
        file.write(GOSSIP_KEY)
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("Settings refused at the start")
def troubleshooting_settings_refused(world, advice):
    """A misspelt key, and a value that can't be."""
    world.server()
    client = world.client(bind={"interfaces": ["eth0"]}, stop={"timeout": "25"})
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    advice.seen_in(advice.carry_out(client))
    del client.settings["bind"]
    client.write_settings(stop={"timeout": "10s"})
    assert "settings and host are fine" in advice.carry_out(client)
    client.start().ready()


@symptom("Agent not found")
def troubleshooting_agent_not_found(world, advice):
    """No program of the agent's name."""
    world.server()
    client = world.client(agent={"binary": "consul-1.8"})
    assert client.start().ended(5) == 127
    advice.seen_in(client.log)
    client.write_settings(**advice.settings(**{"/usr/bin/consul": CONSUL}))
    client.start().ready()


@symptom("No server reachable")
def troubleshooting_no_server(world, advice):
    """The servers are where nobody was told to look for them."""
    server, client = world.server(), world.client(agent={"config": {"retry_join": ["10.77.0.250"]}})
    client.start()
    advice.seen(client)
    assert (client.probe("/livez"), client.probe("/readyz")) == (200, 503)
    client.write_settings(**advice.settings(SERVER=SERVER_ADDRESS))
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("ACLs forbid the registration")
def troubleshooting_acl(world, advice):
    """No token, where all is denied without one."""
    acl = {"enabled": True, "default_policy": "deny"}
    server = world.server({"primary_datacenter": "dc1", "acl": acl | {"tokens": {"master": MASTER}}}, token=MASTER)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    client = world.client(agent={"config": {"primary_datacenter": "dc1", "acl": acl}})
    client.start()
    advice.seen(client)
    file = f"{client.folder}/token"
    # Where an operator is: at a server, with a token that may make others.
    at_server = {"CONSUL_HTTP_ADDR": f"unix://{server.socket}", "CONSUL_HTTP_TOKEN": MASTER}
    advice.carry_out(client, at_server, NODE="n1", FILE=file)
    client.write_settings(**advice.settings(FILE=file))
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("Service refused")
def troubleshooting_service(world, advice):
    """A definition that the agent does not take, in place of one that it has."""
    server, client = world.server(), world.client(services=[{"name": "web", "port": 80}])
    client.start().ready()
    client.write_settings(services=[{"name": "web", "port": 80, "kind": "connect-proxy"}, {"name": "api", "port": 81}])
    advice.seen(client)
    assert client.probe("/readyz") == 200 and "api" in server.node("n1")["Services"]
    assert client.command("reload").returncode == 78
    client.write_settings(services=[{"name": "web", "port": 82}, {"name": "api", "port": 81}])
    advice.carry_out(client)
    eventually(lambda: server.node("n1")["Services"]["web"]["Port"] == 82, 10, "mended, it is registered")


@symptom("Data directory that can't be written")
def troubleshooting_read_only(world, advice):
    """The volume is mounted read-only."""
    world.server()
    client = world.client()
    os.mkdir(client.data_dir)
    run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", client.data_dir)
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    advice.carry_out(client, DATA_DIR=client.data_dir)
    client.start().ready()


@symptom("Data directory of somebody else")
def troubleshooting_somebody_elses(world, advice):
    """A lictor that is not root finds files that are."""
    world.server()
    client = world.client()
    for folder in (client.folder, client.data_dir, f"{client.data_dir}/serf"):
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, NOBODY, NOBODY)
    os.chown(f"{client.data_dir}/serf", 0, 0)
    client.wrapper = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    advice.carry_out(client, UID=str(NOBODY), DATA_DIR=client.data_dir)
    client.start().ready()


@symptom("Data directory closed to root")
def troubleshooting_closed_to_root(world, advice):
    """A volume on which root is nobody, and that is nobody else's."""
    world.server()
    client = world.client(agent={"user": "consul"})
    client.wrapper = storage_test.NOBODY_HERE
    os.mkdir(client.data_dir, 0o755)
    os.chown(client.data_dir, 12345, 12345)
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    assert os.listdir(client.data_dir) == []
    consul = pwd.getpwnam("consul")
    advice.carry_out(client, UID=str(consul.pw_uid), GID=str(consul.pw_gid), DATA_DIR=client.data_dir)
    client.wrapper = []
    client.start().ready()


@symptom("Directory held by another lictor")
def troubleshooting_held(world, advice):
    """Two lictors with one data directory."""
    server, first = world.server(), world.client()
    first.start().ready()
    client = world.client("n2", node={"data_dir": first.data_dir}).start()
    advice.seen(client)
    advice.carry_out(client, PID=str(first.pid))
    assert first.ended(10) == 0, first.log
    client.ready()
    assert server.instances() == {"n2": client.address}
