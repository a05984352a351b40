"""`lictor fleet`: how all nodes are, seen from one of them."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import consul_facts
from check_test import CHECK, SERVICE, node_check
from secrets_test import Guard, guarded, put
from tools import eventually
from world import SERVER_ADDRESS, write_script

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/fleet.md"
NODES = 10000
# Runs its arguments, and tells how long they took, and the most memory that they had resident, in kB.
MEASURE = """
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.call(sys.argv[1:])
print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
PORT = 8500


def ask_fleet(client, *options, codes=(0,), **environment):
    done = client.command("fleet", *options, **environment)
    assert done.returncode in codes, done
    return done


def told(client, *options):
    return json.loads(ask_fleet(client, "--json", *options).stdout)


def open_to_all(world):
    """Settings of a server that answers on its address as well."""
    return {"addresses": {"http": f"127.0.0.1 {SERVER_ADDRESS} unix://{world.folder}/server.sock"}, "ports": {"http": PORT}}


def listed(client, *options):
    return {node["node"]: node["state"] for node in told(client, *options)["listed"]}


def fleet_view_counts(world):
    """A node that is well, one that is stuck, one in maintenance, one without lictor's check and one that fails: counted, and
    listed, by whichever agent is asked."""
    server = world.server(open_to_all(world))
    hook = {"command": [write_script(f"{world.folder}/hook", "exit 1\n")], "timeout": "5s", "on_failure": "retry"}
    well, resting, failing = (world.client(name).start() for name in ("n1", "n2", "n3"))
    stuck = world.client("n4", hooks={"post_start": [hook]}).start()
    bare = world.client("n5", services=[]).start()
    for client in (well, resting, failing, bare):
        client.ready()
    assert resting.command("maint", "on", "--reason", "a new disk").returncode == 0
    eventually(lambda: node_check(server, "n4")["Status"] == "critical", 20, "n4 is critical", every=0.1)
    os.kill(failing.pid, signal.SIGKILL)
    failing.process.wait()
    eventually(lambda: listed(well) == {"n2": "well", "n3": "failed", "n4": "not_ready"}, 20, "all are told", every=0.2)
    found = told(well)
    number = consul_facts.given().number
    assert (found["nodes"], found["maintenance"], found["without_lictor"]) == (4, 1, ["n5"]), found
    # Of an agent that was never registered the version is not known.
    assert found["consul"] == {number: 3, "": 1} and list(found["lictor"].values()) == [4], found
    assert found["phases"] == {"serve": 2, "register": 1}, found
    assert found["problems"] == {"agent_failed": 1, "hooks_unfinished": 1} and found["started_last_hour"] == 4, found
    assert found["restarts_last_hour"] == {} and found["restarted_last_hour"] == 0, found

    text = ask_fleet(well).stdout
    print(text)
    assert text.startswith("nodes      4: 2 well, 1 not ready, 1 failed, 1 in maintenance\nwithout    1: n5\n"), text
    assert re.search(r"^n4  not ready     phase register, hooks_unfinished, lictor \S+$", text, re.M)
    assert re.search(r"^n2  well          maintenance: a new disk, ", text, re.M), text
    for address in (f"{SERVER_ADDRESS}:{PORT}", f"http://{SERVER_ADDRESS}:{PORT}/", SERVER_ADDRESS, f"unix://{well.agent_socket}"):
        assert ask_fleet(well, "--http-addr", address).stdout == text, address

    assert listed(well, "--problem", "hooks_unfinished") == {"n4": "not_ready"}
    assert listed(well, "--version", number.rpartition(".")[0]) == {"n1": "well", "n2": "well", "n3": "failed"}
    assert listed(well, "--version", number + "1") == {}
    chosen = told(well, "--filter", 'Node == "n1" or Node == "n4"')
    assert (chosen["nodes"], chosen["without_lictor"]) == (2, None), chosen
    assert listed(well, "--filter", 'Status == "passing"') == {"n2": "well", "n3": "failed"}
    keys = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", PAGE.read_text().partition("| key |")[2], re.M))))
    assert keys >= set(found), set(found) - keys


def fleet_view_restarts(world):
    """What happened to agents in the last hour is counted by its reason."""
    server, client = world.server(), world.client()
    client.start().ready()
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: client.status()["agent"]["restarts"] == 1, 5, "one restart is counted")
    client.ready()
    eventually(lambda: "died" in node_check(server)["Output"], 5, "it is told")
    found = told(client)
    assert (found["restarts_last_hour"], found["restarted_last_hour"]) == ({"died": 1}, 1), found
    assert "in the last hour 1 of agents on 1 nodes (died 1), 1 of lictor" in ask_fleet(client).stdout


def fleet_view_watch(world):
    """With --watch: the page, and then another one when something has changed; it ends with 0."""
    server, client = world.server(), world.client()
    client.start().ready()
    eventually(lambda: node_check(server)["Output"], 5, "told")
    command = ["ip", "netns", "exec", client.namespace, world.lictor, "fleet", "--watch", "--json", "-c", client.settings_file]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=client.environment)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    try:
        eventually(lambda: [json.loads(line)["nodes"] for line in lines] == [1], 10, "a line")
        world.client("n2").start().ready()
        eventually(lambda: json.loads(lines[-1])["nodes"] == 2, 10, "another one")
        pages = len(lines)
        assert pages <= 4, lines
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


def fleet_view_problems(world):
    """Where nobody tells, or not that, there is a line that says why, and what to do."""
    guard, client = Guard(world), guarded(world)
    token = guard.token()[0]
    client.write_settings(agent={"tokens": {"default_file": put(f"{client.folder}/token", token)}})
    client.start().ready()
    eventually(lambda: node_check(guard.server)["Output"], 5, "told")
    assert told(client)["nodes"] == 1

    def refused(code, *options, **environment):
        done = ask_fleet(client, *options, codes=(code,), **environment)
        assert done.stdout == "", done
        (line,) = done.stderr.splitlines()
        return line

    # A token that may read nothing is shown nothing, or refused.
    blind = ask_fleet(client, CONSUL_HTTP_TOKEN=guard.server.new_token("blind", ""), codes=(0, 1))
    assert re.search("needs node:read and service:read|with node:read and service:read", blind.stderr), blind
    assert "CONSUL_HTTP_TOKEN" in refused(1, CONSUL_HTTP_TOKEN="00000000-0000-4000-8000-00000000dead")
    assert "--http-addr: https://a: lictor speaks no TLS" in refused(64, "--http-addr", "https://a")
    for address in ("a.example:8500", "10.0.0.1:x", "10.0.0.1:0", "10.0.0.1:70000", "[fd00::1:8500"):
        assert "is no address of an agent" in refused(64, "--http-addr", address), address
    assert "lictor: --filter: " in refused(64, "--filter", 'Nod == "x"')
    assert "Connection refused; does the agent run there?" in refused(1, "--http-addr", "127.0.0.1:1")
    # Somebody else's server.
    assert "lictor: fleet: 404 " in refused(1, "--http-addr", f"unix://{client.control_socket}")
    with Liar(f"{world.folder}/liar", b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"not\": []}") as address:
        assert "the answer is no list of checks" in refused(1, "--http-addr", address)
    with Liar(f"{world.folder}/liar", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[") as address:
        assert "lictor: fleet: read: " in refused(1, "--http-addr", address)
    assert client.stop()[0] == 0
    assert "does the agent run there? name another one with --http-addr" in refused(1)


class Liar:
    """Answers whatever it is asked, once, with these bytes and those of the body."""

    def __init__(self, path, answer, body=()):
        self.path, self.answer, self.body = path, answer, body

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()
        return f"unix://{self.path}"

    def serve(self):
        connection = self.listener.accept()[0]
        connection.recv(65536)
        with contextlib.suppress(OSError):
            connection.sendall(self.answer)
            for piece in self.body:
                connection.sendall(piece)
        connection.close()

    def __exit__(self, *_):
        self.listener.close()
        os.unlink(self.path)


def fleet_view_hostile(world):
    """An answer that is 100 MB long takes no memory, whether it is one text, rows that mean nothing, or nodes with endless words."""
    world.server()
    client = world.client()
    row = json.dumps({"Node": "%s", "CheckID": CHECK, "Status": "passing", "Output": "ready; phase %s; problems %s"})
    endless = "x" * 5000
    shapes = {
        "text": ([b'["' + b"x" * 10000], 10000),
        "rows": ([b"[", b'{"a": "' + b"x" * 10000 + b'"},'], 10000),
        "words": ([b"[", (row % ("n", endless, endless) + ",").encode()], 10000),
    }
    for name, (pieces, count) in shapes.items():
        body = (piece for number in range(count) for piece in (pieces if number == 0 else pieces[-1:]))
        with Liar(f"{world.folder}/liar", b"HTTP/1.1 200 OK\r\n\r\n", body) as address:
            command = ["/usr/bin/python3", "-S", "-c", MEASURE, world.lictor, "fleet", "--http-addr", address]
            done = subprocess.run(command, capture_output=True, text=True, timeout=50, env=client.environment)
        line, figures = done.stderr.splitlines()
        print(f"{name}: {line}: {figures}")
        assert done.returncode == 1 and re.search("; choose fewer nodes with --filter|no answer within", line), done
        assert int(figures.split()[1]) < 20_000, figures


def fleet_view_ten_thousand(world):
    """10,000 nodes: one request for the table, read as it comes; at most 20 MB, and the time is told."""
    server = world.server(open_to_all(world))
    fill(server, NODES)
    command = ["ip", "netns", "exec", "lt-server", "/usr/bin/python3", "-S", "-c", MEASURE]
    command += [world.lictor, "fleet", "--http-addr", f"{SERVER_ADDRESS}:{PORT}"]
    took, peaks = [], []
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done
        seconds, peak = done.stderr.split()
        took.append(float(seconds))
        peaks.append(int(peak) / 1000)
    lines = done.stdout.splitlines()
    assert lines[0] == f"nodes      {NODES - 2}: {NODES - 37} well, 20 with problems, 10 not ready, 5 failed", lines[0]
    assert lines[1] == "without    2: node-00013 node-05013" and len(lines) == 8 + 35, lines
    print(f"{NODES} nodes: {min(took):.2f} to {max(took):.2f} s, at most {max(peaks):.1f} MB")
    assert max(peaks) < 20, peaks


def fill(server, count):
    """Nodes under lictor in the catalog, some of them not well, by transactions.

    They have no id: the server compares the name of each that has one with all that are there, which takes half a minute of CPU.
    """
    well = "ready; phase serve; no problems; lictor 0.1.0; consul 1.8.7; started 2026-11-30T11:00Z"
    operations = []

    def put_all():
        if operations:
            server.put("/v1/txn", operations)
            operations.clear()

    for number in range(count):
        name, status, output = f"node-{number:05}", "passing", well
        if number % 500 == 7:
            output = well.replace("no problems", "problems settings_refused")
        if number % 1000 == 9:
            output, status = well.replace("ready; phase serve; no problems", "not ready; phase join; problems no_leader"), "critical"
        serf = "critical" if number % 2000 == 11 else "passing"
        node = {"Node": name, "Address": f"10.1.{number >> 8}.{number & 255}"}
        new = [{"Node": {"Verb": "set", "Node": node}}]
        new.append({"Check": {"Verb": "set", "Check": {"Node": name, "CheckID": "serfHealth", "Status": serf}}})
        if number % 5000 != 13:
            new.append({"Service": {"Verb": "set", "Node": name, "Service": {"ID": SERVICE, "Service": SERVICE, "Port": 8500}}})
            own = {"Node": name, "CheckID": CHECK, "Name": "lictor", "Status": status, "Output": output, "ServiceID": SERVICE}
            new.append({"Check": {"Verb": "set", "Check": own | {"ServiceName": SERVICE}}})
        if len(operations) + len(new) > 64:
            put_all()
        operations.extend(new)
    put_all()
