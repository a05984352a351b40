# Sourced by each finding: fetches pinned packages into a folder of its own and runs the rest where nothing else is reached.
#
#   packages NAME=VERSION…   Debian packages, unpacked below $FINDING_FOLDER and put on PATH; what follows runs as root in new network
#                            and process namespaces, which end with the script. Needs apt's settings to name a suite with that
#                            version (consul: bullseye).
#   within SECONDS COMMAND…  runs the command again and again until it succeeds; ends the script when the time is up
#   seen TEXT                prints what was observed
#   changed TEXT             ends the script with 1: the behaviour is not the one described
# shellcheck shell=bash
set -euo pipefail

changed() {
  echo "changed: $*" >&2
  exit 1
}

seen() { echo "seen: $*"; }

within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || changed "this did not come true in time: $*"
    sleep 0.1
  done
}

packages() {
  if [[ -z ${FINDING_FOLDER:-} ]]; then
    FINDING_FOLDER=$(mktemp -d)
    export FINDING_FOLDER
    trap 'rm -rf "$FINDING_FOLDER"' EXIT
    chmod 777 "$FINDING_FOLDER" # apt downloads as a user of its own
    (cd "$FINDING_FOLDER" && apt-get -qq download "$@" && for file in *.deb; do dpkg-deb -x "$file" root; done)
    timeout 120 unshare --net --pid --fork --kill-child --mount-proc bash "$0"
    exit
  fi
  export PATH="$FINDING_FOLDER/root/usr/bin:$FINDING_FOLDER/root/usr/sbin:$FINDING_FOLDER/root/bin:$PATH"
  ip link set lo up
}
