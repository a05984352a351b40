"""README.md and docs/*.md: every command in them is run, by the scenarios here or by a test that is named here, and all
settings in them are given to lictor."""

import json
import os
import re
import shutil
import signal

import errors
import yaml
from machine import Machine
from package_test import command_line
from pages import replaced
from run import scenarios
from snippets import SOURCE, Host, all_pages, commands, in_section, settings_in, snippets
from status_test import documented_keys
from tools import eventually
from world import LEFT, SERVER_ADDRESS, write_json, write_script

# Pages and sections whose every block is used by the scenarios of another file, which see to it that none is forgotten.
OF_OTHERS = {
    "docs/operations.md": "operations_page",
    "docs/upgrading.md": "operations_page",
    "docs/troubleshooting.md": "troubleshooting_page",
}
# Commands, by how they begin, that a test of another kind runs: the test's name, or a program of `./dev test --arch arm64`.
ELSEWHERE = {
    "./dev demo": "e2e.demo",
    "./dev test": "docs_every_command",
    "./dev build": "e2e.demo",
    "./dev up": "compose_edit",
    "./dev logs": "compose_loop",
    "./dev down": "compose_loop",
    "./dev package": "package.build",
    "apt install ./build/release/packages/": "package_on_debian_12",
    "apt-get install -y consul ./build/release/packages/": "package_on_debian_12",
    "cmake --install build/release --prefix": "package_prefix",
    "rpm --install build/release/packages/": "package_rpm_makes_the_user",
    "install -m 755": "inits_openrc",
    "rc-update add lictor default": "inits_openrc",
    "rc-service lictor": "inits_openrc",
    "cp -r config/runit /etc/sv/lictor": "inits_runit",
    "ln -s /etc/sv/lictor": "inits_runit",
    "docker build -f docker/Dockerfile": "image.build",
    "docker build --platform linux/arm64": "tests/arm64_image.py",
    "cp -r config/kubernetes my-cluster": "kubernetes.chart",
    "docker run": "image_default",
    "docker exec": "image_locked_down",
    "docker stop": "image_default",
    "docker kill": "image_stop_signal",
    "COPY --from=lictor": "image_scratch",
    # What a developer types: the names in it are looked up.
    "./dev lint": "docs_contributing",
    "./dev bench": "docs_contributing",
    "cmake --preset debug": "docs_contributing",
    "cmake --build --preset debug": "docs_contributing",
    "build/debug/unit_tests": "docs_contributing",
    "git diff": "docs_contributing",
    "tests/e2e/run.py": "docs_contributing",
}
# What takes a cluster of Kubernetes, or a registry, which no test has: what these commands name is looked up in the manifests.
KUBERNETES = ("kubectl ", "helm ", "docker push ")
# What stands for capitals in settings.
WORDS = {
    "INTERFACE": "eth0",
    "PORT": "8510",
    "SERVER": SERVER_ADDRESS,
    "TIMEOUT": "10s",
    "OTHER-NAME": "n2",
    "NEW-NAME": "n9",
    "FILE": "/etc/lictor/token",
    "GROUP": "adm",
    "/usr/bin/consul": "/usr/local/bin/consul",
    "/srv/consul/conf": "/etc/lictor/consul.d",
    "/srv/consul/data": "/var/lib/lictor/data",
    "/srv/volume/data": "/var/lib/lictor/data",
    "/srv/volume": "/run",  # something is mounted there
}


def in_pod(command):
    """The command that `kubectl exec` runs in the pod; None of another one."""
    found = re.fullmatch(r"kubectl -n consul exec POD -- (.*)", command)
    return found and found[1]


def is_elsewhere(command):
    if command.startswith(KUBERNETES):
        return in_pod(command) is None
    return any(command.startswith(begin) for begin in ELSEWHERE)


def docs_every_command(world):
    """Each block of each page is settings, a picture, of commands that a test runs, or of a page with its own scenarios."""
    run_here = set(PLACES)
    forgotten, used = [], set()
    for page in all_pages():
        for snippet in snippets(page):
            if snippet.kind in ("json", "text", "yaml"):  # YAML: kubernetes.chart, compose_recreated
                continue
            if page in OF_OTHERS and snippet.section != first_heading(page):
                continue
            for command in commands(snippet.text):
                used |= {begin for begin in ELSEWHERE if command.startswith(begin)}
                if not is_elsewhere(command) and (page, snippet.section) not in run_here:
                    forgotten.append(f"{page}:{snippet.line}: {command}")
    assert not forgotten, "no test runs\n" + "\n".join(forgotten)
    assert used == set(ELSEWHERE), f"in no page any more: {set(ELSEWHERE) - used}"
    known, ctest = scenarios(), (SOURCE / "CMakeLists.txt").read_text()
    for test in [*ELSEWHERE.values(), *OF_OTHERS.values()]:
        assert test in known or f"add_test(NAME {test} " in ctest or (SOURCE / test).is_file(), f"{test}: no such test"


def first_heading(page):
    return (SOURCE / page).read_text().splitlines()[0].removeprefix("# ")


def docs_links(world):
    """Every link of a page leads to a file that there is, and to a heading that is in it."""
    broken = []
    for page in all_pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", (SOURCE / page).read_text()):
            path, _, anchor = target.partition("#")
            file = ((SOURCE / page).parent / path).resolve() if path else SOURCE / page
            if "://" in target or (file.exists() and (not anchor or anchor in anchors(file))):
                continue
            broken.append(f"{page}: {target}")
    assert not broken, broken


def anchors(page):
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def docs_words(world):
    """Commands of lictor with their options, and keys of its settings, that stand in a page's sentences and tables."""
    schema = json.loads((SOURCE / "config/lictor.schema.json").read_text())["properties"]
    general, options, _ = command_line(world)
    shown = documented_keys()  # some are called like settings
    unknown, seen = [], set()
    for page in all_pages():
        for word in re.findall(r"`([^`\n]+)`", (SOURCE / page).read_text()):
            if found := re.fullmatch(r"(?:.* )?lictor ([a-z]+)((?: --?[a-z-]+)*)(?: .*)?", word):
                if not set(found[2].split()) <= options.get(found[1], set()) | general or found[1] not in options:
                    unknown.append(f"{page}: {word}")
                seen.add(found[1])
            elif re.fullmatch(rf"({'|'.join(schema)})\.[a-z_.]+", word) and not has_key(schema, word) | (word in shown):
                unknown.append(f"{page}: {word}")
    assert not unknown, unknown
    assert {"check", "doctor", "restart", "status"} <= seen, seen


def has_key(schema, path):
    """Whether the settings have this key; below agent.config it is Consul's to say."""
    for name in path.split("."):
        if name not in schema:
            return False
        if "properties" not in schema[name]:
            return schema[name]["type"] == "object" or path.endswith(name)
        schema = schema[name]["properties"]
    return True


def docs_settings(world):
    """All settings in the pages are such that lictor and the agent take them."""
    host = Host(world, services=[])
    with open(WORDS["FILE"], "w") as file:
        file.write("2b7c4dd4-1e0c-4f0a-93a3-0f5f0f6c2f11")
    os.chmod(WORDS["FILE"], 0o600)
    os.mkdir(WORDS["/srv/consul/conf"])
    found = [snippet for page in all_pages() for snippet in snippets(page) if snippet.kind == "json"]
    assert len(found) > 10, found
    for snippet in found:
        write_json("/etc/lictor/shown.json", settings_in(snippet, WORDS))
        try:
            host.sh("lictor check -c /etc/lictor/shown.json", POD_NAMESPACE="consul")
        except AssertionError as error:
            raise AssertionError(f"{snippet.page}:{snippet.line}: {error}") from None
    # What is wrong with a service the agent says only when it is to have it.
    server, definitions = world.server(), [settings_in(s, WORDS)["services"] for s in found if '"services"' in s.text]
    host.start(POD_NAMESPACE="consul").ready()
    for services in definitions:
        host.write_settings(services=services)
        for name in (service["name"] for service in services):
            eventually(lambda name=name: server.instances(name), 10, f"{name} is in the catalog: {host.last_line()}")


def docs_on_a_node(world):
    """What a person asks a node that serves; by kubectl too."""
    server, host = world.server(), Host(world)
    host.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    for page, section in ON_A_NODE:
        for snippet in in_section(page, section):
            for command in commands(snippet.text) if snippet.kind == "sh" else []:
                asked = in_pod(command) or command
                if asked.startswith(KUBERNETES):
                    continue
                # The doctor finds that this machine's own folders may not last.
                told = host.sh(asked, (0, 1) if asked == "lictor doctor" else (0,))
                assert told or asked.startswith("lictor wait"), f"{page}: {asked} says nothing"
    # What the troubleshooting page shows of a healthy node is what one says of itself.
    (shown,) = in_section("docs/troubleshooting.md", "Troubleshooting")
    labels = [[line.split()[0] for line in text.splitlines()] for text in (shown.text, host.sh("lictor status"))]
    assert list(dict.fromkeys(labels[0])) == list(dict.fromkeys(labels[1])), labels


def docs_debian(world):
    """docs/debian.md from top to bottom on a host with systemd: looked at, started, reloaded, restarted, stopped."""
    server, machine = world.server(), Machine(world)
    machine.boot()
    page = "docs/debian.md"
    for snippet in in_section(page, "Installation", "The service"):
        if snippet.kind == "json":
            machine.settings = settings_in(snippet, {'"10.0.0.1", "10.0.0.2", "10.0.0.3"': f'"{SERVER_ADDRESS}"'})
            machine.write_settings()
            continue
        for command in commands(snippet.text):
            if is_elsewhere(command):
                continue
            done = machine.run("sh", "-c", command)
            assert done.returncode == 0, f"{command}: {done}\n{machine.lictor_status()}"
            if command.startswith("systemctl enable"):
                assert server.instances() == {"n1": machine.address}
            if command.startswith("systemctl status"):
                assert "serve: registered" in done.stdout, done.stdout
    assert machine.show("ActiveState") == "inactive" and server.member("n1") == LEFT


def docs_quick_start_debian(world):
    """README's lines for Debian, on the settings that the package installs: the node is in the catalog."""
    server, machine = world.server(), Machine(world)
    machine.boot()
    shutil.copy(SOURCE / "systemd/lictor.json", f"{machine.root}/etc/lictor/lictor.json")
    (snippet,) = in_section("README.md", "Debian")
    for command in commands(replaced(snippet.text, {"10.0.0.1": SERVER_ADDRESS})):
        if is_elsewhere(command):
            continue
        done = machine.run("sh", "-c", command)
        assert done.returncode == 0, f"{command}: {done}\n{machine.lictor_status()}"
    assert "serve, ready" in done.stdout and server.instances() == {"n1": machine.address}, done.stdout


# For what takes a registry and a cluster: what they are given is noted, and what is rendered is as kubectl does it, or
# where there is none, as files stand in the base.
DOCKER = 'echo "docker $*" >> "$TOLD"\n'
KUBECTL = """case $1 in
  kustomize) if [ -n "$REAL" ]; then exec "$REAL" "$@"; else for each in "$2"/[!k]*.yaml; do cat "$each"; echo ---; done; fi ;;
  apply) exec cat > "$APPLIED" ;;
esac
echo "kubectl $*" >> "$TOLD"
"""


def docs_quick_start_kubernetes(world):
    """README's lines for Kubernetes: what they apply names the image that they push, and a node serves with its settings."""
    (snippet,) = in_section("README.md", "Kubernetes")
    for name, text in (("docker", DOCKER), ("kubectl", KUBECTL)):
        write_script(f"{world.folder}/{name}", text)
    server, host = world.server(), Host(world)
    told, applied = f"{world.folder}/told", f"{world.folder}/applied.yaml"
    text = replaced(snippet.text, {'"10.0.0.1"': f'"{SERVER_ADDRESS}"'})
    path = f"{world.folder}:{host.environment['PATH']}"
    real = shutil.which("kubectl") or ""
    host.sh(f"cd {SOURCE}\n{text}", PATH=path, REAL=real, TOLD=told, APPLIED=applied)
    with open(told) as file:
        asked = file.read()
    with open(applied) as file:
        found = {each["kind"]: each for each in yaml.safe_load_all(file) if each}
    (pushed,) = re.findall(r"^docker push (\S+)$", asked, re.MULTILINE)
    (container,) = found["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == pushed and f"-t {pushed} " in asked and "Namespace" in found, (container, asked)
    with open("/etc/lictor/lictor.json", "w") as file:
        file.write(found["ConfigMap"]["data"]["lictor.json"])
    assert SERVER_ADDRESS in found["ConfigMap"]["data"]["lictor.json"]
    host.start(LICTOR_NODE_DATA_DIR=host.data_dir).ready()
    assert "n1" in server.instances()
    asked_of_pod = re.findall(r"^kubectl -n consul exec daemonset/lictor -- (.*)$", asked, re.MULTILINE)
    assert asked_of_pod and all("serve, ready" in host.sh(command) for command in asked_of_pod), asked


def docs_errors(world):
    """docs/errors.md is what the sources make of it."""
    made = errors.page()
    assert made.count("\n| ") > 80, made
    assert errors.PAGE.read_text() == made, "tests/e2e/errors.py --write brings docs/errors.md up to date"


def docs_logs(world):
    """The lines and the commands of docs/logs.md, under a systemd whose journal takes the log."""
    page = "docs/logs.md"
    text, objects = (snippet.text.splitlines() for snippet in in_section(page, "Lines"))
    world.server()
    machine = Machine(world).boot()
    machine.systemctl("start", "lictor")
    os.kill(machine.agent().pid, signal.SIGKILL)
    eventually(lambda: machine.show("StatusText").startswith("serve: registered"), 10, "registered again")
    for line in text:
        same = re.sub(r"\d+", lambda _: r"\d+", re.escape(line))
        eventually(lambda same=same: re.search(f"^{same}$", machine.journal(), re.MULTILINE), 10, f"{line} in the journal")
    for snippet in in_section(page, "The journal"):
        for command in commands(snippet.text):
            told = machine.run("sh", "-c", command).stdout
            assert "the agent has died" in told and "agent started" not in told, f"{command}: {told}"
    machine.write_settings(log={"format": "json"})
    machine.systemctl("restart", "lictor")
    os.kill(machine.agent().pid, signal.SIGKILL)
    for line in map(json.loads, objects):
        if "@module" in line:
            # A service that neither agent nor catalog knows: what the catalog has already no agent syncs.
            web = [{"name": line["service"], "port": 80}]
            machine.write_settings(agent={"config": {"log_json": True}}, services=web)
            machine.systemctl("restart", "lictor")

        def alike(line=line):
            said = [json.loads(one) for one in machine.journal().splitlines() if one.startswith("{")]
            words = line["message"][-20:]
            return [one for one in said if one["message"].endswith(words) and kinds(one) == kinds(line)]

        eventually(alike, 10, f"a line like {line}")


def kinds(line):
    return {key: type(value) for key, value in line.items()}


def docs_log_fields(world):
    """The table of docs/logs.md has every field of lictor's lines, and no other."""
    page = (SOURCE / "docs/logs.md").read_text().split("| field |")[1].split("## ")[0]
    told = {key for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    used = {"repeated"}
    for path in sorted([*(SOURCE / "lib/life").glob("*.cpp"), *(SOURCE / "daemon").glob("*.cpp")]):
        source = errors.Text(path.read_text())
        # The life makes fields of nothing but its lines'.
        spans = [(0, len(source.text))] if path.parent.name == "life" else [
            (call.end(), source.ends[call.end() - 1]) for call in re.finditer(r"log::\w+\(", source.blank)
        ]
        for begin, end in spans:
            used |= set(re.findall(r'(?<!Problem)\{"([a-z_]+)", ', source.text[begin:end]))
    assert len(used) > 20 and told == used, told ^ used


def docs_kubernetes(world):
    """Namespaces and DaemonSets that the pages' commands name are those of the manifests."""
    there = {None: set()}
    for path in (SOURCE / "config/kubernetes").rglob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if document.get("kind") == "DaemonSet":
                there.setdefault(document["metadata"]["namespace"], set()).add(document["metadata"]["name"])
    shell = [snippet.text for page in all_pages() for snippet in snippets(page) if snippet.kind == "sh"]
    asked = [command for text in shell for command in commands(text)]
    asked = [command for command in asked if command.startswith("kubectl -n consul ")]
    named = {found[1] for command in asked if (found := re.search(r"daemonset (\S+)", command))}
    assert asked and named and named <= there["consul"], (named, there)


def docs_contributing(world):
    """Files, functions, words of ./dev, tags and scenarios that docs/contributing.md names are there."""
    page = (SOURCE / "docs/contributing.md").read_text()
    told = " ".join(re.findall(r"`([^`\n]+)`", page) + [s.text for s in snippets("docs/contributing.md")])
    paths = set(re.findall(r"\b(?:lib|daemon|tests|config)(?:/[\w.]+)*\b", told))
    lost = [path for path in paths if not (SOURCE / path).exists()]
    assert len(paths) > 15 and not lost, lost
    sources = [path.read_text() for top in ("lib", "daemon", "tests") for path in (SOURCE / top).rglob("*.[ch]pp")]
    text = "\n".join(sources)
    functions = set(re.findall(r"\b(\w+)\(\)", told))
    lost = [name for name in functions if f"{name}(" not in text]
    assert len(functions) > 5 and not lost, lost
    assert set(re.findall(r"\[\.\w+\]", told)) == {"[.regenerate]"} and '"[.regenerate]"' in text
    presets = json.loads((SOURCE / "CMakePresets.json").read_text())["buildPresets"]
    asked = set(re.findall(r"--preset (\S+)", told)) | set(re.findall(r"\bbuild/(\w+)/", told))
    assert asked and asked <= {preset["name"] for preset in presets}, asked
    words = set(re.findall(r"\./dev (\w+)", told))
    assert words <= set(re.findall(r"^  (\w+) ", (SOURCE / "dev").read_text(), re.MULTILINE)), words
    program, name = re.search(r"(\S*run\.py) .* (\w+)$", told).groups()
    assert os.access(SOURCE / program, os.X_OK) and name in scenarios()


ON_A_NODE = [
    ("README.md", "Troubleshooting"),
    ("docs/kubernetes.md", "Troubleshooting"),
    ("docs/migration.md", "Afterwards"),
    ("docs/operations.md", "Operations"),
    ("docs/configuration.md", "Checking settings"),
    ("docs/status.md", "Status"),
    ("docs/fleet.md", "lictor fleet"),
]
PLACES = [*ON_A_NODE, ("docs/debian.md", "Installation"), ("docs/debian.md", "The service")]
PLACES += [("docs/troubleshooting.md", "Troubleshooting"), ("docs/logs.md", "The journal")]
# systemd_move_hashicorp, systemd_move_with_a_leave
PLACES += [("docs/migration.md", section) for section in ("A host with HashiCorp's package", "The move", "Going back")]
PLACES += [("docs/migration.md", "The move with a leave")]
PLACES += [("docs/security.md", "Hardening the unit")]
# docs_quick_start_kubernetes, image_quick_start, docs_quick_start_debian
PLACES += [("README.md", platform) for platform in ("Kubernetes", "Docker", "Debian")]
