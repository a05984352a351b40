#!/usr/bin/env python3
"""Measures the image in Docker against a bare agent in the same image and prints a table: minimum, median, maximum.

    tests/bench/image.py [--rounds N]

Takes what the end-to-end tests of the image take, and the images that tests/e2e/engine.py makes.
"""

import argparse
import http.client
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "e2e"))
import engine  # noqa: E402
import image_test  # noqa: E402
import tools  # noqa: E402
import world as e2e  # noqa: E402
from life import in_sandbox, row, until  # noqa: E402

ADDRESS = "10.77.0.100"
FULL_SYNC = 3.3  # from joining on; an agent that is younger is asked to leave only then


def with_lictor(nodes, name):
    """`docker run` to the node's service in the catalog."""
    began = time.monotonic()
    nodes.run(name, "--ip", ADDRESS)
    return until(lambda: name in nodes.server.instances()) - began


def bare(nodes, name):
    """The floor: the same for a bare agent, whose API is called as early as it answers and knows a leader."""

    def api(method, target, body=None):
        return tools.exchange(http.client.HTTPConnection(ADDRESS, 8500, timeout=1), method, target, body).text

    agent = ["agent", f"-node={name}", "-client=0.0.0.0", f"-bind={ADDRESS}", "-data-dir=/consul/data"]
    agent += [f"-retry-join={e2e.SERVER_ADDRESS}", "-retry-interval=1s", "-hcl=disable_update_check = true"]
    began = time.monotonic()
    container = ["-d", "--name", name, "--network", "lt", "--ip", ADDRESS, "--entrypoint", "consul"]
    nodes.docker("run", *container, engine.LICTOR, *agent)
    until(lambda: len(api("GET", "/v1/status/leader")) > 4)
    api("PUT", "/v1/agent/service/register", {"Name": "consul-members", "Address": ADDRESS, "Port": 8500})
    return until(lambda: name in nodes.server.instances()) - began


def measure(folder, rounds):
    starts, stops = {with_lictor: [], bare: []}, {with_lictor: [], bare: []}
    with image_test.Nodes(e2e.World(folder, "")) as nodes:
        for number in range(rounds):
            for start in (with_lictor, bare):
                name = f"{start.__name__.replace('_', '-')}-{number}"
                starts[start].append(1000 * start(nodes, name))
                time.sleep(FULL_SYNC)
                began = time.monotonic()
                nodes.docker("stop", name)
                stops[start].append(1000 * (time.monotonic() - began))
                nodes.docker("rm", "-v", name)
        added = int(nodes.engine.inspect("lictor-binary", "{{.Size}}"))
    print(f"{'':<58} {'min':>9} {'median':>9} {'max':>9}")
    row("docker run to service in the catalog", starts[with_lictor], "ms")
    row("the same for a bare agent (the floor)", starts[bare], "ms")
    row("docker stop", stops[with_lictor], "ms")
    row("docker stop of a bare agent", stops[bare], "ms")
    print(f"{'added to the image':<58} {added} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    arguments = ["--rounds", str(options.rounds)]
    return in_sandbox(__file__, options.inside, arguments, lambda: measure(options.inside, options.rounds), 600)


if __name__ == "__main__":
    sys.exit(main())
