#!/usr/bin/env python3
"""What a node under lictor costs while its servers are away, beside a plain agent with the same settings: lines of log and DNS
queries, and how soon it is back.

    tests/bench/quiet.py [--minutes N] [--lictor BINARY] [--consul PATH]

Four nodes at once, `retry_interval 30s`: two whose retry_join names three servers by names that do not resolve, and two with the
address of a server that ends after they have joined. Counted is from the end of the first minute on. Prints a table and the limits
that lictor has set itself; the exit code goes by them. All names are looked up at a DNS server of the program's own.
"""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import beside  # noqa: E402
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
        services, more = [{"name": name, "port": 80}], {"retry_join": servers, "retry_interval": "30s"}
        self.node = (beside.attended if attended else beside.Plain)(world, name, services, **more)
        self.log_file, self.queries_file = self.node.log_file, f"{self.node.folder}/queries"

    def start(self):
        open(self.queries_file, "w").close()
        asked = [sys.executable, __file__, "--dns", self.queries_file]
        subprocess.Popen(["ip", "netns", "exec", self.node.namespace, *asked])
        self.node.start()

    def lines(self):
        return pathlib.Path(self.log_file).read_text(errors="replace").count("\n")

    def queries(self):
        return os.path.getsize(self.queries_file)


# ---- the measurement -------------------------------------------------------------------------------------------------


def measure(folder, options):
    minutes, keep = options.minutes, options.keep
    with open(f"{folder}/resolv.conf", "w") as file:
        file.write("nameserver 127.0.0.1\n")
    e2e.run("mount", "--bind", f"{folder}/resolv.conf", "/etc/resolv.conf")
    world = e2e.World(folder, options.lictor)
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
            (pathlib.Path(keep) / f"{node.node.name}.log").write_bytes(text)

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


def add_options(parser):
    parser.add_argument("--minutes", type=int, default=10, metavar="N", help="that the servers are away (default: 10)")
    parser.add_argument("--keep", metavar="FOLDER", type=os.path.abspath, help="for the logs")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--dns"]:
        sys.exit(serve_names(sys.argv[2]))
    sys.exit(beside.run(__file__, measure, lambda options: 60 * options.minutes + 300, __doc__, add_options))
