#!/usr/bin/python3
"""A stand-in for Consul's binary: the real agent, and before its private socket a proxy that misbehaves on command.

Put in the agent's place by `stand_in()`. What it is to do stands in a file, a word a line, read at each request:

  close    a registration of a service is answered by a closed connection
  shut     and so is everything else
  mute=P   a request whose path begins with P is not answered while that word is there, and then the connection is
           closed; the file stand-in.mute tells of it
  fail     everything is answered with 500
  members=N  the cluster has N members, but for the agent's own made up after one that it has: with
  claimed  the last of them is at this node's address
  cut=P    an answer to a request whose path begins with P breaks off in the middle,
  long=P   is a list with one name of 100 MB,
  other=P  is of another shape
  swallow  a registration of a service that the agent has with this very body already is answered, and not passed on

as agents from Consul 1.9.1 on do with registrations (the last keeps from the servers what it is about).
"""

import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

REGISTER = "/v1/agent/service/register"
MEMBERS = "/v1/agent/members"
SPOILT = ("cut=", "long=", "other=")


def stand_in(client, *words):
    """Puts one into the place of the client's agent, which is not started yet; returns a function that gives it other words."""
    orders = pathlib.Path(client.folder) / "stand-in.orders"
    program = pathlib.Path(client.folder) / "consul-stand-in"
    real = client.settings["agent"]["binary"]
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {os.path.abspath(__file__)} {orders} {real} "$@"\n')
    program.chmod(0o755)
    # Of root, for the interpreter may be one that no other user can reach.
    client.write_settings(agent={"binary": str(program), "user": "root"})

    def order(*new):
        (orders.parent / "stand-in.new").write_text("\n".join(new))
        os.replace(orders.parent / "stand-in.new", orders)

    order(*words)
    return order


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    orders, behind, name, taken = None, None, None, {}

    def log_message(self, *_):
        pass

    def address_string(self):
        return "lictor"

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        words = self.orders.read_text().split()
        registers = self.command == "PUT" and self.path.startswith(REGISTER)
        if "shut" in words or (registers and "close" in words):
            self.close_connection = True
            return
        mute = [word for word in words if word.startswith("mute=") and self.path.startswith(word[len("mute=") :])]
        if mute:
            (self.orders.parent / "stand-in.mute").touch()
            while mute[0] in self.orders.read_text().split():
                time.sleep(0.02)
            self.close_connection = True
            return
        if "fail" in words:
            return self.answer(500, b"no")
        service = json.loads(body) if registers else {}
        id = service.get("ID") or service.get("Name")
        if registers and "swallow" in words and self.taken.get(id) == service:
            return self.answer(200, b"")
        connection = Unix(self.behind)
        headers = {k: v for k, v in self.headers.items() if k in ("X-Consul-Token", "Content-Type")}
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read()
        except OSError:
            self.close_connection = True
            return
        finally:
            connection.close()
        if registers and answer.status == 200:
            self.taken[id] = service
        if self.path.startswith(MEMBERS) and answer.status == 200 and re.search("members=|claimed", " ".join(words)):
            text = members(json.loads(text), words, self.name)
        spoilt = [word for word in words for kind in SPOILT if word.startswith(kind) and self.path.startswith(word[len(kind) :])]
        if spoilt or len(text) > 4096:
            return self.answer_in_pieces(answer.status, text, spoilt[0].split("=")[0] if spoilt else "")
        self.answer(answer.status, text)

    do_GET = do_PUT = do_POST = do_DELETE = do

    def answer_in_pieces(self, status, text, how):
        """As Go's server does what is long: chunked."""
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def write(piece):
            self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")

        if how == "other":
            text = b'{"Members": ' + text + b"}"
        if how == "long":
            write(b'[{"Name": "')
            for _ in range(1600):
                write(b"x" * 65536)
            text = b'"}]'
        pieces = [text[at : at + 4096] for at in range(0, len(text), 4096)]
        for piece in pieces[: len(pieces) // 2 + 1] if how == "cut" else pieces:
            write(piece if how != "cut" or len(pieces) > 1 else piece[: len(piece) // 2])
        if how == "cut":
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def members(real, words, name):
    """The agent's list, with as many as it is to have."""
    count = [int(word.removeprefix("members=")) for word in words if word.startswith("members=")] or [len(real) + 1]
    (own,) = [one for one in real if one["Name"] == name]
    for number in range(len(real), count[0]):
        id = f"{number:08x}-0000-4000-8000-000000000000"
        last = "claimed" in words and number == count[0] - 1
        address = own["Addr"] if last else f"10.80.{number // 250}.{number % 250 + 1}"
        real.append(own | {"Name": f"other-{number}", "Addr": address, "Tags": own["Tags"] | {"id": id}})
    return json.dumps(real).encode()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client may go in the middle of anything."""

    request_queue_size = 50


def main(orders, real, arguments):
    config = next((a.split("=", 1)[1] for a in arguments if a.startswith("-config-file=")), None)
    if arguments[:1] != ["agent"] or not config:
        os.execv(real, [real, *arguments])
    with open(config) as file:
        settings = json.load(file)
    places = settings["addresses"]["http"].split()
    place = next(p for p in places if p.startswith("unix://")).removeprefix("unix://")
    Proxy.orders, Proxy.behind, Proxy.name = pathlib.Path(orders), place + ".real", settings["node_name"]
    settings["addresses"]["http"] = " ".join(p + ".real" if p == f"unix://{place}" else p for p in places)
    own = config + ".real.json"
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(settings, file)
    # The argument of lictor's file stays in view, for those who look for the agent by it.
    guard = ["setpriv", "--pdeathsig", "KILL"]  # it ends with its stand-in, however that ends
    agent = subprocess.Popen([*guard, real, *(f"-config-file={own}" if a == f"-config-file={config}" else a for a in arguments)])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: agent.send_signal(number))
    if os.path.exists(place):
        os.unlink(place)
    threading.Thread(target=serve, args=(place,), daemon=True).start()
    code = agent.wait()
    os._exit(code if code >= 0 else 128 - code)


def serve(place):
    # An agent that does not listen yet has no socket.
    while not os.path.exists(Proxy.behind):
        time.sleep(0.002)
    Server(place, Proxy).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
