"""What passes one node's link: bytes by what they are for, and the node's requests to its servers by their names."""

import collections
import re
import socket
import struct
import threading

ALL_PROTOCOLS, TCP, UDP = 0x0003, 6, 17
RPC, GOSSIP = 8300, 8301
# A request's head in Consul's RPC; it begins anew with each request, and is well below a packet's size.
METHOD = re.compile(rb"ServiceMethod[\xa0-\xdb].?([A-Z][A-Za-z]+\.[A-Z][A-Za-z]+)", re.S)


class Wire(threading.Thread):
    """Looks at all packets of the link br-NAME, until close(); without TLS, requests can be read."""

    def __init__(self, name, address):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self.socket.bind((f"br-{name}", ALL_PROTOCOLS))
        self.address = socket.inet_aton(address)
        self.bytes, self.requests = collections.Counter(), collections.Counter()
        self.start()

    def run(self):
        while True:
            packet = self.socket.recv(1 << 17)
            if packet[12:14] != b"\x08\x00":
                self.bytes["other"] += len(packet)
                continue
            head = 14 + 4 * (packet[14] & 15)
            way = "out" if packet[26:30] == self.address else "in"
            protocol, ports = packet[23], struct.unpack("!HH", packet[head : head + 4])
            if protocol == TCP and RPC in ports:
                self.bytes[f"rpc {way}"] += len(packet)
                if way == "out" and ports[1] == RPC:
                    self.requests.update(name.decode() for name in METHOD.findall(packet))
            elif GOSSIP in ports:
                self.bytes[f"gossip {'udp' if protocol == UDP else 'tcp'} {way}"] += len(packet)
                # An exchange of all that two members know of all members is a connection of its own.
                self.requests["gossip exchange"] += protocol == TCP and packet[head + 13] & 0x12 == 0x02
            else:
                self.bytes["other"] += len(packet)

    def look(self):
        """All counts so far; one look is taken from a later one."""
        return +self.bytes, +self.requests

    def since(self, before):
        return tuple(now - then for now, then in zip(self.look(), before))
