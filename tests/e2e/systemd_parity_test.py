"""What runs under HashiCorp's packaged unit runs under lictor's: in one booted machine, both beside each other."""

import json
import os
import pathlib
import shutil

import parity
from machine import SOURCE, UNIT, Machine
from pages import blocks, sections
from systemd_move_test import UNIT as HASHICORP
from tools import eventually
from world import SERVER_ADDRESS, run

PLAIN, ATTENDED = 18500, 28500
# Without a port it would be the agent's own.
SERVERS = [f"{SERVER_ADDRESS}:8301"]


def ports(first):
    return {"http": first, "dns": -1, "grpc": -1, "server": first + 1, "serf_lan": first + 2}


def booted(world):
    """A machine with the checks' needs, and both units: the plain agent is another node."""
    machine = Machine(world)
    parity.groups_of(f"{machine.root}/etc/group")
    parity.install(machine.root, 990, 990)
    machine.write_settings(agent={"config": parity.definitions("attended") | {"ports": ports(ATTENDED), "retry_join": SERVERS}}, services=[])
    plain = parity.definitions("plain") | {
        "data_dir": "/opt/consul",
        "node_name": "plain",
        "bind_addr": machine.address,
        "retry_join": SERVERS,
        "disable_update_check": True,
        "ports": ports(PLAIN),
    }
    for folder in ("etc/consul.d", "opt/consul"):
        os.makedirs(f"{machine.root}/{folder}")
        os.chown(f"{machine.root}/{folder}", 990, 990)
    pathlib.Path(f"{machine.root}/etc/consul.d/consul.hcl").write_text("log_level = \"INFO\"\n")
    pathlib.Path(f"{machine.root}/etc/consul.d/consul.json").write_text(json.dumps(plain))
    pathlib.Path(f"{machine.root}/lib/systemd/system/consul.service").write_text(HASHICORP)
    # Lictor's agent is configured in lictor.json alone.
    machine.write_settings(agent={"config_dirs": []})
    os.makedirs(f"{machine.root}/usr/share/doc/lictor/examples")
    shutil.copy(SOURCE / "systemd/hardening.conf", f"{machine.root}/usr/share/doc/lictor/examples")
    machine.boot()
    done = machine.run("sh", "-c", parity.PREPARE)
    assert done.returncode == 0, done
    return machine


def checks_of(machine, port):
    return parity.checks_at(machine.namespace, f"127.0.0.1:{port}")


def systemd_parity(world):
    """Each of some 60 script checks comes out under lictor's unit as under HashiCorp's: processes, JIT, scheduling, /tmp, /home, own
    folders, set-user-id, file capabilities, groups, sockets, limits. And `check` has nothing to warn of."""
    server = world.server()
    machine = booted(world)
    verified = machine.run("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{UNIT}")
    assert verified.returncode == 0 and not verified.stderr, verified.stderr
    machine.systemctl("start", "consul")
    machine.systemctl("start", "lictor")
    assert {"plain", "n1"} <= {name for name in ("plain", "n1") if server.node(name)}
    plain = parity.outcomes(checks_of(machine, PLAIN))
    attended = parity.outcomes(checks_of(machine, ATTENDED))
    parity.compare(plain, attended)
    checked = machine.run("lictor", "check")
    assert checked.returncode == 0 and 'check "' not in checked.stdout, checked


def systemd_hardening(world):
    """The drop-in of the package, by the page's commands: systemd rates the unit OK and knows every word; the node serves; and `check` names each
    check that a line breaks, with the line: those fail, and others work."""
    server = world.server()
    machine = booted(world)
    commands = [line for block in blocks(sections("security.md", "### ")["Hardening the unit"]) for line in block]
    assert commands[-2:] == ["lictor check", "systemctl restart lictor"], commands
    for command in commands[:-2]:
        done = machine.run("sh", "-c", command)
        assert done.returncode == 0, (command, done)
    verified = machine.run("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{UNIT}")
    assert verified.returncode == 0 and not verified.stderr, verified.stderr
    rated = machine.run("systemd-analyze", "security", "--offline=true", "--threshold=40", f"/lib/systemd/system/{UNIT}")
    assert rated.returncode == 0, rated.stdout + rated.stderr

    told_before = machine.run("lictor", "check").stdout
    machine.systemctl("restart", "lictor")
    assert server.node("n1")
    checked = machine.run("lictor", "check")
    assert checked.returncode == 0, checked
    # Of how it is stopped more is known once it runs.
    before, now = (
        [line for line in text.splitlines()[:-1] if not line.startswith("stop.policy")]
        for text in (told_before, checked.stdout)
    )
    assert before == now, (told_before, checked.stdout)
    found = parity.outcomes(checks_of(machine, ATTENDED))
    for name, word, line in (
        ("processes of root", "pgrep", "ProtectProc=invisible"),
        ("nice", "nice", "SystemCallFilter"),
        ("idle I/O", "ionice", "SystemCallFilter"),
        ("idle scheduling", "chrt", "RestrictRealtime=yes"),
        ("/tmp", "/tmp/app.sock", "PrivateTmp=yes"),
        ("a script in /home", "/home/ops/check.sh", "ProtectHome=yes"),
        ("set-user-id", "probe-root", "NoNewPrivileges=yes"),
        ("file capability, ping", "probe-raw", "NoNewPrivileges=yes"),
        ("a file in /dev", "/dev/app", "PrivateDevices=yes"),
        ("personality by setarch", "setarch", "LockPersonality=yes"),
    ):
        assert f'warning: check "{name}": {word}: {line} (lictor.service) ' in checked.stdout, (name, checked.stdout)
        assert found[name][0] != "passing", (name, found[name])
    # What is named fails, and nothing that is not named but what no word shows.
    named = {line.split('"')[1] for line in checked.stdout.splitlines() if line.startswith('warning: check "')}
    assert not {name for name in named & parity.PASS.keys() if found[name][0] == "passing"} - {"a file in /var/tmp", "a file in /tmp"}
    for name in ("netlink", "interfaces", "own folder in /opt", "ICMP", "docker's socket by group", "a key by group"):
        assert (found[name][0] == "passing") == (name != "own folder in /opt"), (name, found[name])


def dns_answers(machine):
    def answer():
        listening = run("ip", "netns", "exec", machine.namespace, "ss", "-lnuH")
        return "127.0.0.1:53 " in listening

    eventually(answer, 10, "DNS on port 53")


def systemd_port_53(world):
    """DNS on port 53 by each way that the docs name: AmbientCapabilities= in a drop-in, agent.capabilities, setcap. Without one `check`
    says beforehand what is missing; and after an upgrade that has taken the capability off the program, before the restart."""
    world.server()
    machine = Machine(world, settings={"agent": {"config": {"ports": {"dns": 53}}}})
    machine.boot()
    machine.run("sh", "-c", "echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start")
    refused = machine.run("lictor", "check")
    assert refused.returncode == 78 and "ports.dns" in refused.stderr and "agent.capabilities" in refused.stderr, refused

    key, value = parity.port_line("the unit").split("=")
    machine.drop_in(**{key: value})
    machine.systemctl("daemon-reload")
    assert machine.run("lictor", "check").returncode == 0
    machine.systemctl("start", "lictor")
    dns_answers(machine)
    assert machine.run("lictor", "check").returncode == 0
    machine.systemctl("stop", "lictor")

    os.remove(f"{machine.root}/etc/systemd/system/{UNIT}.d/test.conf")
    machine.systemctl("daemon-reload")
    machine.write_settings(agent={"capabilities": ["net_bind_service"]})
    assert machine.run("lictor", "check").returncode == 0
    machine.systemctl("start", "lictor")
    dns_answers(machine)
    machine.systemctl("stop", "lictor")

    machine.write_settings(agent={"capabilities": None})
    run("setcap", "cap_net_bind_service=+ep", f"{machine.root}/usr/bin/consul")
    assert machine.run("lictor", "check").returncode == 0
    machine.systemctl("start", "lictor")
    dns_answers(machine)
    shutil.copy(f"{machine.root}/usr/bin/consul", f"{machine.root}/usr/bin/consul.new")
    os.rename(f"{machine.root}/usr/bin/consul.new", f"{machine.root}/usr/bin/consul")
    told = machine.run("lictor", "check")
    assert told.returncode == 78, told
    assert "/usr/bin/consul: the agent that runs has cap_net_bind_service, and this program would not" in told.stdout, told
    assert "ports.dns" in told.stderr, told


def systemd_groups(world):
    """The agent has the groups that the database has for its user, those of SupplementaryGroups=, and those of agent.groups."""
    world.server()
    machine = Machine(world, settings={"agent": {"groups": ["ssl-cert"]}})
    with open(f"{machine.root}/etc/group", "a") as groups:
        groups.write("docker:x:970:consul\nssl-cert:x:971:\nvault:x:972:\nroots:x:973:root\n")
    machine.drop_in(SupplementaryGroups="vault roots")
    machine.boot().systemctl("start", "lictor")

    def groups_of(pid):
        with open(f"/proc/{pid}/status") as file:
            return next(line.split()[1:] for line in file if line.startswith("Groups:"))

    assert groups_of(machine.agent().pid) == ["970", "971", "972"], groups_of(machine.agent().pid)
    machine.write_settings(agent={"groups": ["nobody-knows-it"]})
    checked = machine.run("lictor", "check")
    assert checked.returncode == 78 and 'agent.groups: no group "nobody-knows-it" on this host' in checked.stderr, checked
    machine.write_settings(agent={"groups": []})
    machine.systemctl("reload", "lictor")
    eventually(lambda: machine.agent() and groups_of(machine.agent().pid) == ["970", "972"], 15, "an agent without the group")
