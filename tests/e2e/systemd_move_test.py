"""A host that has HashiCorp's package, booted by a real systemd, is moved to lictor with the commands of docs/migration.md."""

import os
import shutil

from machine import SOURCE, Machine
from pages import blocks, sections
from tools import Watch, ask, eventually, uid_of
from world import CONSUL, SERVER_ADDRESS, run

# As the package has it: the unit, its variables, the agent's settings and folders.
UNIT = """[Unit]
Description=Consul
Requires=network-online.target
After=network-online.target
ConditionFileNotEmpty=/etc/consul.d/consul.hcl

[Service]
Type=notify
EnvironmentFile=-/etc/consul.d/consul.env
User=consul
Group=consul
ExecStart=/usr/bin/consul agent -config-dir=/etc/consul.d/
ExecReload=/bin/kill --signal HUP $MAINPID
KillMode=process
KillSignal=SIGTERM
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""
FILES = {
    "consul.hcl": f"""
data_dir             = "/opt/consul"
node_name            = "web1"
client_addr          = "0.0.0.0"
retry_join           = ["{SERVER_ADDRESS}"]
disable_update_check = true
leave_on_terminate   = true
ports {{
  grpc = 8502
}}
addresses {{
  http = "0.0.0.0 unix:///opt/consul/http.sock"
}}
unix_sockets {{
  user  = "990"
  group = "990"
  mode  = "0664"
}}
""",
    "web.hcl": 'service {\n  name = "web"\n  port = 80\n}\n',
    "consul.env": "RACK=7\n",
}
REDIS = {"Name": "redis", "Port": 6379, "Check": {"TTL": "1h"}}


def host(world, files=None, unit=UNIT):
    """A machine where Consul's own unit is enabled and runs, and the package of lictor is installed as it comes."""
    machine = Machine(world)
    shutil.copy(SOURCE / "systemd/lictor.json", f"{machine.root}/etc/lictor/lictor.json")
    os.makedirs(f"{machine.root}/var/lib/lictor")
    with open(f"{machine.root}/lib/systemd/system/consul.service", "w") as file:
        file.write(unit)
    for folder in ("etc/consul.d", "opt/consul"):
        os.makedirs(f"{machine.root}/{folder}")
        os.chown(f"{machine.root}/{folder}", 990, 990)
    for name, text in (files or FILES).items():
        with open(f"{machine.root}/etc/consul.d/{name}", "w") as file:
            file.write(text)
        os.chown(file.name, 990, 990)
    machine.boot().systemctl("enable", "--now", "consul")
    return machine


def services(server, node="web1"):
    """Name -> when it came into the catalog; that of one that was missing, however short, is another one."""
    return {name: one["CreateIndex"] for name, one in (server.node(node) or {"Services": {}})["Services"].items()}


def listeners(machine):
    """What the agent's programs connect to, and the ports of gossip."""
    lines = [line.split() for line in run("ip", "netns", "exec", machine.namespace, "ss", "-Hltun").splitlines()]
    found = {(kind, address) for kind, _, _, _, address, *_ in lines if not address.endswith(":8555")}
    sock = os.stat(f"{machine.root}/opt/consul/http.sock")
    return {(kind, "gossip") if address.endswith(":8301") else (kind, address) for kind, address in found} | {
        (oct(sock.st_mode), sock.st_uid, sock.st_gid)
    }


def steps(heading):
    """The commands of a section of the page."""
    return [line for block in blocks(sections("migration.md", "### ")[heading]) for line in block]


def carry_out(machine, commands):
    for command in commands:
        done = machine.run("sh", "-c", command)
        assert done.returncode == 0, (command, done)


def settled(server, machine):
    socket = f"{machine.root}/opt/consul/http.sock"
    for target, body in (("service/register", REDIS), ("check/pass/service:redis", None)):
        answer = ask(socket, "PUT", f"/v1/agent/{target}", body)
        assert answer.status == 200, answer
    eventually(lambda: {"web", "redis"} <= set(services(server)), 10, "the services of the agent before")
    eventually(lambda: server.passing("redis") == ["web1"], 10, "and their checks")


def systemd_move_hashicorp(world):
    """Name, id, services and listeners are those of before, and none of the services was ever missing."""
    server, machine = world.server(), host(world)
    settled(server, machine)
    before, open_before, id_before = services(server), listeners(machine), server.node("web1")["Node"]["ID"]
    told = machine.run("lictor", "check")
    assert told.returncode == 0, told
    for line in (
        "agent.config_dirs: /etc/consul.d is there and nothing else is named",
        "leave_on_terminate: true (/etc/consul.d/consul.hcl:7) gives way to false: only lictor asks the agent to leave",
        "consul.service is enabled and runs: take it out before lictor starts, with `systemctl disable --now consul`",
        f"kept: node web1, id {id_before}, data directory /opt/consul",
        "kept: HTTP 127.0.0.1:8500, HTTP unix:///opt/consul/http.sock, DNS 127.0.0.1:8600, gRPC 127.0.0.1:8502, "
        f"gossip {machine.address}:8301",
        "kept: services of files: web",
        "kept: services that programs have registered: redis",
        "changed: lictor registers a service of its own, consul-members, unless `services` says otherwise",
    ):
        assert line in told.stdout.splitlines(), (line, told.stdout)
    assert "changed:" not in told.stdout.replace("changed: lictor registers", ""), told.stdout

    with Watch(lambda: {"web", "redis"} <= set(services(server)) and server.passing("redis") == ["web1"]) as watch:
        carry_out(machine, steps("The move"))
        assert machine.show("StatusText").startswith("serve: registered"), machine.lictor_status()
    print(f"absences {watch.gaps} in {watch.looks} looks")
    assert watch.looks > 20 and not watch.gaps, watch.gaps
    after = services(server)
    assert {name: after[name] for name in before} == before and set(after) == {"web", "redis", "consul-members"}, (before, after)
    assert server.node("web1")["Node"]["ID"] == id_before and server.member("n1") is None
    assert listeners(machine) == open_before, (open_before, listeners(machine))
    agent = machine.agent()
    assert uid_of(agent.pid) == 990
    with open(f"/proc/{agent.pid}/environ", "rb") as file:
        assert b"RACK=7" in file.read().split(b"\0")
    assert machine.run("systemctl", "is-enabled", "consul").stdout.strip() == "disabled"
    told = machine.run("lictor", "check")
    assert "kept:" not in told.stdout and "consul.service" not in told.stdout, told.stdout
    # What programs have registered is still known after lictor and agent have begun anew.
    machine.systemctl("restart", "lictor")
    eventually(lambda: {"web", "redis"} <= set(services(server)), 10, "the services after a restart")


def systemd_move_with_a_leave(world):
    """By the plain commands the node leaves and is back: name, id and services are those of before."""
    server, machine = world.server(), host(world)
    settled(server, machine)
    id_before = server.node("web1")["Node"]["ID"]
    with Watch(lambda: {"web", "redis"} <= set(services(server))) as watch:
        carry_out(machine, steps("The move with a leave"))
        eventually(lambda: {"web", "redis", "consul-members"} <= set(services(server)), 10, "the services are back")
    print(f"absences {watch.gaps} in {watch.looks} looks")
    eventually(lambda: server.passing("redis") == ["web1"], 10, "and their checks")
    assert server.node("web1")["Node"]["ID"] == id_before
    carry_out(machine, steps("Going back"))
    eventually(lambda: server.passing("redis") == ["web1"], 10, "the agent of before is back")
    eventually(lambda: set(services(server)) == {"web", "redis"}, 5, "lictor's own service is gone")
    assert server.node("web1")["Node"]["ID"] == id_before
    assert machine.run("systemctl", "is-active", "consul").stdout.strip() == "active"


def systemd_move_debian(world):
    """What the unit alone says is told of: its data directory, and that of a server starts no client."""
    world.server()
    unit = UNIT.replace("/usr/bin/consul agent -config-dir=/etc/consul.d/", "/usr/bin/consul agent $DAEMON_ARGS")
    arguments = 'Environment="DAEMON_ARGS=-data-dir=/opt/consul -config-dir=/etc/consul.d"'
    unit = unit.replace("EnvironmentFile=-/etc/consul.d/consul.env", arguments)
    machine = host(world, {"consul.hcl": f'node_name = "web1"\nretry_join = ["{SERVER_ADDRESS}"]\n'}, unit)
    told = machine.run("lictor", "check")
    assert told.returncode == 0, told
    words = 'changed: data_dir is "/var/lib/lictor/data", and not "/opt/consul" as consul.service has it'
    assert words in told.stdout and "changed: the node's id, as /var/lib/lictor/data holds none" in told.stdout, told
    os.makedirs(f"{machine.root}/etc/systemd/system/consul.service.d")
    with open(f"{machine.root}/etc/systemd/system/consul.service.d/server.conf", "w") as file:
        file.write("[Service]\nExecStart=\nExecStart=/usr/bin/consul agent -server -config-dir=/etc/consul.d\n")
    told = machine.run("lictor", "check")
    assert told.returncode == 78 and "consul.service: -server there makes the agent a server" in told.stderr, told
    # Of a unit that has never run an agent there is nothing to be kept.
    machine.systemctl("disable", "--now", "consul")
    shutil.rmtree(f"{machine.root}/opt/consul")
    told = machine.run("lictor", "check")
    assert told.returncode == 0 and "kept:" not in told.stdout, told
