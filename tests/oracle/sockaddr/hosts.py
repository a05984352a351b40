"""Hosts of many kinds, as lines for `ip` in a network namespace."""

# A pair of interfaces of which the second only keeps the first one's carrier.
def pair(name, *addresses, up=True):
    lines = [f"link add {name} type veth peer name p-{name}", f"link set p-{name} up"]
    lines += [f"addr add {address} dev {name}" + (" nodad" if ":" in address else "") for address in addresses]
    return lines + ([f"link set {name} up"] if up else [])


def bridge(name, *addresses):
    lines = [f"addr add {address} dev {name}" for address in addresses]
    return [f"link add {name} type bridge", *lines, f"link set {name} up"]


LO = ["link set lo up"]

HOSTS = {
    "nothing": [],
    "loopback alone": LO,
    "one address": LO + pair("eth0", "10.0.0.5/24") + ["route add default via 10.0.0.1"],
    "a public address with the default route, a private one without": LO
    + pair("eth0", "8.8.4.5/24")
    + pair("eth1", "10.111.67.11/24")
    + ["route add default via 8.8.4.1"],
    "what RFC 6890 takes for documentation": LO
    + pair("eth0", "203.0.113.5/24")
    + pair("eth1", "198.51.100.7/25", "192.0.2.1/30")
    + ["route add default via 203.0.113.1"],
    "both families": LO
    + pair("eth0", "10.0.0.5/24", "fd00::5/64", "2600:1f18::7/48")
    + pair("eth1", "172.16.3.4/20", "2001:db8::1/32")
    + ["route add default via 10.0.0.1", "-6 route add default via fd00::1"],
    "IPv6 alone": LO + pair("eth0", "fd00:1::5/64", "2a00:1450::9/127") + ["-6 route add default via fd00:1::1"],
    "secondary addresses, and a larger network second": LO
    + pair("eth0", "10.1.2.3/24", "10.1.2.4/24", "10.1.9.9/16", "192.168.5.5/32")
    + ["route add default via 10.1.2.1"],
    "a bridge with a larger network, no default route": LO
    + bridge("docker0", "172.17.0.1/16")
    + pair("eth0", "10.0.0.11/24"),
    "a carrier's network, by name before the other": LO
    + pair("cgn0", "100.64.3.4/10")
    + pair("eth0", "10.0.0.11/24")
    + ["route add default via 10.0.0.1"],
    "a link that is down": LO + pair("eth0", "10.0.0.5/24", up=False) + pair("eth1", "192.168.1.9/28"),
    "link-local addresses": LO + pair("eth0", "169.254.7.7/16", "fe80::7/64") + pair("eth1", "10.9.8.7/31"),
    "two default routes, the later one preferred": LO
    + pair("eth0", "10.0.0.5/24")
    + pair("eth1", "10.0.1.5/24")
    + ["route add default via 10.0.0.1 metric 200", "route add default via 10.0.1.1 metric 100"],
    "a default route by device alone": LO
    + pair("ppp0", "10.0.0.5/32")
    + pair("eth0", "10.0.1.5/24")
    + ["route add default dev ppp0"],
    "a default route by two gateways": LO
    + pair("eth0", "10.0.0.5/24")
    + pair("eth1", "10.0.1.5/20")
    + ["route add default nexthop via 10.0.0.1 nexthop via 10.0.1.1"],
    "a default route by a nexthop object": LO
    + pair("eth0", "10.0.0.5/24")
    + pair("eth1", "10.0.1.5/20")
    + ["nexthop add id 7 via 10.0.0.1 dev eth0", "route add default nhid 7"],
    "a default route by an IPv6 gateway, and an unreachable one": LO
    + pair("eth0", "10.0.0.5/24", "fd00::5/64")
    + pair("eth1", "10.0.1.5/20")
    + ["route add default via inet6 fd00::1 dev eth0 metric 5", "route add unreachable default metric 9"],
    "a default route of one kind of service, and in another table": LO
    + pair("eth0", "10.0.0.5/24")
    + pair("eth1", "10.0.1.5/20")
    + ["route add default via 10.0.0.1 tos 0x10", "route add default via 10.0.1.1 table 9"],
    "a default route over a device of no carrier": LO
    + ["link add eth0 type veth peer name far", "addr add 10.0.0.5/24 dev eth0", "link set eth0 up"]
    + pair("eth1", "10.0.1.5/20")
    + ["route add default via 10.0.0.1"],
    "a point-to-point link": LO
    + ["tuntap add dev tun0 mode tun", "addr add 10.8.0.2 peer 10.8.0.1/32 dev tun0", "link set tun0 up"]
    + pair("eth0", "10.0.0.5/24"),
    "odd names": LO
    + pair("en-p3s0.100", "10.3.0.5/24")
    + pair("Eth_1", "10.4.0.5/24")
    + pair("eth10", "10.5.0.5/23", "fd05::1/64"),
    "networks with a meaning of their own": LO
    + pair("eth0", "192.0.0.1/29", "192.0.0.9/24", "192.0.2.1/24", "192.88.99.1/24", "198.17.255.255/32", "198.18.0.1/15")
    + pair("eth1", "198.51.100.1/24", "203.0.113.9/24", "203.0.114.0/32", "240.0.0.9/4", "100.63.1.1/16", "172.32.0.1/16")
    + pair("eth2", "64:ff9b::1/96", "100::1/64", "2001:1::1/32", "2001:10::1/28", "2001:200::1/48", "2001:db8::1/32")
    + pair("eth3", "2002::1/16", "2002:c058:6301::1/120", "fec0::1/10", "fbff::1/16", "fc00::1/7", "2003::1/16"),
    "more addresses than one sort takes at a time": LO
    + [line for n in range(9) for line in pair(f"veth{n}", f"10.{n}.0.1/{16 + n}", f"fd00:{n}::1/{48 + n}")]
    + ["route add default via 10.3.0.2"],
    "as many, and alike": LO
    + [line for n in range(14) for line in pair(f"veth{n}", f"172.{16 + n}.0.1/16")]
    + pair("eth0", "10.7.7.7/24")
    + ["route add default via 10.7.7.1"],
}
