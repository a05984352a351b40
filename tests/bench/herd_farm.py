#!/usr/bin/env python3
"""Answers for hundreds of agents at once (herd_agent.cpp) as a real one was heard to, and notes what of that would reach a server.

    herd_farm.py FOLDER

FOLDER has recorded.json, the answers of a real agent: {"name", "id", "address", "answers": {target: [index, body]}}. Orders come a word
a line on standard input: `away` (the servers are gone: questions that they held end, and half a minute later no agent knows any),
`back` (they are there, and elect a leader). What is asked is written to standard output, an array a line:
[seconds on the monotonic clock, node, "METHOD target", status, whether a server had to answer], and ["start", node] of each agent.
"""

import asyncio
import json
import os
import random
import re
import sys
import time

# As seen of real agents: how soon after its death all agents take a server for failed, and after its return for alive; and how soon
# after its return a server leads.
FORGOTTEN, MET, LEADS = (5.0, 9.0), (0.0, 1.5), 1.5
OWN = ("/v1/agent/",)


class Servers:
    def __init__(self):
        self.there, self.since, self.changed = True, -1000.0, asyncio.Event()

    def order(self, there):
        self.there, self.since = there, time.monotonic()
        self.changed.set()
        self.changed = asyncio.Event()

    def lead(self):
        return self.there and time.monotonic() >= self.since + LEADS


class Agent:
    def __init__(self, farm, settings):
        self.farm, self.name = farm, settings["node_name"]
        self.forgets, self.meets = random.uniform(*FORGOTTEN), random.uniform(*MET)
        places = [place for place in settings["addresses"]["http"].split() if place.endswith("/agent/http.sock")]
        self.socket = places[0].removeprefix("unix://")
        recorded = farm.recorded
        exchanged = [(f'"{recorded["name"]}"', f'"{self.name}"'), (recorded["id"], settings["node_id"])]
        exchanged += [(recorded["address"], settings["advertise_addr"])]
        self.answers = {}
        for target, (index, body) in recorded["answers"].items():
            for was, now in exchanged:
                target, body = target.replace(was.strip('"'), now.strip('"')), body.replace(was, now)
            self.answers[target] = index, body

    def knows_server(self):
        servers, passed = self.farm.servers, time.monotonic() - self.farm.servers.since
        return passed >= self.meets if servers.there else passed < self.forgets

    async def serve(self):
        self.server = await asyncio.start_unix_server(self.connected, self.socket, backlog=64)
        os.chmod(self.socket, 0o777)  # for a lictor of any user

    def end(self):
        self.server.close()
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    async def connected(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split(" ", 2)
                length = re.search(r"(?i)content-length: *(\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                status, index, body = await self.answer(method, target)
                text = body.encode()
                headers = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
                headers += f"X-Consul-Index: {index}\r\nX-Consul-Knownleader: true\r\n" if index else ""
                writer.write(headers.encode() + b"\r\n" + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def answer(self, method, target):
        path, _, query = target.partition("?")
        if path.startswith(OWN):
            # A registration and a check's new state are told to the servers by the agent, a request each.
            tells = method == "PUT" and ("/register" in path or "/update/" in path) and self.farm.servers.lead()
            self.farm.note(self.name, method, target, 200, tells)
            return 200, 0, self.own(method, path, query)
        if not (self.knows_server() and self.farm.servers.there):
            self.farm.note(self.name, method, target, 500, False)
            why = "rpc error getting client: failed to get conn: connection refused" if self.knows_server() else "No known Consul servers"
            return 500, 0, why
        if not self.farm.servers.lead():
            self.farm.note(self.name, method, target, 500, True)
            return 500, 0, "No cluster leader"
        index, body = self.answers.get(path, (0, "null"))
        if path == "/v1/catalog/nodes":
            index, body = self.answers[f"/v1/catalog/node/{self.name}"]
            body = json.dumps([json.loads(body)["Node"]])
        self.farm.note(self.name, method, target, 200, True)
        wait = re.search(r"index=(\d+)&wait=(\d+)ms", query)
        if wait and int(wait[1]) >= index:
            try:
                await asyncio.wait_for(self.farm.servers.changed.wait(), int(wait[2]) / 1000)
                return 500, 0, "rpc error making call: EOF"
            except asyncio.TimeoutError:
                pass
        return 200, index, body

    def own(self, method, path, query):
        if method == "PUT":
            return "true" if path.startswith("/v1/catalog") else ""
        body = self.answers.get(path, (0, "{}"))[1]
        if path == "/v1/agent/self" and not self.knows_server():
            body = re.sub(r'("known_servers": *)"\d+"', r'\1"0"', body)
        # What does not pass is asked for, and all of it does.
        return "{}" if path == "/v1/agent/checks" and "filter=" in query else body


class Farm:
    def __init__(self, folder):
        with open(f"{folder}/recorded.json") as file:
            self.recorded = json.load(file)
        self.folder, self.servers = folder, Servers()

    def say(self, *what):
        sys.stdout.write(json.dumps([time.monotonic(), *what]) + "\n")

    def note(self, name, method, target, status, reached):
        self.say(name, f"{method} {target}", status, reached)

    async def come(self, reader, writer):
        path = (await reader.readline()).decode().strip()
        with open(path) as file:
            agent = Agent(self, json.load(file))
        await agent.serve()
        self.say(agent.name, "start", 0, False)
        try:
            await reader.read()
        except OSError:
            pass
        agent.end()
        writer.close()

    async def run(self):
        await asyncio.start_unix_server(self.come, f"{self.folder}/farm.sock", backlog=512)
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        self.say("", "ready", 0, False)
        sys.stdout.flush()
        while word := (await orders.readline()).decode().strip():
            self.servers.order(word == "back")


if __name__ == "__main__":
    asyncio.run(Farm(sys.argv[1]).run())
