"""From exec to registered, and what stops lictor from getting there."""

import os
import pwd
import signal
import stat
import sys
import time

from tools import children, eventually, holds, owners, uid_of
from world import ALIVE, LEFT, arguments_of, run, write_script

TOKEN = "5d1b6a0e-0b52-4a1c-8a07-3f8f1f6a2c11"


def start_registered(world):
    """A started node stands in the catalog under its name with its own address, and says so on every probe."""
    server, client = world.server(), world.client()
    status = client.start().ready()
    assert server.instances() == {"n1": client.address}, server.instances()
    assert server.member("n1") == ALIVE
    assert (status["node_name"], status["address"]) == ("n1", client.address), status
    assert status["leader"] and status["pid"] == client.pid and status["agent"]["pid"] == client.agent_pid(), status
    assert [client.probe("/livez"), client.probe("/readyz")] == [200, 200]
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")


def start_same_node_again(world):
    """A node that left and comes back is the same node: its id outlives lictor and the agent."""
    server, client = world.server(), world.client()
    first = client.start().ready()["node_id"]
    assert client.stop()[0] == 0
    assert client.start().ready()["node_id"] == first == client.node_id()
    assert server.node("n1")["Node"]["ID"] == first
    assert server.passing() == ["n1"], "ready, and the service's check is not passing"


def start_em1(world):
    """Hosts whose first interface is called em1 need no setting."""
    server, client = world.server(), world.client(link="em1")
    client.start().ready()
    assert server.instances() == {"n1": client.address}, server.instances()


def start_late_address(world):
    """lictor may be up before the network is: it waits for the address and takes it the moment it is there."""
    server, client = world.server(), world.client(with_address=False)
    client.start()
    eventually(lambda: "eth0" in client.log, 5, "lictor says what it waits for")
    holds(lambda: client.process.poll() is None and not client.agent_pid(), 0.5, "no agent before there is an address")
    assert client.probe("/readyz") == 503
    run("ip", "-n", client.namespace, "addr", "add", f"{client.address}/24", "dev", "eth0")
    client.ready(5)
    assert server.instances() == {"n1": client.address}


def two_links(world, **config):
    """A node whose eth0 has the default route and a network for documentation, and whose eth1 leads to the server."""
    client = world.client(link="eth1", agent={"config": config})
    inside = ["ip", "-n", client.namespace]
    run(*inside, "link", "add", "eth0", "type", "veth", "peer", "name", "far")
    run(*inside, "link", "set", "far", "up")
    run(*inside, "addr", "add", "203.0.113.5/24", "dev", "eth0")
    run(*inside, "link", "set", "eth0", "up")
    run(*inside, "route", "add", "default", "via", "203.0.113.1")
    return client


def start_template_of_private_address(world):
    """`bind_addr: "{{ GetPrivateIP }}"` is the private address, as the agent has it, and not that of the default route; it is
    kept while the host has it, whatever the template would give by then."""
    server, client = world.server(), two_links(world, bind_addr="{{ GetPrivateIP }}")
    status = client.start().ready()
    assert (status["address"], status["address_origin"]) == (client.address, "eth1, by bind_addr"), status
    assert server.instances() == {"n1": client.address}, server.instances()
    agent = client.agent_pid()
    inside = ["ip", "-n", client.namespace]
    run(*inside, "link", "add", "docker0", "type", "bridge")
    run(*inside, "addr", "add", "172.17.0.1/16", "dev", "docker0")
    run(*inside, "link", "set", "docker0", "up")
    holds(lambda: client.agent_pid() == agent and client.probe("/readyz") == 200, 1, "it stays where it is")
    client.write_settings(agent={"config": {"node_meta": {"rack": "7"}}})
    assert client.command("reload").returncode == 0
    assert client.ready()["address"] == client.address, client.status()
    assert server.instances() == {"n1": client.address}, server.instances()


def start_template_of_interface(world):
    """Templates in bind_addr, advertise_addr and client_addr give what the agent would have made of them."""
    templates = {
        "bind_addr": '{{ GetInterfaceIP "eth1" }}',
        "advertise_addr": '{{ GetAllInterfaces | include "name" "^eth1$" | include "type" "IPv4" | attr "address" }}',
        "client_addr": '127.0.0.1 {{ . | include "name" "eth0" | include "type" "IPv4" | join "address" " " }}',
    }
    server, client = world.server(), two_links(world, **templates)
    client.start().ready()
    assert server.instances() == {"n1": client.address}, server.instances()
    given = {key: client.consul_json()[key] for key in templates}
    assert given == {
        "bind_addr": client.address,
        "advertise_addr": client.address,
        "client_addr": "127.0.0.1 203.0.113.5",
    }, given
    listening = run("ip", "netns", "exec", client.namespace, "ss", "-Hltn")
    assert "127.0.0.1:8500" in listening and "203.0.113.5:8500" in listening, listening


def start_template_without_address(world):
    """An interface that a template names is waited for; an empty client_addr, a template that gives several addresses for
    one, and one that the agent would refuse are told in words."""
    server, client = world.server(), two_links(world, bind_addr='{{ GetInterfaceIP "eth2" }}')
    client.start()
    eventually(lambda: "gives no address on this host" in client.log, 5, "lictor says what it waits for")
    assert client.process.poll() is None and not client.agent_pid()
    run("ip", "-n", client.namespace, "link", "set", "eth1", "down")
    run("ip", "-n", client.namespace, "link", "set", "eth1", "name", "eth2")
    run("ip", "-n", client.namespace, "link", "set", "eth2", "up")
    client.ready()
    assert server.instances() == {"n1": client.address}, server.instances()
    for key, template, code, words in (
        ("client_addr", '{{ GetInterfaceIP "wg0" }}', 75, "gives no address on this host"),
        ("advertise_addr", "{{ GetPublicIP }}", 75, "gives no address on this host"),
        ("advertise_addr", '{{ GetAllInterfaces | join "address" " " }}', 78, "gives several addresses"),
        ("bind_addr", "{{ GetPrivateIP", 78, "is refused: {{ without }}"),
    ):
        client.write_settings(agent={"config": {"bind_addr": client.address, key: template}})
        checked = client.command("check")
        assert checked.returncode == code and words in checked.stdout + checked.stderr, (template, checked)
        client.settings["agent"]["config"].pop(key)


def start_late_link(world):
    """An address on an interface that is down does not count until the interface is up."""
    world.server()
    client = world.client()
    run("ip", "-n", client.namespace, "link", "set", "eth0", "down")
    client.start()
    eventually(lambda: "eth0" in client.log, 5, "lictor says what it waits for")
    assert client.process.poll() is None and not client.agent_pid()
    run("ip", "-n", client.namespace, "link", "set", "eth0", "up")
    client.ready(5)


def start_mended_while_waiting(world):
    """Settings that name the wrong interface are mended while lictor waits for it, the time that it waits included."""
    server, client = world.server(), world.client(bind={"interface": ["bond0"], "wait": "3s"})
    client.start()
    began = client.started
    client.logged("waiting for an address")
    with open(client.settings_file, "w") as file:
        file.write('{"bind": ')
    eventually(lambda: "lictor.json" in str(client.status()["problems"]), 5, "status shows what is wrong")
    client.write_settings(bind={"wait": "60s"})
    eventually(lambda: "lictor.json" not in str(client.status()["problems"]), 5, "status shows that it is mended")
    holds(lambda: client.process.poll() is None, began + 3.5 - time.monotonic(), "it waits as it is told by now")
    assert client.agent_pid() is None
    client.write_settings(bind={"interface": ["eth0"]}, node={"data_dir": f"{client.folder}/other"})
    client.ready(5)
    assert server.instances() == {"n1": client.address}
    assert os.path.exists(f"{client.folder}/other/node-id") and not os.path.exists(f"{client.data_dir}/node-id")
    client.stop()


def start_no_address(world):
    """Without an address in time lictor ends with 75, a later try may do, and lists what it saw."""
    client = world.client(with_address=False, bind={"wait": "700ms"})
    assert client.start().ended(5) == 75, client.log
    assert "eth0" in client.last_line() and "bind." in client.last_line(), client.last_line()
    client.nobody_left()


def start_broken_settings(world):
    """All that is wrong with the settings is told at once, with 78, before anything on the host is touched."""
    client = world.client(bind={"interfaces": ["eth0"], "wait": "soon"}, stop={"policy": "go"}, services={"name": "x"})
    before = os.listdir(client.folder)
    assert client.start(LICTOR_RESTART_GIVE_UP_AFTER="many").ended(5) == 78, client.log
    for wanted in (
        "bind.interfaces",
        "bind.interface",
        "bind.wait",
        "soon",
        "stop.policy",
        "go",
        "services",
        "LICTOR_RESTART_GIVE_UP_AFTER",
    ):
        assert wanted in client.log, f"{wanted} is not told:\n{client.log}"
    assert sorted(os.listdir(client.folder)) == sorted(before + [os.path.basename(client.log_file)])


def start_settings_missing(world):
    """A settings file that was named and does not come is an error, not a start with defaults."""
    client = world.client()
    os.remove(client.settings_file)
    assert client.start(LICTOR_WAIT_FILES="0s").ended(5) == 75
    assert client.settings_file in client.last_line()


def start_without_binary(world):
    """An agent that is not there is 127, one that can't be executed 126, as a shell has it."""
    client = world.client(agent={"binary": f"{world.folder}/nowhere/consul"})
    assert client.start().ended(5) == 127, client.log
    assert "nowhere/consul" in client.last_line()
    plain = f"{world.folder}/consul"
    with open(plain, "w") as file:
        file.write("no program\n")
    client.write_settings(agent={"binary": plain})
    assert client.start().ended(5) == 126, client.log
    assert plain in client.last_line()


def start_gives_up(world):
    """An agent that dies again and again before it was ever ready: lictor gives up with 75 and says how it died."""
    deaths = f"{world.folder}/deaths"
    binary = write_script(f"{world.folder}/consul", f'[ "$1" = agent ] || exit 0\necho x >> {deaths}\nexit 3\n')
    open(deaths, "w").close()
    os.chmod(deaths, 0o666)
    client = world.client(agent={"binary": binary}, restart={"min": "10ms", "max": "50ms", "give_up_after": 4})
    assert client.start().ended(10) == 75, client.log
    with open(deaths) as file:
        assert len(file.readlines()) == 4
    assert "exit code 3" in client.log and "restart.give_up_after" in client.last_line(), client.log
    client.nobody_left()


def start_files_and_users(world):
    """Secrets stay with lictor and the agent: consul.json is the agent user's alone, argv and log hold none."""
    world.server()
    client = world.client(agent={"config": {"acl": {"tokens": {"default": TOKEN}}}})
    client.start().ready()
    consul = pwd.getpwnam("consul")
    file = os.stat(f"{client.run_dir}/consul.json")
    assert (stat.S_IMODE(file.st_mode), file.st_uid) == (0o600, consul.pw_uid), oct(file.st_mode)
    listener = os.stat(client.agent_socket)
    assert (stat.S_IMODE(listener.st_mode), listener.st_uid) == (0o600, consul.pw_uid), oct(listener.st_mode)
    assert stat.S_IMODE(os.stat(client.control_socket).st_mode) == 0o660
    agent = client.agent_pid()
    assert uid_of(agent) == consul.pw_uid and uid_of(client.pid) == 0
    assert os.stat(client.data_dir).st_uid == consul.pw_uid
    others = {path: uid for path, (uid, _) in owners(client.data_dir).items() if uid != consul.pw_uid}
    assert all(path.endswith(".lock") for path in others), others
    rendered = client.command("render")
    for where, text in (
        ("argv", " ".join(arguments_of(agent))),
        ("log", client.log),
        ("render", rendered.stdout),
        ("status", client.control("GET", "/status").text),
        ("metrics", client.control("GET", "/metrics").text),
    ):
        assert TOKEN not in text, f"a secret stands in {where}"
    config = client.consul_json()
    assert config["acl"]["tokens"]["default"] == TOKEN
    assert config["leave_on_terminate"] is False and config["skip_leave_on_interrupt"] is True
    assert (config["bind_addr"], config["advertise_addr"]) == (client.address, client.address)


def start_owner_of_old_data(world):
    """A data directory that an agent under root has left behind is taken over."""
    world.server()
    client = world.client()
    client.start(LICTOR_AGENT_USER="root").ready()
    assert uid_of(client.agent_pid()) == 0
    client.stop()
    client.start().ready()
    assert uid_of(client.agent_pid()) == pwd.getpwnam("consul").pw_uid


def start_node_id_mended(world):
    """A node-id that was cut short or overwritten, on which Consul refuses to start, is mended: the same node."""
    server, client = world.server(), world.client()
    first = client.start().ready()["node_id"]
    client.stop()
    for garbage in ("", first[:17], "not an id\n"):
        with open(f"{client.data_dir}/node-id", "w") as file:
            file.write(garbage)
        assert client.start().ready()["node_id"] == first, f"after {garbage!r}"
        client.stop(signal.SIGQUIT)
    assert client.node_id() == first
    assert server.node("n1")["Node"]["ID"] == first


def start_data_dir_locked(world):
    """Two lictors never share a data directory: the second waits, ends with 75, and the first does not notice."""
    server, client = world.server(), world.client()
    status = client.start().ready()
    second = world.client("n2", node={"data_dir": client.data_dir}).start()
    assert second.ended(35) == 75, second.log
    assert f"{client.data_dir}/lictor.lock: held by process {client.pid} " in second.last_line(), second.last_line()
    assert client.status()["agent"]["pid"] == status["agent"]["pid"] and client.probe("/readyz") == 200
    assert server.instances() == {"n1": client.address}


def start_http_off(world):
    """With ports.http = -1 no port is open, and lictor works all the same."""
    server = world.server()
    client = world.client(agent={"config": {"ports": {"http": -1}}})
    client.start().ready()
    listening = run("ip", "netns", "exec", client.namespace, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    assert f":{8500:04X} " not in listening, "somebody listens on port 8500"
    assert server.member("n1") == ALIVE and server.node("n1")
    assert client.stop()[0] == 0
    assert server.member("n1") == LEFT


def start_after_kill(world):
    """lictor killed: the agent ends too, without leaving; started again over what lay about it is the same node."""
    server, client = world.server(), world.client()
    first = client.start().ready()["node_id"]
    os.kill(client.pid, signal.SIGKILL)
    assert client.ended() == -signal.SIGKILL
    client.nobody_left()
    assert os.path.exists(client.agent_socket) and os.path.exists(client.control_socket)
    assert server.member("n1") != LEFT and "n1" in server.instances()
    assert client.start().ready()["node_id"] == first
    assert server.instances() == {"n1": client.address}


def start_environment(world):
    """The environment sets up a container: LICTOR_* beats the file, the official image's CONSUL_* are understood."""
    world.server()
    client = world.client(node={"name": "from-file"})
    local = '{"node_meta": {"rack": "7"}}'
    status = client.start(LICTOR_NODE_NAME="n9", CONSUL_LOCAL_CONFIG=local, CONSUL_BIND_INTERFACE="eth0").ready()
    assert status["node_name"] == "n9"
    assert client.consul_json()["node_meta"]["rack"] == "7"


def start_acl(world):
    """Where all is denied by default, a node with its tokens registers, and leaves though no token would let it. Templates are
    evaluated there as anywhere."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": TOKEN}}
    server = world.server({"primary_datacenter": "dc1", "acl": acl}, token=TOKEN)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    rules = 'node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }'
    server.put("/v1/acl/policy", {"Name": "node", "Rules": rules})
    token = server.put("/v1/acl/token", {"Policies": [{"Name": "node"}]})["SecretID"]
    config = {
        "primary_datacenter": "dc1",
        "acl": {"enabled": True, "default_policy": "deny", "tokens": {"agent": token, "default": token}},
        "client_addr": '{{ GetAllInterfaces | include "name" "^lo$" | include "type" "IPv4" | attr "address" }}',
    }
    client = world.client(agent={"config": config})
    client.start().ready()
    assert client.consul_json()["client_addr"] == "127.0.0.1", client.consul_json()
    assert server.instances() == {"n1": client.address}
    assert client.agent("PUT", "/v1/agent/leave", token="00000000-0000-0000-0000-000000000001").status == 403
    assert client.stop()[0] == 0, client.log
    assert server.member("n1") == LEFT and not server.node("n1")


def start_acl_agent_token_only(world):
    """With nothing but an agent token and no services of its own, leaving works and is told truly."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": TOKEN}}
    server = world.server({"primary_datacenter": "dc1", "acl": acl}, token=TOKEN)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    server.put("/v1/acl/policy", {"Name": "node", "Rules": 'node_prefix "" { policy = "write" }'})
    token = server.put("/v1/acl/token", {"Policies": [{"Name": "node"}]})["SecretID"]
    config = {
        "primary_datacenter": "dc1",
        "acl": {"enabled": True, "default_policy": "deny", "tokens": {"agent": token}},
    }
    client = world.client(agent={"config": config}, services=[])
    client.start()
    eventually(lambda: server.node("n1"), 10, "the node is in the catalog")
    assert client.stop()[0] == 0, client.log
    assert server.member("n1") == LEFT


# Binds ADDRESS:8301 and lets go of it for two seconds, as often as it can: how often somebody else had it.
TAKES_PORT = """
import socket, sys, time
refused, until = 0, time.monotonic() + 2
while time.monotonic() < until:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        try:
            port.bind((sys.argv[1], 8301))
        except OSError:
            refused += 1
print(refused)
"""


def start_gossip_port_is_the_agents(world):
    """While an agent is starting nobody else takes its gossip port, not even for a moment: it would end at once."""
    binary = write_script(f"{world.folder}/consul", '[ "$1" = agent ] && exec sleep 1000\n')
    client = world.client(agent={"binary": binary}).start()
    eventually(lambda: [p for p in children(client.pid) if p.name == "sleep"], 5, "the agent")
    command = ["ip", "netns", "exec", client.namespace, sys.executable, "-c", TAKES_PORT, client.address]
    assert run(*command) == "0\n"
