#!/usr/bin/env python3
"""Holds the Helm chart of config/helm against the manifests of config/kubernetes, its schema and Kubernetes's own.

    chart.py --build     compiles helm's libraries (tests/kubernetes/helm) into build/helm: once, and anew when that changes
    chart.py             all the checks; exit code 1 and what is wrong for each that fails
    chart.py --write     puts the schema of lictor.json into the chart's

It asks no cluster. The first build takes helm as a Go module, at the version that go.mod there names; whatever Go is on PATH
compiles it, Debian 12's too.
"""

import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CHART = SOURCE / "config/helm/lictor"
MANIFESTS = SOURCE / "config/kubernetes"
BUILD = SOURCE / "build/helm"
PROGRAM = BUILD / "charts"
SCHEMA = CHART / "values.schema.json"
EXAMPLES = sorted((CHART / "ci").glob("*.yaml"))
SERVERS = "servers={192.0.2.11,192.0.2.12,192.0.2.13}"  # the base's


def build():
    sources = [HERE / "helm/go.mod", HERE / "helm/main.go"]
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    made = BUILD / "made-of"
    if PROGRAM.exists() and made.exists() and made.read_text() == stamp:
        return
    if not shutil.which("go"):
        sys.exit("chart.py: no `go` on PATH to compile helm's libraries with: `./dev test` installs Debian's golang-go")
    BUILD.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, BUILD)
    # What the build alone needs is there, and away again afterwards: half a gigabyte.
    kept = {"GOPATH": f"{BUILD}/modules", "GOCACHE": f"{BUILD}/objects", "GOFLAGS": "-mod=mod -modcacherw -buildvcs=false"}
    environment = {**os.environ, **kept, "GOTOOLCHAIN": "local", "GO111MODULE": "on", "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-ldflags=-s -w", "-o", PROGRAM, "."], cwd=BUILD, env=environment, check=True)
    for folder in ("modules", "objects"):
        shutil.rmtree(BUILD / folder, ignore_errors=True)
    made.write_text(stamp)


def charts(*words, fails=False):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=110, check=False)
    assert (done.returncode != 0) == fails, f"{words}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stderr if fails else done.stdout


def given(sets, files=()):
    return [word for one in sets for word in ("--set", one)] + [word for file in files for word in ("-f", file)]


def render(*sets, files=(), release="lictor", fails=False):
    """The objects, hooks left out as `helm template --skip-tests` does; with `fails`, what helm says instead."""
    text = charts("template", release, CHART, "-n", "consul", *given(sets, files), fails=fails)
    return text if fails else [one for one in yaml.safe_load_all(text) if one and not is_hook(one)]


def is_hook(one):
    return "helm.sh/hook" in one["metadata"].get("annotations", {})


def of_kind(objects, kind):
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def only(objects, kind):
    (one,) = of_kind(objects, kind).values()
    return one


def container_of(daemonset):
    (container,) = daemonset["spec"]["template"]["spec"]["containers"]
    return container


def settings_of(objects, name="lictor"):
    return json.loads(of_kind(objects, "ConfigMap")[name]["data"]["lictor.json"])


def fields(value, path=""):
    """Path -> each value that is no map or list; lictor.json, which is text, as what it says."""
    if path.endswith("/lictor.json"):
        value = json.loads(value)
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if not inner:
        return {path: value}
    return {key: one for name, each in inner for key, one in fields(each, f"{path}/{name}").items()}


def as_fields(objects):
    return {key: one for each in objects for key, one in fields(each, f"{each['kind']} {each['metadata']['name']}").items()}


def differences(left, right):
    absent = object()
    return [
        f"{key}: {left.get(key, 'absent')!r}, {right.get(key, 'absent')!r}"
        for key in sorted({*left, *right})
        if left.get(key, absent) != right.get(key, absent)
    ]


# ---- what is made


def equals_the_base():
    """`helm template` is the kustomize base: resource by resource, field by field."""
    base = [one for path in (MANIFESTS / "base").glob("*.yaml") for one in yaml.safe_load_all(path.read_text())]
    base = [one for one in base if one["kind"] != "Kustomization"]
    made = render(SERVERS, "namespace.create=true")
    assert len(made) == len(base) == 8, (made, base)
    assert not differences(as_fields(base), as_fields(made)), differences(as_fields(base), as_fields(made))
    kustomized = [one for one in yaml.safe_load_all(charts("kustomize", MANIFESTS / "base")) if one]
    assert not differences(as_fields(kustomized), as_fields(made))
    assert "Namespace" not in {one["kind"] for one in render(SERVERS)}, "helm has its records there before"


def notes_name_what_is_there():
    """The notes' two commands name the DaemonSet and the namespace."""
    text = charts("template", "other", CHART, "-n", "clients", "--notes", *given([SERVERS]))
    commands = re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    rollout, look = "rollout status daemonset other", "exec daemonset/other -- lictor status"
    assert commands == [f"kubectl -n clients {rollout}", f"kubectl -n clients {look}"], text


def values_arrive():
    """A value of each kind is where it belongs."""
    made = render(files=[CHART / "ci/all-values.yaml"])
    daemonset, settings = only(made, "DaemonSet"), settings_of(made)
    pod, container = daemonset["spec"]["template"]["spec"], container_of(daemonset)
    assert container["image"].startswith("registry.example.com/platform/lictor@sha256:0123"), container["image"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    config = settings["agent"]["config"]
    assert (config["datacenter"], config["retry_join"]) == ("dc2", ["198.51.100.11", "consul-2.example.com"])
    assert config["client_addr"] == "0.0.0.0" and settings["stop"] == {"timeout": "40s"}, settings
    assert settings["services"][0]["checks"][0]["tcp"] == "${address}:9100", settings
    files = {**settings["agent"]["tokens"], "gossip": settings["agent"]["encrypt_file"]}
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    wanted = {
        "agent_file": ("consul-client", "agent-token"),
        "default_file": ("consul-client", "default-token"),
        "gossip": ("consul-gossip", "key"),
    }
    assert set(files) == set(wanted), files
    for what, file in files.items():
        secret = volumes[mounts[os.path.dirname(file)]]["secret"]
        (item,) = secret["items"]
        assert (secret["secretName"], item["key"]) == wanted[what] and item["path"] == os.path.basename(file), secret
        assert secret["defaultMode"] == 0o440, secret
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert (ports["http"], ports["grpc"], ports["probes"]) == (8501, 8502, 8556) and "grpc-tls" not in ports, ports
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert "host" not in container[probe]["httpGet"], "asked at the host's address, where it listens on all"
    assert container["livenessProbe"]["terminationGracePeriodSeconds"] == 5
    assert container["livenessProbe"]["periodSeconds"] == 10, "what is not given stays"
    assert mounts["/var/lib/consul"] == "data" and volumes["data"]["hostPath"]["path"] == "/var/lib/consul"
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables["LICTOR_NODE_DATA_DIR"] == "/var/lib/consul" and variables["LICTOR_GRACE"] == "45s", variables
    assert variables["TZ"] == "UTC" and "NODE_NAME" not in variables and "machine-id" not in volumes, variables
    assert daemonset["spec"]["updateStrategy"] == {"type": "OnDelete"} and daemonset["spec"]["minReadySeconds"] == 30
    assert "priorityClassName" not in pod and "tolerations" not in pod and mounts["/consul/tls"] == "tls", pod
    chosen = daemonset["spec"]["selector"]["matchLabels"].items()
    assert daemonset["metadata"]["labels"]["team"] == "platform" and "team" not in dict(chosen)

    monitor = only(made, "PodMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= chosen and monitor["metadata"]["labels"]["release"]
    asked = {(one["port"], one["path"]) for one in monitor["spec"]["podMetricsEndpoints"]}
    assert asked == {("http", "/v1/agent/metrics"), ("probes", "/metrics")}, asked
    lonely = only(render(SERVERS, "podMonitor.enabled=true"), "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert [one["port"] for one in lonely] == ["http"], "nobody reaches a loopback address"
    policy = only(made, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= chosen
    api, gossip = ([(one["port"], one["protocol"]) for one in rule["ports"]] for rule in policy["ingress"])
    assert api == [(8501, "TCP"), (8502, "TCP"), (8600, "TCP"), (8600, "UDP")], api
    assert gossip == [(8301, "TCP"), (8301, "UDP")] and policy["ingress"][1]["from"][0]["ipBlock"], gossip


def rights_can_be_switched_off():
    """The account and its rights are the chart's or somebody else's; without an account no token is mounted."""

    def made(*sets):
        objects = render(SERVERS, *sets)
        pod = only(objects, "DaemonSet")["spec"]["template"]["spec"]
        kinds = {one["kind"] for one in objects} - {"DaemonSet", "ConfigMap"}
        return kinds, pod.get("serviceAccountName"), pod["automountServiceAccountToken"]

    roles = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    assert made() == ({"ServiceAccount", *roles}, "lictor", True)
    assert made("rbac.create=false") == ({"ServiceAccount"}, "lictor", True)
    assert made("serviceAccount.create=false", "serviceAccount.name=mine") == (roles, "mine", True)
    assert made("serviceAccount.create=false") == (set(), None, False)
    bound = render(SERVERS, "serviceAccount.create=false", "serviceAccount.name=mine", "serviceAccount.annotations.a=b")
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        assert [one["name"] for one in only(bound, kind)["subjects"]] == ["mine"], kind
    annotated = only(render(SERVERS, "serviceAccount.annotations.a=b"), "ServiceAccount")
    assert annotated["metadata"]["annotations"] == {"a": "b"}
    pools = render(files=[CHART / "ci/pools-values.yaml"])
    (named,) = [one["resourceNames"] for one in only(pools, "Role")["rules"] if one["resources"] == ["daemonsets"]]
    assert set(named) == set(of_kind(pools, "DaemonSet")), named
    accounts = {one["spec"]["template"]["spec"]["serviceAccountName"] for one in of_kind(pools, "DaemonSet").values()}
    assert accounts == {"lictor"} == set(of_kind(pools, "ServiceAccount")), accounts
    names = [set(of_kind(render(SERVERS, release=name), "ClusterRole")) for name in ("lictor", "other")]
    assert names[0] == {"consul-lictor"} and not names[0] & names[1], "it is the whole cluster's"


def may_run_on(daemonset, node):
    """Whether the required node affinity admits a node of these labels (metadata.name is node-1)."""
    affinity = daemonset["spec"]["template"]["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [{}])

    def holds(wanted, has):
        inside = has.get(wanted["key"]) in wanted["values"]
        return inside if wanted["operator"] == "In" else not inside

    return any(
        all(holds(one, node) for one in term.get("matchExpressions", []))
        and all(holds(one, {"metadata.name": "node-1"}) for one in term.get("matchFields", []))
        for term in terms
    )


def pools_share_no_node():
    """Each node is of one pool: no two DaemonSets want its ports, and no pod is chosen by two."""
    made = render(files=[CHART / "ci/pools-values.yaml"])
    all_of = of_kind(made, "DaemonSet")
    assert set(all_of) == {"lictor", "lictor-gpu", "lictor-edge"} == set(of_kind(made, "ConfigMap"))
    nodes = {
        "lictor": {},
        "lictor-gpu": {"example.com/pool": "gpu-large"},
        "lictor-edge": {"example.com/edge": "yes"},
    }
    for name, labels in nodes.items():
        assert [one for one, daemonset in all_of.items() if may_run_on(daemonset, labels)] == [name], (name, labels)
        chosen = [
            one
            for one, daemonset in all_of.items()
            if daemonset["spec"]["selector"]["matchLabels"].items()
            <= all_of[name]["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert chosen == [name], chosen
    assert not any(may_run_on(one, {"example.com/consul": "no"}) for one in all_of.values()), "the given affinity is lost"
    assert settings_of(made, "lictor-edge")["agent"]["config"]["retry_join"] == ["203.0.113.5"]
    assert settings_of(made, "lictor-gpu") == settings_of(made)
    memory = {name: container_of(one)["resources"]["limits"]["memory"] for name, one in all_of.items()}
    assert memory == {"lictor": "512Mi", "lictor-gpu": "1Gi", "lictor-edge": "512Mi"}, memory
    assert container_of(all_of["lictor-gpu"])["resources"]["requests"], "what a pool does not name stays"
    two = [only(render(SERVERS, release=name), "DaemonSet")["spec"]["selector"] for name in ("lictor", "other")]
    assert two[0] != two[1], "two releases in one namespace"


# ---- what is refused

REFUSED = [
    ("image.tagg=1", "tagg"),
    ("image.digest=sha256:1", "digest"),
    ("servers=10.0.0.1", "servers"),
    ("settings.stop.timeouts=1s", "timeouts"),
    ("settings.stop.timeout=25", "timeout"),
    ("settings.control.ready_needs_leader=maybe", "ready_needs_leader"),
    ("pools.gpu.settings.stop.timeouts=1s", "timeouts"),
    ("pools.gpu.resources.x=1", "nodes is required"),
    ("tokens.agent.secret=x", "key"),
    ("updateStrategy.type=Recreate", "updateStrategy"),
    ("terminationGracePeriodSeconds=25", "25 is not longer than settings.stop.timeout, 25s"),
    ("priorityClass=x", "priorityClass"),
    ("serviceAccount.annotation.a=x", "annotation"),
    ("pools.gpu.rbac.create=false", "rbac"),
]


def bad_values_are_refused():
    """What is misspelt, impossible or missing is told of by name."""
    for value, word in REFUSED:
        told = render(SERVERS, value, fails=True)
        assert word in told, f"{value}: {told}"
    told = render(fails=True)
    assert "servers: names no Consul server" in told and "--set" in told, told
    # Where the agent's own files name them, nobody has to.
    assert render("settings.agent.config_dirs={/consul/config}")
    assert render("settings.agent.args={-retry-join=10.0.0.1}")


def lint_finds_nothing():
    """`helm lint --strict`, with the chart's own values and with each example."""
    charts("lint", CHART)
    for file in EXAMPLES:
        charts("lint", CHART, "-f", file)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CHART, f"{folder}/lictor")
        pathlib.Path(f"{folder}/lictor/templates/broken.yaml").write_text("kind: {{ .Values.image.repository\n")
        charts("lint", f"{folder}/lictor", fails=True)


def settings_schema():
    whole = json.loads((SOURCE / "config/lictor.schema.json").read_text())
    return {key: value for key, value in whole.items() if key not in ("$schema", "title")}


def schema_knows_the_settings():
    """settings is held against the schema of lictor.json, and every value is in the chart's schema."""
    schema = json.loads(SCHEMA.read_text())
    assert schema["properties"]["settings"] == settings_schema(), "tests/kubernetes/chart.py --write brings it up to date"
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) | {"global"} == set(schema["properties"]), set(values) ^ set(schema["properties"])


def kubernetes_takes_it():
    """What is made of each example is what Kubernetes's schemas and the rules for a client under lictor allow."""
    with tempfile.TemporaryDirectory() as folder:
        for file in EXAMPLES:
            made = [one for one in render("namespace.create=true", files=[file]) if one["kind"] != "PodMonitor"]
            # The rule is that a client's probes ask control.http, word for word.
            if "all-" in file.name:
                made = [one for one in made if one["kind"] not in ("DaemonSet", "ConfigMap")]
            pathlib.Path(f"{folder}/{file.name}").write_text(yaml.safe_dump_all(made))
            hooks = [one for one in yaml.safe_load_all(charts("template", "x", CHART, "-f", file)) if one and is_hook(one)]
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
            space["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
            assert len(hooks) == 1
            pathlib.Path(f"{folder}/test-{file.name}").write_text(yaml.safe_dump_all([space, *hooks]))
        words = ["node", HERE / "check.js", "--without-kubectl", folder]
        done = subprocess.run(words, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0 and len(EXAMPLES) > 2, done.stdout + done.stderr


def manifests_stand_by_themselves():
    """config/kubernetes, copied to anywhere, renders there, as its settings and patches say."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(MANIFESTS, f"{folder}/mine")
        made = [one for one in yaml.safe_load_all(charts("kustomize", f"{folder}/mine")) if one]
    wanted = yaml.safe_load((MANIFESTS / "settings.yaml").read_text())["data"]["lictor.json"]
    assert settings_of(made) == json.loads(wanted)
    daemonset = only(made, "DaemonSet")
    (image,) = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["images"]
    assert container_of(daemonset)["image"] == f"{image['newName']}:{image['newTag']}"
    pod = daemonset["spec"]["template"]["spec"]
    grace = {one["name"]: one.get("value") for one in container_of(daemonset)["env"]}["LICTOR_GRACE"]
    assert grace == f"{pod['terminationGracePeriodSeconds']}s" and only(made, "Namespace")
    assert "imagePullSecrets" not in pod, "a Secret that is not there is warned of for ever"


def page(name):
    return (SOURCE / "docs" / name).read_text()


def pages_name_what_is_there():
    """The helm commands and values of the pages work with this chart, and its namespace has the label that they give it."""
    label = only(render(SERVERS, "namespace.create=true"), "Namespace")["metadata"]["labels"]
    ((key, level),) = label.items()
    text = page("kubernetes.md")
    assert f"kubectl label namespace consul {key}={level}\n" in text and f"{key}={level}" in page("migration.md")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^ +helm (?:install|upgrade) lictor ((?:.*\\\n)?.*)", text + page("migration.md"), re.MULTILINE)
    assert len(commands) == 3, commands
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(f"{folder}/VALUES.yaml")
        file.write_text(example)
        assert len(of_kind(render(files=[file]), "DaemonSet")) == 2 and of_kind(render(files=[file]), "PodMonitor")
        for command in commands:
            words = shlex.split(command.replace("\\\n", " ").split("  #")[0].replace("VALUES.yaml", str(file)))
            assert words[0] == "config/helm/lictor" and charts("template", "lictor", SOURCE / words[0], *words[1:]), command


def pages_values_are_there():
    """Each value that a table of the pages names in the column of this chart is one of its values."""
    rows = re.findall(r"^\| [^|]* \| ([^|]*) \| [^|]*\|$", page("migration.md").split("### client.*")[1], re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-zA-Z]+)[.`:]", row)}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert len(named) > 15 and named <= set(values), named - set(values)


def moves_one_node_at_a_time():
    """What the page on moving has one do leaves no priority class, with which all old pods were preempted at once."""
    text = page("migration.md")
    (line,) = re.findall(r"^```yaml\n( +priorityClassName: null\n)```", text, re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        mine = shutil.copytree(MANIFESTS, f"{folder}/mine")
        patch = pathlib.Path(f"{mine}/daemonset.yaml")
        before = patch.read_text()
        patch.write_text(before.replace("      nodeSelector:\n", f"{line}      nodeSelector:\n"))
        made = [one for one in yaml.safe_load_all(charts("kustomize", mine)) if one]
    assert "priorityClassName" not in only(made, "DaemonSet")["spec"]["template"]["spec"]
    (install,) = re.findall(r"^ +helm install lictor .*$", text, re.MULTILINE)
    assert install.endswith("--set priorityClassName=") and "--set priorityClassName=" in text.split("**Second step**")[1]
    made = only(render(SERVERS, "priorityClassName="), "DaemonSet")
    assert "priorityClassName" not in made["spec"]["template"]["spec"]


CHECKS = [
    equals_the_base,
    notes_name_what_is_there,
    values_arrive,
    rights_can_be_switched_off,
    pools_share_no_node,
    bad_values_are_refused,
    lint_finds_nothing,
    schema_knows_the_settings,
    kubernetes_takes_it,
    manifests_stand_by_themselves,
    pages_name_what_is_there,
    pages_values_are_there,
    moves_one_node_at_a_time,
]


def main():
    if sys.argv[1:] == ["--build"]:
        return build()
    if sys.argv[1:] == ["--write"]:
        schema = json.loads(SCHEMA.read_text())
        schema["properties"]["settings"] = settings_schema()
        SCHEMA.write_text(json.dumps(schema, indent=2) + "\n")
        return None
    failed = 0
    for check in CHECKS:
        try:
            check()
            print(f"ok    {check.__name__}")
        except AssertionError as error:
            failed += 1
            print(f"FAIL  {check.__name__}: {error}")
    return sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
