"""docs/compatibility.md: nothing that lictor asks of Consul is missing from its tables, and no endpoint is made up."""

import json
import pathlib
import re
import subprocess
import sys

import consul_facts

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
    text = source(*(path for folder in ("lib/agent_api/io", "daemon") for path in (ROOT / folder).glob("*.cpp")))
    asked = set(re.findall(r'"(GET|PUT)",\s*"(/(?:v1/[a-z/-]*)?)', text))
    asked |= {("GET", path) for path in re.findall(r'body_of\(socket_, "(/v1/[a-z/-]*)', text)}
    paths = set(re.findall(r'"(?:http://[^"]*)?(/v1/[a-z/-]*)', text + source("lib/agent_api/service_definitions.cpp")))
    told = {tuple(name.split(" ")) for name in first_column("Endpoints")}
    assert asked == told, asked ^ told
    assert paths == {path for _, path in told} - {"/"}, paths ^ {path for _, path in told}


def compatibility_settings(world):
    """Every setting that lictor writes into consul.json, or reads to make it, stands in the table."""
    text = source("lib/agent_config/plan.cpp", "lib/agent_api/join.cpp", "daemon/ground.cpp", "daemon/agent_child.cpp")
    read = set(re.findall(r'(?:insist|set)\("(\w+)"', text))
    for keys in re.findall(r'find\((?:user\(\)|given\(\)|draft\.user\(\)|[\w.]*consul_json), ("[^)]*")\)', text):
        read.add(".".join(re.findall(r'"(\w+)"', keys)))
    read |= set(re.findall(r'(?:consul_json|merged)(?:\.(?:find|value)\(|, )"(\w+)"', text))
    read |= set(re.findall(r'member_at\([^"]*"([\w.]*\w)"', text))
    assert {"bind_addr", "auto_encrypt.tls", "acl_datacenter", "retry_join", "serf_lan", "ports.http"} <= read, read
    told = first_column("Agent settings")
    known = told | {name.split(".")[0] for name in told} | WHOLES
    assert read <= known, read - known
    # Written into the agent's objects, whose name stands elsewhere.
    leaves = set(re.findall(r'\["(\w+)"\] = ', source("lib/agent_config/plan.cpp")))
    assert "enable_token_persistence" in leaves, leaves
    assert leaves <= {part for name in known for part in name.split(".")}, leaves

    client = world.client(agent={"config": {"acl": {"enabled": True}, "ports": {"http": -1}}})
    rendered = json.loads(client.command("render").stdout)
    given = set(client.settings["agent"]["config"]) - {"acl", "ports"}
    written = {key for key in rendered if key not in given}
    assert len(written) >= 10 and written <= known, written - known


def compatibility_newer_setting(world):
    """A setting of a later Consul than the agent's is refused by name before anything is started."""
    key = consul_facts.given().later_setting
    config = True if key == "auto_reload_config" else 8503 if key.startswith("ports") else "x" * 36
    for part in reversed(key.split(".")):
        config = {part: config}
    client = world.client(agent={"config": config})
    checked = client.command("check")
    assert checked.returncode == 78 and key in checked.stdout + checked.stderr, checked


def compatibility_no_consul(world):
    """What --consul names and is no Consul that tests can run against is refused by one line each, with 78."""
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + b"\x08\x00"  # a program for MIPS
    made = {"mips": elf, "text": b"consul", "old": b"#!/bin/sh\necho Consul v1.4.5\n", "ended": b"#!/bin/sh\nexit 3\n"}
    for name, content in made.items():
        path = pathlib.Path(world.folder, name)
        path.write_bytes(content)
        path.chmod(0o755)
    words = {
        "mips": "is made for another architecture",
        "text": "is no program",
        "old": "Consul 1.4.5 is older than 1.5",
        "ended": "is no Consul",
        "nowhere": "no such file",
        ".": "is a folder",
    }
    for name, why in words.items():
        run = [sys.executable, str(ROOT / "tests/e2e/run.py"), "--consul", name, "serve"]
        through_dev = [[str(ROOT / "dev"), "demo", f"--consul={name}"]] if name in ("old", ".") else []
        for command in (run, *through_dev):
            done = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, timeout=20)
            assert done.returncode == 78 and done.stdout == "", (command, done)
            (line,) = done.stderr.splitlines()
            assert why in line and f"{world.folder}/{name}".removesuffix("/.") in line, (command, line)
