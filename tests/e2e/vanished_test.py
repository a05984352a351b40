"""Settings that were there and are gone, though nobody has named their file: a ConfigMap that has lost a key, a volume that is
emptied, a folder that is taken away. The node stays what it was."""

import os
import shutil

from files_found_test import JOIN, SERVICE, host, write
from tools import eventually, holds
from world import LEFT

DEFAULT = "etc/lictor/lictor.json"


def by_default(client):
    """Nothing names its settings file; what the harness needs is in the environment, and stays."""
    client.environment.pop("NODE_NAME", None)
    client.environment |= {
        "LICTOR_NODE_DATA_DIR": client.data_dir,
        "LICTOR_RUN_DIR": client.run_dir,
        "LICTOR_AGENT_BINARY": client.settings["agent"]["binary"],
        "LICTOR_CONTROL_SOCKET": client.control_socket,
    }
    client.settings_file = None


def refuses(client, words):
    """A reload, by itself and as ordered; the agent, its services and its name stay as they are."""
    client.logged("settings not applied, the old ones stay in force")
    eventually(lambda: any(words in problem for problem in client.status()["problems"]), 5, words)
    told = client.command("reload")
    assert told.returncode == 78 and words in told.stderr, told


def vanished_default_file(world):
    """lictor.json at its default place: gone while the node serves, at the next start, and back again."""
    server = world.server()
    settings = {"node": {"name": "web7"}, "agent": {"config": JOIN}, "services": [{"name": "web", "port": 80}]}
    root, client = host(world, {DEFAULT: settings})
    by_default(client)
    client.start().ready()
    agent = client.agent_pid()
    eventually(lambda: server.instances("web") == {"web7": client.address}, 5, "the service of the file")
    os.rename(f"{root}/{DEFAULT}", f"{root}/etc/away.json")
    refuses(client, "/etc/lictor/lictor.json: the settings that were there are gone")
    holds(lambda: client.agent_pid() == agent and server.instances("web") == {"web7": client.address}, 1, "it goes on")
    # A start of the same node, as of a container whose volume lacks the key.
    assert client.stop()[0] == 0, client.last_line()
    assert client.start().ended(5) == 78, client.log
    assert "node.name: was web7, and nothing says so any more" in client.last_line(), client.last_line()
    assert "/etc/lictor/lictor.json" in client.last_line(), client.last_line()
    assert server.instances("web") == {} and server.member("web7") == LEFT
    os.rename(f"{root}/etc/away.json", f"{root}/{DEFAULT}")
    client.start().ready()
    eventually(lambda: server.instances("web") == {"web7": client.address}, 5, "the service again")


def vanished_folder(world):
    """A folder that is emptied is no folder without settings; one that loses the last of its services is fine."""
    server = world.server()
    settings = {"node_name": "web7"} | JOIN
    root, client = host(world, {"etc/consul.d/consul.json": settings, "etc/consul.d/web.hcl": SERVICE})
    by_default(client)
    client.start().ready()
    eventually(lambda: server.instances("web") == {"web7": client.address}, 5, "the service of a file")
    os.remove(f"{root}/etc/consul.d/web.hcl")
    eventually(lambda: server.instances("web") == {}, 10, "the service is taken out")
    os.remove(f"{root}/etc/consul.d/consul.json")
    refuses(client, "/etc/consul.d: the settings that were there are gone")
    shutil.rmtree(f"{root}/etc/consul.d")
    refuses(client, "/etc/consul.d: no such file")
    write(root, "etc/consul.d/all.json", settings)
    assert client.command("reload").returncode == 0
    assert client.status()["agent"]["restarts"] == 0


def vanished_datacenter(world):
    """Settings that say nothing of the datacenter any more take no node into the default one, at a reload or a start."""
    world.server({"datacenter": "prod"})
    client = world.client(agent={"config": {"datacenter": "prod"}})
    client.start().ready()
    client.settings["agent"]["config"].pop("datacenter")
    client.write_settings()
    refuses(client, "datacenter: was prod, and nothing says so any more")
    assert client.agent_get("/v1/agent/self")["Config"]["Datacenter"] == "prod"
    assert client.stop()[0] == 0, client.last_line()
    assert client.start().ended(5) == 78, client.log
    assert "datacenter: was prod" in client.last_line(), client.last_line()
    checked = client.command("check")
    assert checked.returncode == 78 and "datacenter: was prod" in checked.stderr, checked
    # Named, any is taken: this one finds no servers.
    client.write_settings(agent={"config": {"datacenter": "dc1"}})
    client.start()
    eventually(lambda: client.agent_pid(), 10, "an agent runs")
