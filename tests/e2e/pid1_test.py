"""As PID 1 and as a plain process alike, lictor adopts and reaps every orphan and goes with nobody left behind."""

import os
import re
import signal

from tools import children, eventually
from world import LEFT, open_folder, write_script

ORPHANS = 200


def crowd(pipe):
    """A shell line that, once, leaves ORPHANS processes behind; they end when the pipe's first writer closes it."""
    return f"mkdir {pipe}.used || exit 0; i=0; while [ $i -lt {ORPHANS} ]; do (read line < {pipe} &) ; i=$((i+1)); done"


def hook(script):
    return {"command": ["/bin/sh", "-c", script], "timeout": "20s", "on_failure": "fail"}


def orphans_reaped(world, as_pid_1):
    world.server()
    pipe = f"{open_folder(world.folder + '/out')}/pipe"
    os.mkfifo(pipe)
    os.chmod(pipe, 0o666)
    client = world.client(hooks={"post_start": [hook(crowd(pipe))]})
    client.start(as_pid_1).ready(25)
    waiting = [process for process in children(client.pid) if process.name == "sh"]
    assert len(waiting) == ORPHANS, f"{len(waiting)} orphans were adopted"
    agent = client.agent_pid()
    # At the pipe's end they all die, in the very moment in which the agent does.
    with open(pipe, "w"):
        os.kill(agent, signal.SIGKILL)
    eventually(lambda: client.status()["agent"]["restarts"] == 1, 10, "the agent's death is seen")
    eventually(lambda: [p for p in children(client.pid) if p.name == "sh"] == [], 10, "every orphan is reaped")
    assert [p for p in children(client.pid) if p.state == "Z"] == []
    told = [line for line in client.log.splitlines() if re.search(r"signal=9\b", line)]
    assert len(told) == 1, f"the agent's end is told as {told}"
    client.ready()
    return client


def pid1_whole_life(world):
    """PID 1: it registers the node, takes a reload, gets it another agent when that is killed, and leaves on SIGTERM."""
    server, client = world.server(), world.client()
    first = client.start(as_pid_1=True).ready()
    assert server.instances() == {"n1": client.address}
    client.write_settings(services=[{"name": "web", "port": 80}])
    eventually(lambda: server.instances("web") == {"n1": client.address}, 10, "the new service is registered")
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: client.status()["agent"]["restarts"] == 1, 10, "the agent's death is seen")
    assert client.ready()["node_id"] == first["node_id"]
    assert client.stop()[0] == 0, client.last_line()
    assert server.member("n1") == LEFT and server.node("n1") is None
    client.nobody_left()


def pid1_orphans_reaped(world):
    """PID 1: 200 orphans die together with the agent: no zombie stays, and the agent's end is told right."""
    client = orphans_reaped(world, as_pid_1=True)
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()


def pid1_subreaper_orphans_reaped(world):
    """The same for lictor as a plain process, under a shell or systemd."""
    client = orphans_reaped(world, as_pid_1=False)
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()


def stragglers_ended(world, as_pid_1):
    world.server()
    stubborn = (
        "(trap '' TERM HUP INT; setsid sleep 1000 &) ; (setsid sh -c \"trap '' TERM; while :; do sleep 1000; done\" &)"
    )
    client = world.client(hooks={"post_start": [hook(stubborn)]})
    client.start(as_pid_1).ready()
    eventually(lambda: len([p for p in client.processes() if p.name == "sleep"]) == 2, 5, "the stragglers are there")
    code, seconds = client.stop()
    assert code == 0, f"exit {code}: {client.last_line()}"
    assert seconds < 8, f"took {seconds:.2f} s"
    client.nobody_left()


def pid1_stragglers_ended(world):
    """PID 1: processes that hooks left behind and that ignore SIGTERM are killed at the end; nobody is left."""
    stragglers_ended(world, as_pid_1=True)


def pid1_subreaper_stragglers_ended(world):
    """The same for lictor as a plain process: even what made itself a session of its own is found and ended."""
    stragglers_ended(world, as_pid_1=False)


def pid1_killed(world):
    """lictor killed, not as PID 1: the agent, though it runs under another user, ends too."""
    world.server()
    client = world.client()
    client.start().ready()
    os.kill(client.pid, signal.SIGKILL)
    client.ended()
    client.nobody_left()


def pid1_clean_slate(world):
    """The agent has no signal blocked or ignored, whatever lictor inherited, and holds no descriptor of lictor's."""
    # Go's runtime sets signals up anew; a shell that becomes `sleep` shows what the agent was born with.
    binary = write_script(f"{world.folder}/consul", '[ "$1" = agent ] && exec sleep 1000\n')
    client = world.client(agent={"binary": binary})
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # handed down through exec
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])  # and so is this
    client.start()
    agent = eventually(lambda: [p for p in children(client.pid) if p.name == "sleep"], 5, "the agent")[0].pid
    with open(f"/proc/{agent}/status") as file:
        masks = dict(re.findall(r"^(Sig(?:Blk|Ign)):\s*(\w+)", file.read(), re.M))
    assert masks == {"SigBlk": "0" * 16, "SigIgn": "0" * 16}, masks
    open_files = os.listdir(f"/proc/{agent}/fd")
    assert sorted(open_files) == ["0", "1", "2"], [os.readlink(f"/proc/{agent}/fd/{fd}") for fd in open_files]
    assert os.readlink(f"/proc/{agent}/fd/0") == "/dev/null"
    assert os.getpgid(agent) == agent, "the agent has no process group of its own"
    assert client.stop()[0] == 1, client.last_line()
    client.nobody_left()
