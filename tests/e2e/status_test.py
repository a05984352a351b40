"""What lictor shows of itself to people: `lictor status`, on a terminal and off it, once and watched."""

import json
import os
import re
import signal
import subprocess

from pages import DOCS
from terminal import terminal
from tools import eventually
from world import SERVER_ADDRESS, run

LABELS = ["phase", "node", "address", "agent", "leader", "services", "settings"]


def labels(text):
    """Each line's first word, the wrapped ones' left out."""
    return [line.split()[0] for line in text.splitlines() if line and not line.startswith(" ")]


def status_page(world):
    """One fact a line, readable at 80 columns, coloured on a terminal alone; the last restart and why, the last events."""
    server, client = world.server(), world.client(services=[{"name": f"service-{i}", "port": i} for i in range(1, 13)])
    before = client.start().ready()
    os.kill(before["agent"]["pid"], signal.SIGKILL)
    eventually(lambda: client.agent_pid() not in (before["agent"]["pid"], None), 10, "another agent")
    client.ready()
    eventually(lambda: client.status().get("servers") == 1, 10, "members have been looked at")
    plain = client.command("status").stdout
    assert "\x1b" not in plain
    assert labels(plain)[: len(LABELS)] == LABELS and set(labels(plain)[len(LABELS) :]) == {"event"}, plain
    facts = {line.split()[0]: line for line in plain.splitlines()}
    assert re.search(r"serve, ready, since \d\d-\d\d \d\d:\d\d:\d\dZ \(\d", facts["phase"]), facts
    assert re.search(r"1 restart, the last \S+ ago: died", facts["agent"]), facts
    assert "1 live server, 2 members" in facts["leader"] and SERVER_ADDRESS in facts["leader"], facts
    assert all(f"service-{i}" in facts["services"] for i in range(1, 13)), facts
    events = [line for line in plain.splitlines() if line.startswith("event")]
    assert 3 <= len(events) <= 10 and any("has died" in line and "warn" in line for line in events), plain

    with terminal(client, "status", rows=60) as shown:
        assert shown.ended() == 0
        print(shown.text())
        assert b"\x1b[32mserve, ready" in shown.raw and b"\x1b[33m" in shown.raw, shown.raw
        assert labels(shown.text()) == labels(plain)
        # Wrapped between words, behind the label: nothing is lost, and no line reaches the last column and goes on.
        assert " ".join(shown.text().split()).count("service-") == plain.count("service-") == 12
        assert all(len(line) <= 80 for line in shown.lines())
        (first, second) = [line for line in shown.lines() if "service-" in line]
        assert second.startswith(" " * 11 + "service-"), (first, second)
    with terminal(client, "status", NO_COLOR="1", rows=60) as shown:
        assert shown.ended() == 0 and b"\x1b[3" not in shown.raw, shown.raw
    with terminal(client, "doctor", rows=60) as shown:
        assert shown.ended(40) in (0, 1)
        print(shown.text())


def status_watch(world):
    """On a terminal the page follows what happens, and is never blank in between; Ctrl-C leaves the terminal as it was."""
    world.server()
    client = world.client()
    agent = client.start().ready()["agent"]["pid"]
    with terminal(client, "status", "--watch") as shown:
        shown.shows(f"pid {agent},")
        os.kill(agent, signal.SIGKILL)
        shown.shows(lambda text: "1 restart" in text and "serve, ready" in text)
        client.stop()
        shown.shows("not running")
        client.start().ready()
        shown.shows("serve, ready")
        shown.interrupt()
        assert shown.ended() == 0 and shown.blanks == 0, shown.blanks
        assert shown.raw.count(b"\x1b[?25l") == shown.raw.count(b"\x1b[?25h") == 1
        assert shown.raw.count(b"\x1b[?1049h") == shown.raw.count(b"\x1b[?1049l") == 1
    # A terminal with few rows: the page's beginning, and nothing scrolls.
    with terminal(client, "status", "--watch", rows=6) as shown:
        shown.shows("serve, ready")
        assert shown.lines()[0].startswith("phase") and len(shown.lines()) <= 6, shown.lines()


def status_watch_in_a_pipe(world):
    """For programs: one object a line with each change, and none without."""
    world.server()
    client = world.client()
    agent = client.start().ready()["agent"]["pid"]
    eventually(lambda: "servers" in client.status(), 10, "members have been looked at")
    command = ["ip", "netns", "exec", client.namespace, world.lictor, "status", "--watch", "--json"]
    watch = subprocess.Popen([*command, "-c", client.settings_file], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(watch.stdout.readline())["agent"]["pid"] == agent
        os.kill(agent, signal.SIGKILL)
        seen = json.loads(watch.stdout.readline())
        assert seen["agent"].get("pid") != agent, seen
        while not seen["ready"]:
            seen = json.loads(watch.stdout.readline())
        assert seen["agent"]["restarts_by_reason"]["died"] == 1
    finally:
        watch.terminate()
        assert watch.wait(5) == 0
        watch.stdout.close()


def status_not_running(world):
    """Without a lictor: that there is none, and what the settings and the host alone tell."""
    client = world.client(services=[{"name": "web", "port": 80}])
    told = client.command("status")
    assert told.returncode == 1 and told.stderr.startswith(f"lictor: {client.control_socket}: "), told
    assert "not running" in told.stdout and client.address in told.stdout and "web" in told.stdout, told
    assert labels(told.stdout) == ["phase", "node", "address", "services", "settings"], told.stdout
    shown = json.loads(client.command("status", "--json").stdout)
    assert shown["running"] is False and shown["node_name"] == "n1" and shown["problems"] == [], shown
    run("ip", "netns", "exec", client.namespace, "ip", "link", "set", "eth0", "down")
    told = client.command("status")
    assert told.returncode == 1 and "\nproblem " in told.stdout, told


def keys(value, path=""):
    """Each key of an object and of those in it: "agent.pid"; a list's members go by their list's name."""
    if isinstance(value, list):
        return {key for member in value for key in keys(member, path)}
    if not isinstance(value, dict):
        return set()
    mine = {f"{path}{key}" for key in value}
    return mine | {key for name, member in value.items() for key in keys(member, f"{path}{name}.")}


def documented_keys():
    return re.findall(r"^\| `([^`]+)` \|", (DOCS / "status.md").read_text().split("## JSON")[1], re.MULTILINE)


def status_json(world):
    """docs/status.md names every key that a life shows, and no other."""
    rows = documented_keys()
    assert len(rows) == len(set(rows)), rows
    server, client, rival = world.server(), world.client(), world.client("rival")
    client.start().ready()
    client.write_settings(services=[{"name": "db", "kind": "connect-proxy"}])  # of what?
    eventually(lambda: client.status()["services_refused"], 10, "a service is refused")
    rival.start(NODE_NAME="n1")
    eventually(lambda: rival.status()["conflicts"], 15, "the name is contested")
    seen = keys(rival.status()) | keys(client.status())
    os.kill(client.status()["agent"]["pid"], signal.SIGKILL)
    eventually(lambda: "last_restart" in client.status()["agent"], 10, "another agent")
    client.ready()
    eventually(lambda: "servers" in client.status(), 10, "members have been looked at")
    seen |= keys(client.status())
    client.send(signal.SIGTERM)  # an agent that has joined only just now is not asked to leave at once
    eventually(lambda: "decision" in client.status().get("stop", {}), 5, "it is told what the stop does")
    seen |= keys(client.status())
    assert client.ended() == 0
    seen |= keys(json.loads(client.command("status", "--json").stdout))
    # Of these only the objects are told of: their members are the reasons, kinds and results of the metrics.
    counts = ("agent.restarts_by_reason.", "counts.", "reloads.")
    seen = {key for key in seen if not key.startswith(counts)}
    assert seen == set(rows), seen ^ set(rows)


def status_waiting(world):
    """A command that waits says on a terminal what for, for how long, and what holds it up; then the line is gone."""
    client = world.client()
    client.start()
    with terminal(client, "wait", "--for", "ready", "--timeout", "30s", columns=70) as shown:
        shown.shows(lambda text: re.search(r"waiting for the node to be ready: [2-9]s \(join: no leader known\)", text))
        print(shown.text())
        world.server()
        assert shown.ended(20) == 0 and not shown.text(), shown.text()
    client.ready()
    with terminal(client, "leave") as shown:
        shown.shows(lambda text: re.search(r"waiting for the node to leave and lictor to end: \ds \(leave: leaving\)", text))
        assert shown.ended(20) == 0 and "waiting" not in shown.text(), shown.text()
    # Off a terminal there is the outcome alone.
    told = client.command("wait", "--for", "ready", "--timeout", "1500ms")
    assert told.returncode == 1 and not told.stdout and told.stderr.count("\n") == 1, told
