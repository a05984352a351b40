"""Hosts that the choice of the address was written for, with real interfaces: what `lictor check` takes, and why."""

from identity_test import was
from tools import eventually
from world import run

# Name, the host, lictor's settings of `bind` (or "bind_addr"), the address that the node has; what check says, or part of why
# there is none. A host is a line for each interface: its addresses, each perhaps with what `ip address` calls it ("deprecated":
# its preferred time is over), or "down", or "unplugged"; and its default routes.
HOSTS = [
    ("one address", "eth0 10.0.0.5/24", {}, "", "10.0.0.5 on eth0 (the only one that can be taken)"),
    (
        "two networks, the default route by the second",
        "eth0 10.0.0.5/24; eth1 10.1.0.5/24; default via 10.1.0.1 dev eth1",
        {},
        "",
        "10.1.0.5 on eth1 (the default route, metric 0)",
    ),
    (
        "two default routes",
        "eth0 10.0.0.5/24; eth1 10.1.0.5/24; default via 10.0.0.1 dev eth0 metric 200; default via 10.1.0.1 dev eth1 metric 100",
        {},
        "",
        "10.1.0.5 on eth1 (the default route, metric 100)",
    ),
    (
        "and the node has the other one",
        "eth0 10.0.0.5/24; eth1 10.1.0.5/24; default via 10.0.0.1 dev eth0 metric 200; default via 10.1.0.1 dev eth1 metric 100",
        {},
        "10.0.0.5",
        "10.0.0.5 on eth0 (the address that this node has)",
    ),
    (
        "the better route's interface is not named",
        "eth0 10.0.0.5/24; eth1 10.1.0.5/24; wan 192.0.2.5/24; default via 192.0.2.1 dev wan; default via 10.1.0.1 dev eth1 metric 9",
        {},
        "",
        "10.1.0.5 on eth1 (the default route, metric 9)",
    ),
    (
        "a route that prefers a source",
        "eth0 10.0.0.5/24 10.9.0.5/24; default via 10.0.0.1 dev eth0 src 10.9.0.5",
        {},
        "",
        "10.9.0.5 on eth0 (the source of the default route)",
    ),
    (
        "a secondary address",
        "eth0 10.0.0.5/24 10.0.0.6/24",
        {},
        "",
        "10.0.0.5 on eth0 (primary addresses first)",
    ),
    (
        "the node has the secondary address",
        "eth0 10.0.0.5/24 10.0.0.6/24",
        {},
        "10.0.0.6",
        "10.0.0.6 on eth0 (the address that this node has)",
    ),
    (
        "a virtual address came first",
        "eth0 10.0.0.100/32 10.0.0.5/24; default via 10.0.0.1 dev eth0",
        {},
        "",
        "10.0.0.5 on eth0 (wider networks first)",
    ),
    (
        "a virtual address of the same width, elsewhere",
        "eth0 10.0.0.5/24; eth1 10.0.1.100/24; default via 10.0.0.1 dev eth0",
        {},
        "",
        "10.0.0.5 on eth0 (the default route, metric 0)",
    ),
    ("a /32 alone", "eth0 10.0.0.5/32", {}, "", "10.0.0.5 on eth0 (the only one that can be taken)"),
    ("two, and nothing tells them apart", "eth0 10.0.0.5/24; eth1 10.1.0.5/24", {}, "", "eth1 10.1.0.5/24"),
    (
        "bind.cidr tells them apart",
        "eth0 10.0.0.5/24; eth1 10.1.0.5/24",
        {"cidr": ["10.1.0.0/16"]},
        "",
        "10.1.0.5 on eth1 (the only one that can be taken)",
    ),
    (
        "the order of bind.interface",
        "eth0 10.0.0.5/24; eth1 10.1.0.5/24; default via 10.0.0.1 dev eth0",
        {"interface": ["eth1", "eth*"]},
        "",
        "10.1.0.5 on eth1 (the order of bind.interface)",
    ),
    (
        "containers' bridge and a tunnel beside it",
        "eth0 10.0.0.5/24; docker0 172.17.0.1/16; flannel.1 10.244.0.0/32",
        {},
        "",
        "10.0.0.5 on eth0 (the only one that can be taken)",
    ),
    ("an interface that is down", "eth0 10.0.0.5/24 down; eth1 10.1.0.5/24", {}, "", "10.1.0.5 on eth1"),
    ("no carrier", "eth0 10.0.0.5/24 unplugged; eth1 10.1.0.5/24", {}, "", "10.1.0.5 on eth1"),
    (
        "no carrier, and the node has it",
        "eth0 10.0.0.5/24 unplugged; eth1 10.1.0.5/24",
        {},
        "10.0.0.5",
        "10.0.0.5 on eth0 (the address that this node has)",
    ),
    (
        "link-local addresses are none",
        "eth0 169.254.7.7/16; eth1 10.1.0.5/24",
        {},
        "",
        "10.1.0.5 on eth1 (the only one that can be taken)",
    ),
    ("a new address in the place of the node's", "eth0 10.0.0.7/24", {}, "10.0.0.5", "10.0.0.7 on eth0"),
    ("the user's word", "eth0 10.0.0.5/24; eth1 10.1.0.5/24", {"bind_addr": "10.1.0.5"}, "10.0.0.5", "10.1.0.5 on eth1 (bind_addr)"),
    ("the user's word for what is not there", "eth0 10.0.0.5/24", {"bind_addr": "10.1.0.5"}, "10.0.0.5", "10.1.0.5 is not on this host"),
    (
        "two families",
        "eth0 10.0.0.5/24 fd00::5/64",
        {"family": "ipv6"},
        "",
        "fd00::5 on eth0 (the only one that can be taken)",
    ),
    (
        "IPv6: a global address before a unique local one",
        "eth0 fd00::5/64 2001:db8::5/64; default via fe80::1 dev eth0",
        {"family": "ipv6"},
        "",
        "2001:db8::5 on eth0 (global addresses first)",
    ),
    (
        "IPv6: a second prefix, and the node has the first",
        "eth0 fd00::5/64 2001:db8::5/64",
        {"family": "ipv6"},
        "fd00::5",
        "fd00::5 on eth0 (the address that this node has)",
    ),
    (
        "IPv6: what DHCP gave beside what the prefix gave",
        "eth0 2001:db8::77/128 2001:db8::5/64; default via fe80::1 dev eth0",
        {"family": "ipv6"},
        "",
        "2001:db8::5 on eth0 (wider networks first)",
    ),
    (
        "IPv6: deprecated",
        "eth0 2001:db8::4/64 deprecated 2001:db8::5/64",
        {"family": "ipv6"},
        "",
        "2001:db8::5 on eth0 (the only one that can be taken)",
    ),
    (
        "IPv6: deprecated, and the node has it",
        "eth0 2001:db8::4/64 deprecated 2001:db8::5/64",
        {"family": "ipv6"},
        "2001:db8::4",
        "2001:db8::4 on eth0 (the address that this node has)",
    ),
]


def lay_out(namespace, host):
    """Gives the namespace the interfaces, addresses and default routes."""
    ip = lambda *words: run("ip", "-n", namespace, *words)  # noqa: E731
    lines = [line.split() for line in host.split("; ")]
    for name, *words in (line for line in lines if line[0] != "default"):
        ip("link", "add", name, "type", "veth", "peer", "name", f"far-{name}")
        if "down" not in words:
            ip("link", "set", name, "up")
        if "unplugged" not in words:
            ip("link", "set", f"far-{name}", "up")
        if not {"down", "unplugged"} & set(words):
            shown = lambda name=name: "state UP" in run("ip", "-n", namespace, "link", "show", name)  # noqa: E731
            eventually(shown, 5, "the kernel has seen the carrier")
        addresses = [word for word in words if "/" in word]
        for address in addresses:
            how = ["nodad"] if ":" in address else []
            if words[words.index(address) + 1 :][:1] == ["deprecated"]:
                how += ["preferred_lft", "0"]
            ip("addr", "add", address, "dev", name, *how)
    for line in (line for line in lines if line[0] == "default"):
        ip("-6" if ":" in line[2] else "-4", "route", "add", *line)


def address_hosts(world):
    """Each is made, and lictor asked."""
    for number, (title, host, bind, held, expected) in enumerate(HOSTS, 1):
        bind = dict(bind)
        agent = {"config": {"bind_addr": bind.pop("bind_addr")}} if "bind_addr" in bind else {}
        # Beside the link that every node of these tests has.
        node = world.client(f"h{number}", link="test", with_address=False, bind=bind, agent=agent)
        lay_out(node.namespace, host)
        if held:
            was(node, address=held)
        told = node.command("check")
        shown = [line for line in told.stdout.splitlines() if line.startswith("address: ")]
        if " on eth" in expected:
            assert told.returncode == 0 and len(shown) == 1, (title, told)
            assert shown[0].startswith(f"address: {expected}"), (title, told.stdout)
        else:
            # It would be waited for.
            assert told.returncode == 75 and not shown and expected in told.stderr, (title, told)
