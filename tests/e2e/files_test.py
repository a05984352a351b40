"""What users have in files that the agent reads by itself, and in its arguments, is in force as if it stood in agent.config."""

import json
import os

from settings_test import make_certificate
from tools import eventually
from world import LEFT, SERVER_ADDRESS, run

CONSUL_D = """
# As a package leaves it.
client_addr = "0.0.0.0"
data_dir    = "{data_dir}"
node_name   = "web1"
retry_join  = ["{server}"]
ports {{
  serf_lan = 8305
  http     = 8600
  dns      = -1
}}
"""


def client_with(world, files, **agent):
    """A client whose agent reads these files, name -> content, from a folder of its own, and has no other settings."""
    folder = f"{world.folder}/consul.d"
    os.mkdir(folder)
    for name, content in files.items():
        with open(f"{folder}/{name}", "w") as file:
            file.write(content)
    client = world.client(agent={"config_dirs": [folder]})
    client.settings["agent"]["config"] = {}
    client.settings["node"].pop("data_dir")
    client.environment.pop("NODE_NAME")
    client.write_settings(agent=agent)
    return client, folder


def listens(client, where):
    return where in run("ip", "netns", "exec", client.namespace, "ss", "-Hltun")


def files_in_force(world):
    """Name, data directory, listeners, ports and servers of a file in HCL are the node's; the identity is kept there."""
    data_dir = f"{world.folder}/opt"
    os.mkdir(data_dir)
    server = world.server()
    text = CONSUL_D.format(data_dir=data_dir, server=f"{SERVER_ADDRESS}:8301")
    client, folder = client_with(world, {"consul.hcl": text})
    client.start().ready()
    assert server.instances() == {"web1": client.address}, server.instances()
    assert listens(client, "*:8600") or listens(client, "0.0.0.0:8600")
    assert listens(client, f"{client.address}:8305")
    with open(f"{data_dir}/node-id") as file:
        assert file.read().strip() == client.status()["node_id"], client.status()
    written = client.consul_json()
    assert not {"client_addr", "retry_join", "ports"} & set(written), written
    explained = client.command("render", "--explain").stdout
    assert f'client_addr = "0.0.0.0"  # {folder}/consul.hcl:3' in explained, explained
    effective = json.loads(client.command("render", "--effective").stdout)
    assert effective["ports"] == {"serf_lan": 8305, "http": 8600, "dns": -1}, effective
    assert client.stop()[0] == 0, client.last_line()
    assert server.member("web1") == LEFT and server.node("web1") is None


def files_and_arguments(world):
    """Arguments count like files: a gossip port, a name, no HTTP; what lictor needs beats them, and is told of."""
    server = world.server()
    arguments = ["-node=web2", "-serf-lan-port", "8305", "-http-port=-1", f"-retry-join={SERVER_ADDRESS}:8301"]
    client, _ = client_with(world, {"data.hcl": f'data_dir = "{world.folder}/opt"'}, args=arguments)
    os.mkdir(f"{world.folder}/opt")
    status = client.start().ready()
    assert server.instances() == {"web2": client.address} and status["agent"]["restarts"] == 0, status
    assert listens(client, f"{client.address}:8305") and not listens(client, ":8500 ")
    assert "ports.http: -1 (agent.args -http-port) gives way to 8500" in client.command("check").stdout
    assert client.stop()[0] == 0, client.last_line()


def files_of_all_kinds(world):
    """agent.config_files takes HCL, agent.config_dirs both; a later file wins, lists are joined, and a change is taken as the
    agent takes it, by its keys."""
    server = world.server()
    os.mkdir(f"{world.folder}/opt")
    more = f"{world.folder}/more.hcl"
    with open(more, "w") as file:
        file.write('node_meta { rack = "7" row = "a" }\n')
    files = {
        "a.json": '{"data_dir": "%s/opt", "node_meta": {"rack": "1", "hall": "x"}}' % world.folder,
        "b.hcl": f'Retry_Join = ["{SERVER_ADDRESS}"]\nservice {{ name = "web" port = 80 }}',
        "ignored.txt": "nothing {",
    }
    client, folder = client_with(world, files, config_files=[more])
    before = client.start().ready()
    meta = {"rack": "7", "row": "a", "hall": "x"}
    node = client.status()["node_name"]
    entry = server.node(node)["Node"]["Meta"]
    assert {key: entry.get(key) for key in meta} == meta, entry
    eventually(lambda: server.instances("web") == {node: client.address}, 5, "the service of a file")
    with open(f"{folder}/b.hcl", "w") as file:
        file.write(f'# nothing else\nretry_join = ["{SERVER_ADDRESS}"]\nservice {{\n  name = "web"\n  port = 81\n}}\n')
    client.logged("new settings, taken by the running agent keys=services", 10)
    assert client.ready()["agent"]["pid"] == before["agent"]["pid"]
    with open(f"{folder}/b.hcl", "a") as file:
        file.write('node_meta { hall = "y" }\n')
    client.logged("reason=settings keys=node_meta", 10)
    eventually(lambda: server.node(node)["Node"]["Meta"].get("hall") == "y", 10, "the new node metadata")


def files_of_any_name(world):
    """Told a format, the agent reads every file of its folders, whatever it is called; so does lictor, and sees a new one."""
    server = world.server()
    os.mkdir(f"{world.folder}/opt")
    files = {"base": f'data_dir = "{world.folder}/opt"\nretry_join = ["{SERVER_ADDRESS}"]'}
    client, folder = client_with(world, files, args=["-config-format=hcl"])
    before = client.start().ready()
    os.mkdir(f"{folder}/more")
    for path in (f"{folder}/web", f"{folder}/more/none"):
        with open(path, "w") as file:
            file.write('service {\n  name = "%s"\n}\n' % os.path.basename(path))
    client.logged("new settings, taken by the running agent keys=services", 10)
    node = client.status()["node_name"]
    eventually(lambda: server.instances("web") == {node: client.address}, 10, "the service of a new file")
    os.remove(f"{folder}/web")
    eventually(lambda: server.instances("web") == {}, 10, "a file gone")
    assert server.instances("none") == {} and client.ready()["agent"]["pid"] == before["agent"]["pid"]


def files_that_no_client_starts_with(world):
    """A server, and what the agent would refuse, end lictor at once with the file and the line; nothing is touched."""
    world.server()
    client, folder = client_with(world, {})
    for text, told in (
        ("server = true", "c.hcl:1"),
        ('\nports {\n  http = "8500"\n}', "c.hcl:3:3: ports.http: not a number"),
        ("acl {\n", "c.hcl:"),
        ("acl {}\nacl {}", "c.hcl:2:1: acl: a block that stands twice"),
    ):
        with open(f"{folder}/c.hcl", "w") as file:
            file.write(f"{text}\n")
        for command in ("check", "run"):
            ended = client.command(command)
            assert ended.returncode == 78 and told in ended.stderr, (text, ended)


def files_own_socket(world):
    """A unix socket of the user's keeps the mode that the user gives; lictor's own is open to nobody else."""
    world.server()
    os.mkdir(f"{world.folder}/opt")
    os.mkdir(f"{world.folder}/app")
    os.chmod(f"{world.folder}/app", 0o777)
    socket = f"{world.folder}/app/http.sock"
    text = f"""
data_dir = "{world.folder}/opt"
retry_join = ["{SERVER_ADDRESS}"]
addresses {{ http = "127.0.0.1 unix://{socket}" }}
unix_sockets {{ mode = "0662" }}
"""
    client, _ = client_with(world, {"consul.hcl": text})
    client.start().ready()
    assert os.stat(socket).st_mode & 0o777 == 0o662, oct(os.stat(socket).st_mode)
    assert os.stat(os.path.dirname(client.agent_socket)).st_mode & 0o777 == 0o700
    assert client.stop()[0] == 0, client.last_line()


def files_with_acls(world):
    """ACLs that are turned on in a file: lictor's calls have a token, and the stop is a leave."""
    default = "11111111-2222-4333-8444-555555555555"
    acl = {"primary_datacenter": "dc1", "acl": {"enabled": True, "default_policy": "deny", "tokens": {"master": default}}}
    server = world.server(acl, token=default)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    os.mkdir(f"{world.folder}/opt")
    text = f"""
data_dir = "{world.folder}/opt"
retry_join = ["{SERVER_ADDRESS}"]
primary_datacenter = "dc1"
acl {{
  enabled = true
  default_policy = "deny"
  tokens {{ agent = "{default}" default = "{default}" }}
}}
"""
    client, _ = client_with(world, {"consul.hcl": text})
    client.start().ready()
    assert client.stop()[0] == 0, client.last_line()


def files_checked_as_the_agent_sees_them(world):
    """What the agent would refuse, or do in another way than somebody meant, is told of by check, with file and line."""
    world.server()
    os.mkdir(f"{world.folder}/opt")
    user = {"user": "nobody", "group": "nogroup"}
    client, folder = client_with(world, {"a.hcl": f'data_dir = "{world.folder}/opt"\n'}, **user)
    secret = f"{world.folder}/key.pem"
    make_certificate(world.folder)
    os.chmod(f"{world.folder}/cert.pem", 0o644)
    os.chmod(secret, 0o600)
    os.chown(secret, 0, 0)

    def check(text, services=None):
        with open(f"{folder}/b.hcl", "w") as file:
            file.write(text)
        client.write_settings(services=services or [])
        return client.command("check")

    web = {"name": "web", "port": 80}
    for text, services, told in (
        (f'\ncert_file = "{world.folder}/cert.pem"\nkey_file = "{secret}"', None, f"key_file ({folder}/b.hcl:3): {secret}: the agent's user can't read it"),
        ('service {\n  name = "a"\n  check { http = "http://127.0.0.1/" }\n}', None, "services[0].check"),
        ('service {\n  name = "a"\n  EnableTagOverride = true\n}', None, "EnableTagOverride"),
        ("ports {\n  dns = 53\n}", None, f"ports.dns ({folder}/b.hcl:2): 53 is a port that the agent's user may not listen on"),
        ("", [web | {"check": {"http": "http://127.0.0.1/"}}], "services[0].check: the check has no interval"),
        ("", [web, web], "services[1]"),
    ):
        checked = check(text, services)
        assert checked.returncode == 78 and told in checked.stderr, (text, services, checked)
    for text, services, told in (
        ('data_dir = "/elsewhere"', None, f"data_dir: {folder}/b.hcl:1 says otherwise than {folder}/a.hcl:1"),
        ('services { name = "web" }\nservices { name = "web" }', None, 'the id "web" stands 2 times'),
        ('service { name = "web" }', [web], 'the id "web" stands in the agent\'s settings, too'),
        ("", [web | {"prt": 80}], "services[0].prt: no key of Consul's"),
        ("", None, "retry_join: no server is named anywhere"),
        ('node_name = "one"', None, None),
    ):
        checked = check(text, services)
        assert checked.returncode == 0, (text, services, checked)
        assert told is None or f"warning: {told}" in checked.stdout or told in checked.stdout, (text, services, checked)
    client.settings["node"]["name"] = "other"
    checked = check('node_name = "one"')
    assert f'node_name: "one" ({folder}/b.hcl:1) gives way to "other"' in checked.stdout, checked
    assert "no server is named" not in check(f'retry_join = ["{SERVER_ADDRESS}"]').stdout
