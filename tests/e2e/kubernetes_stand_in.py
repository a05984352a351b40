"""A stand-in for Kubernetes's API server, over TLS with an authority of its own, and for the DNS server of a pod.

It answers GETs as a real one was seen to; a scenario has it answer otherwise by a function that is given the connection.
"""

import contextlib
import copy
import glob
import json
import os
import socket
import ssl
import struct
import subprocess
import threading

TOKEN = "eyJhbGciOiJSUzI1NiJ9.token.of-the-pod"
POD, SPACE, NODE, DAEMONSET = "lictor-x7k2p", "consul", "node-1", "lictor"
PATHS = {
    "pod": f"/api/v1/namespaces/{SPACE}/pods/{POD}",
    "node": f"/api/v1/nodes/{NODE}",
    "daemonset": f"/apis/apps/v1/namespaces/{SPACE}/daemonsets/{DAEMONSET}",
    "namespace": f"/api/v1/namespaces/{SPACE}",
}
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 500: "InternalError", 503: "ServiceUnavailable"}


def objects():
    """Kind -> the object, while nothing happens. The node has its images, as a real one has."""
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": DAEMONSET, "controller": True, "blockOwnerDeletion": True}
    images = [{"names": [f"registry.example.com/image-{number}@sha256:{'0' * 64}"], "sizeBytes": number} for number in range(50)]
    pod_meta = {"name": POD, "namespace": SPACE, "labels": {"pod-template-generation": "3"}, "ownerReferences": [owner]}
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True", "reason": "KubeletReady"}]
    generation = {"deprecated.daemonset.template.generation": "3"}
    return {
        "pod": {"kind": "Pod", "metadata": pod_meta, "spec": {"nodeName": NODE, "terminationGracePeriodSeconds": 45}},
        "node": {"kind": "Node", "metadata": {"name": NODE}, "spec": {}, "status": {"conditions": conditions, "images": images}},
        "daemonset": {"kind": "DaemonSet", "metadata": {"name": DAEMONSET, "namespace": SPACE, "annotations": generation}},
        "namespace": {"kind": "Namespace", "metadata": {"name": SPACE}, "status": {"phase": "Active"}},
    }


def openssl(folder, *words, then=None):
    """`then`: as if it were then, such as "-9d"."""
    environment = dict(os.environ)
    if then:
        (library,) = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        environment |= {"LD_PRELOAD": library, "FAKETIME": then}
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=20, env=environment)


class Authority:
    """A certificate authority: `certificate` is its own, PEM."""

    def __init__(self, folder, name):
        self.folder, self.name = str(folder), name
        self.make(name, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        with open(f"{folder}/{name}.pem") as file:
            self.certificate = file.read()

    def make(self, name, *more, then=None):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]
        openssl(self.folder, "req", "-x509", "-days", "2", "-subj", f"/CN={name}", *key, "-out", f"{name}.pem", *more, then=then)

    def issue(self, name, names, then=None):
        """A server's certificate for these subject alternative names, of two days from `then` on: an ssl context."""
        ours = ["-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        self.make(name, *ours, "-addext", f"subjectAltName={names}", then=then)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{self.folder}/{name}.pem", f"{self.folder}/{name}.key")
        return context


def answer(code, content, kind="application/json"):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return f"HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def status(code):
    return answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": REASONS[code], "code": code})


class ApiStandIn:
    """At an address, with a port of its own. Each connection has a thread, which ends with the process at the latest.

    answers: kind -> the object; a code, for the Status that goes with it; or a function of the TLS connection, which then says
    all, and whether the connection stays for another request. `keeps`: whether it does otherwise. `before_tls`: a function of the bare connection in the place of all that. asked: (path, headers) of each request.
    """

    def __init__(self, context, address="127.0.0.1"):
        self.context, self.answers, self.asked, self.before_tls = context, objects(), [], None
        self.keeps = True
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, bare):
        # Whoever asks may have gone, or not even like the certificate.
        with contextlib.suppress(OSError), bare:
            if self.before_tls:
                self.before_tls(bare)
                return
            with self.context.wrap_socket(bare, server_side=True) as connection:
                received = b""
                while True:
                    while b"\r\n\r\n" not in received:
                        piece = connection.recv(65536)
                        if not piece:
                            return
                        received += piece
                    request, received = received.split(b"\r\n\r\n", 1)
                    first, *lines = request.decode().split("\r\n")
                    headers = dict(line.split(": ", 1) for line in lines)
                    self.asked.append((first.split()[1], headers))
                    if not self.reply(connection, first.split()[1]) or headers.get("Connection") == "close":
                        return

    def reply(self, connection, path):
        """Whether the connection stays."""
        kind = {known: kind for kind, known in PATHS.items()}.get(path)
        given = self.answers[kind] if kind else 404
        if callable(given):
            return given(connection)
        told = status(given) if isinstance(given, int) else answer(200, given)
        connection.sendall(told if self.keeps else told.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        return self.keeps

    def hang(self, _):
        """As an answer: none, for as long as the stand-in lives."""
        self.over.wait(20)


def changed(**parts):
    """The objects, with what is given: kind -> a function that changes it, or what stands in its place."""
    made = objects()
    for kind, change in parts.items():
        if callable(change):
            change(made[kind])
        else:
            made[kind] = copy.deepcopy(change)
    return made


class DnsStandIn:
    """A DNS server at 127.0.0.1:53 that knows some names' addresses (IPv4), has none for others, and is mute about `mute`."""

    def __init__(self, addresses, mute=()):
        self.addresses, self.mute, self.asked = addresses, mute, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, sender = self.socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, (kind,) = ".".join(labels), struct.unpack("!H", query[at + 1 : at + 3])
            self.asked.append(name)
            if name in self.mute:
                continue
            question = query[12 : at + 5]
            records = b""
            if name in self.addresses and kind == 1:
                records = struct.pack("!HHHIH", 0xC00C, 1, 1, 5, 4) + socket.inet_aton(self.addresses[name])
            flags = 0x8180 if name in self.addresses else 0x8183
            head = query[:2] + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0)
            self.socket.sendto(head + question + records, sender)


ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def write_account(authority, token=TOKEN):
    """The files of a pod's service account, where a pod has them: /run is the sandbox's own."""
    os.makedirs(ACCOUNT, exist_ok=True)
    for name, content in {"token": token, "ca.crt": authority, "namespace": SPACE}.items():
        with open(f"{ACCOUNT}/{name}", "w") as file:
            file.write(content)
