"""lictor as a service of a host that a real systemd has booted."""

import json
import os
import shutil
import signal
import time

from machine import UNIT, Machine
from pages import blocks, sections
from tools import Watch, eventually, holds, uid_of
from world import ALIVE, LEFT, SERVER_ADDRESS, run, write_script

SERVICE = {"ID": "web", "Name": "web", "Port": 80}


def started(world, settings=None, **drop_in):
    server = world.server()
    machine = Machine(world, settings=settings)
    if drop_in:
        machine.drop_in(**drop_in)
    machine.boot().systemctl("start", "lictor")
    return server, machine


def systemd_start(world):
    """`systemctl start` comes back when the node is registered; the status tells the phase; the agent is consul's."""
    server, machine = started(world)
    assert server.instances() == {"n1": machine.address}
    assert machine.show("ActiveState") == "active"
    status = machine.show("StatusText")
    assert status.startswith("serve: registered; agent "), status
    agent = machine.agent()
    assert uid_of(agent.pid) == 990, agent
    assert os.stat(f"{machine.root}/var/lib/lictor/data").st_uid == 990
    assert machine.run("lictor", "health").returncode == 0


def systemd_reload(world):
    """A reload takes new services; settings that are broken are refused, said in the status, and change nothing."""
    server, machine = started(world)
    machine.write_settings(services=[SERVICE])
    machine.systemctl("reload", "lictor")
    eventually(lambda: list(server.instances("web")) == ["n1"], 10, "the new service is in the catalog")
    # Through the agent's first full sync, too, which comes within some seconds of the join.
    with Watch(lambda: list(server.instances("web")) == ["n1"], every=0.005) as watch:
        machine.write_settings(services="nonsense")
        machine.systemctl("reload", "lictor")
        eventually(lambda: "new settings refused: " in machine.show("StatusText"), 5, "the refusal shows")
        eventually(lambda: machine.show("ActiveState") == "active", 5, "the refusal said, it is no longer reloading")
    assert watch.looks and not watch.gaps, watch.gaps
    machine.write_settings(services=[SERVICE])
    machine.systemctl("reload", "lictor")
    eventually(lambda: "refused" not in machine.show("StatusText"), 5, "the refusal is over")


def systemd_reloading(world):
    """For as long as new settings are looked at, the unit is reloading; then it is active again, with them."""
    server = world.server()
    machine = Machine(world, settings={"agent": {"binary": "/usr/bin/slow-consul"}})
    write_script(f"{machine.root}/usr/bin/slow-consul", '[ "$1" != validate ] || sleep 2\nexec consul "$@"\n')
    machine.boot().systemctl("start", "lictor")
    machine.write_settings(agent={"config": {"log_level": "debug"}})
    machine.systemctl("reload", "--no-block", "lictor")
    eventually(lambda: "validate" in machine.run("ps", "-eo", "args").stdout, 5, "the settings are looked at")
    assert machine.show("ActiveState") == "reloading"
    eventually(lambda: machine.show("ActiveState") == "active", 10, "active again")
    eventually(lambda: "new settings, taken by the running agent keys=log_level" in machine.journal(), 5, "told")
    assert server.member("n1") == ALIVE


def systemd_restart_stay(world):
    """With stop.policy `stay` the services are in the catalog all through a restart."""
    server, machine = started(world, {"stop": {"policy": "stay"}})
    first = machine.main_pid()
    with Watch(lambda: "n1" in server.instances()) as watch:
        machine.systemctl("restart", "lictor")
    assert watch.looks > 5 and not watch.gaps, watch.gaps
    assert machine.main_pid() != first and machine.show("StatusText").startswith("serve: registered")


def systemd_stop(world):
    """`systemctl stop` comes back when the node has left, and the unit says that it went well."""
    server, machine = started(world)
    asked = time.monotonic()
    machine.systemctl("stop", "lictor")
    took = time.monotonic() - asked
    assert server.member("n1") == LEFT and server.node("n1") is None
    assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0"), machine.lictor_status()
    assert took < 10, took
    print(f"stopped in {took:.2f} s")


def systemd_reboot(world):
    """A host that reboots leaves and comes back as the same node."""
    server, machine = started(world)
    machine.systemctl("enable", "lictor")
    node_id = machine.node_id()
    machine.halt()
    assert server.member("n1") == LEFT and server.node("n1") is None
    machine.boot()
    eventually(lambda: machine.show("ActiveState") == "active", 20, "the service is up again")
    assert machine.node_id() == node_id == server.node("n1")["Node"]["ID"]
    eventually(lambda: server.member("n1") == ALIVE, 10, "the leave has been refuted")


def systemd_agent_killed(world):
    """An agent that is killed comes back under the same lictor: the unit stays active."""
    server, machine = started(world)
    check_new_agent(server, machine, lambda: os.kill(machine.agent().pid, signal.SIGKILL))


def systemd_restart_in_place(world):
    """lictor may end an agent that runs as another user: USR2 gets it another one, and the unit stays active."""
    server, machine = started(world)
    check_new_agent(server, machine, lambda: os.kill(machine.main_pid(), signal.SIGUSR2))


def systemd_upgrade_in_place(world):
    """The commands of docs/upgrading.md that give the node another agent do so under a real systemd."""
    server, machine = started(world)
    told = blocks(sections("upgrading.md", "## ")["Upgrading Consul"])
    commands = [line.replace("NEW-CONSUL", "/usr/bin/consul").split() for block in told for line in block]
    assert commands[0][0] == "cp" and commands[-1] == ["lictor", "restart"], commands

    def carry_out():
        for command in commands:
            done = machine.run(*command)
            assert done.returncode == 0, done

    check_new_agent(server, machine, carry_out)
    assert "the agent has died" not in machine.journal()


def check_new_agent(server, machine, act):
    lictor, agent, before = machine.main_pid(), machine.agent(), machine.show("StatusText")
    act()

    def registered_again():
        status = machine.show("StatusText")
        return status.startswith("serve: registered; agent ") and status != before

    eventually(registered_again, 10, "registered again, with another agent")
    assert machine.main_pid() == lictor and machine.show("NRestarts") == "0"
    assert machine.agent().pid != agent.pid and server.member("n1") == ALIVE


def systemd_lictor_killed(world):
    """A lictor that is killed is started again, with another agent and the same identity."""
    server, machine = started(world)
    lictor, agent, node_id = machine.main_pid(), machine.agent(), machine.node_id()
    os.kill(lictor, signal.SIGKILL)
    eventually(lambda: machine.main_pid() not in (None, lictor), 10, "another lictor")
    eventually(lambda: machine.show("ActiveState") == "active", 20, "active again")
    assert machine.agent().pid != agent.pid and not os.path.exists(f"/proc/{agent.pid}")
    assert machine.node_id() == node_id == server.node("n1")["Node"]["ID"]
    assert machine.show("NRestarts") == "1"
    eventually(lambda: server.member("n1") == ALIVE, 10, "alive")


def systemd_watchdog(world):
    """A lictor whose loop turns is left alone; one that hangs is replaced."""
    server, machine = started(world, WatchdogSec="1s", RestartSec="100ms")
    lictor = machine.main_pid()
    holds(lambda: machine.main_pid() == lictor, 4, "left alone")
    os.kill(lictor, signal.SIGSTOP)
    eventually(lambda: machine.main_pid() not in (None, lictor), 10, "another lictor")
    eventually(lambda: machine.show("StatusText").startswith("serve: registered"), 20, "registered again")
    assert "watchdog" in machine.run("journalctl", "--no-pager", "--output=cat", "UNIT=" + UNIT).stdout.lower()
    assert server.member("n1") == ALIVE


def systemd_slow_start(world):
    """A start that waits for its servers outlasts TimeoutStartSec, and is ready once there is one."""
    machine = Machine(world)
    machine.drop_in(TimeoutStartSec="2s", WatchdogSec="1s")
    machine.boot().systemctl("start", "--no-block", "lictor")
    eventually(lambda: "no leader known" in machine.show("StatusText"), 10, "the agent has no server")
    lictor = machine.main_pid()
    holds(lambda: (machine.show("ActiveState"), machine.main_pid()) == ("activating", lictor), 5, "goes on starting")
    server = world.server()
    eventually(lambda: machine.show("ActiveState") == "active", 20, "ready")
    assert server.member("n1") == ALIVE and machine.main_pid() == lictor


def systemd_servers_away(world):
    """No job waits for servers: start, restart and a boot are over in time, the status says what is missing, and the node joins."""
    machine = Machine(world, settings={"systemd": {"ready_within": "2s"}}).boot()
    machine.systemctl("start", "lictor", within=20)
    assert machine.show("ActiveState") == "active"
    assert "no leader known" in machine.show("StatusText"), machine.show("StatusText")
    assert machine.run("lictor", "health").returncode == 1, "started, and not ready"
    machine.systemctl("try-restart", "lictor", within=25)
    assert machine.show("ActiveState") == "active" and machine.show("NRestarts") == "0"
    machine.systemctl("enable", "lictor")
    machine.halt()
    machine.boot()  # waits until nothing is being started any more
    assert machine.show("ActiveState") == "active"
    server = world.server()
    eventually(lambda: machine.show("StatusText").startswith("serve: registered; "), 10, "registered")
    assert server.instances() == {"n1": machine.address}


def systemd_ready_api(world):
    """With systemd.ready api the unit is started when the agent's API answers, whatever the limit is."""
    machine = Machine(world, settings={"systemd": {"ready": "api", "ready_within": "0s"}}).boot()
    machine.systemctl("start", "lictor", within=10)
    assert machine.show("ActiveState") == "active" and "no leader known" in machine.show("StatusText")
    assert machine.agent() is not None


def systemd_late_token(world):
    """A token file that is written after the unit was started: waited for, with a status that names it, and served with."""
    server = world.server()
    token = "/etc/lictor/token"
    machine = Machine(world, settings={"agent": {"tokens": {"agent_file": token}}})
    machine.drop_in(TimeoutStartSec="2s", WatchdogSec="1s")
    machine.boot().systemctl("start", "--no-block", "lictor")
    eventually(lambda: f"waiting for agent.tokens.agent_file: {token}" in machine.show("StatusText"), 10, "it waits")
    lictor = machine.main_pid()
    holds(lambda: (machine.show("ActiveState"), machine.main_pid()) == ("activating", lictor), 4, "it outlasts the limit")
    with open(f"{machine.root}{token}", "w") as file:
        file.write("6d4b8f0e-70c5-4b53-9a3e-58a3c2a0c9b1\n")
    eventually(lambda: machine.show("ActiveState") == "active", 10, "the unit is up")
    assert machine.main_pid() == lictor and server.instances() == {"n1": machine.address}
    machine.systemctl("stop", "lictor")
    os.remove(f"{machine.root}{token}")
    machine.write_settings(wait={"files": "1s"})
    assert machine.run("systemctl", "start", "lictor").returncode != 0, "what does not come ends the job"
    assert machine.show("ExecMainStatus") == "75", machine.lictor_status()


def systemd_slow_stop(world):
    """A stop that the settings give more time than the unit does is not cut off."""
    hook = {"command": ["/bin/sleep", "4"], "timeout": "10s", "on_failure": "ignore"}
    server, machine = started(world, {"hooks": {"pre_stop": [hook]}}, TimeoutStopSec="1s")
    machine.systemctl("stop", "--no-block", "lictor")
    eventually(lambda: machine.show("SubState") == "stop-sigterm", 5, "stopping")
    eventually(lambda: machine.show("ActiveState") == "inactive", 15, "stopped")
    assert machine.show("Result") == "success", machine.lictor_status()
    assert server.member("n1") == LEFT and server.node("n1") is None


def systemd_doctor(world):
    """A unit that lictor can ask for time is never too short for it; of another one the doctor tells."""
    _, machine = started(world, TimeoutStopSec="5s")
    told = machine.run("lictor", "doctor")
    assert "grace" not in told.stdout and "TimeoutStopSec" not in told.stdout, told.stdout
    machine.drop_in(TimeoutStopSec="5s", Type="exec", NotifyAccess="none", WatchdogSec="0")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "lictor")
    assert machine.run("lictor", "wait", "--for", "ready", "--timeout", "20s").returncode == 0
    told = machine.run("lictor", "doctor")
    assert told.returncode == 1 and "TimeoutStopSec of lictor.service" in told.stdout, told.stdout


def systemd_journal(world):
    """The journal knows how grave each line is, lictor's and the agent's, in both formats, and what kept it from starting."""
    machine = Machine(world).boot()
    machine.systemctl("start", "--no-block", "lictor")
    eventually(lambda: "[WARN]" in machine.journal("warning"), 20, "the agent warns: it has no server")
    os.kill(machine.agent().pid, signal.SIGKILL)
    eventually(lambda: "the agent has died" in machine.journal("warning"), 5, "lictor warns")
    graver, everything = machine.journal("warning"), machine.journal()
    for info in (" info  agent started", "[INFO]"):
        assert info in everything and info not in graver, graver
    assert "<4>" not in everything and "the agent has died" not in machine.journal("err"), everything

    machine.write_settings(log={"format": "json"})
    machine.systemctl("restart", "--no-block", "lictor")

    def graver_objects():
        return [json.loads(line) for line in machine.journal("warning").splitlines() if line.startswith("{")]

    eventually(lambda: any("source" in line for line in graver_objects()), 20, "the agent warns in json")
    assert {line["level"] for line in graver_objects()} <= {"warn", "error"}, graver_objects()

    machine.systemctl("stop", "lictor")
    machine.write_settings(bind={"family": "ipx"})
    assert machine.run("systemctl", "start", "lictor").returncode != 0
    eventually(lambda: "lictor: bind.family" in machine.journal("err"), 5, "why it does not start is an error")


def systemd_settings_broken(world):
    """Settings that can't work end it with 78, and systemd does not try again."""
    machine = Machine(world, settings={"bind": {"family": "ipx"}}).boot()
    assert machine.run("systemctl", "start", "lictor").returncode != 0
    holds(lambda: machine.show("NRestarts") == "0", 3, "not tried again")
    assert (machine.show("ActiveState"), machine.show("ExecMainStatus")) == ("failed", "78"), machine.lictor_status()
    assert "bind.family" in machine.journal(), machine.journal()


def network_of(machine):
    """ip(8) on the machine's network, from outside."""
    return lambda *words: run("ip", "-n", machine.namespace, *words)


def waits_then_serves(machine, change):
    """The unit is being started while there is no address to take, and is up by itself once the network is."""
    machine.systemctl("start", "--no-block", "lictor")
    eventually(lambda: "waiting for an address" in machine.journal(), 10, "an address is waited for")
    assert machine.show("ActiveState") == "activating", machine.lictor_status()
    change()
    eventually(lambda: machine.show("ActiveState") == "active", 10, "the unit is up")
    assert json.loads(machine.run("lictor", "status", "--json").stdout)["address"] == machine.address, machine.journal()
    assert machine.show("NRestarts") == "0"
    machine.systemctl("stop", "lictor")


def systemd_boot_address_before_route(world):
    """Two addresses, and the default route comes later; and the other way round: the route's link has no address yet."""
    world.server()
    machine = Machine(world).boot()
    ip = network_of(machine)
    ip("link", "add", "eth1", "type", "veth", "peer", "name", "far1")
    for link in ("eth1", "far1"):
        ip("link", "set", link, "up")
    ip("addr", "add", "192.0.2.7/24", "dev", "eth1")
    waits_then_serves(machine, lambda: ip("route", "add", "default", "via", SERVER_ADDRESS, "dev", "eth0"))
    ip("addr", "del", f"{machine.address}/24", "dev", "eth0")
    ip("route", "add", "default", "dev", "eth0")
    shutil.rmtree(f"{machine.root}/var/lib/lictor/data")
    waits_then_serves(machine, lambda: ip("addr", "add", f"{machine.address}/24", "dev", "eth0"))


def systemd_boot_renamed_interface(world):
    """The interface gets the name that bind.interface waits for only after the unit was started."""
    world.server()
    machine = Machine(world, settings={"bind": {"interface": ["lan0"]}}).boot()
    ip = network_of(machine)

    def rename():
        ip("link", "set", "eth0", "down")
        ip("link", "set", "eth0", "name", "lan0")
        ip("link", "set", "lan0", "up")

    waits_then_serves(machine, rename)


def systemd_boot_late_bridge(world):
    """A device on top of another, which is made, and gets the address, after the unit was started."""
    world.server()
    machine = Machine(world, settings={"bind": {"interface": ["br*", "eth*"]}}).boot()
    ip = network_of(machine)
    ip("addr", "del", f"{machine.address}/24", "dev", "eth0")

    def bridge():
        ip("link", "add", "br0", "type", "bridge")
        ip("link", "set", "eth0", "master", "br0")
        ip("link", "set", "br0", "up")
        ip("addr", "add", f"{machine.address}/24", "dev", "br0")

    waits_then_serves(machine, bridge)


def systemd_boot_virtual_address_first(world):
    """A /32 that is there before the host's own address."""
    world.server()
    machine = Machine(world).boot()
    ip = network_of(machine)
    ip("addr", "del", f"{machine.address}/24", "dev", "eth0")
    ip("addr", "add", "10.77.0.100/32", "dev", "eth0")
    waits_then_serves(machine, lambda: ip("addr", "add", f"{machine.address}/24", "dev", "eth0"))
