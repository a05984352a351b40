#!/usr/bin/env python3
"""Measures the life of lictor against a real Consul and prints a table: minimum, median, maximum.

    tests/bench/life.py [--lictor BINARY] [--starts N] [--rounds N]

Runs in namespaces of its own, like the end-to-end tests, and needs what they need (root, consul, iproute2), and g++.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "e2e"))
import tools  # noqa: E402
import world as e2e  # noqa: E402




def row(name, values, unit, digits=1):
    low, middle, high = min(values), statistics.median(values), max(values)
    line = f"{name:<58} {low:>9.{digits}f} {middle:>9.{digits}f} {high:>9.{digits}f} {unit:<4} n={len(values)}"
    print(line, flush=True)


def until(fact, within=10.0):
    """The moment at which fact() is first seen to be true, looked at all the time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, LookupError, TypeError, ValueError, AssertionError):
            if fact():
                return time.monotonic()
        time.sleep(0.0005)
    raise AssertionError("not seen in time")


def forget(server, name):
    server.put("/v1/catalog/deregister", {"Node": name})


def bare_agent(server, client):
    """The floor: a bare agent whose API is called as early as it answers. Exec to service in the catalog."""
    config = f"{client.folder}/bare.json"
    socket = f"{client.folder}/bare.sock"
    e2e.write_json(
        config,
        {
            "node_name": client.name,
            "bind_addr": client.address,
            "data_dir": f"{client.folder}/bare",
            "retry_join": [e2e.SERVER_ADDRESS],
            "disable_update_check": True,
            "addresses": {"http": f"127.0.0.1 unix://{socket}"},
        },
    )
    with contextlib.suppress(FileNotFoundError):
        os.unlink(socket)
    command = ["ip", "netns", "exec", client.namespace, e2e.CONSUL, "agent", f"-config-file={config}"]
    agent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    consul = os.path.realpath(e2e.CONSUL)
    until(lambda: os.path.realpath(f"/proc/{agent.pid}/exe") == consul)
    began = time.monotonic()
    try:
        while True:
            with contextlib.suppress(OSError):
                if len(tools.ask(socket, "GET", "/v1/status/leader").text) > 4:
                    break
            time.sleep(0.002)
        body = {"Name": "consul-members", "Address": client.address, "Port": 8500}
        tools.ask(socket, "PUT", "/v1/agent/service/register", body)
        return until(lambda: client.name in server.instances()) - began
    finally:
        agent.kill()
        agent.wait()
        forget(server, client.name)


def exec_to_catalog(world, server, starts, rounds):
    client = world.client("start")
    times, floor, failures = [], [], 0
    for number in range(starts):
        if number < rounds:
            floor.append(1000 * bare_agent(server, client))
        client.start()
        try:
            times.append(1000 * (until(lambda: "start" in server.instances()) - client.started))
        except AssertionError:
            failures += 1
        client.stop(signal.SIGQUIT)
        forget(server, "start")
    row("bare agent: exec to service in the catalog (the floor)", floor, "ms")
    row("exec to service in the catalog", times, "ms")
    print(f"{'failures of these starts':<58} {failures} of {starts}", flush=True)


def stop_time(world, server, rounds, linger):
    client = world.client(f"stop{linger}", stop={"linger": linger})
    times = []
    for _ in range(rounds):
        client.start().ready()
        time.sleep(3.3)  # past the agent's first full sync: a node that has been there for a while
        code, seconds = client.stop()
        assert code == 0, client.last_line()
        assert server.member(client.name) == e2e.LEFT and server.node(client.name) is None, "not left at the exit"
        times.append(1000 * seconds)
    row(f"SIGTERM to exit, left and out of the catalog, linger {linger}", times, "ms")


def killed_to_api(world, server, rounds):
    client = world.client("kill")
    client.start().ready()
    times = []
    with tools.Watch(lambda: "kill" in server.instances(), 0.005) as catalog:
        for _ in range(rounds):
            # Only an agent that has served for a while is started again after the shortest wait.
            old = client.agent_pid()
            os.kill(old, signal.SIGKILL)
            began = time.monotonic()
            answered = until(lambda: client.agent("GET", "/v1/agent/self").status == 200)
            times.append(1000 * (answered - began))
            client.ready()
            client.stop(signal.SIGQUIT)
            client.start().ready()
    row("agent killed to its API answering again", times, "ms")
    print(f"{'times out of the catalog meanwhile (looked at every 5 ms)':<58} {len(catalog.gaps)}", flush=True)
    client.stop(signal.SIGQUIT)
    forget(server, "kill")


def exec_to_exec(world, rounds):
    stamp = f"{world.folder}/stamp"
    subprocess.run(["g++", "-O2", "-static", "-o", stamp, str(HERE / "stamp.cpp")], check=True)
    binaries = e2e.open_folder(f"{world.folder}/bin")
    shutil.copy(stamp, f"{binaries}/consul")
    stamps = e2e.open_folder(f"{world.folder}/stamps")
    client = world.client("exec", agent={"binary": f"{binaries}/consul"})
    times = []
    for _ in range(rounds + 1):
        environment = client.environment | {"STAMP": f"{stamps}/lictor", "STAMP_AGENT": f"{stamps}/agent"}
        for name in ("lictor", "agent"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{stamps}/{name}")
        command = ["ip", "netns", "exec", client.namespace, stamp, world.lictor, "run", "-c", client.settings_file]
        lictor = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: pathlib.Path(f"{stamps}/agent").read_text().endswith("\n"))
        both = [int(pathlib.Path(f"{stamps}/{name}").read_text()) for name in ("lictor", "agent")]
        times.append((both[1] - both[0]) / 1e6)
        lictor.send_signal(signal.SIGQUIT)
        lictor.wait()
    row("exec to exec of the agent, second and later starts", times[1:], "ms", 2)


def figures(path, *names):
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key in names:
            found[key] = int(value.split()[0])
    return [found[name] for name in names]


def idle(world, rounds):
    clients = [world.client(f"idle{number}") for number in range(5)]
    for client in clients:
        client.start().ready()
    time.sleep(5)
    switches = []
    for _ in range((rounds + 4) // 5):
        names = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
        before = [sum(figures(f"/proc/{client.pid}/status", *names)) for client in clients]
        time.sleep(20)
        after = [sum(figures(f"/proc/{client.pid}/status", *names)) for client in clients]
        switches += [b - a for a, b in zip(before, after)]
    # PSS of one lictor, as on a node: the others share its pages and would make it look smaller.
    for client in clients[1:]:
        client.stop(signal.SIGQUIT)
    pss, anonymous = figures(f"/proc/{clients[0].pid}/smaps_rollup", "Pss", "Anonymous")
    row("idle: context switches in 20 s", switches, "", 0)
    row("idle: PSS", [pss], "kB", 0)
    row("idle: anonymous memory", [anonymous], "kB", 0)
    print(f"{'idle: threads':<58} {len(os.listdir(f'/proc/{clients[0].pid}/task'))}", flush=True)
    clients[0].stop(signal.SIGQUIT)


def left_in_all_eyes(world, server, linger):
    """One of eight nodes leaves; 10 s later, what do the server and the seven others say?"""
    clients = [world.client(f"eye{linger}{number}", stop={"linger": linger}) for number in range(8)]
    for client in clients:
        client.start().ready()
    time.sleep(12)
    leaver, *others = clients
    assert leaver.stop()[0] == 0
    time.sleep(10)
    views = [server.member(leaver.name)] + [other.members()[leaver.name] for other in others]
    name = f"10 s later left for server and 7 clients, linger {linger}"
    print(f"{name:<58} {views.count(e2e.LEFT)} of {len(views)}; statuses {views}", flush=True)
    for other in others:
        other.stop(signal.SIGQUIT)


def data_dir_lost(world, server, rounds):
    """Killed without leaving, data directory gone, started at once: exec to the service in the catalog under the old id."""
    times = []
    for number in range(rounds):
        client = world.client(f"lost{number}")
        before = client.start().ready()["node_id"]
        client.stop(signal.SIGQUIT)
        shutil.rmtree(client.data_dir)
        client.start()
        client.ready()
        times.append(1000 * (time.monotonic() - client.started))
        assert server.node(client.name)["Node"]["ID"] == before == client.node_id()
        client.stop(signal.SIGQUIT)
        forget(server, client.name)
    row("data directory lost: exec to ready under the old id", times, "ms")


def old_claims(world, server, rounds):
    """Renamed at once after a kill: from the old member's death to its being pruned and out of the catalog. And an entry
    without a member at the node's address: from exec to its being gone."""
    clients = [world.client(f"old{number}") for number in range(rounds)]
    for client in clients:
        client.start().ready()
    entries = []
    for client in clients:
        client.stop(signal.SIGQUIT)
        ghost = f"ghost-{client.name}"
        server.put("/v1/catalog/register", {"Node": ghost, "Address": client.address})
        client.start(NODE_NAME=f"new-{client.name}").ready()
        entries.append(1000 * (until(lambda name=ghost: server.node(name) is None) - client.started))
    failed, gone = {}, {}
    deadline = time.monotonic() + 60
    while len(gone) < len(clients) and time.monotonic() < deadline:
        now = time.monotonic()
        members = {member["Name"]: member["Status"] for member in server.get("/v1/agent/members", timeout=20)}
        for name in (client.name for client in clients):
            if members.get(name) in (e2e.FAILED, None):
                failed.setdefault(name, now)
            if name not in members and name not in gone and server.node(name) is None:
                gone[name] = now
        time.sleep(0.01)
    for client in clients:
        if client.name not in gone:
            views = f"member for the server {members.get(client.name)}, for the node itself {client.members().get(client.name)}"
            print(f"{client.name} is not gone: {views}, in the catalog {server.node(client.name)}\n{client.log[-3000:]}")
    assert len(gone) == len(clients), f"{len(gone)} of {len(clients)} old names are gone"
    row("stale catalog entry at our address: exec to gone", entries, "ms")
    row("renamed: the old member's death to pruned, out of the catalog", [1000 * (gone[n] - failed[n]) for n in gone], "ms")
    for client in clients:
        client.stop(signal.SIGQUIT)


def measure(options):
    world = e2e.World(options.inside, options.lictor)
    server = world.server()
    print(f"{'':<58} {'min':>9} {'median':>9} {'max':>9}")
    exec_to_catalog(world, server, options.starts, options.rounds)
    stop_time(world, server, options.rounds, "1s")
    stop_time(world, server, options.rounds, "0s")
    killed_to_api(world, server, options.rounds)
    exec_to_exec(world, options.rounds)
    idle(world, options.rounds)
    data_dir_lost(world, server, options.rounds)
    old_claims(world, server, options.rounds)
    for linger in ("1s", "0s"):
        left_in_all_eyes(world, server, linger)
    print(f"{'size of the binary':<58} {os.path.getsize(options.lictor)} bytes")


def in_sandbox(script, inside, arguments, measure, limit):
    """Runs the script once more in a sandbox, where `inside` (its option --inside) is a folder and it measures; the exit
    code. Everything in the sandbox is gone afterwards, and at the latest after `limit` seconds."""
    if inside:
        e2e.settle_in()
        measure()
        return 0
    folder = tempfile.mkdtemp(prefix=f"lt-bench-{os.getpid()}-")
    os.chmod(folder, 0o755)
    try:
        command = [*tools.SANDBOX, sys.executable, script, *arguments, "--inside", folder]
        return subprocess.run(command, timeout=limit).returncode
    finally:
        tools.remove_cgroups(os.path.basename(folder))
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lictor", default=str(HERE.parents[1] / "build/release/lictor"), metavar="BINARY")
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    arguments = ["--lictor", os.path.abspath(options.lictor), "--starts", str(options.starts)]
    arguments += ["--rounds", str(options.rounds)]
    return in_sandbox(__file__, options.inside, arguments, lambda: measure(options), 1800)


if __name__ == "__main__":
    sys.exit(main())
