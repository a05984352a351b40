"""Whether lictor leaves or stays when systemd ends it, by the evidence of the manager's jobs: stop.policy auto."""

import json
import os
import re
import shutil
import signal

from machine import SOURCE, Machine
from systemd_test import started
from tools import Watch, eventually
from world import ALIVE, LEFT, write_script

STAYED = "stopped without leaving; a node that does not come back is a failed member"
LEAVES, STAYS = "stopping: the node leaves the cluster", "stopping: the node stays in the catalog"


def first_lines(machine):
    """Of each stop so far, the line that says what was decided, and by what."""
    return [line for line in machine.journal().splitlines() if " stopping: the node " in line]


def session(server):
    """One that ends with its node's leave, or when the node counts as failed."""

    def alive():
        return ("serfHealth", "passing") in [(c["CheckID"], c["Status"]) for c in server.get("/v1/health/node/n1")]

    # Of a node that had left the servers learn some time after its services that it is alive again.
    eventually(alive, 10, "the servers hold the node for alive")
    return server.put("/v1/session/create", {"Node": "n1", "Checks": ["serfHealth"], "LockDelay": "0s"})["ID"]


def session_lives(server, held):
    return [one["ID"] for one in server.get(f"/v1/session/info/{held}")] == [held]


def stays_over(server, machine, change, evidence):
    """No look at the catalog lacks the node while `change` goes on, and the session of before lives."""
    before, held = machine.main_pid(), session(server)
    with Watch(lambda: "n1" in server.instances()) as watch:  # of a fifth of a second, at the fastest
        change()
        eventually(lambda: machine.show("StatusText").startswith("serve: registered"), 10, "registered")
    assert watch.looks > 5 and not watch.gaps, (watch.gaps, machine.journal())
    assert machine.main_pid() not in (None, before) and session_lives(server, held)
    assert STAYS in first_lines(machine)[-1] and evidence in first_lines(machine)[-1], first_lines(machine)
    assert f"{STAYED} ({evidence}" in machine.journal(), machine.journal()


def leaves_at(server, machine, end, evidence):
    """The node leaves at `end`, confirmed, and starts no more; every account of the stop says why."""
    end()
    eventually(lambda: machine.show("ActiveState") == "inactive", 10, "stopped")
    assert server.member("n1") == LEFT and server.node("n1") is None
    line = first_lines(machine)[-1]
    assert LEAVES in line and "policy=auto" in line and evidence in line, line
    assert f"confirmed by a server ({evidence}" in machine.journal(), machine.journal()
    stop = json.loads(machine.run("lictor", "timeline", "--json").stdout)["stop"]
    assert evidence in stop["evidence"] and stop["outcome"] == "confirmed", stop
    assert evidence in " ".join(machine.run("lictor", "timeline").stdout.split())


def systemd_stop_auto_restart(world):
    """A restart, a try-restart and a re-executed manager: the catalog never lacks the node, and its sessions live."""
    server, machine = started(world)
    assert "stop.policy auto: systemd tells why lictor.service is stopped" in machine.run("lictor", "check").stdout
    for word in ("restart", "try-restart"):
        stays_over(server, machine, lambda: machine.systemctl(word, "lictor"), "systemd restarts lictor.service")
    before = machine.main_pid()
    machine.systemctl("daemon-reexec")
    assert machine.main_pid() == before and server.member("n1") == ALIVE
    stop = json.loads(machine.run("lictor", "timeline", "--json").stdout)["stop"]
    assert stop["outcome"] == "stayed" and "systemd restarts" in stop["evidence"], stop
    assert machine.run("lictor", "doctor", "--json").stdout.count('"stop-policy"') == 1, "looked at, with nothing to find"


def systemd_stop_auto_stop(world):
    """A stop, `disable --now`, a signal that is not systemd's, and `lictor leave`: the node leaves."""
    server, machine = started(world)
    stop = "systemd stops lictor.service"
    leaves_at(server, machine, lambda: machine.systemctl("stop", "lictor"), stop)
    machine.systemctl("enable", "--now", "lictor")
    leaves_at(server, machine, lambda: machine.systemctl("disable", "--now", "lictor"), stop)
    machine.systemctl("start", "lictor")
    leaves_at(server, machine, lambda: os.kill(machine.main_pid(), signal.SIGTERM), "systemd has no job")
    machine.systemctl("start", "lictor")
    leaves_at(server, machine, lambda: machine.run("lictor", "leave"), "lictor leave")


def systemd_stop_auto_comes_back(world):
    """A signal without a job, where Restart= has systemd start the unit again: the node stays. So it does at SIGRTMIN+1."""
    server, machine = started(world, Restart="always", RestartSec="100ms")
    stays_over(server, machine, lambda: ended(machine, signal.SIGTERM), "systemd starts lictor.service again")
    stays_over(server, machine, lambda: ended(machine, signal.SIGRTMIN + 1), "SIGRTMIN+1")


def ended(machine, number):
    before = machine.main_pid()
    os.kill(before, number)
    eventually(lambda: machine.main_pid() not in (None, before), 10, "another lictor")


def systemd_stop_auto_reboot(world):
    """A host that reboots leaves, or stays where stop.reboot says so, and comes back as the same node; one that halts leaves."""
    server, machine = started(world)
    machine.systemctl("enable", "lictor")
    node_id = machine.node_id()

    def goes_down(word):
        machine.run("systemctl", "--no-block", word)
        machine.process.wait(30)
        machine.init = None
        # The journal goes with the host.
        with open(f"{machine.root}/var/lib/lictor/data/lictor-timeline.json") as file:
            stop = json.load(file)["stop"]
        return stop["outcome"], stop["evidence"]

    reboots = "systemd reboots the host: reboot.target"
    assert goes_down("reboot") == ("confirmed", reboots)
    assert server.member("n1") == LEFT and server.node("n1") is None
    machine.write_settings(stop={"reboot": "stay"})
    machine.boot()
    eventually(lambda: machine.show("ActiveState") == "active", 20, "up again")
    assert goes_down("reboot") == ("stayed", reboots) and server.node("n1") is not None
    machine.boot()
    eventually(lambda: machine.show("ActiveState") == "active", 20, "up again")
    assert machine.node_id() == node_id == server.node("n1")["Node"]["ID"]
    assert goes_down("poweroff") == ("confirmed", "systemd shuts down: poweroff.target")
    assert server.member("n1") == LEFT and server.node("n1") is None


def systemd_stop_auto_hardened(world):
    """Under the package's hardening the manager's jobs can be asked for; so they can as a user of no rights, by the bus."""
    server = world.server()
    machine = Machine(world)
    folder = f"{machine.root}/etc/systemd/system/lictor.service.d"
    os.makedirs(folder)
    shutil.copy(SOURCE / "systemd/hardening.conf", f"{folder}/hardening.conf")
    machine.boot().systemctl("start", "lictor")
    restart = lambda: machine.systemctl("restart", "lictor")  # noqa: E731
    stays_over(server, machine, restart, "systemd restarts lictor.service")
    machine.systemctl("stop", "lictor")
    machine.run("chown", "-R", "consul:consul", "/var/lib/lictor")
    machine.drop_in(User="consul", Group="consul")
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "lictor")
    stays_over(server, machine, restart, "systemd restarts lictor.service")
    # Without either nobody tells: it leaves, in time, and says so.
    machine.drop_in(User="consul", Group="consul", InaccessiblePaths="/run/systemd/private /run/dbus")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "lictor")
    machine.systemctl("restart", "lictor")
    assert LEAVES in first_lines(machine)[-1] and "systemd does not tell why: " in first_lines(machine)[-1]


def systemd_stop_auto_short(world):
    """A unit that gives 2 s, which systemd does not extend: the leave comes first, then hooks, and SIGKILL finds nobody."""
    hook = {"command": ["/bin/sh", "-c", "echo the hook begins; exec sleep 5"], "timeout": "10s", "on_failure": "ignore"}
    short = {"Type": "exec", "NotifyAccess": "none", "WatchdogSec": "0", "TimeoutStopSec": "2s"}
    server, machine = started(world, {"hooks": {"pre_stop": [hook]}}, **short)
    eventually(lambda: "n1" in server.instances(), 10, "registered")
    eventually(lambda: " registered launch=1" in machine.journal(), 10, "and it knows")
    # The agent's full sync is over then: nothing but the leave takes time.
    eventually(lambda: json.loads(machine.run("lictor", "status", "--json").stdout)["agent"]["uptime"] > 4, 10, "synced")
    machine.systemctl("stop", "lictor")
    journal = machine.journal()
    assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0"), journal
    assert server.member("n1") == LEFT and server.node("n1") is None
    assert "grace=2s" in first_lines(machine)[-1], journal
    assert journal.index("a server confirmed the leave") < journal.index("the hook begins"), journal
    stop = json.loads(machine.run("lictor", "timeline", "--json").stdout)["stop"]
    assert stop["given"] == 1.8 and stop["seconds"] < 2, stop


def systemd_stop_auto_kubernetes(world):
    """In Kubernetes the program beside lictor says why, and how much time there is; one that does not is told of, and it leaves."""
    server = world.server()
    machine = Machine(world)
    machine.drop_in(Environment="KUBERNETES_SERVICE_HOST=10.0.0.1")
    program = f"{machine.root}/usr/bin/lictor-kubernetes"
    machine.boot()
    assert machine.run("mkdir", "-p", "/var/run/secrets/kubernetes.io/serviceaccount").returncode == 0
    assert machine.run("touch", "/var/run/secrets/kubernetes.io/serviceaccount/token").returncode == 0
    machine.systemctl("start", "lictor")

    def says(script):
        write_script(program, script)

    def answer(**words):
        return f"[ \"$1\" = --within ] && [ \"$2\" -le 300 ] && echo '{json.dumps(words)}'\n"

    def restart():
        machine.systemctl("restart", "lictor")

    says(answer(known=True, leave=False, evidence="the template has changed", grace=45))
    stays_over(server, machine, restart, "the template has changed")
    says(answer(known=True, leave=True, evidence="the node is gone", grace=2))
    restart()
    assert re.search(f'{LEAVES} policy=auto evidence="the node is gone" grace=2s', first_lines(machine)[-1])
    for script, why in (
        ("exec sleep 20\n", "killed"),
        ("echo '<html>'\n", "lictor-kubernetes printed no answer: <html>"),
        ("echo 'no rights' >&2; exit 1\n", "no rights"),
        (answer(known=False, leave=True, evidence="HTTP 403"), "Kubernetes does not tell why: HTTP 403"),
        (None, "lictor-kubernetes"),
    ):
        says(script) if script else os.remove(program)
        restart()
        line = first_lines(machine)[-1]
        assert LEAVES in line and "Kubernetes does not tell why: " in line and why in line, line
    told = machine.run("lictor", "doctor")
    assert "stop.policy is auto, and Kubernetes does not tell why" in told.stdout, told.stdout
