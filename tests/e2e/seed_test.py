"""A DaemonSet that ran the agent with a registration script and lifecycle hooks moves over to lictor as it stands."""

import os

from tools import eventually
from world import ALIVE, LEFT, SERVER_ADDRESS, open_folder, run, write_json, write_script

CONSUL_JSON = {
    "datacenter": "dc1",
    "client_addr": "0.0.0.0",
    "bind_addr": '{{ GetInterfaceIP "eth0" }}',
    "data_dir": "/consul/data",
    "retry_interval": "20s",
    "retry_join": [SERVER_ADDRESS],
    "enable_local_script_checks": True,
    "log_file": "/var/log/",
    "log_level": "trace",
    "pid_file": "/var/run/consul.pid",
    "performance": {"raft_multiplier": 1},
    "telemetry": {"prometheus_retention_time": "300s", "disable_hostname": True},
}

REGISTRATION = r"""
CONF_DIR="$1"
ADDR=$(ip addr show | awk -F '[ /]+' '/eth[0-9]|em[0-9]/ && /inet/ {print $3}')
if [ -z "$ADDR" ] || [ ! -d "$CONF_DIR" ]; then
  echo "no address or no $CONF_DIR" >&2
  exit 1
fi
cat > "$CONF_DIR/consul-members-registration.json" <<END
{"service": {"id": "consul-members-$ADDR", "name": "consul-members", "address": "$ADDR", "port": 8500,
             "tags": ["$POD_NAMESPACE"],
             "checks": [{"http": "http://$ADDR:8500/v1/agent/self", "interval": "1s"}]}}
END
"""


def moved_over(world, services, link="eth0"):
    # The places that its consul.json names, as a pod has them: /var/run and /var/log writable for the agent.
    for place in ("/run", "/var/log"):
        if place != "/run":
            run("mount", "-t", "tmpfs", "tmpfs", place)
        os.chmod(place, 0o1777)
    server = world.server()
    conf = open_folder(f"{world.folder}/config")
    write_json(f"{conf}/consul.json", CONSUL_JSON | {"bind_addr": f'{{{{ GetInterfaceIP "{link}" }}}}'})
    script = write_script(f"{world.folder}/create-consul-registration.sh", REGISTRATION)
    hook = {"command": ["/bin/sh", "-c", f"{script} {conf}\nconsul reload\n"], "timeout": "10s", "on_failure": "retry"}
    client = world.client(
        link=link, agent={"config_files": [f"{conf}/consul.json"], "config_dirs": [conf]}, hooks={"post_start": [hook]}
    )
    client.settings["agent"].pop("config")
    client.write_settings(**({} if services is None else {"services": services}))
    client.start(POD_NAMESPACE="consul", HOST_IP=client.address, POD_IP=client.address)
    client.ready(30)
    eventually(lambda: server.instances() == {"n1": client.address}, 15, "the service is in the catalog")
    return server, client


def seed_moved_over(world):
    """Its consul.json, its environment, and its script with `consul reload` as a post_start hook work unchanged; that the
    script has written a file into agent.config_dirs costs no agent."""
    server, client = moved_over(world, services=[])
    service = server.node("n1")["Services"][f"consul-members-{client.address}"]
    assert service["Tags"] == ["consul"] and not service["Meta"], service
    eventually(lambda: server.passing() == ["n1"], 15, "its check passes")
    config = client.consul_json()
    assert config["bind_addr"] == client.address and config["data_dir"] == client.data_dir
    kept = ("datacenter", "client_addr", "retry_interval", "log_file", "pid_file", "performance", "telemetry")
    assert {key: config[key] for key in kept} == {key: CONSUL_JSON[key] for key in kept}
    assert any(name.startswith("consul") for name in os.listdir("/var/log")), os.listdir("/var/log")
    client.logged("taken by the running agent keys=services")
    assert client.ready()["agent"]["restarts"] == 0
    assert client.stop()[0] == 0, client.last_line()
    assert server.member("n1") == LEFT and server.node("n1") is None


def seed_moved_over_em1(world):
    """The same on a host whose interface is em1, with the default service registered beside the script's."""
    server, client = moved_over(world, services=None, link="em1")
    names = {s["Service"] for s in server.node("n1")["Services"].values()}
    assert names == {"consul-members"} and server.member("n1") == ALIVE
