"""lictor's effective configuration beside the agent's own: folders, files and command lines are given to both."""

import json
import os
import re
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
    "RetryJoinMaxAttemptsLAN": ("retry_max", 0),
    "RPCMaxBurst": ("limits.rpc_max_burst", 1000),
    "HTTPMaxConnsPerClient": ("limits.http_max_conns_per_client", 200),
    "CheckUpdateInterval": ("check_update_interval", "5m0s"),
    "DNSSOA": ("dns_config.soa", {}),
    "DNSServiceTTL": ("dns_config.service_ttl", {}),
    "DNSARecordLimit": ("dns_config.a_record_limit", 0),
    "DNSUDPAnswerLimit": ("dns_config.udp_answer_limit", 3),
    "DNSNodeTTL": ("dns_config.node_ttl", "0s"),
    "PrimaryGateways": ("primary_gateways", []),
    "EncryptVerifyIncoming": ("encrypt_verify_incoming", True),
}

# Files by their names, "-> NAME" a link, and arguments, in which FOLDER is theirs.
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
    ({"a.txt": '{"datacenter": "t"}'}, ["-config-file=FOLDER/a.txt"]),
    ({"a.txt": 'datacenter = "t"'}, ["-config-file=FOLDER/a.txt", "-config-format=hcl"]),
    ({"real.hcl": 'datacenter = "real"', "link": "-> real.hcl"}, []),
    ({"real.txt": 'datacenter = "real"', "link.hcl": "-> real.txt"}, []),
    ({"empty.hcl": "", "empty.json": "", "a.hcl": 'datacenter = "a"'}, []),
    ({"a.hcl": "# only\n// comments\n/* here */"}, []),
    ({"a.hcl": 'node_meta {\n  a = <<EOF\ntext\nEOF\n}\n'}, []),
    ({"a.hcl": 'enable_local_script_checks = true'}, ["-enable-local-script-checks=false"]),
    ({"a.hcl": "translate_wan_addrs = [true]"}, []),
    ({"a.hcl": 'retry_interval = "7s"'}, ["-retry-interval", "9s"]),
    # Rules of merging: objects of three files, a null, an empty list, the later false.
    ({"a.hcl": "ports { http = 8555 dns = 8655 }", "b.json": '{"ports": {"dns": -1}}', "c.hcl": "ports { http = 8556 }"}, []),
    ({"a.hcl": 'datacenter = "a"', "b.json": '{"datacenter": null, "ports": null, "retry_join": null}'}, []),
    ({"a.json": '{"retry_join": ["a", "b"]}', "b.json": '{"retry_join": ["c"]}'}, ["-hcl", 'retry_join = ["h"]', "-retry-join=f"]),
    ({"a.hcl": 'recursors = ["10.0.0.1"]'}, ["-hcl=recursors = [\"10.0.0.3\"]", "-recursor", "10.0.0.2"]),
    ({"a.hcl": "enable_local_script_checks = true"}, ["-hcl=enable_local_script_checks = false", "-enable-local-script-checks"]),
    ({"a.hcl": "disable_host_node_id = false"}, ["-disable-host-node-id"]),
    # Keys and their spellings.
    ({"a.hcl": 'RETRY_JOIN = ["a"]\nRetry_Interval = "9s"'}, []),
    ({"a.json": '{"Datacenter": "big", "datacenter": "small"}'}, []),
    ({"a.json": '{"DNS_Config": {"Only_Passing": true}}', "b.hcl": "dns_config { only_passing = true }"}, []),
    ({"a.json": '{"dnsconfig": {"only_passing": true}}'}, []),
    # Durations and numbers.
    ({"a.hcl": 'retry_interval = "1m30s"\ncheck_update_interval = "90s"'}, []),
    ({"a.hcl": 'retry_interval = "90000ms"\nreconnect_timeout = "9h"'}, []),
    ({"a.hcl": "retry_max = 7\nretry_interval = \"1h\""}, []),
    ({"a.hcl": "retry_max = 7"}, ["-retry-max=8"]),
    ({"a.hcl": "limits { rpc_max_burst = 77 http_max_conns_per_client = 50 }", "b.hcl": "limits { rpc_max_burst = 78 }"}, []),
    # dns_config: soa is replaced as a whole, service_ttl key by key.
    ({"a.hcl": "dns_config { soa { refresh = 11 retry = 12 } }", "b.hcl": "dns_config { soa { retry = 13 } }"}, []),
    ({"a.hcl": "dns_config { soa { min_ttl = 5 } node_ttl = \"9s\" }"}, []),
    ({"a.hcl": 'dns_config { service_ttl { "*" = "5s" web = "6s" } }', "b.hcl": 'dns_config { service_ttl { web = "7s" } }'}, []),
    ({"a.hcl": 'dns_config { a_record_limit = 3 udp_answer_limit = 4 max_stale = "9s" }'}, []),
    # telemetry.
    ({"a.hcl": 'telemetry { disable_hostname = true statsd_address = "127.0.0.1:1" dogstatsd_tags = ["a"] }', "b.hcl": 'telemetry { dogstatsd_tags = ["b"] }'}, []),
    ({"a.hcl": 'telemetry { metrics_prefix = "x" prometheus_retention_time = "9s" }'}, []),
    # Services and checks.
    ({"a.hcl": 'service { name = "a" tags = ["x"] port = 80 }', "b.json": '{"service": {"id": "b1", "name": "b", "Meta": {"k": "v"}}}'}, []),
    ({"a.hcl": 'services = [{ name = "a" }, { name = "b" }]\nservice { name = "c" }'}, []),
    ({"a.json": '{"check": {"id": "c", "name": "c", "ttl": "1h"}, "checks": [{"name": "d", "tcp": "127.0.0.1:1", "interval": "1h"}]}'}, []),
    ({"a.hcl": 'service { name = "a" check { name = "x" ttl = "1h" } checks = [{ name = "y" ttl = "2h" }] }'}, []),
    # Keys of old.
    ({"a.hcl": 'start_join = ["10.77.0.1"]', "b.hcl": 'retry_join = ["127.0.0.8"]'}, []),
    ({"a.hcl": 'acl_datacenter = "dc1"\nacl_default_policy = "allow"'}, []),
    ({"a.hcl": 'acl_token = "11111111-2222-3333-4444-555555555555"'}, []),
    ({"a.hcl": 'verify_outgoing = false\nverify_incoming_rpc = false\ntls_min_version = "tls12"'}, []),
    ({"a.hcl": "ui = true"}, []),
    ({"a.hcl": "ports { grpc = 8502 }", "b.hcl": "ports { grpc = -1 }"}, []),
    ({"a.hcl": 'encrypt = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="', "b.hcl": "disable_keyring_file = true"}, []),
    ({"a.hcl": "encrypt_verify_incoming = false"}, []),
    ({"a.hcl": 'node_meta { a = "1" }', "b.hcl": 'node_meta { A = "2" }'}, []),
    ({"a.hcl": 'unix_sockets { mode = "0600" }', "b.hcl": "performance { raft_multiplier = 3 }"}, []),
    ({"a.hcl": 'http_config { response_headers { a = "1" b = "2" } }', "b.json": '{"http_config": {"response_headers": {"b": "3"}}}'}, []),
    ({"a.hcl": 'primary_datacenter = "dc1"\nprimary_gateways = ["a"]'}, []),
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
    ({"a.hcl": 'node_meta = ["a", "b"]'}, []),
    ({"a.hcl": 'retry_interval = 9'}, []),
    ({"a.hcl": 'service { name = "a" }\nservice { name = "b" }'}, []),
    ({"a.hcl": 'no_such_key = 1'}, []),
    ({"a.hcl": "dns_config { soa { refresh = -1 } }"}, []),
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
    if key == "DNSSOA":
        theirs = {"Refresh": "refresh", "Retry": "retry", "Expire": "expire", "Minttl": "min_ttl"}
        return {name: value.get(ours, SOA[ours]) for name, ours in theirs.items()}
    if key in ("RetryJoinIntervalLAN", "CheckUpdateInterval"):
        return seconds(value)
    return value


SOA = {"refresh": 3600, "retry": 600, "expire": 86400, "min_ttl": 0}


def acls_are_on(effective):
    """For lictor, which has a token of its own then."""
    return bool({"agent_recovery", "agent_master"} & set(value_at(effective, "acl.tokens") or {}))


def seconds(text):
    """Of a duration in Go's spelling."""
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(h|ms|m|s)", text))


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
    refused = rendered.returncode in (75, 78)  # 75: a start waits for what is missing
    if "ended" in agent and not refused:
        # What no agent of any version is known to take the agent itself has the last word on.
        refused = client.command("check").returncode == 78
    if "ended" in agent or refused:
        return [] if "ended" in agent and refused else [("refused", agent, rendered)]
    effective = json.loads(rendered.stdout)
    if "self" not in agent:
        return [] if acls_are_on(effective) else [("acl", agent, effective)]
    found = []
    for key, (path, default) in SHOWN.items():
        value = acls_are_on(effective) if key == "ACLsEnabled" else value_at(effective, path)
        value = as_shown(key, default if value is None else value)
        if key not in agent["self"]:
            continue  # not of this version
        theirs = agent["self"][key]
        if key == "RetryJoinLAN" and "StartJoinAddrsLAN" not in agent["self"]:
            value = effective.get("start_join", []) + value  # which later versions join alike
        if key in ("RetryJoinIntervalLAN", "CheckUpdateInterval"):
            theirs = seconds(theirs)
        if key in ("Services", "Checks"):
            theirs = [one["Name"] for one in theirs]
        if value != theirs and key != "NodeName":
            found.append((key, theirs, value))
    return found


def files_agent_agrees(world):
    """Of each of these folders and command lines lictor makes what the agent makes of it, key by key, or both refuse it."""
    client = world.client()
    world.server()  # whom start_join finds
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
        arguments = [argument.replace("FOLDER", folder) for argument in arguments]
        wrong += [(files, arguments, one) for one in difference(client, folder, arguments)]
    assert not wrong, "\n".join(map(str, wrong))
