#!/usr/bin/env python3
"""A business container: registers itself with its node's agent, looks the others up, and takes itself off at its end.

It needs to know one thing: CONSUL_HTTP_ADDR, the agent of the node it runs on. GET / on port 8080 answers with the
instances that pass their checks; each change is logged.
"""

import http.client
import http.server
import json
import os
import signal
import socket
import sys
import threading
import time

AGENT = os.environ["CONSUL_HTTP_ADDR"]
PORT = 8080
NAME = socket.gethostname()
SERVICE = {
    "ID": f"business-{NAME}",
    "Name": "business",
    "Address": socket.gethostbyname(NAME),
    "Port": PORT,
    "Check": {"HTTP": f"http://{socket.gethostbyname(NAME)}:{PORT}/", "Interval": "2s", "Timeout": "1s"},
}


def ask(method, target, body=None):
    agent = http.client.HTTPConnection(AGENT, timeout=10)
    try:
        agent.request(method, target, None if body is None else json.dumps(body))
        answer = agent.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise OSError(f"{target}: {answer.status} {text.decode().strip()}")
        return json.loads(text) if text else None
    finally:
        agent.close()


def others():
    found = ask("GET", "/v1/health/service/business?passing")
    return {entry["Service"]["ID"]: f"{entry['Service']['Address']} on {entry['Node']['Node']}" for entry in found}


class Answer(http.server.BaseHTTPRequestHandler):
    seen = {}

    def do_GET(self):
        body = json.dumps(Answer.seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def stop(*_):
    try:
        ask("PUT", f"/v1/agent/service/deregister/{SERVICE['ID']}")
        print("deregistered")
    except OSError as error:
        print(f"not deregistered: {error}")
    sys.exit(0)


def main():
    signal.signal(signal.SIGTERM, stop)
    server = http.server.ThreadingHTTPServer(("", PORT), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            # An agent whose data directory was lost has forgotten us.
            if SERVICE["ID"] not in ask("GET", "/v1/agent/services"):
                ask("PUT", "/v1/agent/service/register", SERVICE)
                print(f"registered with the agent at {AGENT}")
            now = others()
            if now != Answer.seen:
                print(f"instances: {now}")
                Answer.seen = now
        except (OSError, http.client.HTTPException) as error:
            print(f"no answer from the agent, asking again: {error}")
        time.sleep(1)


if __name__ == "__main__":
    main()
