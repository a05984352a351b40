"""What users put before `consul agent` where lictor is not, as commands that end in a given one."""

import os
import shlex

import world as e2e

# Written for this bench, with the steps of the official image's entrypoint: the address of an interface, who owns the
# directories, settings from the environment, and the agent's own user at the end.
ENTRYPOINT = r"""#!/bin/sh
set -e
bind=
if [ -n "$CONSUL_BIND_INTERFACE" ]; then
  address=$(ip -o -4 addr list "$CONSUL_BIND_INTERFACE" | head -n1 | awk '{print $4}' | cut -d/ -f1)
  if [ -z "$address" ]; then
    echo "no address on $CONSUL_BIND_INTERFACE" >&2
    exit 1
  fi
  bind="-bind=$address"
fi
data=${CONSUL_DATA_DIR:-/consul/data}
mkdir -p "$data"
if [ -n "$CONSUL_LOCAL_CONFIG" ]; then
  echo "$CONSUL_LOCAL_CONFIG" > "$CONSUL_CONFIG_DIR/local.json"
fi
for folder in "$data" "$CONSUL_CONFIG_DIR"; do
  if [ "$(stat -c %u "$folder")" != "$(id -u consul)" ]; then
    chown consul:consul "$folder"
  fi
done
exec setpriv --reuid=consul --regid=consul --clear-groups "$@" $bind
"""


def tini(_, command):
    # -s: subreaper, for where it is not PID 1.
    return ["tini", "-s", "--", *command]


def dumb_init(_, command):
    return ["dumb-init", "--", *command]


def catatonit(_, command):
    return ["catatonit", "--", *command]


def entrypoint(folder, command):
    """dumb-init and the script, which takes CONSUL_* from the environment."""
    os.makedirs(folder, exist_ok=True)
    script = f"{folder}/entrypoint.sh"
    with open(script, "w") as file:
        file.write(ENTRYPOINT)
    return ["dumb-init", "--", "/bin/sh", script, *command]


def s6(folder, command):
    service(folder, command)
    return ["s6-svscan", folder]


def runit(folder, command):
    service(folder, command)
    return ["runsvdir", folder]


def service(folder, command):
    """A folder of services with one in it, as s6 and runit both take it."""
    os.makedirs(f"{folder}/consul", exist_ok=True)
    e2e.write_script(f"{folder}/consul/run", f"exec {shlex.join(command)}\n")


def supervisord(folder, command):
    os.makedirs(folder, exist_ok=True)
    settings = f"{folder}/supervisord.conf"
    with open(settings, "w") as file:
        file.write(
            f"[supervisord]\nnodaemon=true\nuser=root\nlogfile=/dev/null\nlogfile_maxbytes=0\n"
            f"pidfile={folder}/supervisord.pid\n[program:consul]\ncommand={shlex.join(command)}\nautorestart=true\n"
            "stdout_logfile=/dev/null\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n"
        )
    return ["supervisord", "-n", "-c", settings]


INITS = {"tini": tini, "dumb-init": dumb_init, "catatonit": catatonit}
SUPERVISORS = {"s6": s6, "runit": runit, "supervisord": supervisord}
SCRIPT = "entrypoint script + dumb-init"
HOLDERS = INITS | {SCRIPT: entrypoint} | SUPERVISORS


def script_environment(folder):
    """What the entrypoint script reads."""
    config = e2e.open_folder(f"{folder}/image-config")
    return {"CONSUL_BIND_INTERFACE": "eth0", "CONSUL_DATA_DIR": f"{folder}/data", "CONSUL_CONFIG_DIR": config}
