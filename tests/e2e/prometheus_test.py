"""What config/prometheus and config/grafana hold, with a real Prometheus that finds real nodes through Consul."""

import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.parse

import consul_facts
import roots
import yaml
from secrets_test import Guard, guarded, put
from tools import ask_inside, eventually
from world import merged

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "config"
PROGRAMS = roots.FOLDER / "prometheus/usr/bin"
LISTEN = "127.0.0.1:9090"
METRIC = re.compile(r"\b(?:lictor|consul)_[a-z_]+(?![a-z_:])")
# What prometheus.yml tells to set.
OPEN = {
    "agent": {
        "config": {
            "client_addr": "0.0.0.0",
            "telemetry": {"prometheus_retention_time": "300s", "disable_hostname": True},
        }
    },
    "control": {"http": "0.0.0.0:8555"},
}


def promtool(*arguments, stdin=None):
    """Its output, all of it; AssertionError where it finds fault."""
    done = subprocess.run(
        [PROGRAMS / "promtool", *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        cwd=CONFIG / "prometheus",
    )
    assert done.returncode == 0, f"promtool {' '.join(arguments)}: {done.returncode}\n{done.stdout}"
    return done.stdout


class Prometheus:
    """Runs on a node beside its agent, with the files of config/prometheus, but looks each second."""

    def __init__(self, world, client, token=None):
        self.namespace = client.namespace
        folder = pathlib.Path(world.folder) / "prometheus"
        folder.mkdir()
        for path in (CONFIG / "prometheus").iterdir():
            text = path.read_text()
            if path.name == "prometheus.yml":
                assert text.count("_interval: 15s") == 2, text
                text = text.replace("_interval: 15s", "_interval: 1s")
                if token:
                    text = with_token(text, token)
            (folder / path.name).write_text(text)
        self.log_file = folder / "prometheus.log"
        command = ["ip", "netns", "exec", self.namespace, PROGRAMS / "prometheus", f"--web.listen-address={LISTEN}"]
        command += [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with open(self.log_file, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def api(self, target, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        answer = json.loads(ask_inside(self.namespace, LISTEN, f"/api/v1/{target}{query}").text)
        assert answer["status"] == "success", f"{target} {parameters}: {answer}"
        return answer["data"]

    def query(self, expression):
        """[(labels, value)]"""
        return [(found["metric"], float(found["value"][1])) for found in self.api("query", query=expression)["result"]]

    def targets(self):
        """{(job, node): (address, health, error)}"""
        return {
            (target["labels"]["job"], target["labels"]["node"]): (
                target["labels"]["instance"],
                target["health"],
                target["lastError"],
            )
            for target in self.api("targets")["activeTargets"]
        }

    def alerts(self):
        """{(alert, node or datacenter): state} of those that are pending or fire."""
        found = [(alert["labels"], alert["state"]) for alert in self.api("alerts")["alerts"]]
        return {(labels["alertname"], labels.get("node", labels.get("dc"))): state for labels, state in found}


def with_token(text, token):
    """prometheus.yml with `token` where its comment says."""
    config = yaml.safe_load(text)
    for job in config["scrape_configs"]:
        for discovery in job["consul_sd_configs"]:
            discovery["token"] = token
        if job["job_name"] == "consul":
            job["bearer_token"] = token
    return yaml.safe_dump(config)


def prometheus_files(world):
    """promtool finds no fault with the files, and its tests have each alert fire and not fire."""
    assert "FAILED" not in promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "rules.yml")
    tests = sorted((CONFIG / "prometheus").glob("rules*_test.yml"))
    for path in tests:
        assert "SUCCESS" in promtool("test", "rules", path.name)
    tested = "".join(path.read_text() for path in tests)
    for name, rule in rules().items():
        labels = f'alertname="{name}", severity="{rule["labels"]["severity"]}"' if "alert" in rule else name
        assert labels in tested, f"{name}: no test has it"


def rules():
    """Name -> rule, of rules.yml."""
    groups = yaml.safe_load((CONFIG / "prometheus/rules.yml").read_text())["groups"]
    return {rule.get("alert") or rule["record"]: rule for group in groups for rule in group["rules"]}


def expressions():
    """[(panel, expression)] of the dashboard; what Grafana would put into them is put in."""
    dashboard = json.loads((CONFIG / "grafana/lictor.json").read_text())
    choices = {choice["name"]: choice for choice in dashboard["templating"]["list"]}
    words = {"node": choices["node"]["allValue"], "__rate_interval": "10s", "__range": "1h"}
    found = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}", panel["title"]
            found.append((panel["title"], re.sub(r"\$(\w+)", lambda word: words[word[1]], target["expr"])))
    # label_values(EXPRESSION, LABEL): what can be chosen.
    series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", choices["node"]["query"]["query"]).groups()
    return [*found, ("variable node", f'{series[:-1]}, {label}!=""}}')]


def all_up(prometheus, nodes, but=()):
    """Whether both targets of each node are up, and those of `but` down."""
    wanted = {(job, node): "up" for job in ("consul", "lictor") for node in nodes} | {target: "down" for target in but}
    seen = prometheus.targets()
    if {target: health for target, (_, health, _) in seen.items()} != wanted:
        raise ValueError(seen)
    return True


def prometheus_fleet(world):
    """Agent and lictor of each node are found and read; rules and dashboard find all that they ask for."""
    world.server()
    first, second = (world.client(name, stop={"linger": "5s"}, **OPEN).start() for name in ("n1", "n2"))
    for client in (first, second):
        client.ready()
    prometheus = Prometheus(world, first)
    eventually(lambda: all_up(prometheus, ("n1", "n2")), 20, "four targets are up")
    assert {target: address for target, (address, _, _) in prometheus.targets().items()} == {
        ("consul", "n1"): f"{first.address}:8500",
        ("lictor", "n1"): f"{first.address}:8555",
        ("consul", "n2"): f"{second.address}:8500",
        ("lictor", "n2"): f"{second.address}:8555",
    }
    # What promtool says of metrics it says to stderr, and it is silent where they are as they should be.
    told = promtool("check", "metrics", stdin=ask_inside(first.namespace, "127.0.0.1:8555", "/metrics").text)
    assert told == "", told

    def loaded():
        groups = prometheus.api("rules")["groups"]
        found = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
        return found == {name: "ok" for name in rules()}

    eventually(loaded, 5, "all rules have been evaluated")

    # What happens on a node is seen of that node.
    os.kill(second.agent_pid(), signal.SIGKILL)
    died = 'sum by (node) (increase(lictor_agent_restarts_total{reason="died"}[1m])) > 0'
    eventually(lambda: [labels for labels, _ in prometheus.query(died)] == [{"node": "n2"}], 10, "the death is counted")
    second.ready()
    with open(second.settings_file, "w") as file:
        file.write("{")
    eventually(lambda: prometheus.alerts().get(("LictorSettingsBroken", "n2")) == "pending", 10, "broken settings show")
    second.write_settings()
    # A machine that is short of CPUs may well starve a loop.
    eventually(lambda: {name for name, _ in prometheus.alerts()} <= {"LictorLoopStarved"}, 10, "mended, all is well")

    second.send(signal.SIGTERM)
    confirmed = 'lictor_leave_confirmed{node="n2"} == 1'
    eventually(lambda: prometheus.query(confirmed), 15, "the leave is seen")
    assert second.ended() == 0

    empty = [(panel, expression) for panel, expression in expressions() if not prometheus.query(expression)]
    assert not empty, f"no data: {empty}"
    known = set(prometheus.api("label/__name__/values"))
    asked = {name for rule in rules().values() for name in METRIC.findall(rule["expr"])}
    asked |= {name for _, expression in expressions() for name in METRIC.findall(expression)}
    assert asked <= known, f"nobody has {asked - known}"
    # Nothing that lictor tells is left out of the dashboard.
    told = {name for name in known if name.startswith("lictor_")}
    assert told <= asked, f"nobody asks for {told - asked}"
    log = prometheus.log_file.read_text()
    assert "level=warn" not in log and "level=error" not in log, log


def prometheus_trouble(world):
    """Alerts begin for nodes whose agent or lictor can't be read, and where servers are gone and a node leaves then."""
    server = world.server()
    # Each lacks one of the things that prometheus.yml tells to set.
    lacking = {
        "n1": {},
        "n2": {"agent": {"config": {"telemetry": {"prometheus_retention_time": "0s"}}}},
        "n3": {"control": {"http": "127.0.0.1:8555"}},
        "n4": {"agent": {"config": {"telemetry": {"disable_hostname": False}}}},
    }
    nodes = {name: world.client(name, **merged(OPEN, settings)).start() for name, settings in lacking.items()}
    for client in nodes.values():
        client.ready()
    prometheus = Prometheus(world, nodes["n1"])

    def pending():
        return {alert for alert, state in prometheus.alerts().items() if state == "pending"}

    looks_up = consul_facts.given().unread_metrics_look_up
    down = {("lictor", "n3"): "refused"} | ({} if looks_up else {("consul", "n2"): "415"})
    eventually(lambda: all_up(prometheus, nodes, down), 20, "all but those that can't be read are up")
    assert all(word in prometheus.targets()[target][2] for target, word in down.items()), prometheus.targets()
    unread = {("ConsulMetricsAbsent", "n2"), ("LictorAbsent", "n3")}
    eventually(lambda: pending() == unread, 10, "two can't be read")
    # With the host's name in it, each host's gauge has another name.
    other = '{__name__=~"consul_.+_runtime_alloc_bytes"}'
    eventually(lambda: [labels["node"] for labels, _ in prometheus.query(other)] == ["n4"], 10, "an agent's gauge")
    assert {labels["node"] for labels, _ in prometheus.query("consul_runtime_alloc_bytes")} == {"n1", "n3"}

    server.process.kill()
    server.process.wait()
    missed = {("LictorServersAway", "dc1")} | {("LictorNodeNotReady", name) for name in ("n1", "n2", "n4")}
    eventually(lambda: missed <= pending(), 20, "the servers are missed")
    assert nodes["n2"].stop()[0] == 1
    unseen = {("LictorLeaveNotConfirmed", "n2"), ("LictorNodeDown", "n2")}
    eventually(lambda: unseen <= pending(), 10, "nobody saw the leave")


def prometheus_acl(world):
    """Where all is denied by default, one token with the rights that prometheus.yml names is enough."""
    named = (CONFIG / "prometheus/prometheus.yml").read_text()
    rights = re.findall(r'((?:agent|node|service)(?:_prefix)? "[^"]*") read', named)
    assert len(rights) == 3, rights
    guard, client = Guard(world), guarded(world, **OPEN)
    path = put(f"{client.folder}/token", guard.token()[0])
    client.write_settings(agent={"tokens": {"default_file": path}})
    client.start().ready()
    policy = {"Name": "prometheus", "Rules": " ".join(f'{right} {{ policy = "read" }}' for right in rights)}
    guard.server.put("/v1/acl/policy", policy)
    token = guard.server.put("/v1/acl/token", {"Policies": [{"Name": "prometheus"}]})["SecretID"]
    prometheus = Prometheus(world, client, token)
    eventually(lambda: all_up(prometheus, ["n1"]), 20, "both targets are up")
