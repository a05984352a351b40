"""What an agent without lictor is configured by on a host is found: /consul/config of an image, /etc/consul.d of a package."""

import json
import os
import subprocess

from tools import eventually
from world import SERVER_ADDRESS, run

JOIN = {"retry_join": [SERVER_ADDRESS], "retry_interval": "1s", "disable_update_check": True}
SERVICE = 'service {\n  name = "web"\n  port = 80\n}\n'
IMAGE, PACKAGE = "consul/config", "etc/consul.d"


def host(world, files):
    """A host of its own with these files, path -> text, below a root that has all else of this one but /etc/consul.d."""
    root = f"{world.folder}/host"
    os.mkdir(root)
    run("mount", "-t", "tmpfs", "tmpfs", root)
    for name in os.listdir("/"):
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        elif os.path.isdir(f"/{name}") and name != "consul":
            os.mkdir(f"{root}/{name}")
            if name != "etc":
                run("mount", "--rbind", f"/{name}", f"{root}/{name}")
    upper, work = "/run/layers/etc-upper", "/run/layers/etc-work"
    os.makedirs(upper)
    os.makedirs(work)
    options = f"lowerdir=/etc,upperdir={upper},workdir={work}"
    run("mount", "-t", "overlay", "-o", options, "overlay", f"{root}/etc")
    run("rm", "-rf", f"{root}/etc/consul.d")
    for path, text in files.items():
        write(root, path, text)
    client = world.client()
    client.wrapper = ["chroot", root]
    client.settings["agent"] = {"binary": client.settings["agent"]["binary"]}
    client.write_settings()
    return root, client


def write(root, path, text):
    os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
    with open(f"{root}/{path}", "w") as file:
        file.write(text if isinstance(text, str) else json.dumps(text))


def command(client, *arguments, **environment):
    """Runs `lictor ARGUMENTS` on that host."""
    inside = ["ip", "netns", "exec", client.namespace, *client.wrapper]
    whole = [*inside, client.world.lictor, *arguments, "-c", client.settings_file]
    return subprocess.run(whole, capture_output=True, text=True, timeout=20, env=client.environment | environment)


def files_of_the_image(world):
    """All of /consul/config is read without a word in the settings, once; what changes there is taken."""
    server = world.server()
    files = {f"{IMAGE}/client.json": JOIN, f"{IMAGE}/web.hcl": SERVICE, f"{PACKAGE}/a.hcl": 'node_name = "other"'}
    root, client = host(world, files)
    client.start().ready()
    eventually(lambda: server.instances("web") == {"n1": client.address}, 5, "the service of a file")
    told = command(client, "check")
    assert "agent.config_dirs: /consul/config is there and nothing else is named" in told.stdout, told
    told = command(client, "render", "--explain").stdout
    assert "agent.config_dirs  # default, /consul/config is there" in told, told
    assert "# /consul/config/client.json" in told, told
    write(root, f"{IMAGE}/db.hcl", SERVICE.replace("web", "db"))
    eventually(lambda: server.instances("db") == {"n1": client.address}, 10, "the service of a new file")
    assert client.status()["agent"]["restarts"] == 0
    assert client.stop()[0] == 0, client.last_line()


def effective(client, **environment):
    done = command(client, "render", "--effective", **environment)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def files_of_the_image_once(world):
    """consul.json of old is a file of that folder like any other; where only lictor can read it, all is as ever."""
    more = {"retry_join": ["10.0.0.9"], "node_meta": {"rack": "7"}}
    root, client = host(world, {f"{IMAGE}/consul.json": JOIN, f"{IMAGE}/more.json": more})
    assert effective(client)["retry_join"] == [SERVER_ADDRESS, "10.0.0.9"]
    # A folder that is named, the file's own or another one, does not have it read twice, and not at all be left out.
    client.write_settings(agent={"config_dirs": ["/consul/config"]})
    assert effective(client)["retry_join"] == [SERVER_ADDRESS, "10.0.0.9"]
    os.mkdir(f"{root}/consul/other")
    client.write_settings(agent={"config_dirs": ["/consul/other"]})
    assert effective(client)["retry_join"] == [SERVER_ADDRESS]
    # Who names files has these, and no others.
    client.write_settings(agent={"config_dirs": None, "config_files": ["/consul/config/more.json"]})
    assert effective(client)["retry_join"] == ["10.0.0.9"]
    client.write_settings(agent={"config_files": []})
    assert "retry_join" not in effective(client)
    client.settings["agent"].pop("config_files")
    client.write_settings(agent={"args": ["-config-file=/consul/config/more.json"]})
    assert effective(client)["retry_join"] == ["10.0.0.9", SERVER_ADDRESS]
    client.write_settings(agent={"args": []})
    # No agent takes comments there.
    write(root, f"{IMAGE}/consul.json", "// servers\n" + json.dumps(JOIN))
    assert effective(client)["retry_join"] == [SERVER_ADDRESS]
    told = command(client, "check")
    assert "agent.config_files: only what it names is read, and not /consul/config/more.json" in told.stdout, told
    assert command(client, "check", LICTOR_AGENT_CONFIG_DIRS="/consul/config").returncode == 78


def files_of_the_entrypoint(world):
    """The variables of the official image's entrypoint beat files, as its arguments do, and are told of."""
    files = {f"{IMAGE}/a.hcl": 'bind_addr = "127.0.0.1"\ndata_dir = "/nowhere"\nclient_addr = "127.0.0.2"\n', "other/b.hcl": ""}
    _, client = host(world, files)
    client.settings["node"].pop("data_dir")
    client.write_settings()
    variables = {"CONSUL_BIND_INTERFACE": "eth0", "CONSUL_CLIENT_INTERFACE": "eth0", "CONSUL_DATA_DIR": client.data_dir}
    seen = effective(client, CONSUL_LOCAL_CONFIG='{"node_meta": {"rack": "7"}}', **variables)
    assert (seen["bind_addr"], seen["client_addr"], seen["data_dir"]) == (client.address, client.address, client.data_dir), seen
    assert seen["node_meta"] == {"rack": "7"}, seen
    os.mkdir(client.data_dir)
    told = command(client, "check", **variables).stdout
    assert f"bind_addr: 127.0.0.1 (/consul/config/a.hcl:1) gives way to {client.address}, of CONSUL_BIND_INTERFACE" in told, told
    assert effective(client, CONSUL_CONFIG_DIR="/other", **variables).get("client_addr") == client.address


def files_of_a_package(world):
    """/etc/consul.d is read where there is no /consul/config; one that goes away under a lictor that serves is missed."""
    server = world.server()
    text = f'retry_join = ["{SERVER_ADDRESS}"]\nnode_name = "web1"\n'
    root, client = host(world, {f"{PACKAGE}/consul.hcl": text, f"{PACKAGE}/web.hcl": SERVICE})
    client.environment.pop("NODE_NAME")
    client.start().ready()
    eventually(lambda: server.instances("web") == {"web1": client.address}, 5, "the service of a file")
    os.rename(f"{root}/{PACKAGE}", f"{root}/etc/away")
    assert command(client, "reload").returncode == 78
    assert server.instances("web") == {"web1": client.address}
    client.logged('not applied, the old ones stay in force reason="/etc/consul.d: no such file')
    os.rename(f"{root}/etc/away", f"{root}/{PACKAGE}")
    assert command(client, "reload").returncode == 0
    assert client.status()["agent"]["restarts"] == 0
    assert client.stop()[0] == 0, client.last_line()
    # A start without it would be another node's, as nothing else names this one.
    os.rename(f"{root}/{PACKAGE}", f"{root}/etc/away")
    client.write_settings(agent={"config": JOIN})
    assert client.start().ended(5) == 78, client.log
    assert "node.name: was web1" in client.last_line() and "/etc/consul.d" in client.last_line(), client.last_line()
    # And one that comes is for the next start.
    client.write_settings(node={"name": "web1"})
    client.start().ready()
    os.rename(f"{root}/etc/away", f"{root}/{PACKAGE}")
    assert command(client, "reload").returncode == 0 and server.instances("web") == {}
    assert client.stop()[0] == 0, client.last_line()


def files_of_a_server(world):
    """The /etc/consul.d of a server starts no client: exit 78, with the file and the line."""
    _, client = host(world, {f"{PACKAGE}/consul.hcl": "# ours\nserver = true\n"})
    for name in ("check", "run"):
        ended = command(client, name)
        assert ended.returncode == 78 and "server: true in /etc/consul.d/consul.hcl:2" in ended.stderr, ended
