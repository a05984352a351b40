"""What is named and comes late is waited for at a start: files with secrets, certificates and settings, and mounts."""

import json
import os
import signal
import uuid

from secrets_test import Guard, guarded, put
from secrets_tls_test import certificates
from tools import eventually, get_json, holds
from world import run, write_json

KEY = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="


def waits_for(client, *words):
    """It runs without an agent, is alive and not ready, and its status and log tell all of these."""
    status = eventually(lambda: all(w in client.status()["state"] for w in words) and client.status(), 5, f"{words}")
    assert status["phase"] == "prepare" and status["live"] and not status["ready"], status
    for word in words:
        assert any(word in problem for problem in status["problems"]), status
        assert word in client.log, client.log
    assert not client.agent_pid()


def late_secrets(world):
    """A token file that is missing and a gossip key's that is empty: the node serves the moment that both are there."""
    guard = Guard(world, {"encrypt": KEY})
    client = guarded(world)
    token, key = f"{client.folder}/secrets/token", put(f"{client.folder}/key", "")
    tokens = {"agent_file": token, "default_file": token}
    client.write_settings(agent={"tokens": tokens, "encrypt_file": key})
    client.start()
    waits_for(client, f"agent.tokens.agent_file: {token}: no such file", f"agent.encrypt_file: {key} is empty")
    shown = client.command("status")
    assert shown.returncode == 0 and f"{token}: no such file" in shown.stdout, shown
    with open(key, "w") as file:  # in place, as a shell does it
        file.write(KEY + "\n")
    eventually(lambda: key not in client.status()["state"], 5, "the key is no longer waited for")
    assert token in client.status()["state"] and not client.agent_pid()
    os.mkdir(f"{client.folder}/secrets")
    put(token, guard.token()[0])
    client.ready(10)
    assert guard.server.instances() == {"n1": client.address}
    steps = {step["step"]: step["seconds"] for step in get_json(client.control_socket, "/timeline")["start"]["steps"]}
    assert steps["files"] > 0, steps


def late_unwatched(world):
    """With watch.settings off what is awaited is seen to come all the same."""
    world.server({"encrypt": KEY})
    client = world.client(watch={"settings": False}, agent={"encrypt_file": f"{world.folder}/key"})
    client.start()
    waits_for(client, "agent.encrypt_file")
    put(f"{world.folder}/key", KEY)
    client.ready(10)


def late_settings_file(world):
    """The file of -c: its coming decides all, where lictor's sockets are, too; until then the default ones answer."""
    server, client = world.server(), world.client()
    os.remove(client.settings_file)
    client.start()
    client.logged(f"{client.settings_file}: no such settings file")
    default = "/run/lictor/lictor.sock"  # the sandbox's own /run
    eventually(lambda: os.path.exists(default), 5, "it listens where it would without settings")
    told = client.command("status")
    assert told.returncode == 0 and "no such settings file" in told.stdout, told
    assert client.command("health", "--live").returncode == 0 and client.command("health").returncode == 1
    open(client.settings_file, "w").close()
    client.logged(f"{client.settings_file}: is empty")
    client.write_settings()
    client.ready(10)
    assert not os.path.exists(default) and client.probe("/readyz") == 200
    assert server.instances() == {"n1": client.address}
    assert client.stop()[0] == 0, client.last_line()


def late_agent_files(world):
    """A file of agent.config_files, and a folder of agent.config_dirs with a link in it that leads nowhere yet."""
    world.server()
    folder, file = f"{world.folder}/consul.d", f"{world.folder}/base.json"
    client = world.client(agent={"config_files": [file], "config_dirs": [folder]})
    client.start()
    waits_for(client, f"{folder}: no such file")
    os.mkdir(folder)
    os.symlink(f"{world.folder}/tags.hcl", f"{folder}/tags.hcl")
    waits_for(client, "tags.hcl: the link leads nowhere")
    with open(f"{world.folder}/tags.hcl", "w") as out:
        out.write('node_meta { from = "hcl" }\n')
    waits_for(client, f"agent.config_files: {file}: no such file")
    write_json(file, {"node_meta": {"base": "json"}})
    client.ready(10)
    meta = client.agent_get("/v1/agent/self")["Meta"]
    assert meta["from"] == "hcl" and meta["base"] == "json", meta


def late_certificates(world):
    """Certificate, key and CA of an HCL file of the agent's, each missing or empty at first."""
    folder = f"{world.folder}/tls"
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    at_server, at_client = certificates(folder)
    server = world.server(at_server)
    conf = f"{world.folder}/conf"
    os.mkdir(conf)
    lines = [f"{key} = {json.dumps(value)}" for key, value in at_client.items()]
    with open(f"{conf}/tls.hcl", "w") as file:
        file.write("\n".join(lines) + "\n")
    away = {key: at_client[key] + ".away" for key in ("ca_file", "cert_file", "key_file")}
    for key, path in away.items():
        os.rename(at_client[key], path)
    put(at_client["cert_file"], "", 0o644)
    client = world.client(agent={"config_dirs": [conf]})
    checked = client.command("check")
    assert checked.returncode == 75, checked
    for word in (f"{at_client['key_file']}: no such file", "wait.files", f"{at_client['cert_file']} is empty"):
        assert word in checked.stderr, checked
    client.start()
    waits_for(client, f"{at_client['ca_file']}: no such file", f"{at_client['cert_file']} is empty")
    for key, path in away.items():
        os.rename(path, at_client[key])
    client.ready(10)
    assert server.instances() == {"n1": client.address}


def late_mount(world):
    """A mount point that wait.mounts names: nothing is made below it, and the node is the one that the volume has."""
    world.server()
    client = world.client()
    client.start()
    node_id = client.ready()["node_id"]
    assert client.stop()[0] == 0
    place = f"{client.folder}/volume"
    os.rename(client.data_dir, f"{client.folder}/other")
    os.mkdir(place)
    client.data_dir = f"{place}/data"
    client.write_settings(node={"data_dir": client.data_dir}, wait={"mounts": [place]})
    checked = client.command("check")
    assert checked.returncode == 75 and f"{place}: nothing is mounted there" in checked.stderr, checked
    client.start()
    waits_for(client, f"wait.mounts: {place}: nothing is mounted there")
    assert os.listdir(place) == []
    os.mkdir(f"{client.folder}/disk")
    os.rename(f"{client.folder}/other", f"{client.folder}/disk/data")
    # lictor has the mounts of the namespace that `ip netns exec` has made for it.
    run("nsenter", f"--target={client.pid}", "--mount", "mount", "--bind", f"{client.folder}/disk", place)
    assert client.ready(10)["node_id"] == node_id


def late_never(world):
    """What does not come in time: 75, with the words of what was missing. What it waits for may be changed meanwhile."""
    client = world.client(wait={"files": "1500ms"}, agent={"encrypt_file": f"{world.folder}/none"})
    assert client.start().ended(10) == 75, client.log
    assert "agent.encrypt_file" in client.last_line() and "no such file" in client.last_line(), client.last_line()
    client.nobody_left()
    os.remove(client.settings_file)
    assert client.start(LICTOR_WAIT_FILES="300ms").ended(10) == 75, client.log
    assert "no such settings file" in client.last_line(), client.last_line()
    world.server({"encrypt": KEY})
    client.write_settings(wait={"files": "60s"})
    client.start()
    waits_for(client, "/none: no such file")
    client.write_settings(agent={"encrypt_file": put(f"{world.folder}/there", KEY)})
    client.ready(10)


def late_stop(world):
    """TERM and INT end the wait at once."""
    client = world.client(agent={"encrypt_file": f"{world.folder}/none"})
    for number in (signal.SIGTERM, signal.SIGINT):
        client.start()
        waits_for(client, "agent.encrypt_file")
        code, took = client.stop(number)
        assert code == 0 and took < 1, (code, took)
        client.nobody_left()


def late_and_wrong(world):
    """What is there and wrong is no matter of time: 78 at once, also where it comes while it is waited for."""
    folder, fifo = f"{world.folder}/folder", f"{world.folder}/fifo"
    os.mkdir(folder)
    os.mkfifo(fifo)
    client = world.client()
    for path, words in ((folder, "is a directory"), (fifo, "no regular file")):
        client.write_settings(agent={"tokens": {"agent_file": path}})
        assert client.start().ended(5) == 78, client.log
        assert path in client.last_line() and words in client.last_line().lower(), client.last_line()
    client.write_settings(agent={"tokens": {"agent_file": ""}, "encrypt_file": f"{world.folder}/key"})
    client.start()
    waits_for(client, "agent.encrypt_file")
    put(f"{world.folder}/key", "no key at all")
    assert client.ended(5) == 78, client.log
    assert "holds more than one word" in client.last_line(), client.last_line()


def late_unreadable(world):
    """A token file that lictor's user may not read: 78, and the words say so."""
    token = put(f"{world.folder}/token", str(uuid.uuid4()))
    client = world.client(agent={"tokens": {"agent_file": token}, "user": "65534"})
    os.chmod(world.folder, 0o755)
    os.makedirs(client.run_dir, exist_ok=True)
    for path in (client.folder, client.run_dir):
        os.chown(path, 65534, 65534)
    client.wrapper = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    assert client.start().ended(5) == 78, client.log
    assert f"{token}: open: permission denied" in client.last_line(), client.last_line()


def late_while_serving(world):
    """A token file that vanishes while the node serves is a broken setting, and no wait."""
    guard = Guard(world)
    client = guarded(world)
    token = put(f"{client.folder}/token", guard.token()[0])
    client.write_settings(agent={"tokens": {"agent_file": token, "default_file": token}})
    client.start().ready()
    agent = client.agent_pid()
    os.remove(token)
    client.logged("settings not applied, the old ones stay in force")
    refused = client.command("reload")
    assert refused.returncode == 78 and "no such file" in refused.stderr, refused
    holds(lambda: client.status()["ready"] and client.agent_pid() == agent, 1, "it goes on")


def late_lock(world):
    """A lictor that starts while the one before is still leaving waits for it, and the node is back at once when it is gone."""
    server = world.server()
    client = world.client()
    node_id = client.start().ready()["node_id"]
    before, pid = client.process, client.pid
    client.start()
    client.logged(f"waiting for another lictor to end seconds=30.0 reason=\"{client.run_dir}/lictor.lock: held by process {pid} (lictor)")
    holds(lambda: client.process.poll() is None and server.instances() == {"n1": client.address}, 1, "it waits")
    os.kill(pid, signal.SIGTERM)
    assert before.wait(10) == 0, client.log
    assert client.ready(5)["node_id"] == node_id
    # One that is told to stop while it waits ends at once.
    first, pid = client.process, client.pid
    client.start()
    eventually(lambda: client.log.count("waiting for another lictor to end") == 2, 5, "it waits")
    code, took = client.stop()
    assert code == 0 and took < 1, (code, took)
    client.process, client.pid = first, pid
    assert client.status()["ready"]
