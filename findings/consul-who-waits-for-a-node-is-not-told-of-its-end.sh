#!/usr/bin/env bash
# Consul 1.8.7: a blocking query for a node does not return when the node is deregistered; one for its checks does.
#
# GET /v1/catalog/node/NAME?index=N returns when something is registered there, and so looks like the way to be told that a node
# is gone. The index that it waits for goes together with the entry: the query runs until its own time is up (5 minutes by
# default), and the answer of a second one that begins afterwards is null at once. GET /v1/health/node/NAME?index=N, whose index
# is that of all checks, returns within milliseconds.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

api=http://127.0.0.1:8500/v1
put() { curl -sf -X PUT --data "$2" "$api/$1"; }
elapsed() { curl -sf -o /dev/null -w '%{time_total}' "$1"; }
index() { curl -sf -o /dev/null -D - "$api/$1" | tr -d '\r' | awk 'tolower($1) == "x-consul-index:" {print $2}'; }

consul agent -dev -log-level=err >"$FINDING_FOLDER/server.log" 2>&1 &
within 20 curl -sf "$api/catalog/node/$(hostname)"
for target in catalog/node/gone health/node/gone; do
  put catalog/register '{"Node": "gone", "Address": "10.0.0.9", "Check": {"Name": "c", "CheckID": "c", "Status": "passing"}}' \
    >/dev/null
  elapsed "$api/$target?index=$(index "$target")&wait=6s" >"$FINDING_FOLDER/elapsed" &
  waiting=$!
  sleep 1
  put catalog/deregister '{"Node": "gone"}' >/dev/null
  [[ $(curl -sf "$api/catalog/node/gone") == null ]] || changed "the node is still there"
  wait "$waiting"
  took=$(cut -d. -f1 "$FINDING_FOLDER/elapsed")
  seen "deregistered after 1 s; $target?wait=6s returned after $(cat "$FINDING_FOLDER/elapsed") s"
  case $target in
    catalog/*) ((took >= 6)) || changed "the query was told of the node's end" ;;
    health/*) ((took < 2)) || changed "the query was not told of the node's end" ;;
  esac
done
