"""Settings that no agent starts with are found before, and gone back from."""

import json
import os
import subprocess

from settings_test import WEB, has_web, make_certificate
from tools import eventually
from world import CONSUL, run, write_json, write_script


CHECK = {"id": "a", "name": "a"}


# What `consul validate` passes and no agent starts with: the agent's settings, and the key that is named.
NO_START = [
    ({"log_level": "warning"}, "log_level"),
    ({"encrypt": "YWJj"}, "encrypt"),
    ({"ca_file": "FOLDER/no.pem"}, "ca_file"),
    ({"ca_file": "FOLDER/key.pem"}, "ca_file"),
    ({"ca_path": "FOLDER/no"}, "ca_path"),
    ({"cert_file": "FOLDER/no.pem", "key_file": "FOLDER/key.pem"}, "cert_file"),
    ({"cert_file": "FOLDER/cert.pem", "key_file": "FOLDER/other/key.pem"}, "key_file"),
    ({"verify_outgoing": True}, "verify_outgoing"),
    ({"verify_incoming": True, "ca_file": "FOLDER/cert.pem"}, "verify_incoming"),
    ({"log_file": "FOLDER/no/consul.log"}, "log_file"),
    ({"client_addr": "203.0.113.9"}, "client_addr"),
    ({"addresses": {"dns": "203.0.113.9"}}, "addresses.dns"),
    ({"serf_lan": "203.0.113.9"}, "serf_lan"),
    ({"recursors": ["8.8.8.8:x"]}, "recursors"),
    ({"services": [{"port": 80}]}, "services[0]"),
    ({"enable_local_script_checks": False, "checks": [CHECK | {"args": ["/bin/true"], "interval": "9s"}]}, "checks[0]"),
    ({"checks": [CHECK]}, "checks[0]"),
    ({"services": [{"name": "a", "check": {"http": "http://127.0.0.1/"}}]}, "services[0].check"),
    ({"watches": [{"type": "node", "args": ["/bin/true"]}]}, "watches[0]"),
    ({"watches": [{"type": "nodes"}]}, "watches[0]"),
    ({"watches": [{"type": "key", "args": ["/bin/true"]}]}, "watches[0]"),
]


def in_folder(value, folder):
    return json.loads(json.dumps(value).replace("FOLDER", folder))


def settings_no_agent_starts_with(world):
    """What validate passes and a start does not is found by `check` and by a reload, with file and key: the agent that serves
    goes on serving. Each is seen to be true of this Consul."""
    _, client = world.server(), world.client(watch={"settings": False})
    path = f"{client.folder}/agent.json"
    write_json(path, {})
    os.mkdir(f"{client.folder}/other")
    make_certificate(client.folder)
    make_certificate(f"{client.folder}/other")
    client.write_settings(agent={"config_files": [path]})
    client.settings["agent"]["config"].pop("enable_local_script_checks")
    client.write_settings()
    before = client.start().ready()
    for extra, key in NO_START:
        broken = in_folder(extra, client.folder)
        write_json(path, broken)
        for order in ("check", "reload"):
            told = client.command(order)
            # What is only missing may come: a start waits for it.
            may_come = order == "check" and key != "log_file" and "no such " in told.stderr
            assert told.returncode == (75 if may_come else 78), (extra, told)
            line = next(line for line in told.stderr.splitlines() if line.startswith("lictor: "))
            assert f"{key} ({path}" in line, (extra, told)
        assert key in str(client.status()["problems"]), extra
    write_json(path, {})
    assert client.command("check").returncode == 0
    assert client.command("reload").returncode == 0
    after = client.ready()
    assert after["agent"]["pid"] == before["agent"]["pid"] and after["problems"] == [], after


def settings_no_agent_starts_with_is_so(world):
    """The list above is no list of opinions: the agent itself ends with each of them."""
    folder = world.folder
    os.mkdir(f"{folder}/other")
    make_certificate(folder)
    make_certificate(f"{folder}/other")
    run("ip", "link", "set", "lo", "up")
    for number, (extra, _) in enumerate(NO_START):
        settings = f"{folder}/{number}.json"
        base = {"data_dir": f"{folder}/data{number}", "bind_addr": "127.0.0.1", "node_name": "x"}
        write_json(settings, base | in_folder(extra, folder))
        done = subprocess.run([CONSUL, "agent", f"-config-file={settings}"], capture_output=True, timeout=20)
        assert done.returncode == 1, (extra, done)


def settings_in_config_dirs_no_agent_starts_with(world):
    """The same in a file of agent.config_dirs, which is named; what another file there says otherwise counts."""
    folder = f"{world.folder}/extra"
    os.mkdir(folder)
    client = world.client(agent={"config_dirs": [folder]})
    client.settings["agent"]["config"].pop("enable_local_script_checks")
    client.write_settings()
    write_json(f"{folder}/web.json", {"check": CHECK | {"args": ["/bin/true"], "interval": "9s"}})
    told = client.command("check")
    assert told.returncode == 78 and f"checks[0] ({folder}/web.json" in told.stderr, told
    with open(f"{folder}/scripts.hcl", "w") as file:
        file.write("enable_local_script_checks = true")
    assert client.command("check").returncode == 0


# Of those above what the host has no part in.
ITS_OWN_FAULT = ("log_level", "encrypt", "verify_outgoing", "verify_incoming", "recursors", "services[0]", "checks[0]",
                 "services[0].check", "watches[0]")


def settings_no_agent_starts_with_end_a_start(world):
    """At a start they end lictor with 78 once the first agent has ended for them, and not after five; so does what `consul
    validate` refuses and lictor has no rule for. What may mend itself is tried again as ever."""
    client = world.client()
    path = f"{client.folder}/agent.json"
    os.mkdir(f"{client.folder}/other")
    make_certificate(client.folder)
    client.settings["agent"]["config"].pop("enable_local_script_checks")
    client.write_settings(agent={"config_files": [path]})
    cases = [(extra, key) for extra, key in NO_START if key in ITS_OWN_FAULT]
    for extra, key in [*cases, ({"check_update_interval": "soon"}, "consul validate")]:
        write_json(path, in_folder(extra, client.folder))
        os.truncate(client.log_file, 0) if os.path.exists(client.log_file) else None
        assert client.start().ended(10) == 78, (extra, client.log)
        assert client.log.count("agent started") == 1, (extra, client.log)
        subject = key if key == "consul validate" else f"{key} ({path}"
        assert client.last_line().startswith(f"lictor: {subject}"), (extra, client.last_line())
        client.nobody_left()
    # An address that may yet come: the agent is started again, as often as ever.
    write_json(path, {"client_addr": "203.0.113.9"})
    client.write_settings(restart={"min": "10ms", "max": "20ms", "give_up_after": 3})
    os.truncate(client.log_file, 0)
    assert client.start().ended(20) == 75 and client.log.count("agent started") == 3, client.log


def settings_with_unknown_keys(world):
    """A key that the agent does not know ends a start with 78, with file, line and column, before anything is made: no
    directory, no file, no agent. `check` says the same. At a reload the old settings stay in force."""
    client = world.client()
    folder, file = f"{client.folder}/consul.d", f"{client.folder}/agent.json"
    os.mkdir(folder)
    own = client.settings["agent"]["config"]
    no_key = "no key of the agent's configuration; "
    cases = [
        ({"hcl": 'server = false\nno_such_key = 1\n'}, f"{folder}/a.hcl:2:1: no_such_key: {no_key}"),
        ({"hcl": 'service {\n  name = "a"\n  nope = 1\n}'}, f"{folder}/a.hcl:3:3: service.nope: {no_key}"),
        ({"json": '{"acl": {\n"nope": 1}}'}, f"{file}:2:1: acl.nope: {no_key}"),
        ({"json": '{ // why\n"nope": 1}'}, f"{file}: nope: {no_key}"),
        ({"config": own | {"nope": 1}}, f"agent.config ({client.settings_file}): nope: {no_key}"),
        ({"args": ["-hcl", "nope = 1"]}, f"agent.args -hcl:1:1: nope: {no_key}"),
        ({"json": '{"ports": {"http": "80"}}'}, f"{file}:1:12: ports.http: not a number; "),
        ({"config": own | {"ports": {"http": "80"}}}, f"agent.config ({client.settings_file}): ports.http: not a number; "),
    ]

    def write(hcl="", json="{}", config=None, args=()):
        for path, text in ((f"{folder}/a.hcl", hcl), (file, json)):
            with open(path, "w") as opened:
                opened.write(text)
        client.settings["agent"]["config"] = config or own
        client.write_settings(
            agent={"config_dirs": [folder], "config_files": [file], "args": list(args)}, watch={"settings": False})

    for settings, told in cases:
        write(**settings)
        assert client.start().ended(10) == 78, (settings, client.log)
        assert client.last_line().startswith("lictor: " + told), (settings, client.log)
        assert "agent started" not in client.log and not os.path.exists(client.data_dir), (settings, client.log)
        assert set(os.listdir(client.run_dir)) <= {"lictor.lock", "lictor.sock"}, os.listdir(client.run_dir)
        checked = client.command("check")
        assert checked.returncode == 78 and "lictor: " + told in checked.stderr, (settings, checked)
    world.server()
    write()
    before = client.start().ready()
    for settings, told in cases:
        write(**settings)
        refused = client.command("reload")
        assert refused.returncode == 78 and told in refused.stderr, (settings, refused)
        assert client.status()["agent"]["pid"] == before["agent"]["pid"] and told in str(client.status()["problems"])
    write()
    assert client.command("reload").returncode == 0 and client.status()["problems"] == []


def settings_with_keys_of_a_later_consul(world):
    """What a key is worth is for the agent's own program to say: one that it takes is no matter, of all others each is told."""
    text = 'cat "$3" > WHERE/asked\n[ "$1" = validate ] && { echo "* invalid config key acl.older" >&2; exit 1; }\nexec sleep 99\n'
    stand_in = write_script(f"{world.folder}/consul", text.replace("WHERE", world.folder))
    os.chmod(world.folder, 0o777)
    client = world.client(agent={"binary": stand_in})
    client.settings["agent"]["config"] |= {"newkey": "secret", "acl": {"older": 1}}
    client.write_settings()
    assert client.start().ended(10) == 78, client.log
    assert "acl.older: no key" in client.last_line() and "newkey" not in client.log, client.log
    with open(f"{world.folder}/asked") as file:
        assert json.load(file) == {"newkey": True, "acl": {"older": True}}
    client.settings["agent"]["config"].pop("acl")
    client.write_settings()
    client.start()
    client.logged("agent started", 5)


# What only a start can judge: a recursor whose name nobody knows.
UNSTARTABLE = {"recursors": ["no-such-host.invalid"]}


def settings_gone_back_from(world):
    """An agent that ends with new settings before its API answers: the node serves again with those before, all of them,
    within a moment; the log, the status and whoever waits for the reload are told."""
    server, client = world.server(), world.client(services=[WEB], watch={"settings": False})
    before = client.start().ready()
    has_web(server, client)
    broken = client.settings | {"services": [WEB | {"name": "other"}], "stop": {"policy": "stay"}}
    broken["agent"] = client.settings["agent"] | {"config": client.settings["agent"]["config"] | UNSTARTABLE}
    good = client.settings
    client.settings = broken
    client.write_settings()
    assert client.command("check").returncode == 0, "only a start can judge it"
    told = client.command("reload")
    assert told.returncode == 78 and "with the new settings (recursors) it did not start" in told.stderr, told
    client.logged("new settings taken back, those before are in force again")
    after = client.ready(5)
    assert after["agent"]["pid"] != before["agent"]["pid"]
    assert "did not start" in str(after["problems"]), after["problems"]
    assert "recursors" not in client.consul_json()
    assert server.instances("other") == {} and server.instances("web") == {"n1": client.address}
    for line in client.log.splitlines():
        assert "deaths=" not in line, line
    # Mended, the rest is taken.
    client.settings = broken | {"agent": good["agent"]}
    client.write_settings()
    assert client.command("reload").returncode == 0
    eventually(lambda: server.instances("other") == {"n1": client.address}, 5, "other is registered")
    assert client.ready()["problems"] == []


SIDECAR = {"port": 80, "connect": {"sidecar_service": {}}}


def settings_refused_by_the_running_agent(world):
    """What the agent refuses when it is to reload stays refused, whoever asks and however often, until it is mended; put
    back, the agent has all that it had."""
    server, client = world.server(), world.client(watch={"settings": False})
    folder = f"{world.folder}/consul.d"
    os.mkdir(folder)
    path = f"{folder}/services.json"
    # One sidecar has a port, two have not: neither validate nor lictor knows.
    write_json(f"{folder}/ports.json", {"ports": {"sidecar_min_port": 21000, "sidecar_max_port": 21000}})
    write_json(path, {"services": [WEB]})
    client.write_settings(agent={"config_dirs": [folder]})
    before = client.start().ready()
    has_web(server, client)
    write_json(path, {"services": [SIDECAR | {"name": name} for name in ("a", "b")]})
    reasons = set()
    for _ in range(3):
        told = client.command("reload")
        assert told.returncode == 78 and "none left in the configured range" in told.stderr, told
        reasons.add(told.stderr)
        assert "none left in the configured range" in str(client.status()["problems"]), client.status()
    assert len(reasons) == 1, reasons
    write_json(path, {"services": [WEB]})
    told = client.command("reload")
    assert told.returncode == 0, told
    assert client.status()["problems"] == [], client.status()
    has_web(server, client)
    assert client.ready()["agent"]["pid"] == before["agent"]["pid"]
    assert "nothing for the agent has changed" in client.command("reload").stdout


def settings_refused_services(world):
    """A service that the agent does not take: the reload that brought it says so each time, the others are registered."""
    server, client = world.server(), world.client(services=[WEB])
    client.start().ready()
    has_web(server, client)
    script = {"args": ["/bin/true"], "interval": "10s"}
    client.settings["watch"] = {"settings": False}
    client.write_settings(services=[WEB | {"name": "other"}, {"name": "db", "checks": [script]}])
    for _ in range(2):
        told = client.command("reload")
        assert told.returncode == 78 and "registering db" in told.stderr, told
        assert "registering db" in str(client.status()["problems"]), client.status()
    eventually(lambda: server.instances("other") == {"n1": client.address}, 5, "the other one is registered")
    client.write_settings(services=[WEB])
    told = client.command("reload")
    assert told.returncode == 0, told
    eventually(lambda: client.status()["problems"] == [], 5, "it is over")


def settings_refused_for_want_of_an_address(world):
    """New settings for which there is no address yet are refused, and taken without being asked when it comes."""
    server, client = world.server(), world.client(watch={"settings": False})
    client.start().ready()
    client.write_settings(bind={"interface": ["second0"]})
    for _ in range(2):
        told = client.command("reload")
        assert told.returncode == 78 and "second0" in told.stderr, told
    assert "second0" in str(client.status()["problems"]) and client.ready()
    run("ip", "-n", client.namespace, "link", "add", "second0", "type", "veth", "peer", "name", "peer0")
    for link in ("second0", "peer0"):
        run("ip", "-n", client.namespace, "link", "set", link, "up")
    assert "second0" in str(client.status()["problems"])
    run("ip", "-n", client.namespace, "addr", "add", "10.77.1.9/32", "dev", "second0")
    eventually(lambda: client.status()["address"] == "10.77.1.9", 10, "the settings are in force")
    assert client.status()["problems"] == [], client.status()
