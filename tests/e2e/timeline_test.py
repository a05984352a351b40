"""`lictor timeline`: where the time of the last start, restart and stop went."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
import xml.etree.ElementTree

from tools import eventually
from world import write_script

START = ["settings", "prepare", "address", "former", "launch", "api", "leader", "services", "hooks", "catalog"]
STOP = ["settle", "pre_stop", "leave", "linger", "ending", "sweep"]


def courses_of(client):
    """What `lictor timeline --json` tells, each course with its steps as a dict; held to what holds for each."""
    told = client.command("timeline", "--json")
    assert told.returncode == 0, told
    courses = json.loads(told.stdout)
    for kind, course in courses.items():
        names = [step["step"] for step in course["steps"]]
        order = STOP if kind == "stop" else START
        assert names == [name for name in order if name in names], (kind, names)
        assert all(step["seconds"] > 0 for step in course["steps"]), course
        assert abs(sum(step["seconds"] for step in course["steps"]) - course["seconds"]) < 1e-5, course
        course["steps"] = {step["step"]: step["seconds"] for step in course["steps"]}
    return courses


def on_terminal(client, *arguments, **environment):
    """What `lictor ARGUMENTS` writes to a terminal."""
    ours, theirs = pty.openpty()
    command = ["ip", "netns", "exec", client.namespace, client.world.lictor, *arguments, "-c", client.settings_file]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=client.environment | {"TERM": "xterm"} | environment
    )
    os.close(theirs)
    shown = b""
    with contextlib.closing(os.fdopen(ours, "rb", 0)) as terminal, contextlib.suppress(OSError):
        while select.select([terminal], [], [], 10)[0] and (piece := terminal.read(65536)):
            shown += piece
    assert process.wait(10) == 0, shown
    return shown.decode().replace("\r\n", "\n")


def timeline_of_start_and_stop(world):
    """The steps of a start are the time until the node is ready, those of a stop, told by no lictor, that until its end."""
    world.server()
    hook = write_script(f"{world.folder}/hook", "sleep 0.3\n")
    client = world.client(hooks={"post_start": [{"command": [hook]}], "pre_stop": [{"command": [hook]}]})
    assert client.command("timeline").returncode == 1
    client.start()
    assert client.command("wait", "--for", "ready").returncode == 0
    waited = time.monotonic() - client.started
    start = courses_of(client)["start"]
    assert start["outcome"] == "ready" and waited - 0.5 < start["seconds"] < waited + 0.1, (waited, start)
    steps = start["steps"]
    assert {"settings", "prepare", "launch", "api", "leader", "services", "hooks", "catalog"} == set(steps), steps
    assert 0.3 <= steps["hooks"] < 0.6 and steps["settings"] < 0.2, steps
    assert courses_of(client)["start"] == start, "a start that is over changes"


    code, seconds = client.stop()
    assert code == 0 and not os.path.exists(client.control_socket), client.last_line()
    left = courses_of(client)
    assert left["start"] == start
    stop = left["stop"]
    assert stop["outcome"] == "confirmed" and stop["budget"] == 10, stop
    assert seconds - 0.3 < stop["seconds"] <= seconds, (seconds, stop)
    assert 0.3 <= stop["steps"]["pre_stop"] < 0.6, stop
    assert 0.9 < stop["steps"]["linger"] < 1.3 and stop["steps"]["leave"] > 0.2, stop
