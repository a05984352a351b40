"""This build of lictor beside another one, by turns: what a change has cost, or gained."""

import os
import signal
import time

import holding
import tools
from book import OURS, in_turn
from stage import FULL_SYNC, ended, forget_services, until

BEFORE = "the build before"
REST = 60  # s; what was needed for the start has been given back by then
MS = 1000


def follows(node, old):
    """Whether an agent after the `old` one is ready."""
    return node.agent_pid() not in (None, old) and tools.ask(node.control_socket, "GET", "/readyz").status == 200


def before(stage):
    """Start, stop, an agent's death, and rest."""
    book = stage.book
    exec_to_exec = book.measure("exec to exec of the agent", "ms", 2)
    exec_to_ready = book.measure("exec to ready", "ms")
    cpu = book.measure("CPU time from exec to ready", "ms")
    hasty = book.measure("told to stop, to exit with the node left, stop.linger 0s", "ms", 0)
    again = book.measure("agent killed, to the next one ready", "ms", 0)
    pss = book.measure(f"PSS, {REST} s after the start", "kB", 0)
    builds = {OURS: stage.lictor, BEFORE: stage.before}
    nodes = {name: stage.attended(f"n{number}", stop={"linger": "0s"}) for number, name in enumerate(builds)}

    def start(name, node):
        forget_services(node.data_dir)
        stage.world.lictor = builds[name]
        node.start()
        seconds = node.exec_to_ready()
        cpu.add(name, holding.Family(node.pid, without=[node.agent_pid()]).cpu_ms())
        exec_to_ready.add(name, MS * seconds)

    stamped = holding.Stamped(stage)
    for number in range(-1, stage.starts):
        for name, binary in in_turn(number, builds):
            seconds = stamped.once([binary, "run", "-c", stamped.node.settings_file])
            if number >= 0:  # the first start makes directories
                exec_to_exec.add(name, MS * seconds)
    for number in range(stage.rounds):
        for name, node in in_turn(number, nodes):
            start(name, node)
        time.sleep(FULL_SYNC)
        for name, node in in_turn(number, nodes):
            began = time.monotonic()
            node.process.send_signal(signal.SIGTERM)
            code = ended(node.process)
            hasty.add(name, MS * (time.monotonic() - began))
            if code:
                hasty.failed(name, f"exit code {code}")
    for number in range(stage.rounds):
        for name, node in in_turn(number, nodes):
            start(name, node)
            time.sleep(1.2)  # an agent is started again after the shortest wait only where it has served
            old, began = node.agent_pid(), time.monotonic()
            os.kill(old, signal.SIGKILL)
            until(lambda node=node, old=old: follows(node, old), every=0.005)
            again.add(name, MS * (time.monotonic() - began))
            node.end()
    for _ in range(3):
        for name, node in nodes.items():
            start(name, node)
        time.sleep(REST)
        for name, node in nodes.items():
            pss.add(name, *holding.Family(node.pid, without=[node.agent_pid()]).memory("Pss"))
            node.end()
