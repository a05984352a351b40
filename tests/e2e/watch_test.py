"""What lictor can't watch for changes it tells of, tries again, and compares: inotify's limits, folders replaced, mounts."""

import os
import shutil
import subprocess
import sys

from tools import eventually, holds
from world import run, write_json

USER = 4242  # nobody's own: what the kernel counts for it is the scenario's

# Takes the instances that the kernel leaves a user, and lets go of them when its input ends.
HOARD = """import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
while libc.inotify_init1(os.O_CLOEXEC) >= 0:
    pass
print(ctypes.get_errno(), flush=True)
sys.stdin.read()
"""


def hoard():
    """A process of USER's that has all of its inotify instances."""
    as_user = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
    process = subprocess.Popen(
        [*as_user, sys.executable, "-c", HOARD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert int(process.stdout.readline()) > 0
    return process


def as_ordinary_user(client):
    client.wrapper = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
    os.chmod(client.world.folder, 0o755)
    os.makedirs(client.run_dir, exist_ok=True)
    for path in (client.folder, client.run_dir):
        os.chown(path, USER, USER)


def problems(client):
    return " ".join(client.status()["problems"])


def tag_of(client):
    return client.agent_get("/v1/agent/self")["Meta"].get("tag")


def watch_exhausted(world):
    """No inotify instance left: the node serves, says so, and watches again from the first reload on that finds one."""
    world.server()
    client = world.client()
    as_ordinary_user(client)
    greedy = hoard()
    client.start().ready()
    assert "watch.settings: inotify: " in problems(client) and "max_user_instances" in problems(client), problems(client)
    assert client.log.count("watch.settings: inotify: ") == 1, client.log
    client.write_settings(node={"meta": {"tag": "one"}})
    assert client.command("reload").returncode == 0
    eventually(lambda: tag_of(client) == "one", 5, "a reload takes what has changed")
    assert "watch.settings: inotify: " in problems(client), "a limit that is still reached is still told of"
    greedy.communicate()
    assert client.command("reload").returncode == 0
    assert "inotify" not in problems(client), problems(client)
    client.logged("all files with settings are watched again")
    client.write_settings(node={"meta": {"tag": "two"}})
    eventually(lambda: tag_of(client) == "two", 5, "a change is seen by itself again")
    assert client.stop()[0] == 0, client.last_line()


def tagged(folder, tag):
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    write_json(f"{folder}/tag.json", {"node_meta": {"tag": tag}})


def watch_folder_replaced(world):
    """A folder on the way to what is watched is renamed away, and another one is put there; then it is removed and made anew."""
    world.server()
    way = f"{world.folder}/way"
    tagged(f"{way}/to/conf", "one")
    client = world.client(agent={"config_dirs": [f"{way}/to/conf"]})
    client.start().ready()
    tagged(f"{way}.next/to/conf", "two")
    os.rename(way, f"{way}.old")
    os.rename(f"{way}.next", way)
    eventually(lambda: tag_of(client) == "two", 10, "what is in the new one is in force")
    tagged(f"{way}.old/to/conf", "old")
    holds(lambda: tag_of(client) == "two", 1, "the old one is none of its business")
    shutil.rmtree(way)
    tagged(f"{way}/to/conf", "three")
    eventually(lambda: tag_of(client) == "three", 10, "made anew")
    tagged(f"{way}/to/conf", "four")
    eventually(lambda: tag_of(client) == "four", 10, "and watched")


def watch_mount_over(world):
    """Something is mounted over a folder, and what is in it counts; so it is when that is taken away again."""
    world.server()
    conf, other = f"{world.folder}/conf", f"{world.folder}/other"
    tagged(conf, "below")
    tagged(other, "above")
    client = world.client(agent={"config_dirs": [conf]})
    client.start().ready()
    inside = ["nsenter", f"--target={client.pid}", "--mount"]
    run(*inside, "mount", "--bind", other, conf)
    eventually(lambda: tag_of(client) == "above", 10, "what is mounted is in force")
    tagged(other, "changed")
    eventually(lambda: tag_of(client) == "changed", 10, "and watched")
    run(*inside, "umount", conf)
    eventually(lambda: tag_of(client) == "below", 10, "what is below is in force again")
