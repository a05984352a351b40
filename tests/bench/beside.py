"""How the programs that set a node under lictor beside a plain agent begin: options, a sandbox, and the nodes themselves.

Both kinds of node have the same settings and services, and a log as users have it.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path += [str(HERE.parent / "e2e"), str(HERE.parent / "soak")]
import consul_facts  # noqa: E402
import sandbox  # noqa: E402
import world as e2e  # noqa: E402


def run(script, measure, limit, doc, add_options, turns=lambda _: [[]]):
    """Has measure(folder, options) called in a sandbox of its own, for at most limit(options) seconds; the exit code.

    Once for each of turns(options), with these arguments more.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    add_options(parser)
    parser.add_argument("--lictor", default=str(sandbox.TOP / "build/release/lictor"), metavar="BINARY", type=os.path.abspath)
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        e2e.settle_in()
        return measure(options.inside, options)
    consul_facts.choose(options.consul)
    sandbox.require(options.lictor)
    codes = []
    for more in turns(options):
        codes.append(sandbox.enter(os.path.abspath(script), sys.argv[1:] + more, lambda *_: None, limit(options)))
        if codes[-1] > 128:
            break
    return max(codes)


class Plain:
    """`consul agent` alone. Its settings are written anew at each start."""

    def __init__(self, world, name, services, **config):
        world.nodes += 1
        self.name, self.address = name, f"10.77.0.{10 + world.nodes}"
        self.folder, self.namespace = f"{world.folder}/{name}", world.add_namespace(name, "eth0", self.address)
        os.mkdir(self.folder)
        self.log_file, self.socket = f"{self.folder}/log", f"{self.folder}/http.sock"
        self.settings = {"node_name": name, "bind_addr": self.address, "data_dir": f"{self.folder}/data"}
        self.settings |= {"retry_join": [e2e.SERVER_ADDRESS], "disable_update_check": True, "services": services}
        self.settings |= {"addresses": {"http": f"127.0.0.1 unix://{self.socket}"}} | config
        self.process = self.pid = None

    def write_settings(self, **changes):
        self.settings |= changes
        e2e.write_json(f"{self.folder}/consul.json", self.settings)

    def start(self):
        self.write_settings()
        command = ["ip", "netns", "exec", self.namespace, e2e.CONSUL, "agent", f"-config-file={self.folder}/consul.json"]
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.pid = self.process.pid  # `ip` becomes the agent
        return self

    def agent_pid(self):
        return self.pid

    def end(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(20)


def attended(world, name, services, lictor=None, **config):
    """The same under lictor; `services` None: those of lictor's own default."""
    config = {"retry_interval": "30s", "disable_update_check": True} | config
    settings = {"agent": {"config": config}, "log": {"level": "info"}} | ({"services": services} if services is not None else {})
    client = world.client(name, **settings)
    client.lictor = lictor or world.lictor
    return client
