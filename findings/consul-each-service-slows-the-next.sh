#!/usr/bin/env bash
# Consul 1.8.7: the more services an agent has, the longer it takes to register one more over its API; several connections don't help.
#
# The cost of a registration is expected to be that of one service: a file in the data directory and a request to a server. But with
# each of them the agent goes through all that it has, so that thousands take minutes where the first hundreds took a second or
# two. The agent takes them one by one, so a client that sends eight side by side is hardly sooner done.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

consul agent -dev -node=server -log-level=err >"$FINDING_FOLDER/server.log" 2>&1 &
within 20 curl -sf http://127.0.0.1:8500/v1/catalog/node/server
# agent NUMBER: a client of its own
agent() {
  ip address add "127.0.$1.1/32" dev lo
  consul agent -node="client-$1" -bind="127.0.$1.1" -client="127.0.$1.1" -data-dir="$FINDING_FOLDER/client-$1" \
    -retry-join=127.0.0.1 -log-level=err >"$FINDING_FOLDER/client-$1.log" 2>&1 &
  within 20 curl -sf "http://127.0.$1.1:8500/v1/catalog/node/client-$1"
}
# register AGENT FIRST LAST STEP: by one connection
register() {
  for number in $(seq "$2" "$4" "$3"); do
    printf 'url = "http://127.0.%s.1:8500/v1/agent/service/register"\nrequest = PUT\nfail\nsilent\n' "$1"
    printf 'data = "{\\"Name\\": \\"web-%s\\", \\"Port\\": 80, \\"Check\\": {\\"TTL\\": \\"24h\\"}}"\nnext\n' "$number"
  done | sed '$d' | curl -K -
}
milliseconds() { # of a command
  local began
  began=$(date +%s%3N)
  "$@"
  echo $(($(date +%s%3N) - began))
}
eight() { # register AGENT FIRST LAST, by eight connections
  local one connections=()
  for one in 0 1 2 3 4 5 6 7; do
    register "$1" $(($2 + one)) "$3" 8 &
    connections+=($!)
  done
  wait "${connections[@]}"
}

agent 2
few=$(milliseconds register 2 1 300 1)
register 2 301 2700 1
many=$(milliseconds register 2 2701 3000 1)
seen "one connection: the first 300 services took $few ms, the 300 after 2,700 others $many ms"
((many > 2 * few)) || changed "the number of services matters little"
agent 3
eight 3 1 2700
side_by_side=$(milliseconds eight 3 2701 3000)
seen "eight connections: the 300 after 2,700 others took $side_by_side ms"
((2 * side_by_side > many)) || changed "eight connections are twice as fast as one"
