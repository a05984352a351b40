"""What reaches a Consul server: the requests that agents send to its RPC port, read from the wire of the world's bridge."""

import collections
import re
import socket
import struct
import threading
import time

METHOD = re.compile(rb"ServiceMethod.([A-Z][A-Za-z]+\.[A-Za-z]+)", re.DOTALL)
ETH_P_ALL = 3
RPC_PORT = 8300


class Wire:
    """Requests by (moment, address of the agent, method), from the making of this object on. The bridge sees each packet once."""

    def __init__(self, interface):
        self.seen, self.rest = [], collections.defaultdict(bytes)
        self.packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 26)
        self.packets.bind((interface, 0))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            packet, (_, protocol, kind, *_) = self.packets.recvfrom(1 << 18)
            if protocol != 0x0800 or packet[23] != socket.IPPROTO_TCP:
                continue
            tcp = 14 + 4 * (packet[14] & 15)
            source_port, port = struct.unpack("!HH", packet[tcp : tcp + 4])
            if port != RPC_PORT:
                continue
            end = 14 + struct.unpack("!H", packet[16:18])[0]
            address = socket.inet_ntoa(packet[26:30])
            self.take((address, source_port), packet[tcp + 4 * (packet[tcp + 12] >> 4) : end])

    def take(self, flow, data):
        text, now = self.rest[flow] + data, time.monotonic()
        last = 0
        for found in METHOD.finditer(text):
            # A name that goes on in the next packet is not taken yet.
            if found.end() == len(text):
                break
            self.seen.append((now, flow[0], found[1].decode()))
            last = found.end()
        self.rest[flow] = text[max(last, len(text) - 100) :]

    def between(self, begin, end, addresses):
        return collections.Counter(method for at, who, method in list(self.seen) if begin <= at < end and who in addresses)
