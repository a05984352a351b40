"""Docker's networks come to a container that serves, go, and come back."""

import engine
from image_test import Nodes
from tools import eventually, holds
from world import ALIVE

ADDRESS = "10.77.0.140"


def network(nodes, name, subnet, *options):
    nodes.docker("network", "create", "--subnet", subnet, *options, name)


def serves(nodes, name, address, agent):
    """As before: the same agent, at the same address, alive."""
    holds(lambda: nodes.agent(name).pid == agent, 2, f"the agent of {name} runs on")
    assert nodes.server.instances() == {name: address} and nodes.server.member(name) == ALIVE, nodes.log(name)


def image_network_connected(world):
    """Another network, whose gateway becomes the container's: nothing changes, and nothing at the next start; it may go again."""
    with Nodes(world) as nodes:
        nodes.start("n1", "--ip", ADDRESS)
        agent = nodes.agent("n1").pid
        # Docker takes the default route of the first network by name.
        network(nodes, "a-first", "192.0.2.0/24")
        nodes.docker("network", "connect", "a-first", "n1")
        route = nodes.docker("exec", "n1", "ip", "route", "show", "default")
        print("the default route:", route)
        serves(nodes, "n1", ADDRESS, agent)
        nodes.docker("restart", "n1")
        nodes.registered("n1")
        assert nodes.server.instances() == {"n1": ADDRESS}, nodes.log("n1")
        agent = nodes.agent("n1").pid
        nodes.docker("network", "disconnect", "a-first", "n1")
        serves(nodes, "n1", ADDRESS, agent)
        nodes.leaves("n1")


def image_network_internal(world):
    """Two networks without any way out, so no default route: it is waited until nothing is in doubt, and no longer."""
    with Nodes(world) as nodes:
        for number in (1, 2):
            network(nodes, f"inner-{number}", f"198.51.{100 + number}.0/24", "--internal")
        nodes.run("n1", "--ip", ADDRESS)
        nodes.registered("n1")
        for number in (1, 2):
            nodes.docker("network", "connect", f"inner-{number}", "n1")
        serves(nodes, "n1", ADDRESS, nodes.agent("n1").pid)
        # One that has no network of the server's at first, and two that are as good as each other.
        nodes.docker("create", "--name", "n2", "-h", "n2", "--network", "inner-1", engine.LICTOR)
        nodes.docker("network", "connect", "inner-2", "n2")
        nodes.docker("start", "n2")
        eventually(lambda: "waiting for an address" in nodes.log("n2"), 10, "n2 waits")
        assert nodes.engine.inspect("n2", "{{.State.Running}}") == "true"
        nodes.docker("network", "disconnect", "inner-2", "n2")
        eventually(lambda: "198.51.101." in nodes.docker("exec", "n2", "lictor", "status"), 15, "n2 has its address")
        assert nodes.engine.inspect("n2", "{{.RestartCount}}") == "0"


def image_network_away(world):
    """The node's own network is disconnected, and is back within bind.settle with the same address: nothing was restarted."""
    with Nodes(world) as nodes:
        nodes.start("n1", "--ip", ADDRESS)
        agent = nodes.agent("n1").pid
        nodes.docker("network", "disconnect", "lt", "n1")
        nodes.docker("network", "connect", "--ip", ADDRESS, "lt", "n1")
        eventually(lambda: "the address is back" in nodes.log("n1"), 10, "lictor has seen both")
        serves(nodes, "n1", ADDRESS, agent)
        nodes.leaves("n1")
