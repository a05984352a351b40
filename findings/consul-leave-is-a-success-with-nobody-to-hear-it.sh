#!/usr/bin/env bash
# Consul 1.8.7: `consul leave` says "Graceful leave complete" and the agent ends with 0 although no other member heard of it.
#
# The leave is gossip, sent and not confirmed. An agent that is cut off from all others ends its leave as a success after some
# seconds, and for the servers it fails: its services stay in the catalog, critical, until the node is forgotten after 72 hours.
# Neither exit code says whether a node has left; only a server's own catalog does.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

ip link add bridge type bridge
ip address add 10.9.0.1/24 dev bridge
ip link set bridge up
ip netns add away 2>/dev/null || changed "no network namespaces"
trap 'ip netns delete away' EXIT
ip link add out type veth peer name eth0 netns away
ip link set out master bridge up
ip -n away address add 10.9.0.2/24 dev eth0
ip -n away link set eth0 up
ip -n away link set lo up

consul agent -dev -node=server -bind=10.9.0.1 -client=127.0.0.1 -log-level=err >"$FINDING_FOLDER/server.log" 2>&1 &
within 20 curl -sf http://127.0.0.1:8500/v1/catalog/node/server
ip netns exec away consul agent -node=client -bind=10.9.0.2 -data-dir="$FINDING_FOLDER/client" -retry-join=10.9.0.1 \
  >"$FINDING_FOLDER/client.log" 2>&1 &
client=$!
registered() { [[ $(curl -sf http://127.0.0.1:8500/v1/catalog/node/client) != null ]]; }
within 20 registered
within 10 grep "Synced node info" "$FINDING_FOLDER/client.log"
ip link set out down
code=0
word=$(ip netns exec away consul leave) || code=$?
wait "$client" && ended=0 || ended=$?
seen "cut off: \`consul leave\` says \"$word\", exit code $code; the agent's exit code is $ended"
[[ $code == 0 && $ended == 0 ]] || changed "the leave was not a success"
failed() { [[ $(consul members | awk '$1 == "client" {print $3}') == failed ]]; }
within 30 failed
registered || changed "the node is out of the catalog"
seen "the server lists it as failed, and its catalog still has the node"
