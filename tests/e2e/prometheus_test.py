"""What config/prometheus and config/grafana hold, with a real Prometheus that finds real nodes through Consul."""

import json
import pathlib
import re
import subprocess
import urllib.parse

import roots
import yaml
from tools import ask_inside, eventually

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "config"
PROGRAMS = roots.FOLDER / "prometheus/usr/bin"
LISTEN = "127.0.0.1:9090"
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

    def __init__(self, world, client):
        self.namespace = client.namespace
        folder = pathlib.Path(world.folder) / "prometheus"
        folder.mkdir()
        for path in (CONFIG / "prometheus").iterdir():
            text = path.read_text()
            if path.name == "prometheus.yml":
                assert text.count("_interval: 15s") == 2, text
                text = text.replace("_interval: 15s", "_interval: 1s")
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


def prometheus_files(world):
    """promtool finds no fault with the files, and its tests have each alert fire and not fire."""
    assert "FAILED" not in promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "rules.yml")
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")
    tested = (CONFIG / "prometheus/rules_test.yml").read_text()
    for name, rule in rules().items():
        labels = f'alertname="{name}", severity="{rule["labels"]["severity"]}"' if "alert" in rule else name
        assert labels in tested, f"{name}: no test has it"


def rules():
    """Name -> rule, of rules.yml."""
    groups = yaml.safe_load((CONFIG / "prometheus/rules.yml").read_text())["groups"]
    return {rule.get("alert") or rule["record"]: rule for group in groups for rule in group["rules"]}


def prometheus_nodes(world):
    """scratch"""
    world.server()
    first, second = (world.client(name, **OPEN).start() for name in ("n1", "n2"))
    for client in (first, second):
        client.ready()
    prometheus = Prometheus(world, first)
    import time
    t = time.monotonic()
    eventually(lambda: len(prometheus.targets()) == 4 and all(h == "up" for _, h, _ in prometheus.targets().values()), 20)
    print(time.monotonic() - t, prometheus.targets())
    print(promtool("check", "metrics", stdin=ask_inside(first.namespace, "127.0.0.1:8555", "/metrics").text))
    names = prometheus.api("label/__name__/values")
    print(*names)
    seen = set()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        for line in ask_inside(first.namespace, "127.0.0.1:8555", "/metrics").text.splitlines():
            if line.startswith("lictor_start_time"):
                seen.add(line)
        time.sleep(0.01)
    print(seen)
    print(prometheus.query("node:lictor_agent_restarts_unasked:increase15m"), prometheus.query("{exported_node!=''}"))
    print(ask_inside(first.namespace, "127.0.0.1:8555", "/metrics").text)
    print(prometheus.log_file.read_text())
