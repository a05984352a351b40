#!/usr/bin/env bash
# go-sockaddr 1.0.2, in Consul 1.8.7: GetInterfaceIP "lo" is empty on a host whose lo has 127.0.0.1, and an agent with it as its client
# address runs without an HTTP and a DNS listener, and says nothing of it: its first lines name both ports.
#
# GetInterfaceIP passes over addresses that are not forwarded (RFC 6890), loopback among them; GetAllInterfaces does not. An empty
# list of client addresses is none to listen at, and no error.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

ip link add eth0 type bridge
ip address add 10.1.0.1/24 dev eth0
ip link set eth0 up

listening() { ss -Hltnp | awk '/"consul"/ {print $4}' | sort | paste -sd ' '; }
started() { grep -q 'started state syncer' "$FINDING_FOLDER/log"; }
run() { # CLIENT_ADDR: what the agent listens at
  consul agent -data-dir="$FINDING_FOLDER/data" -bind=10.1.0.1 -client="$1" >"$FINDING_FOLDER/log" 2>&1 &
  local agent=$!
  within 20 started
  found=$(listening)
  kill -KILL "$agent"
  wait "$agent" 2>/dev/null || true
}

run '{{ GetInterfaceIP "lo" }}'
seen "GetInterfaceIP \"lo\": the agent listens at $found; $(sed -n 's/ *\(Client Addr.*\)/\1/p' "$FINDING_FOLDER/log")"
[[ $found == 10.1.0.1:8301 ]] || changed 'it was the port of gossip alone'
grep -q 'Client Addr: \[\] (HTTP: 8500' "$FINDING_FOLDER/log" || changed 'it named the port of HTTP all the same'
! grep -q 'ERROR.*listen\|WARN.*client_addr' "$FINDING_FOLDER/log" || changed 'it said nothing of it'

run '{{ GetAllInterfaces | include "name" "^lo$" | include "type" "IPv4" | attr "address" }}'
seen "GetAllInterfaces: the agent listens at $found"
[[ $found == '10.1.0.1:8301 127.0.0.1:8500 127.0.0.1:8600' ]] || changed 'it was HTTP and DNS, too'
