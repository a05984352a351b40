"""lictor's effective configuration beside the agent's own: folders, files and command lines are given to both."""

import json
import os
import shutil
import subprocess

from tools import ask, eventually
from world import CONSUL

# What an agent shows of its settings (DebugConfig in /v1/agent/self): the path of the setting, and its default.
SHOWN = {
    "NodeName": ("node_name", None),
    "Datacenter": ("datacenter", "dc1"),
    "DNSDomain": ("domain", "consul."),
    "DNSPort": ("ports.dns", 8600),
    "HTTPPort": ("ports.http", 8500),
    "SerfPortLAN": ("ports.serf_lan", 8301),
    "ServerPort": ("ports.server", 8300),
    "RetryJoinLAN": ("retry_join", []),
    "RetryJoinIntervalLAN": ("retry_interval", "30s"),
    "DNSRecursors": ("recursors", []),
    "DNSOnlyPassing": ("dns_config.only_passing", False),
    "EnableLocalScriptChecks": ("enable_local_script_checks", False),
    "DiscardCheckOutput": ("discard_check_output", False),
    "TranslateWANAddrs": ("translate_wan_addrs", False),
    "NodeMeta": ("node_meta", {}),
    "HTTPBlockEndpoints": ("http_config.block_endpoints", []),
    "HTTPResponseHeaders": ("http_config.response_headers", {}),
    "ACLsEnabled": ("acl.enabled", False),
    "ClientAddrs": ("client_addr", "127.0.0.1"),
    "Services": ("services", []),
    "Checks": ("checks", []),
}

# Files by their names, "-> NAME" a link, and arguments.
CASES = [
    ({"a.hcl": 'datacenter = "one"', "b.hcl": 'datacenter = "two"'}, []),
    ({"b.json": '{"datacenter": "two"}', "a.hcl": 'datacenter = "one"'}, []),
    ({"A.hcl": 'datacenter = "big"', "a.hcl": 'datacenter = "small"', "_.hcl": 'datacenter = "low"'}, []),
    ({"a.hcl": 'retry_join = ["a"]', "b.json": '{"retry_join": ["b", "a"]}'}, ["-retry-join=f", "-retry-join", "g"]),
    ({"a.hcl": 'retry_join = ["a"]\nretry_join = ["b"]'}, []),
    ({"a.hcl": 'retry_join = ["a"]', "b.hcl": "retry_join = []"}, []),
    ({"a.hcl": 'datacenter = "a"\ndatacenter = "b"'}, []),
    ({"a.hcl": "ports { http = 8555 }", "b.hcl": "ports { dns = 8655 }"}, []),
    ({"a.hcl": "ports { http = 8555.9  serf_lan = 0x2071 }"}, []),
    ({"a.hcl": "Ports { HTTP = 8555 }\nDataCenter = \"x\""}, []),
    ({"a.json": '{"ports": {"http": 8555}, "Ports": {"dns": 8655}}'}, []),
    ({"a.hcl": "ports { http = 8555 }"}, ["-http-port=8556", "-serf-lan-port", "8305"]),
    ({"a.hcl": "ports { http = 8555 }"}, ["-http-port=8556", "-hcl=ports { http = 8557 }"]),
    ({}, ["-hcl", 'datacenter = "h"', "-datacenter=f", "-hcl", 'domain = "d."']),
    ({"a.hcl": 'node_meta { a = "1" b = "1" }', "b.json": '{"node_meta": {"b": "2"}}'}, ["-node-meta=b:3", "-node-meta", "c:d:e"]),
    ({"a.hcl": 'recursors = ["10.0.0.1"]'}, ["-recursor=10.0.0.2"]),
    ({"a.hcl": "dns_config { only_passing = true }", "b.hcl": "dns_config { enable_truncate = true }"}, []),
    ({"a.hcl": "discard_check_output = true", "b.hcl": "discard_check_output = false"}, []),
    ({"a.hcl": 'service { name = "a" }', "b.hcl": 'service { name = "b" }\nservices { name = "c" }'}, []),
    ({"a.json": '{"services": [{"name": "a"}, {"name": "b"}]}', "b.json": '{"service": {"name": "c"}}'}, []),
    ({"a.hcl": 'services { name = "a" }\nservices { name = "b" }'}, []),
    ({"a.hcl": 'check { name = "c" ttl = "1h" }', "b.json": '{"checks": [{"name": "d", "TTL": "2h"}]}'}, []),
    ({"a.hcl": 'http_config { block_endpoints = ["/v1/kv/a"]  response_headers { "X-A" = "1" } }'}, []),
    ({"a.hcl": 'http_config { block_endpoints = ["/v1/kv/a"] }', "b.hcl": 'http_config { block_endpoints = ["/v1/kv/b"] }'}, []),
    ({"a.hcl": "acl { enabled = true }", "b.hcl": 'acl { default_policy = "allow" }'}, []),
    ({"a.hcl": 'acl = [{ enabled = true }]'}, []),
    ({"a.hcl": 'client_addr = "127.0.0.1 127.0.0.2"'}, []),
    ({"a.hcl": 'client_addr = "127.0.0.2"'}, ["-client=127.0.0.3"]),
    ({"a.hcl": '{"datacenter": "in-json"}'}, []),
    ({"a.json": '{"datacenter": "one", "datacenter": "two"}'}, []),
    ({"a.txt": 'datacenter = "t"', ".hidden.hcl": 'datacenter = "dot"'}, []),
    ({"a.txt": 'datacenter = "t"'}, ["-config-format=hcl"]),
    ({"real.hcl": 'datacenter = "real"', "link": "-> real.hcl"}, []),
    ({"real.txt": 'datacenter = "real"', "link.hcl": "-> real.txt"}, []),
    ({"empty.hcl": "", "empty.json": "", "a.hcl": 'datacenter = "a"'}, []),
    ({"a.hcl": "# only\n// comments\n/* here */"}, []),
    ({"a.hcl": 'node_meta {\n  a = <<EOF\ntext\nEOF\n}\n'}, []),
    ({"a.hcl": 'enable_local_script_checks = true'}, ["-enable-local-script-checks=false"]),
    ({"a.hcl": "translate_wan_addrs = [true]"}, []),
    ({"a.hcl": 'retry_interval = "7s"'}, ["-retry-interval", "9s"]),
    # What both refuse.
    ({"a.hcl": "acl {}\nacl {}"}, []),
    ({"a.hcl": 'ports { http = "8555" }'}, []),
    ({"a.hcl": "retry_join = \"a\""}, []),
    ({"a.json": '{"datacenter": "a"} {"datacenter": "b"}'}, []),
    ({"a.json": " "}, []),
    ({"a.hcl": "datacenter = 'a'"}, []),
    ({"a.hcl": "server_name = 5"}, []),
    ({"a.hcl": 'service { name = "a" EnableTagOverride = true }', "link": "-> gone.hcl"}, []),
    ({}, ["-http-port=x"]),
]


def value_at(settings, path):
    for key in path.split("."):
        settings = settings.get(key) if isinstance(settings, dict) else None
    return settings


def as_shown(key, value):
    """An effective setting as the agent shows it."""
    if key == "ClientAddrs":
        return value.split()
    if key == "DNSDomain":
        return value.rstrip(".") + "."
    if key in ("Services", "Checks"):
        return [one.get("name", one.get("Name")) for one in value]
    return value


def of_agent(client, folder, arguments):
    """DebugConfig of an agent that is started with this folder and these arguments; nothing where it does not start."""
    data, socket, log = (f"{client.folder}/{name}" for name in ("of-agent", "of-agent.sock", "of-agent.log"))
    shutil.rmtree(data, ignore_errors=True)
    command = ["ip", "netns", "exec", client.namespace, CONSUL, "agent", f"-data-dir={data}", f"-bind={client.address}"]
    command += [f"-config-dir={folder}", *arguments, f'-hcl=addresses {{ http = "unix://{socket}" }}']
    with open(log, "w") as file:
        agent = subprocess.Popen(command, stdout=file, stderr=file)

    def shown():
        if agent.poll() is not None:
            return {"ended": agent.returncode}
        answer = ask(socket, "GET", "/v1/agent/self")
        # ACLs without a token: it has started, and says no more.
        return {"self": json.loads(answer.text)["DebugConfig"]} if answer.status == 200 else {"status": answer.status}

    try:
        return eventually(shown, 10, "the agent answers or ends")
    finally:
        agent.kill()
        agent.wait()
        if os.path.exists(socket):
            os.unlink(socket)


def difference(client, folder, arguments):
    """What lictor and the agent see otherwise."""
    agent = of_agent(client, folder, arguments)
    client.settings["agent"]["config"] = {}
    client.settings["agent"]["args"] = arguments
    client.write_settings(agent={"config_dirs": [folder]})
    rendered = client.command("render", "--effective")
    refused = rendered.returncode == 78
    if "ended" in agent or refused:
        return [] if "ended" in agent and refused else [("refused", agent, rendered)]
    effective = json.loads(rendered.stdout)
    if "self" not in agent:
        return [] if value_at(effective, "acl.enabled") else [("acl", agent, effective)]
    found = []
    for key, (path, default) in SHOWN.items():
        value = value_at(effective, path)
        value = as_shown(key, default if value is None else value)
        theirs = agent["self"][key]
        if key in ("Services", "Checks"):
            theirs = [one["Name"] for one in theirs]
        if value != theirs and key != "NodeName":
            found.append((key, theirs, value))
    return found


def files_agent_agrees(world):
    """Of each of these folders and command lines lictor makes what the agent makes of it, key by key, or both refuse it."""
    client = world.client()
    wrong = []
    for number, (files, arguments) in enumerate(CASES):
        folder = f"{client.folder}/case{number}"
        os.mkdir(folder)
        for name, content in files.items():
            if content.startswith("-> "):
                os.symlink(f"{folder}/{content[3:]}", f"{folder}/{name}")
            else:
                with open(f"{folder}/{name}", "w") as file:
                    file.write(content)
        wrong += [(files, arguments, one) for one in difference(client, folder, arguments)]
    assert not wrong, "\n".join(map(str, wrong))
