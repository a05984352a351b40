"""Where the parts of the bench play: a server and its catalog, agents with and without lictor, and exact moments."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

import tools
import world as e2e

SERVICE = "consul-members"
FULL_SYNC = 3.3  # s from joining on, within which a leave may be undone by the agent's own first sync
# The settings of the tests, but for the log: that is as users have it.
LOG = {"level": "info"}


def until(fact, within=10.0, every=0.0005):
    """The moment at which fact() is first seen to be true, looked at nearly all the time."""
    tools.eventually(fact, within, every=every)
    return time.monotonic()


def ended(process, within=20.0):
    """Waits for the end of a Popen, and is told of it at once; its exit code."""
    with contextlib.closing(os.fdopen(os.pidfd_open(process.pid))) as pidfd:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(1000 * within):
            raise AssertionError(f"process {process.pid} still runs after {within} s")
    return process.wait()


def quietly(command, **options):
    nowhere = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.DEVNULL)
    return subprocess.Popen(command, **nowhere, **options)


class Catalog:
    """The server's catalog, followed by blocking queries: a change is seen when the server has it."""

    def __init__(self, server):
        self.server = server

    def until(self, target, fact, within=10.0):
        """The moment at which fact(what is at `target`) is true."""
        index, deadline = 0, time.monotonic() + within
        while time.monotonic() < deadline:
            seen, index = tools.get_indexed(self.server.socket, f"{target}?index={index}&wait=1s")
            if fact(seen):
                return time.monotonic()
        raise AssertionError(f"not in the catalog within {within} s")

    def shows(self, node, within=10.0):
        target = f"/v1/catalog/service/{SERVICE}"
        return self.until(target, lambda seen: node in {one["Node"] for one in seen}, within)

    def has_lost(self, node, within=10.0):
        """By the service, that others have too: a query about a node is not woken by its going."""
        target = f"/v1/catalog/service/{SERVICE}"
        return self.until(target, lambda seen: node not in {one["Node"] for one in seen}, within)

    def forget(self, node):
        self.server.put("/v1/catalog/deregister", {"Node": node})


class Attended(e2e.Client):
    """A node under lictor, as the tests have it."""

    def exec_to_ready(self):
        """Seconds, by lictor's own account, which disturbs nothing."""

        return self._ready("start")["seconds"]

    def next_to_ready(self):
        """The same of the agent that follows one that has died, without the wait for its exec."""
        course = self._ready("restart")
        return course["seconds"] - sum(step["seconds"] for step in course["steps"] if step["step"] == "former")

    def _ready(self, name):
        def course():
            found = tools.get_json(self.control_socket, "/timeline").get(name)
            return found and found["outcome"] == "ready" and found

        return tools.eventually(course)

    def end(self):
        """At once, and without leaving."""
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGQUIT)


class Stage:
    """What a part gets: a world with a server, and the options of this run."""

    def __init__(self, folder, options, book):
        self.folder, self.book = folder, book
        self.lictor, self.before = options.lictor, options.before
        self.rounds, self.starts = options.rounds, options.starts
        self.outage = options.outage
        self.world = e2e.World(folder, options.lictor)
        self.server = self.world.server()
        self.catalog = Catalog(self.server)

    def place(self, name):
        """A network namespace with an address: (namespace, address)."""
        self.world.nodes += 1
        address = f"10.77.0.{10 + self.world.nodes}"
        return self.world.add_namespace(name, "eth0", address), address

    def attended(self, name, **settings):
        namespace, address = self.place(name)
        return Attended(self.world, name, namespace, address, e2e.merged({"log": LOG}, settings))

    def agent(self, name, **config):
        return Agent(self, name, config)

    def compiled(self, name):
        """The static program that NAME.cpp of this folder makes."""
        program = f"{self.folder}/{name}"
        source = pathlib.Path(__file__).with_name(f"{name}.cpp")
        if not os.path.exists(program):
            subprocess.run(["g++", "-std=c++20", "-O2", "-static", "-o", program, str(source)], check=True, timeout=120)
        return program


class Agent:
    """A node whose agent runs without lictor, with the same settings: `consul agent`, alone or held by another."""

    def __init__(self, stage, name, config):
        self.name = name
        self.namespace, self.address = stage.place(name)
        self.folder = f"{stage.folder}/{name}"
        self.data_dir, self.conf_dir = f"{self.folder}/data", f"{self.folder}/config"
        self.socket = f"{self.folder}/http.sock"
        os.makedirs(self.conf_dir)
        settings = {
            "node_name": name,
            "bind_addr": self.address,
            "data_dir": self.data_dir,
            "retry_join": [e2e.SERVER_ADDRESS],
            "retry_interval": "1s",
            "disable_update_check": True,
            "enable_local_script_checks": True,
            "addresses": {"http": f"127.0.0.1 unix://{self.socket}"},
        }
        e2e.write_json(f"{self.conf_dir}/consul.json", e2e.merged(settings, config))
        self.command = [e2e.CONSUL, "agent", f"-config-dir={self.conf_dir}"]
        self.process = None

    def inside(self, *command):
        return ["ip", "netns", "exec", self.namespace, *command]

    def start(self, command=None, **options):
        """Executes the agent, or the command in its place; `started` is the moment of that exec."""
        command = command or self.command
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self.process = quietly(self.inside(*command), **options)
        ip = os.path.realpath(shutil.which("ip"))
        before = (ip, os.path.realpath("/proc/self/exe"))
        until(lambda: os.path.realpath(f"/proc/{self.process.pid}/exe") not in before)
        self.started = time.monotonic()
        return self

    def ask(self, method, target, body=None):
        return tools.ask(self.socket, method, target, body)

    def knows_leader(self):
        return len(self.ask("GET", "/v1/status/leader").text) > 4

    def register(self):
        """As early as it can be: the agent takes a service before it has joined, and the catalog has it after."""
        until(self.knows_leader, every=0.002)
        answer = self.ask("PUT", "/v1/agent/service/register", {"Name": SERVICE, "Address": self.address, "Port": 8500})
        assert answer.status == 200, answer

    def end(self):
        """At once, with all that runs in its namespace."""
        for process in tools.processes_in(self.namespace):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait(10)


def forget_services(data_dir):
    """An agent restores what was registered by API from its data directory: here it is to be registered anew."""
    for kept in ("services", "checks"):
        shutil.rmtree(f"{data_dir}/{kept}", ignore_errors=True)


def figures(path, *names):
    """Numbers of a file of /proc with lines `Name: number …`; each of `names`, in their order."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key in names:
            found[key] = int(value.split()[0])
    return [found[name] for name in names]
