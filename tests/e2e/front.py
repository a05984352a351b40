"""A stand-in in front of a real agent's private socket: for what no agent can be made to do on command.

`agent.binary` of a Front's client starts the real agent with its socket moved aside, and stands where that was. Every
request is passed on, and noted, but for what the rules say; a test changes them at any time:

    limit   bodies over so many bytes are answered with 413, unread, and the connection is closed
    refuse  requests with this in them are answered with 500
    close   a request that begins with this ("PUT /v1/agent/service/register"), on a connection that has served another one
            before, finds that closed, as one that has been idle for too long; then the rule is gone
    at_once a question that is to be held until something changes (a blocking query) is answered at once, as by a proxy that knows
            nothing of that
    idle    a request that is not answered within so many seconds finds its connection closed

And it knows of services with several ports, as the agent behind it need not.
"""

import contextlib
import http.client
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import stat
import subprocess
import sys
import threading
import time

from world import CONSUL, write_json


class Front:
    """For `client`, which has not been started; its agent's pid is the stand-in's."""

    def __init__(self, client, **rules):
        self.rules_file, self.noted_file = f"{client.folder}/front.json", f"{client.folder}/front.log"
        self.rule(**rules)
        open(self.noted_file, "w").close()
        os.chmod(self.noted_file, 0o666)
        os.chmod(client.folder, 0o777)
        wrapper = f"{client.folder}/agent"
        with open(wrapper, "w") as file:
            file.write(f'#!/bin/sh\nexec {sys.executable} {__file__} {client.folder} {CONSUL} "$@"\n')
        os.chmod(wrapper, 0o755)
        client.write_settings(agent={"binary": wrapper})

    def rule(self, **rules):
        write_json(self.rules_file, rules)
        os.chmod(self.rules_file, 0o666)

    def requests(self, start=""):
        """What was asked so far and begins like this: (seconds on the monotonic clock, "METHOD target", status or "closed")."""
        with open(self.noted_file) as file:
            noted = [line.split("\t") for line in file.read().splitlines()]
        return [(float(at), request, said) for at, request, said in noted if request.startswith(start)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0  # on this connection

    def pass_on(self):
        rules, request = read_rules(self.server.folder), f"{self.command} {self.path}"
        length = int(self.headers.get("Content-Length", 0))
        self.served += 1
        if self.served > 1 and rules.get("close") and request.startswith(rules["close"]):
            del rules["close"]
            write_json(f"{self.server.folder}/front.json", rules)
            return self.close("closed", request)
        if rules.get("refuse", "\n") in request:
            self.rfile.read(length)
            self.send_response(500)
            self.reply(b"refused")
            return self.note(request, 500)
        if length > rules.get("limit", length):
            self.send_response(413)
            self.reply(b"Request body too large")
            return self.close(413, request)
        agent = http.client.HTTPConnection("localhost", timeout=rules.get("idle", 660))
        agent.sock = socket.socket(socket.AF_UNIX)
        agent.sock.settimeout(agent.timeout)
        agent.sock.connect(self.server.agent)
        path = re.sub("&(index|wait)=[^&]*", "", self.path) if rules.get("at_once") else self.path
        try:
            agent.request(self.command, path, self.with_one_port(self.rfile.read(length)), dict(self.headers))
            answer = agent.getresponse()
        except TimeoutError:
            agent.close()
            return self.close("closed", request)
        body = self.with_all_ports(answer.read())
        self.note(request, answer.status)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.reply(body)

    do_GET = do_PUT = pass_on

    def with_one_port(self, body):
        """As the agent may know of no other; http.client gives the new body's length with it."""
        del self.headers["Content-Length"]
        if not self.path.startswith("/v1/agent/service/register"):
            return body
        service = json.loads(body)
        ports = service.pop("Ports", None)
        self.server.ports[service["ID"]] = ports
        return json.dumps(service | ({"Port": default_of(ports)} if ports else {}))

    def with_all_ports(self, body):
        if self.path != "/v1/agent/services":
            return body
        services = json.loads(body)
        for name, ports in self.server.ports.items():
            if ports and name in services:
                services[name]["Ports"] = [{"Default": False} | port for port in ports]
        return json.dumps(services).encode()

    def reply(self, body):
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def close(self, said, request):
        self.note(request, said)
        self.close_connection = True

    def note(self, request, said):
        with open(f"{self.server.folder}/front.log", "a") as file:
            file.write(f"{time.monotonic()}\t{request}\t{said}\n")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # lictor, or the agent, has gone away


def default_of(ports):
    return next(port["Port"] for port in ports if port.get("Default"))


def read_rules(folder):
    with open(f"{folder}/front.json") as file:
        return json.load(file)


def move_aside(config_file):
    """The agent's settings with the private socket elsewhere: (where it was, where it is now, the file with them)."""
    with open(config_file) as file:
        config = json.load(file)
    was = next(word for word in config["addresses"]["http"].split() if word.endswith("/agent/http.sock"))[len("unix://") :]
    now = was.replace("http.sock", "behind.sock")
    config["addresses"]["http"] = config["addresses"]["http"].replace(was, now)
    moved = was.replace("http.sock", "behind.json")
    write_json(moved, config)
    return was, now, moved


def stand_before(folder, consul, arguments):
    flag = next(a for a in arguments if a.startswith("-config-file="))
    was, now, moved = move_aside(flag.partition("=")[2])
    for path in (was, now):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
    agent = subprocess.Popen([consul, *(f"-config-file={moved}" if a == flag else a for a in arguments)])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: agent.send_signal(number))
    # As the agent's own: there only when it answers.
    while agent.poll() is None and not (os.path.exists(now) and stat.S_ISSOCK(os.stat(now).st_mode)):
        time.sleep(0.002)
    if agent.poll() is None:
        server = Server(was, Handler)
        server.folder, server.agent, server.ports = folder, now, {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.exit(agent.wait())


if __name__ == "__main__":
    if sys.argv[3] != "agent":
        os.execv(sys.argv[2], sys.argv[2:])
    stand_before(sys.argv[1], sys.argv[2], sys.argv[3:])
