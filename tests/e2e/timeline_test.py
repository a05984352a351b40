"""`lictor timeline`: where the time of the last start, restart and stop went."""

import json
import os
import re
import signal
import stat
import time
import xml.etree.ElementTree

from terminal import written_to_terminal
from tools import eventually
from world import write_script

START = ["settings", "prepare", "address", "former", "launch", "api", "leader", "services", "hooks", "catalog"]
STOP = ["decide", "settle", "pre_stop", "leave", "linger", "ending", "sweep"]


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


def timeline_of_start_and_stop(world):
    """A start's steps are the time until the node is ready; a stop's, told when no lictor is left, that until its end."""
    world.server()
    hook = write_script(f"{world.folder}/hook", "sleep 0.3\n")
    client = world.client(hooks={"post_start": [{"command": [hook]}], "pre_stop": [{"command": [hook]}]})
    with open(client.settings_file, "a") as file:
        file.write("//" + " " * 8_000_000)  # reading them takes a while
    before = time.monotonic()
    client.start()
    assert client.command("wait", "--for", "ready").returncode == 0
    since = [time.monotonic() - began for began in (client.started, before)]
    start = courses_of(client)["start"]
    # Its process begins between the two, and the kernel tells when in hundredths.
    assert start["outcome"] == "ready" and since[0] - 1 < start["seconds"] < since[1] + 0.01, (since, start)
    steps = start["steps"]
    assert set(steps) | {"leader"} == set(START) - {"address", "former"}, steps
    assert 0.3 <= steps["hooks"] < 1.5 and steps["settings"] > 0.01, steps
    print(f"settings of 8 MB: {steps['settings'] * 1000:.0f} ms")

    code, seconds = client.stop()
    assert code == 0 and not os.path.exists(client.control_socket), client.last_line()
    left = courses_of(client)
    assert left["start"] == start, "a start that is over changes"
    stop = left["stop"]
    assert stop["outcome"] == "confirmed" and stop["budget"] == 10 and set(stop["steps"]) == set(STOP), stop
    assert seconds - 0.5 < stop["seconds"] <= seconds, (seconds, stop)
    assert 0.3 <= stop["steps"]["pre_stop"] < 1.5 and 0.9 < stop["steps"]["linger"] < 1.5, stop
    assert stop["steps"]["settle"] > 1 and stop["steps"]["leave"] > 0.2, stop

    # The next life tells of its own start, and of that stop.
    client.start().ready()
    both = courses_of(client)
    assert both["stop"] == stop and both["start"]["began"] > start["began"], both
    assert client.command("leave").returncode == 0
    assert courses_of(client)["stop"] != stop, "the record is there when `lictor leave` has come back"


def timeline_of_restarts(world):
    """The last restart of the agent, asked for or not, is told beside the start; one under way is told as that."""
    world.server()
    client = world.client()
    client.start().ready()
    start = courses_of(client)["start"]
    began = time.monotonic()
    assert client.command("restart").returncode == 0
    waited = time.monotonic() - began
    restart = courses_of(client)["restart"]
    assert (restart["outcome"], restart["reason"]) == ("ready", "asked"), restart
    assert waited - 1 < restart["seconds"] < waited, (waited, restart)
    assert {"former", "launch", "api", "catalog"} <= set(restart["steps"]), restart
    launches = client.status()["agent"]["restarts"]
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: client.status()["agent"]["restarts"] > launches, 5, "another agent")
    client.ready()
    restart = courses_of(client)["restart"]
    assert (restart["outcome"], restart["reason"]) == ("ready", "died"), restart
    os.kill(client.agent_pid(), signal.SIGSTOP)  # it does not end when told to
    client.command("restart", "--timeout", "10ms")
    told = courses_of(client)
    assert told["restart"]["outcome"] == "under_way" and set(told["restart"]["steps"]) == {"former"}, told
    assert told["start"] == start
    code, _ = client.stop()
    told = courses_of(client)
    assert told["restart"]["outcome"] == "stopped" and told["stop"]["outcome"] == "unconfirmed" and code == 1, told


def timeline_shown(world):
    """As text of 80 columns, coloured on a terminal alone, and as a well-formed drawing."""
    world.server()
    client = world.client()
    client.start().ready()
    assert client.stop()[0] == 0
    told = client.command("timeline")
    assert told.returncode == 0 and "\x1b" not in told.stdout and not told.stderr, told
    assert max(map(len, told.stdout.splitlines())) <= 80, told.stdout
    for words in ("last start", "agent's API answers", "last stop", "a server confirmed the leave; stop.timeout is 10s"):
        assert words in told.stdout, told.stdout
    coloured, code = written_to_terminal(client, "timeline")
    assert code == 0, coloured
    assert "\x1b[1;33m#" in coloured and re.sub("\x1b\\[[0-9;]*m", "", coloured) == told.stdout, coloured
    assert written_to_terminal(client, "timeline", NO_COLOR="1") == (told.stdout, 0)

    drawing = f"{client.folder}/chart.svg"
    told = client.command("timeline", "--svg", drawing)
    assert told.returncode == 0 and not told.stdout + told.stderr, told
    top = xml.etree.ElementTree.parse(drawing).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert top.tag == f"{space}svg" and "lictor" in top.find(f"{space}title").text, top
    texts = [text.text for text in top.iter(f"{space}text")]
    courses = courses_of(client)
    assert {"settings read", "seen in the catalog", "stop.linger"} <= set(texts), texts
    bars = [bar for bar in top.iter(f"{space}rect") if bar.get("class") in ("bar", "longest")]
    assert len(bars) == sum(len(course["steps"]) for course in courses.values()), bars
    assert all(0 < float(bar.get("x")) + float(bar.get("width")) <= float(top.get("width")) for bar in bars)
    assert client.command("timeline", "--svg", f"{world.folder}/nowhere/chart.svg").returncode not in (0, 70)
    assert client.command("timeline", "--svg", drawing, "--json").returncode == 64


def timeline_without_record(world):
    """Neither a running lictor nor a record is exit code 1, and so is a record that is none; the running one is told of."""
    world.server()
    client = world.client()
    record = f"{client.data_dir}/lictor-timeline.json"
    told = client.command("timeline")
    assert told.returncode == 1 and not told.stdout, told
    assert told.stderr.startswith("lictor: timeline: ") and client.control_socket in told.stderr, told
    assert record in told.stderr, told

    client.start().ready()
    client.stop()
    about = os.stat(record)
    assert stat.S_IMODE(about.st_mode) == 0o644, oct(about.st_mode)
    assert about.st_uid == os.stat(f"{client.data_dir}/lictor-identity.json").st_uid
    with open(record) as file:
        whole = file.read()
    for content in ("", "{", whole[: len(whole) // 2], "[" * 60000, " " * 100000, '{"stop": {"began": "\u001b[2J"}}', "\0"):
        with open(record, "w") as file:
            file.write(content)
        for arguments in ((), ("--json",), ("--svg", f"{world.folder}/chart.svg")):
            told = client.command("timeline", *arguments)
            assert told.returncode == 1 and not told.stdout, (content[:80], told)
            assert told.stderr.startswith(f"lictor: {record}: ") and "\x1b" not in told.stderr, told
    os.remove(record)
    os.mkfifo(record)
    assert client.command("timeline").returncode == 1
    os.remove(record)
    os.symlink("/etc/shadow", record)
    told = client.command("timeline")
    assert told.returncode == 1 and "root" not in told.stderr, told

    # It is no link that is followed, and what can't be replaced keeps nobody from ending.
    client.start().ready()
    told = client.command("timeline")
    assert told.returncode == 0 and "last start" in told.stdout and record in told.stderr, told
    shadow = os.stat("/etc/shadow")
    assert client.stop()[0] == 0, client.last_line()
    assert os.stat("/etc/shadow") == shadow and not os.path.islink(record)
    assert set(courses_of(client)) == {"start", "stop"}
    os.remove(record)
    os.mkdir(record)
    client.start().ready()
    assert client.stop()[0] == 0 and record in client.log, client.last_line()
    assert "confirmed by a server" in client.last_line(), client.last_line()


def timeline_of_a_killed_lictor(world):
    """A lictor that was killed has left nothing: what is shown is the life before it, and that is said."""
    world.server()
    client = world.client()
    client.start().ready()
    client.stop()
    before = courses_of(client)
    client.start().ready()
    client.send(signal.SIGKILL)
    client.ended()
    told = client.command("timeline", "--json")
    assert told.returncode == 0 and client.control_socket in told.stderr, told
    assert courses_of(client) == before
