"""Storms of processes below lictor: reaped, bounded, ended and named."""

import os
import re
import signal
import subprocess
import time

from tools import Watch, children, eventually, holds
from world import open_folder, write_script

ORPHANS = 10000
MERGED = 1000


def crowd(pipe, count):
    """A hook that leaves `count` orphans behind; they end all at once when the pipe's first writer closes it."""
    code = (
        "import os\n"
        f"for _ in range({count}):\n"
        "    if os.fork() == 0:\n"
        f"        os.open({pipe!r}, os.O_RDONLY)\n"
        "        os._exit(0)\n"
    )
    return {"command": ["/usr/bin/python3", "-S", "-c", code], "timeout": "60s", "on_failure": "fail"}


def names(client):
    return [process for process in children(client.pid) if process.name == "python3"]


def storm_orphans(world):
    """PID 1: 10,000 orphans that die at once are reaped while the agent lives and probes are answered."""
    world.server()
    pipe = f"{open_folder(world.folder + '/out')}/pipe"
    os.mkfifo(pipe)
    os.chmod(pipe, 0o666)
    client = world.client(hooks={"post_start": [crowd(pipe, ORPHANS)]})
    client.start(as_pid_1=True).ready(40)
    agent = client.agent_pid()
    assert len(names(client)) == ORPHANS, f"{len(names(client))} orphans were adopted"
    with Watch(lambda: client.probe("/readyz") == 200) as readiness:
        began = time.monotonic()
        with open(pipe, "w"):
            pass
        eventually(lambda: names(client) == [], 20, "every orphan is reaped")
        seconds = time.monotonic() - began
    assert not readiness.gaps and readiness.looks, readiness.gaps
    print(f"{ORPHANS} orphans died and were reaped within {seconds:.1f} s; {readiness.looks} probes answered meanwhile")
    assert [p for p in children(client.pid) if p.state == "Z"] == []

    # Signals merge: of all those that die while lictor does not run, one tells.
    inside = ["nsenter", f"--target={client.pid}", "--pid"]
    subprocess.run(inside + crowd(pipe, MERGED)["command"], check=True, timeout=20)
    eventually(lambda: len(names(client)) == MERGED, 5, "they are adopted")
    client.send(signal.SIGSTOP)
    with open(pipe, "w"):
        eventually(lambda: all(p.state == "Z" for p in names(client)), 10, "all are dead")
    client.send(signal.SIGCONT)
    eventually(lambda: names(client) == [], 5, "every one of them is reaped")
    assert client.agent_pid() == agent and client.status()["agent"]["restarts"] == 0
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()


def forking(world, as_pid_1):
    world.server()
    count = f"{open_folder(world.folder + '/out')}/count"
    # Each forks the next and ends at once, as a daemon would: 4 lines of descent that no look at /proc can keep up with,
    # each at most 200,000 generations long, beside 100 that stay and ignore TERM.
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() != 0:\n"
        "    os._exit(0)\n"
        "os.setsid()\n"  # out of the agent's reach
        "for _ in range(100):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(1000)\n"
        "        os._exit(0)\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        break\n"
        f"open({count!r}, 'w').close()\n"
        "for _ in range(200000):\n"
        "    if os.fork() != 0:\n"
        "        os._exit(0)\n"
    )
    script = write_script(f"{world.folder}/storm", f'[ -e {count} ] || exec /usr/bin/python3 -S -c "{code}"\n')
    check = {"id": "storm", "name": "storm", "args": [script], "interval": "1s", "timeout": "30s"}
    client = world.client(agent={"config": {"checks": [check]}})
    client.start(as_pid_1).ready()
    eventually(lambda: os.path.exists(count), 15, "the storm has begun")
    agent = client.agent_pid()
    holds(lambda: client.probe("/readyz") == 200, 2, "ready within the storm")
    assert client.agent_pid() == agent
    code, seconds = client.stop()
    assert code == 0, f"exit {code}: {client.last_line()}"
    assert seconds < 12, f"took {seconds:.2f} s"
    told = re.findall(r"(ending|killing) processes that were left count=(\d+)", client.log)
    print(f"stopped in {seconds:.1f} s; {told}")
    assert any(int(count) >= 100 for how, count in told if how == "killing"), told
    client.nobody_left()


def storm_forking_check(world):
    """PID 1: a script check that forks without end: lictor still stops in time, with nobody left, and says how many."""
    forking(world, as_pid_1=True)


def storm_subreaper_forking_check(world):
    """The same for lictor as a plain process, which has no pid namespace to take everyone with it."""
    forking(world, as_pid_1=False)


def storm_deaf_child(world):
    """A child that ignores TERM is killed, and the log says so; its own child is asked to end and does."""
    world.server()
    mark = f"{open_folder(world.folder + '/out')}/mark"
    # What a shell ignores its children ignore, too: the polite one is born first.
    polite = f"trap 'echo > {mark}; exit' TERM; echo > {mark}.ready; while :; do sleep 0.05; done"
    code = f"(/bin/sh -c \"{polite}\" & trap '' TERM; exec sleep 1000) & until [ -e {mark}.ready ]; do sleep 0.05; done"
    deaf = {"command": ["/bin/sh", "-c", code], "timeout": "20s", "on_failure": "fail"}
    client = world.client(hooks={"post_start": [deaf]})
    client.start().ready()
    assert client.stop()[0] == 0, client.last_line()
    # With or without the polite one's sleep of the moment.
    assert re.search("ending processes that were left count=[23]\n", client.log)
    assert "killing processes that were left count=1\n" in client.log
    assert os.path.exists(mark)
    client.nobody_left()


def storm_hanging_hook(world):
    """A hook that hangs is ended at its timeout with what it has started, and named."""
    world.server()
    hang = {"command": ["/bin/sh", "-c", "sleep 1001 & sleep 1002"], "timeout": "1s", "on_failure": "ignore"}
    client = world.client(hooks={"post_start": [hang], "pre_stop": [hang]})
    client.start().ready()
    client.logged('hook=post_start number=1 reason="not done within 1s, killed"', 10)
    eventually(lambda: [p for p in client.processes() if p.name == "sleep"] == [], 2, "the hook's processes are gone")
    code, seconds = client.stop(signal.SIGTERM)
    assert code == 0 and seconds < 8, (code, seconds, client.last_line())
    assert 'hook=pre_stop number=1 reason="not done within 1s, killed"' in client.log
    client.nobody_left()
