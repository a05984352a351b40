"""GET /metrics tells of a node's life what happens in it."""

import os
import re
import signal

from tools import eventually
from world import write_json

SAMPLE = re.compile(r'([a-z_]+)((?:\{[^}]*\})?) (\S+)$')


def samples(client):
    """{"name{label="value"}": value} of GET /metrics; every metric has its help and its type."""
    answer = client.control("GET", "/metrics")
    assert answer.status == 200, answer
    found, kinds = {}, {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            name, labels, value = SAMPLE.match(line).groups()
            assert kinds[name] == ("counter" if name.endswith("_total") else "gauge"), line
            found[name + labels] = float(value)
    return found


def when(client, **expected):
    """Waits until the metrics (without "lictor_") have these values; all metrics."""
    seen = {}

    def fact():
        seen.clear()
        seen.update(samples(client))
        return all(seen[f"lictor_{name}"] == value for name, value in expected.items())

    eventually(fact, 10, f"metrics {expected}")
    return seen


def restarts(found):
    """Restarts by reason, those that there were."""
    pattern = re.compile(r'lictor_agent_restarts_total\{reason="([a-z_]+)"\}')
    return {match[1]: value for name, value in found.items() if (match := pattern.match(name)) and value}


def metrics_of_a_life(world):
    """Each restart counts by its reason, refused settings show until they are mended, a leave shows while it lasts."""
    client = world.client(stop={"linger": "5s"}, watch={"hung_after": "2s"})
    client.start()
    waiting = when(client, agent_up=1, ready=0, leader_known=0)
    assert waiting['lictor_phase{phase="join"}'] == 1
    assert "lictor_first_ready_seconds" not in waiting and "lictor_agent_registered_seconds" not in waiting

    world.server()
    client.ready()
    served = when(client, ready=1)
    assert served['lictor_phase{phase="serve"}'] == 1 and served['lictor_phase{phase="join"}'] == 0
    assert sum(value for name, value in served.items() if name.startswith("lictor_phase")) == 1
    assert served["lictor_services_desired"] == served["lictor_services_registered"] == 1
    assert served["lictor_first_ready_seconds"] >= served["lictor_agent_registered_seconds"] > 0
    assert restarts(served) == {} and served["lictor_agent_launches_total"] == 1
    assert 0 < served["lictor_loop_longest_turn_seconds"] < 1
    began = os.stat(f"/proc/{client.pid}").st_ctime
    assert abs(served["lictor_start_time_seconds"] - began) < 2, (served["lictor_start_time_seconds"], began)
    assert served["lictor_agent_start_time_seconds"] >= served["lictor_start_time_seconds"]

    launches = 1
    for reason, act in (
        ("died", lambda: os.kill(client.agent_pid(), signal.SIGKILL)),
        ("asked", lambda: client.send(signal.SIGUSR2)),
        ("hung", lambda: os.kill(client.agent_pid(), signal.SIGSTOP)),
        ("settings", lambda: client.write_settings(agent={"config": {"dns_config": {"only_passing": True}}})),
    ):
        act()
        launches += 1
        found = when(client, agent_launches_total=launches, ready=1)
        assert restarts(found)[reason] == 1, (reason, restarts(found))
    assert restarts(found) == {"died": 1, "asked": 1, "hung": 1, "settings": 1}
    assert client.status()["agent"]["last_restart"]["reason"] == "settings"

    # What is in force has another hash; what is refused changes nothing but tells.
    hashes = [[name for name in one if name.startswith("lictor_settings_info")] for one in (served, found)]
    assert len(hashes[0]) == len(hashes[1]) == 1 and hashes[0] != hashes[1], hashes
    applied = found["lictor_settings_applied_timestamp_seconds"]
    with open(client.settings_file, "w") as file:
        file.write("{")
    refused = when(client, settings_broken=1)
    assert refused['lictor_reloads_total{result="broken"}'] == 1
    assert hashes[1][0] in refused
    assert abs(refused["lictor_settings_applied_timestamp_seconds"] - applied) < 0.1
    client.write_settings()
    mended = when(client, settings_broken=0)
    assert mended['lictor_reloads_total{result="unchanged"}'] == 1

    client.send(signal.SIGTERM)
    leaving = when(client, leave_confirmed=1)
    assert 0 < leaving["lictor_stop_seconds"] < 10 and leaving["lictor_ready"] == 0
    assert leaving['lictor_phase{phase="leave"}'] == 1
    assert client.ended() == 0


def metrics_of_nodes_alike(world):
    """Two nodes with the same settings have the same hash, and the value of a token changes nothing in it."""
    run_dir, shared = f"{world.folder}/run", f"{world.folder}/agent.json"
    hashes = []
    for name in ("n1", "n2"):
        write_json(shared, {"acl": {"tokens": {"default": f"token-of-{name}"}}})
        client = world.client(
            name,
            agent={"config_files": [shared]},
            node={"data_dir": f"{world.folder}/data"},
            run_dir=run_dir,
            control={"socket": f"{run_dir}/lictor.sock"},
        )
        client.control_socket, client.run_dir = f"{run_dir}/lictor.sock", run_dir
        client.start()
        found = when(client, agent_up=1)
        hashes.append([label for label in found if label.startswith("lictor_settings_info")])
        assert client.consul_json()["acl"]["tokens"]["default"] == f"token-of-{name}"
        client.stop(signal.SIGQUIT)
    assert hashes[0] == hashes[1] and len(hashes[0]) == 1, hashes
