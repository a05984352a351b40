"""What stands in lictor's environment for others: proxies, variables that only look like lictor's, and a shell's dollars."""

import os

from tools import eventually
from world import open_folder

NOBODY_LISTENS = "http://127.0.0.1:9"


def agent_variables(client):
    with open(f"/proc/{client.agent_pid()}/environ") as file:
        return dict(variable.split("=", 1) for variable in file.read().split("\0") if "=" in variable)


def environment_proxy(world):
    """A proxy that answers nobody harms no check of the agent's own addresses, no command of lictor's; doctor tells of it."""
    server = world.server()
    client = world.client(default_check="http", agent={"config": {"client_addr": "{{ GetInterfaceIP \"eth0\" }}"}})
    client.start(HTTP_PROXY=NOBODY_LISTENS, https_proxy=NOBODY_LISTENS, NO_PROXY="db.internal").ready()
    eventually(lambda: set(server.passing()) == {"n1"}, 15, "the node's own check passes")
    output = eventually(
        lambda: [c["Output"] for c in client.agent_get("/v1/agent/checks").values() if "200" in c["Output"]],
        15,
        "the agent has asked itself without the proxy",
    )
    assert NOBODY_LISTENS[7:] not in str(output)
    variables = agent_variables(client)
    assert variables["NO_PROXY"] == f"db.internal,{client.address}", variables
    assert variables["HTTP_PROXY"] == variables["https_proxy"] == NOBODY_LISTENS
    assert "no_proxy" not in variables
    proxies = {"HTTP_PROXY": NOBODY_LISTENS, "ALL_PROXY": NOBODY_LISTENS, "http_proxy": NOBODY_LISTENS}
    for command in (("status",), ("health",), ("wait", "--for", "ready"), ("reload",)):
        done = client.command(*command, **proxies)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    found = client.command("doctor", NODE_NAME="n1")
    assert found.returncode == 1 and "names a proxy: HTTP_PROXY, https_proxy" in " ".join(found.stdout.split()), found.stdout
    assert client.stop()[0] == 0

    # Its own environment is none of the doctor's business.
    client.start().ready()
    found = client.command("doctor", **proxies)
    assert "names a proxy" not in found.stdout, found.stdout
    assert "NO_PROXY" not in agent_variables(client)


def environment_of_others(world):
    """Variables that are none of lictor's are one warning, and go to the agent; a near miss of a setting's name ends lictor."""
    world.server()
    client = world.client()
    client.start(LICTOR_PROJECT="x", LICTOR_USER="y", COLOURS="$$ ${x} $(date)").ready()
    warnings = [line for line in client.log.splitlines() if "LICTOR_PROJECT" in line]
    assert len(warnings) == 1 and "LICTOR_USER (did you mean LICTOR_AGENT_USER?)" in warnings[0], warnings
    variables = agent_variables(client)
    assert variables["LICTOR_PROJECT"] == "x" and variables["COLOURS"] == "$$ ${x} $(date)", variables
    client.command("reload")
    assert client.log.count("LICTOR_PROJECT") == 1, client.log
    assert client.stop()[0] == 0

    checked = client.command("check", LICTOR_PROJECT="x")
    assert checked.returncode == 0 and checked.stdout.count("LICTOR_PROJECT") == 1, checked.stdout + checked.stderr
    near = client.command("check", LICTOR_STOP_TIMEOT="9s", LICTOR_PROJECT="x")
    assert near.returncode == 78 and 'did you mean "LICTOR_STOP_TIMEOUT"?' in near.stderr, near.stderr
    client.start(LICTOR_STOP_TIMEOT="9s").ended(5)
    assert client.process.returncode == 78, client.log


def environment_dollars(world):
    """A check's command reaches its shell as it is written, but for the names that are documented."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    line = f'x=ours; echo "${{x}} $1 ${{HOME:-none}} ${{address}} $(echo sub) ${{adress}}" > {out}/told; echo x > {out}/probe-$$'
    check = {"name": "c", "args": ["/bin/sh", "-c", line, "sh", "first"], "interval": "1s"}
    client = world.client(
        services=[{"name": "web", "port": 80, "check": check}], agent={"config": {"enable_script_checks": True}}
    )
    client.start(x="theirs").ready()
    told = eventually(lambda: os.path.exists(f"{out}/told") and open(f"{out}/told").read(), 10, "the check has run")
    words = told.split()
    assert words[:2] == ["ours", "first"] and client.address in words and "sub" in words, told
    probe = eventually(
        lambda: [n for n in os.listdir(out) if n.startswith("probe-")], 10, "the check has left its file"
    )
    assert all(name[len("probe-") :].isdigit() for name in probe), probe
    checked = client.command("check", x="theirs")
    assert "services[0].check.args: ${adress} stays as it is written" in checked.stdout, checked.stdout + checked.stderr
