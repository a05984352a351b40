#!/usr/bin/env python3
"""What a node under lictor costs while its servers are away, beside a plain agent with the same settings: lines of log and DNS
queries, and how soon it is back.

    tests/bench/quiet.py [--minutes N] [--lictor BINARY] [--consul PATH]

Four nodes at once, `retry_interval 30s`: two whose retry_join names three servers by names that do not resolve, and two with the
address of a server that ends after they have joined. Counted is from the end of the first minute on. Prints a table and the limits
that lictor has set itself; the exit code goes by them. All names are looked up at a DNS server of the program's own.
"""

import argparse
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path += [str(HERE.parent / "e2e"), str(HERE.parent / "soak")]
import consul_facts  # noqa: E402
import sandbox  # noqa: E402
import world as e2e  # noqa: E402
from tools import eventually  # noqa: E402

NAMES = ["consul-1.test", "consul-2.test", "consul-3.test"]
MORE_QUERIES, MORE_LINES, MORE_LINES_OF_ADDRESSES, BACK = 1.2, 1.2, 2.0, 2.0


# ---- a DNS server that knows no name ---------------------------------------------------------------------------------


def refusal(query):
    """NXDOMAIN, for a query of one question."""
    number, _, questions = struct.unpack("!HHH", query[:6])
    return struct.pack("!HHHHHH", number, 0x8183, questions, 0, 0, 0) + query[12:]


def serve_names(path):
    """Answers on 127.0.0.1, by UDP and TCP, and writes a byte to `path` for each query."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    tcp = socket.create_server(("127.0.0.1", 53))

    def by_tcp():
        while True:
            peer, _ = tcp.accept()
            with peer:
                size = peer.recv(2)
                query = peer.recv(struct.unpack("!H", size)[0]) if len(size) == 2 else b""
                if len(query) > 12:
                    os.write(log, b"t")
                    peer.sendall(struct.pack("!H", len(refusal(query))) + refusal(query))

    threading.Thread(target=by_tcp, daemon=True).start()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 53))
    while True:
        query, peer = udp.recvfrom(4096)
        os.write(log, b"u")
        udp.sendto(refusal(query), peer)


# ---- nodes -----------------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, world, name, attended, servers):
        self.attended, self.folder = attended, f"{world.folder}/{name}"
        config = {"retry_join": servers, "retry_interval": "30s", "disable_update_check": True}
        if attended:
            client = world.client(name, agent={"config": config}, log={"level": "info"}, services=[{"name": name, "port": 80}])
            self.namespace, self.log_file, self.queries_file = client.namespace, client.log_file, f"{client.folder}/queries"
            self.client = client
        else:
            world.nodes += 1
            address = f"10.77.0.{10 + world.nodes}"
            self.namespace = world.add_namespace(name, "eth0", address)
            os.mkdir(self.folder)
            self.log_file, self.queries_file = f"{self.folder}/log", f"{self.folder}/queries"
            settings = {"node_name": name, "bind_addr": address, "data_dir": f"{self.folder}/data"}
            settings |= {"services": [{"name": name, "port": 80}]}
            e2e.write_json(f"{self.folder}/consul.json", settings | config)

    def start(self):
        inside = ["ip", "netns", "exec", self.namespace]
        open(self.queries_file, "w").close()
        subprocess.Popen([*inside, sys.executable, __file__, "--dns", self.queries_file])
        if self.attended:
            self.client.start()
            return
        with open(self.log_file, "w") as log:
            command = [*inside, e2e.CONSUL, "agent", f"-config-file={self.folder}/consul.json"]
            subprocess.Popen(command, stdout=log, stderr=log)

    def lines(self):
        return pathlib.Path(self.log_file).read_text(errors="replace").count("\n")

    def queries(self):
        return os.path.getsize(self.queries_file)


# ---- the measurement -------------------------------------------------------------------------------------------------


def measure(folder, lictor, minutes, keep):
    with open(f"{folder}/resolv.conf", "w") as file:
        file.write("nameserver 127.0.0.1\n")
    e2e.run("mount", "--bind", f"{folder}/resolv.conf", "/etc/resolv.conf")
    world = e2e.World(folder, lictor)
    server = world.server()
    nodes = {
        "names, plain agent": Node(world, "plain-names", False, NAMES),
        "names, lictor": Node(world, "names", True, NAMES),
        "addresses, plain agent": Node(world, "plain", False, [e2e.SERVER_ADDRESS]),
        "addresses, lictor": Node(world, "n1", True, [e2e.SERVER_ADDRESS]),
    }
    for node in nodes.values():
        node.start()
    eventually(lambda: server.instances("n1") and server.instances("plain"), 60, "both are there")
    time.sleep(5)  # both have told the server all
    server.process.kill()
    server.process.wait()
    began = time.monotonic()
    counts = {name: [(node.lines(), node.queries())] for name, node in nodes.items()}
    for minute in range(1, minutes + 1):
        time.sleep(max(0.0, began + 60 * minute - time.monotonic()))
        for name, node in nodes.items():
            counts[name].append((node.lines(), node.queries()))
    print(f"{'':24}{'lines each minute':56}{'queries each minute'}")
    for name, seen in counts.items():
        by_minute = [[b[i] - a[i] for a, b in zip(seen, seen[1:])] for i in (0, 1)]
        print(f"{name:24}{' '.join(map(str, by_minute[0])):56}{' '.join(map(str, by_minute[1]))}")
    server = world.server()
    there = time.monotonic()
    back = {}
    while len(back) < 2 and time.monotonic() < there + 90:
        for name in {"n1", "plain"} - set(back):
            if server.instances(name):
                back[name] = time.monotonic() - there
        time.sleep(0.01)
    print(f"back in the catalog after {back} s")
    if keep:
        for node in nodes.values():
            text = pathlib.Path(node.log_file).read_bytes()
            (pathlib.Path(keep) / f"{os.path.basename(node.folder)}.log").write_bytes(text)

    def grown(name, which, since=1):
        return counts[name][-1][which] - counts[name][since][which]

    kept = []

    def limit(what, ours, theirs, times):
        good = ours <= times * theirs
        kept.append(good)
        print(f"{'kept  ' if good else 'MISSED'} {what}: {ours}, plain agent {theirs}: {ours / max(theirs, 1):.2f} of {times} times")

    limit("names, lines from minute 2 on", grown("names, lictor", 0), grown("names, plain agent", 0), MORE_LINES)
    limit("names, DNS queries from minute 2 on", grown("names, lictor", 1), grown("names, plain agent", 1), MORE_QUERIES)
    limit("addresses, lines", grown("addresses, lictor", 0, 0), grown("addresses, plain agent", 0, 0), MORE_LINES_OF_ADDRESSES)
    good = back.get("n1", 90) <= BACK
    kept.append(good)
    print(f"{'kept  ' if good else 'MISSED'} back in the catalog: {back.get('n1', 90):.2f} s of {BACK} s")
    return 0 if all(kept) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=10, metavar="N", help="that the servers are away (default: 10)")
    parser.add_argument("--lictor", default=str(sandbox.TOP / "build/release/lictor"), metavar="BINARY")
    parser.add_argument("--keep", metavar="FOLDER", help="for the logs")
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--dns", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.dns:
        return serve_names(options.dns)
    lictor = os.path.abspath(options.lictor)
    if options.inside:
        e2e.settle_in()
        return measure(options.inside, lictor, options.minutes, options.keep)
    consul_facts.choose(options.consul)
    sandbox.require(lictor)
    given = ["--lictor", lictor, "--minutes", str(options.minutes)]
    given += ["--keep", os.path.abspath(options.keep)] if options.keep else []
    return sandbox.enter(os.path.abspath(__file__), given, lambda *_: None, 60 * options.minutes + 300)


if __name__ == "__main__":
    sys.exit(main())
