"""docs/compatibility.md: nothing that lictor asks of Consul is missing from its tables, and no endpoint is made up."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/compatibility.md"
# Read as a whole: what is in them is told key by key, or is the agent's own affair.
WHOLES = {"acl", "acl.tokens", "addresses", "ports"}


def first_column(heading):
    """The names in backquotes in the first column of the table under a heading."""
    table = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]*)`", row.split(" | ")[0])}


def source(*names):
    return "\n".join((ROOT / name).read_text() for name in names)


def compatibility_endpoints(world):
    """Every path of the agent's API that the sources ask, with its method, stands in the table, and no other."""
    text = source("lib/act/agent_api.cpp", *(str(p.relative_to(ROOT)) for p in (ROOT / "daemon").glob("*.cpp")))
    asked = set(re.findall(r'"(GET|PUT)",\s*"(/v1/[a-z/-]*)', text))
    paths = set(re.findall(r'"(?:http://[^"]*)?(/v1/[a-z/-]*)', text + source("lib/decide/service_definitions.cpp")))
    told = {tuple(name.split(" ")) for name in first_column("Endpoints")}
    assert asked == told, asked ^ told
    assert paths == {path for _, path in told}, paths ^ {path for _, path in told}


def compatibility_settings(world):
    """Every setting that lictor writes into consul.json, or reads to make it, stands in the table."""
    text = source("lib/decide/plan.cpp", "lib/decide/join.cpp", "daemon/preparation.cpp", "daemon/attendant.cpp")
    read = set(re.findall(r'(?:insist|set)\("(\w+)"', text))
    for keys in re.findall(r'find\((?:user\(\)|draft\.user\(\)|[\w.]*consul_json), ("[^)]*")\)', text):
        read.add(".".join(re.findall(r'"(\w+)"', keys)))
    read |= set(re.findall(r'consul_json\.(?:find|value)\("(\w+)"', text))
    assert {"bind_addr", "auto_encrypt.tls", "acl_datacenter", "retry_join", "serf_lan", "ports.http"} <= read, read
    told = first_column("Agent settings")
    known = told | {name.split(".")[0] for name in told} | WHOLES
    assert read <= known, read - known
    # Written into the agent's objects, whose name stands elsewhere.
    leaves = set(re.findall(r'\["(\w+)"\] = ', source("lib/decide/plan.cpp")))
    assert "enable_token_persistence" in leaves, leaves
    assert leaves <= {part for name in known for part in name.split(".")}, leaves

    client = world.client(agent={"config": {"acl": {"enabled": True}, "ports": {"http": -1}}})
    rendered = json.loads(client.command("render").stdout)
    given = set(client.settings["agent"]["config"]) - {"acl", "ports"}
    written = {key for key in rendered if key not in given}
    assert len(written) >= 10 and written <= known, written - known


def compatibility_newer_setting(world):
    """A setting of a later Consul than the agent's is refused by name before anything is started."""
    client = world.client(agent={"config": {"acl": {"enabled": True, "tokens": {"agent_recovery": "x" * 36}}}})
    checked = client.command("check")
    assert checked.returncode == 78 and "acl.tokens.agent_recovery" in checked.stdout + checked.stderr, checked
