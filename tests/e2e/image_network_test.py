"""Docker's networks come to a container that serves, go, and come back."""

from image_test import Nodes
from tools import eventually, holds
from world import ALIVE, run

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
        pid = nodes.engine.inspect("n1", "{{.State.Pid}}")
        assert "via 192.0.2." in run("nsenter", "-t", pid, "-n", "ip", "route", "show", "default")
        serves(nodes, "n1", ADDRESS, agent)
        nodes.docker("restart", "n1")
        nodes.registered("n1")
        assert nodes.server.instances() == {"n1": ADDRESS}, nodes.log("n1")
        agent = nodes.agent("n1").pid
        nodes.docker("network", "disconnect", "a-first", "n1")
        serves(nodes, "n1", ADDRESS, agent)
        nodes.leaves("n1")


def image_network_gone(world):
    """Two internal networks come: nothing changes, nor at the next start. The node's own goes for good: it moves after bind.settle."""
    with Nodes(world) as nodes:
        inner = ["192.0.2.0/25", "192.0.2.128/25"]
        for number, subnet in enumerate(inner):
            network(nodes, f"inner-{number}", subnet, "--internal")
        nodes.start("n1", "--ip", ADDRESS)
        agent = nodes.agent("n1").pid
        for number in range(len(inner)):
            nodes.docker("network", "connect", f"inner-{number}", "n1")
        serves(nodes, "n1", ADDRESS, agent)
        nodes.docker("restart", "n1")
        nodes.registered("n1")
        agent = nodes.agent("n1").pid
        serves(nodes, "n1", ADDRESS, agent)
        nodes.docker("network", "disconnect", "inner-1", "n1")
        nodes.docker("network", "disconnect", "lt", "n1")
        eventually(lambda: "moves to 192.0.2." in nodes.docker("exec", "n1", "lictor", "status"), 4, "it is told of")
        assert nodes.agent("n1").pid == agent
        eventually(lambda: "address    192.0.2." in nodes.docker("exec", "n1", "lictor", "status"), 15, "it has moved")
        assert nodes.engine.inspect("n1", "{{.State.Running}} {{.RestartCount}}") == "true 0", nodes.log("n1")


def image_network_away(world):
    """The node's own network is disconnected, and is back within bind.settle with the same address: nothing was restarted."""
    with Nodes(world) as nodes:
        nodes.start("n1", "--ip", ADDRESS)
        agent = nodes.agent("n1").pid
        nodes.docker("network", "disconnect", "lt", "n1")
        eventually(lambda: "the address is gone" in nodes.log("n1"), 3, "lictor has seen it")
        nodes.docker("network", "connect", "--ip", ADDRESS, "lt", "n1")
        eventually(lambda: "the address is back" in nodes.log("n1"), 5, "lictor has seen that, too")
        serves(nodes, "n1", ADDRESS, agent)
        nodes.leaves("n1")
