"""Other users of the host, little memory, and a lictor that is killed."""

import json
import os
import resource
import signal
import subprocess

from hostile_test import NOBODY, USER, as_user, owned, stand_in
from tools import children, eventually
from world import CONSUL, open_folder, run, write_script


def hostile_memory(world):
    """An answer for which there is no memory is a failure of lictor's own: it stops as it should, and the node with it."""
    client = world.client()
    answers = {"/v1/status/leader": '"10.77.0.1:8300"', "/v1/agent/services": "{}", "/v1/catalog/nodes": "[]"}
    client.write_settings(services=[])
    stand_in(world, client, answers).start()
    client.logged("agent started", 10)
    eventually(lambda: client.status()["agent"]["api"], 15, "the agent answers")
    with open(f"/proc/{client.pid}/status") as file:
        size = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmSize:"))
    resource.prlimit(client.pid, resource.RLIMIT_AS, (size + (4 << 20), size + (4 << 20)))
    with open(f"{world.folder}/answers/_v1_agent_services", "w") as file:
        json.dump({"a": "x" * (24 << 20)}, file)
    client.write_settings(services=[{"name": "other"}])
    client.send(signal.SIGHUP)
    code = client.ended(20)
    client.logged("a failure of lictor's own, for which it stops")
    assert "asking the agent to leave the cluster" in client.log, client.log
    assert code == 70 and "internal: " in client.last_line(), (code, client.last_line())
    client.nobody_left()


def hostile_other_users(world):
    """Other local users get nothing from the sockets but what a probe gets."""
    world.server()
    client = world.client(agent={"user": "consul"}).start()
    client.ready()
    curl = ["curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}"]
    for path in (client.control_socket, client.agent_socket):
        assert as_user(*curl, "--unix-socket", path, "http://x/status", user=NOBODY).stdout == "000", path
    inside = ["ip", "netns", "exec", client.namespace]
    for method, target, expected in (("GET", "readyz", "200"), ("POST", "leave", "405"), ("POST", "maint", "405")):
        answer = run(*inside, *curl, "-X", method, f"http://127.0.0.1:8555/{target}")
        assert answer == expected, (method, target, answer)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for user in (NOBODY, USER):
            assert as_user("kill", f"-{number}", str(client.pid), user=user).returncode != 0
    assert "Permission denied" in as_user("cat", f"{client.run_dir}/consul.json", user=NOBODY).stderr
    assert client.status()["ready"]
    assert client.stop()[0] == 0, client.last_line()


def hostile_warned(world):
    """What others could change of lictor's is warned of, and a secret that would be shown to everybody."""
    out = open_folder(f"{world.folder}/out")
    hook = write_script(f"{out}/hook", "exit 0\n")
    binary = write_script(f"{world.folder}/agent", "exec sleep 1000\n")
    os.chown(binary, USER.pw_uid, USER.pw_gid)
    client = world.client(
        agent={"binary": binary, "user": "consul"},
        hooks={"post_start": [{"command": ["/bin/sh", hook]}]},
        node={"meta": {"key": "${MY_API_KEY}", "plain": "${PLAIN}"}},
        services=[
            {
                "name": "a",
                "tags": ["${DB_PASSWORD}", "${PLAIN}"],
                "token": "${A_TOKEN}",
                "check": {"http": "http://127.0.0.1/", "interval": "10s", "header": {"Authorization": ["${B_SECRET}"]}},
            }
        ],
    )
    client.environment |= {name: "x" for name in ("MY_API_KEY", "PLAIN", "DB_PASSWORD", "A_TOKEN", "B_SECRET")}
    client.write_settings(run_dir=owned(f"{client.folder}/run", NOBODY))
    client.run_dir = f"{client.folder}/run"
    os.chmod(client.settings_file, 0o666)
    client.start().logged("agent started", 10)
    for warning in (
        f"{client.settings_file}: settings: everybody can write to {client.settings_file}",
        f"{binary}: the agent's program: uid {USER.pw_uid} can write to {binary}",
        f"{hook}: a hook's: everybody can write to {out}",
        f"{client.run_dir}: run_dir: uid {NOBODY.pw_uid} can write to {client.run_dir}, and so keep lictor from starting",
        "node.meta.key: ${MY_API_KEY} is named like a secret",
        "services: ${DB_PASSWORD} is named like a secret",
    ):
        assert client.log.count(warning) == 1, f"{warning}:\n{client.log}"
    for fine in ("${PLAIN}", "${A_TOKEN}", "${B_SECRET}", "/bin/sh: "):
        assert fine not in client.log, fine
    client.stop(signal.SIGQUIT)


def hostile_killed(world):
    """Whoever kills lictor ends its agent, whatever user that is and whatever it gains."""
    world.server()
    plain = world.client("n1", agent={"user": "consul"})
    root = world.client("n2", agent={"user": "root"})
    binary = f"{world.folder}/consul"
    subprocess.run(["cp", CONSUL, binary], check=True, timeout=60)
    run("setcap", "cap_net_bind_service=+ep", binary)
    gaining = world.client("n3", agent={"user": "consul", "binary": binary})
    for client in (plain, root, gaining):
        client.start()
    for client in (plain, root, gaining):
        client.ready(20)
        # An agent that ends takes what watches over it along.
        agent = client.agent_pid()
        os.kill(agent, signal.SIGKILL)
        eventually(lambda: client.agent_pid() not in (None, agent), 10, "another agent")
        client.ready(20)
        at_most = 1 if client is plain else 2
        eventually(lambda: len(children(client.pid)) <= at_most, 2, f"{client.name}: {children(client.pid)}")
        client.send(signal.SIGKILL)
        client.ended()
        client.nobody_left()
