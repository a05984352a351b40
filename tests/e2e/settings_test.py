"""Changed settings files are applied by themselves."""

import os
import signal
import subprocess
import sys

import consul_facts
from tools import Watch, eventually, holds, processes_in
from world import CONSUL, LEFT, arguments_of, run, write_json, write_script

WEB = {"name": "web", "port": 80, "check": {"name": "web", "ttl": "1h", "status": "passing"}}
QUIET = 1.5  # seconds: more than a change needs to be seen and applied


def has_web(server, client):
    eventually(lambda: server.instances("web") == {"n1": client.address}, 10, "web is registered")


def mount(folder, version, settings):
    """Puts a new version of a ConfigMap at `folder`, as the kubelet does."""
    os.makedirs(f"{folder}/{version}")
    write_json(f"{folder}/{version}/lictor.json", settings)
    os.symlink(version, f"{folder}/..data_tmp")
    os.rename(f"{folder}/..data_tmp", f"{folder}/..data")


def unread(client, since):
    """No settings were read again in the log after `since` characters."""
    return not any(word in client.log[since:] for word in ("settings read again", "new settings", "not applied"))


def settings_rewritten(world):
    """A file that is renamed over is applied; one with the same content, or just touched, is not even read again."""
    server, client = world.server(), world.client()
    before = client.start().ready()
    written = len(client.log)
    os.utime(client.settings_file)
    client.write_settings()
    write_json(f"{client.folder}/other.json", {})
    holds(lambda: unread(client, written), QUIET, "nothing is read again")
    client.write_settings(services=[WEB])
    has_web(server, client)
    client.logged(f"a settings file has changed path={client.settings_file}\n")
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]
    assert client.log[written:].count("changed") == 1, client.log[written:]


def settings_config_map(world):
    """A ConfigMap's new version arrives by one rename of `..data`; the old one is deleted."""
    server, client = world.server(), world.client()
    folder = f"{client.folder}/mounted"
    mount(folder, "..1", client.settings)
    os.symlink("..data/lictor.json", f"{folder}/lictor.json")
    client.settings_file = f"{folder}/lictor.json"
    before = client.start().ready()
    mount(folder, "..2", client.settings | {"services": [WEB]})
    os.remove(f"{folder}/..1/lictor.json")
    os.rmdir(f"{folder}/..1")
    has_web(server, client)
    mount(folder, "..3", client.settings)
    eventually(lambda: server.instances() == {"n1": client.address}, 10, "the default service again")
    assert server.instances("web") == {}
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]


def settings_broken_and_mended(world):
    """Broken settings change nothing and show in status until they are mended."""
    server, client = world.server(), world.client()
    before = client.start().ready()
    with open(client.settings_file, "w") as file:
        file.write('{"services": [')
    eventually(lambda: "lictor.json" in str(client.status()["problems"]), 5, "status shows what is wrong")
    after = client.ready()
    assert after["agent"]["pid"] == before["agent"]["pid"]
    assert server.instances() == {"n1": client.address}
    client.write_settings()
    eventually(lambda: client.status()["problems"] == [], 5, "status shows that it is mended")
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]


def settings_in_a_full_sync(world):
    """What the running agent can reload it is told of once its first full sync is over: whoever has asked waits for that, and the
    catalog has the services all the time."""
    server, client = world.server(), world.client(services=[{"name": "web", "port": 80}])
    client.start().ready()
    client.write_settings(agent={"config": {"log_level": "debug"}})
    with Watch(lambda: "n1" in server.instances("web")) as watch:
        told = client.command("reload")
    assert told.returncode == 0 and "taken by the running agent keys=log_level" in client.log, told.stdout + told.stderr
    assert watch.looks and not watch.gaps, watch.gaps
    asked = "the agent is to take new settings, and does once its full sync is over"
    assert client.log.count(asked) == 1 and client.log.index(asked) < client.log.index("taken by the running agent")
    # It is over now.
    client.write_settings(agent={"config": {"log_level": "info"}})
    assert client.command("reload").returncode == 0
    assert client.consul_json()["log_level"] == "info" and client.log.count(asked) == 1
    # What the agent has no part in waits for nothing.
    client.stop()
    client.start().ready()
    client.write_settings(services=[{"name": "web", "port": 81}])
    assert client.command("reload").returncode == 0 and client.log.count(asked) == 1


def settings_of_the_agent(world):
    """A changed file of agent.config_files is applied: by a reload where that is enough, else by a restart."""
    server, client = world.server(), world.client()
    path = f"{client.folder}/agent.json"
    write_json(path, {"log_level": "info"})
    client.write_settings(agent={"config_files": [path]})
    before = client.start().ready()
    assert "[DEBUG]" not in client.log
    write_json(path, {"log_level": "debug"})
    client.logged("new settings, taken by the running agent keys=log_level")
    client.logged(f"a settings file has changed path={path}\n")
    eventually(
        lambda: client.agent_get("/v1/agent/self") and "[DEBUG]" in client.log, 5, "the agent logs as it is told"
    )
    assert client.consul_json()["log_level"] == "debug"
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]
    write_json(path, {"log_level": "debug", "node_meta": {"rack": "7"}, "dns_config": {"only_passing": True}})
    client.logged('keys="dns_config node_meta"')
    eventually(lambda: server.node("n1")["Node"]["Meta"].get("rack") == "7", 10, "the new node metadata")
    assert client.ready()["agent"]["pid"] != before["agent"]["pid"]


def settings_blocked_endpoints(world):
    """Of http_config.block_endpoints, what would shut lictor out is refused by check, start and reload; the rest is warned of."""
    server, client = world.server(), world.client()

    def block(*prefixes):
        client.write_settings(agent={"config": {"http_config": {"block_endpoints": list(prefixes)}}})

    block("/v1/status")
    for refused in (client.command("check"), client.command("run")):
        assert refused.returncode == 78, refused
        assert "http_config.block_endpoints" in refused.stderr and "/v1/status/leader" in refused.stderr, refused
    block("/v1/agent/maintenance", "/v1/kv")
    checked = client.command("check")
    assert checked.returncode == 0 and checked.stdout.count("http_config.block_endpoints") == 1, checked
    client.start().ready()
    client.logged('"/v1/agent/maintenance" blocks /v1/agent/maintenance')
    block("/v1/agent/service/register")
    client.logged("settings not applied")
    assert "http_config.block_endpoints" in str(client.status()["problems"]) and client.status()["ready"]
    assert client.stop()[0] == 0 and server.node("n1") is None


def settings_reloaded_once(world):
    """A change is one reload, also of an agent that was to watch its files by itself."""
    config = {"log_level": "debug", "discard_check_output": False} | consul_facts.given().reloads_by_itself
    world.server()
    client = world.client(agent={"config": config}).start()
    client.ready()
    client.write_settings(agent={"config": {"discard_check_output": True}})
    client.logged("new settings, taken by the running agent keys=discard_check_output")
    reloads = client.log.count("url=/v1/agent/reload")
    holds(lambda: "auto-reload" not in client.log, 2, "the agent does not reload them once more")
    assert client.log.count("url=/v1/agent/reload") == reloads == 1, client.log[-2000:]


def settings_reloaded_once_by_folder(world):
    """So it is where a file of agent.config_dirs turns that watch on: consul.json, which the agent reads last, overrules it.
    Where the agent knows of no such key, a comment that names it changes nothing."""
    known = bool(consul_facts.given().reloads_by_itself)
    folder = f"{world.folder}/extra"
    os.mkdir(folder)
    with open(f"{folder}/own.hcl", "w") as file:
        file.write("auto_reload_config = true\n" if known else "# auto_reload_config = true\n")
    server = world.server()
    client = world.client(agent={"config_dirs": [folder], "config": {"log_level": "debug"}}).start()
    client.ready()
    assert client.consul_json().get("auto_reload_config") == (False if known else None), client.consul_json()
    told = f"auto_reload_config: true ({folder}/own.hcl:1) gives way to false"
    assert (told in client.log) == (told in client.command("check").stdout) == known, client.log
    write_json(f"{folder}/web.json", {"service": {"name": "web", "port": 80}})
    client.logged("new settings, taken by the running agent keys=services")
    eventually(lambda: server.instances("web") == {"n1": client.address}, 5, "web is registered")
    reloads = client.log.count("url=/v1/agent/reload")
    holds(lambda: "auto-reload" not in client.log, 2, "the agent does not reload them once more")
    assert client.log.count("url=/v1/agent/reload") == reloads == 1, client.log[-2000:]


def settings_config_dirs(world):
    """Services in files of agent.config_dirs are reloaded, anything else there restarts the agent, a broken file neither."""
    server, client = world.server(), world.client()
    folder = f"{client.folder}/extra"
    os.mkdir(folder)
    client.write_settings(agent={"config_dirs": [folder]})
    before = client.start().ready()
    with open(f"{folder}/meta.hcl", "w") as file:
        file.write("node_meta {")
    eventually(lambda: f"{folder}/meta.hcl:1:" in str(client.status()["problems"]), 10, "status shows what is wrong")
    assert client.ready()["agent"]["pid"] == before["agent"]["pid"]
    os.remove(f"{folder}/meta.hcl")
    for port in (80, 81, None):
        if port:
            write_json(f"{folder}/web.json", {"service": {"name": "web", "port": port}})
        else:
            os.remove(f"{folder}/web.json")
        eventually(
            lambda: [i["ServicePort"] for i in server.get("/v1/catalog/service/web")] == [port] * bool(port),
            10,
            f"web is there with port {port}",
        )
    client.logged("new settings, taken by the running agent keys=services")
    assert client.ready()["agent"]["pid"] == before["agent"]["pid"]
    with open(f"{folder}/meta.hcl", "w") as file:
        file.write('node_meta { rack = "7" }')
    client.logged("reason=settings keys=node_meta", 10)
    eventually(lambda: server.node("n1")["Node"]["Meta"].get("rack") == "7", 10, "the new node metadata")
    assert client.ready()["problems"] == []


def make_certificate(folder):
    """A fresh certificate and its key, exchanged as a whole."""
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=n1 -keyout".split()
    subprocess.run(
        ["openssl", *command, f"{folder}/key.new", "-out", f"{folder}/cert.new"], check=True, capture_output=True
    )
    for name in ("key", "cert"):
        os.chmod(f"{folder}/{name}.new", 0o644)
        os.rename(f"{folder}/{name}.new", f"{folder}/{name}.pem")


def shown_certificate(client):
    """What the agent's HTTPS listener shows to whoever connects."""
    return run("ip", "netns", "exec", client.namespace, "openssl", "s_client", "-connect", "127.0.0.1:8501")


def settings_rotated_certificate(world):
    """A certificate rotated under its old name is taken, and shown, by the running agent."""
    server, client = world.server(), world.client()
    make_certificate(client.folder)
    files = {"cert_file": f"{client.folder}/cert.pem", "key_file": f"{client.folder}/key.pem"}
    client.write_settings(agent={"config": files | {"ports": {"https": 8501}}})
    before = client.start().ready()
    with open(files["cert_file"]) as file:
        assert file.read() in shown_certificate(client)
    make_certificate(client.folder)
    client.logged('taken by the running agent keys="cert_file key_file"')
    with open(files["cert_file"]) as file:
        assert file.read() in shown_certificate(client)
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]
    assert server.instances() == {"n1": client.address}


def settings_unwatched(world):
    """With watch.settings false nothing happens by itself; a reload turns it on and off."""
    server, client = world.server(), world.client(watch={"settings": False})
    client.start().ready()
    written = len(client.log)
    client.write_settings(services=[WEB])
    holds(lambda: unread(client, written), QUIET, "nothing is read again")
    client.write_settings(watch={"settings": True})
    client.send(signal.SIGHUP)
    has_web(server, client)
    client.write_settings(services=[WEB | {"name": "other"}])
    eventually(lambda: server.instances("other") == {"n1": client.address}, 10, "other is registered")
    client.write_settings(watch={"settings": False})
    eventually(lambda: "settings read again" in client.log[written:], 5, "it is turned off")
    written = len(client.log)
    client.write_settings(services=[WEB])
    holds(lambda: unread(client, written), QUIET, "nothing is read again")


def settings_changed_while_waiting(world):
    """A change while lictor waits for an address is taken when it goes on."""
    server, client = world.server(), world.client(with_address=False)
    client.start().logged("waiting for an address")
    client.write_settings(services=[WEB])
    client.logged(f"a settings file has changed path={client.settings_file}\n")
    assert not client.agent_pid()
    run("ip", "-n", client.namespace, "addr", "add", f"{client.address}/24", "dev", "eth0")
    client.ready()
    has_web(server, client)
    assert client.status()["agent"]["restarts"] == 0


# A user namespace with everybody in it and limits of its own, none of the host's touched. A process outside has to say
# who is in it.
WITHOUT_INOTIFY = """
import ctypes, os, sys
ready, told = os.pipe()
outside = os.fork()
if outside == 0:
    os.close(told)
    os.read(ready, 1)
    for map in ("uid_map", "gid_map"):
        with open(f"/proc/{os.getppid()}/{map}", "w") as file:
            file.write("0 0 65536")
    os._exit(0)
assert ctypes.CDLL(None).unshare(0x10000000) == 0  # CLONE_NEWUSER
os.close(told)
os.waitpid(outside, 0)
with open(f"/proc/sys/user/max_inotify_{sys.argv[1]}", "w") as file:
    file.write("0")
os.execv(sys.argv[2], sys.argv[2:])
"""


def settings_unwatchable(world):
    """Without inotify, each thing that can't be watched is warned of once, and SIGHUP works as ever."""
    server, client = world.server(), world.client(stop={"policy": "stay"})
    for limit, warning in (
        ("instances", "watch.settings: inotify: too many open files; raise fs.inotify.max_user_instances; "),
        ("watches", f"{client.settings_file}: can't be watched: no space left on device; raise fs.inotify.max_user_"),
    ):
        written = len(client.log)
        client.wrapper = [sys.executable, "-c", WITHOUT_INOTIFY, limit]
        client.start().ready()
        assert client.log[written:].count(warning) == 1, client.log[written:]
        for services in ([WEB], [WEB | {"name": "other"}]):
            client.write_settings(services=services)
            client.send(signal.SIGHUP)
            name = services[0]["name"]
            eventually(lambda: server.instances(name) == {"n1": client.address}, 10, f"{name} is registered")
        assert client.log[written:].count(warning) == 1, client.log[written:]
        assert client.status()["agent"]["restarts"] == 0
        assert client.stop()[0] == 0, client.last_line()


def gated_validate(client):
    """Has `consul validate` wait until gate() is called, and the agent run as ever."""
    gate = f"{client.folder}/gate"
    os.mkfifo(gate)
    script = f'[ "$1" = validate ] && read line < {gate}\nexec {CONSUL} "$@"\n'
    client.write_settings(agent={"binary": write_script(f"{client.folder}/consul", script)})

    def open_gate():
        with open(gate, "w") as file:
            file.write("go on\n")

    return open_gate


def settings_read_in_a_stop(world):
    """A stop ends with the settings it began with, whatever is being read meanwhile: its hooks run, and the name that
    leaves is the one that the catalog has."""
    server, client = world.server(), world.client(watch={"settings": False})
    ran = f"{client.folder}/ran"
    os.mkdir(ran)
    os.chmod(ran, 0o777)
    client.write_settings(hooks={"pre_stop": [{"command": ["/bin/touch", f"{ran}/hook"], "on_failure": "fail"}]})
    open_gate = gated_validate(client)
    client.start().ready()
    client.settings["hooks"] = {}
    client.write_settings(node={"name": "renamed"})
    client.send(signal.SIGHUP)
    eventually(lambda: any("validate" in arguments_of(p.pid) for p in processes_in(client.namespace)), 5, "validate runs")
    client.send(signal.SIGTERM)
    client.logged("stopping: the node leaves the cluster")
    open_gate()
    assert client.ended() == 0, client.last_line()
    assert "confirmed by a server" in client.last_line(), client.last_line()
    assert os.listdir(ran) == ["hook"]
    assert server.node("n1") is None and server.node("renamed") is None
    assert server.member("n1") == LEFT


def settings_broken_and_another_address(world):
    """A broken file of agent.config_files is no matter of the address: the node moves all the same."""
    server, client = world.server(), world.client(watch={"settings": False})
    path = f"{client.folder}/agent.json"
    write_json(path, {})
    client.write_settings(agent={"config_files": [path]})
    client.start().ready()
    with open(path, "w") as file:
        file.write("{")
    run("ip", "-n", client.namespace, "addr", "del", f"{client.address}/24", "dev", "eth0")
    run("ip", "-n", client.namespace, "addr", "add", "10.77.0.99/24", "dev", "eth0")
    eventually(lambda: server.instances() == {"n1": "10.77.0.99"}, 20, "the catalog has the new address")
    assert client.command("reload").returncode == 78


def settings_broken_while_waiting(world):
    """A file of agent.config_files that breaks while an address is awaited changes nothing; the address is taken."""
    server, client = world.server(), world.client(with_address=False)
    path = f"{client.folder}/agent.json"
    write_json(path, {})
    client.write_settings(agent={"config_files": [path]})
    client.start().logged("waiting for an address")
    with open(path, "w") as file:
        file.write("{")
    eventually(lambda: path in str(client.status()["problems"]), 5, "status shows what is wrong")
    run("ip", "-n", client.namespace, "addr", "add", f"{client.address}/24", "dev", "eth0")
    client.ready()
    assert server.instances() == {"n1": client.address}
