"""What is secret is shown to nobody: not in files, arguments, environments, logs, answers and core dumps."""

import contextlib
import glob
import json
import os
import resource
import signal
import stat
import subprocess
import uuid

from secrets_test import DENY, Guard, guarded, put, service
from secrets_tls_test import certificates, gossip_key
from tools import eventually
from world import open_folder, write_json


def mark(what):
    """A secret that can be searched for."""
    return f"MARK{what}-{uuid.uuid4()}"


def readable_files(*folders):
    """Regular files that a stranger to the node's users may read, with all that leads there."""
    for top in folders:
        for folder, names, files in os.walk(top):
            names[:] = [n for n in names if mode_of(f"{folder}/{n}") & stat.S_IXOTH]
            for name in files:
                mode = mode_of(f"{folder}/{name}")
                if stat.S_ISREG(mode) and mode & stat.S_IROTH:
                    yield f"{folder}/{name}"


def mode_of(path):
    """0 for what has just gone: /tmp is that of all scenarios."""
    with contextlib.suppress(FileNotFoundError):
        return os.lstat(path).st_mode
    return 0


def read(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")


def secrets_are_shown_nowhere(world):
    """Marked secrets are put wherever a secret can be; none is in what lictor writes, shows or hands to a hook."""
    key, uuids = gossip_key(), [str(uuid.uuid4()) for _ in range(3)]
    at_server, at_client = certificates(world.folder)
    guard = Guard(world, at_server | {"encrypt": key})
    for token in uuids:
        guard.token(token)
    planted = {"gossip": key, "default": uuids[0], "agent": uuids[1], "registration": uuids[2]}
    planted |= {
        what: mark(what)
        for what in (
            "environment",
            "agentenv",
            "header",
            "basic",
            "url",
            "query",
            "join",
            "watch",
            "asked",
            "local",
            "recovery",
        )
    }
    # Any line of the key's inside is as good as the key.
    planted["tls"] = read(at_client["key_file"]).splitlines()[1]
    out = open_folder(f"{world.folder}/out")
    script = f"env > {out}/$0; tr '\\0' '\\n' < /proc/self/cmdline >> {out}/$0"
    hook = {"timeout": "5s", "on_failure": "ignore"}
    local = json.dumps({"telemetry": {"circonus_api_token": planted["local"], "circonus_check_id": ""}})
    web = service("web") | {
        "token": planted["registration"],
        "check": {
            "http": f"https://user:{planted['url']}@127.0.0.1:1/?token={planted['query']}",
            "header": {"X-Odd": [planted["header"]], "Authorization": [planted["basic"]]},
            "interval": "1h",
            "status": "passing",
        },
    }
    agent_services = [json.loads(json.dumps(web)) | {"name": "in-file", "id": "in-file"}]
    config = at_client | {
        "primary_datacenter": "dc1",
        "acl": DENY | {"tokens": {"agent": planted["agent"], "agent_master": planted["recovery"]}},
        "encrypt": key,
        "log_level": "trace",
        "services": agent_services,
        "watches": [{"type": "services", "token": planted["watch"], "args": ["/bin/true"]}],
        "retry_join": ["10.77.0.1", f"provider=os password={planted['join']} user_name=u"],
    }
    client = world.client(
        agent={
            "config": config,
            "env": {"MY_PASSWORD": planted["agentenv"], "HIDDEN_HERE": f"x{planted['default']}x"},
            "tokens": {"default_file": put(f"{world.folder}/default", planted["default"])},
        },
        services=[web],
        log={"level": "trace"},
        hooks={
            "post_start": [
                hook | {"command": ["/bin/sh", "-c", script, "plain"]},
                hook | {"command": ["/bin/sh", "-c", script, "asking"], "environment": ["ASKED_TOKEN"]},
            ]
        },
    )
    files = {
        "default_file": put(f"{world.folder}/default", planted["default"]),
        "registration_file": put(f"{world.folder}/registration", planted["registration"]),
    }
    client.write_settings(agent={"encrypt_file": put(f"{world.folder}/gossip", key), "tokens": files})
    given = {"CONSUL_HTTP_TOKEN": planted["environment"], "ASKED_TOKEN": planted["asked"], "CONSUL_LOCAL_CONFIG": local}
    shown = {}
    for form in ("text", "json"):
        client.write_settings(log={"format": form})
        client.start(**given)
        client.ready()
        for what in (
            "status",
            "status --json",
            "render",
            "render --explain",
            "env",
            "check",
            "doctor",
            "doctor --json",
        ):
            told = client.command(*what.split(), **given)
            assert told.stdout, (what, told)
            shown[f"{form}: {what}"] = told.stdout + told.stderr
        for target in ("/status", "/livez", "/readyz", "/timeline", "/metrics", "/nothing"):
            shown[f"{form}: {target}"] = client.control("GET", target).text
        for process in client.processes():
            shown[f"{form}: arguments of {process}"] = read(f"/proc/{process.pid}/cmdline")
        client.send(signal.SIGUSR1)
        client.logged("status {" if form == "text" else "status {\\")
        # What is broken is told of without its content.
        write_json(client.settings_file, client.settings | {"services": [web | {"port": planted["default"] + "x"}]})
        eventually(lambda: client.status()["problems"], 5, "the settings are broken")
        shown[f"{form}: broken"] = client.control("GET", "/status").text
        client.write_settings()
        eventually(lambda: not client.status()["problems"], 5, "the settings are mended")
        assert client.stop()[0] == 0, client.last_line()
    shown["log"] = client.log
    shown["hook"], shown["hook that asks"] = read(f"{out}/plain"), read(f"{out}/asking")
    for path in readable_files(client.run_dir, client.data_dir, *glob.glob("/tmp/lictor-check-*")):
        with contextlib.suppress(FileNotFoundError):
            shown[path] = read(path)
    asked = planted.pop("asked")
    assert f"ASKED_TOKEN={asked}" in shown["hook that asks"] and asked not in shown["hook"]
    assert "CONSUL_HTTP_ADDR=unix://" in shown["hook"]
    leaks = [
        f"{what} in {where}" for where, text in shown.items() for what, secret in planted.items() if secret in text
    ]
    assert not leaks, "\n".join(leaks)


def secrets_no_core(world):
    """lictor, which knows all secrets, leaves no core dump behind, where another program does."""
    os.chdir(open_folder(f"{world.folder}/cores"))  # where a core file would be, unless the host has other ideas
    everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_CORE, everything)

    def dumps(process):
        os.kill(process.pid, signal.SIGSEGV)
        status = os.waitpid(process.pid, 0)[1]
        process.returncode = -os.WTERMSIG(status)
        assert process.returncode == -signal.SIGSEGV, status
        return os.WCOREDUMP(status)

    world.server()
    client = world.client()
    client.start().ready()
    other = subprocess.Popen(["sleep", "60"])
    eventually(lambda: os.readlink(f"/proc/{other.pid}/exe").endswith("sleep"), 5)
    if not dumps(other):
        print("this host dumps no cores: nothing is proved")
    assert not dumps(client.process)
    assert not any("lictor" in name for name in os.listdir("."))


def secrets_mute_agent_ends(world):
    """An agent that still waits for its certificate can't leave: it is ended, in time, and that is told."""
    at_server, at_client = certificates(world.folder)
    guard = Guard(world, at_server | {"auto_encrypt": {"allow_tls": True}, "connect": {"enabled": True}})
    config = {key: at_client[key] for key in ("ca_file", "verify_incoming", "verify_outgoing")}
    client = guarded(world)
    client.write_settings(agent={"config": config | {"auto_encrypt": {"tls": True}}})
    client.start()
    client.logged("AutoEncrypt.Sign RPC failed", 10)
    assert (client.probe("/livez"), client.probe("/readyz")) == (200, 503)
    code, seconds = client.stop()
    assert code == 1 and seconds < 10 and "could not be asked to leave" in client.log, (
        code,
        seconds,
        client.last_line(),
    )
    assert guard.server.member("n1") is None
    client.nobody_left()
