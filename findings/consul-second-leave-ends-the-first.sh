#!/usr/bin/env bash
# Consul 1.8.7: telling an agent to leave that leaves already ends it at once, in the middle of its leave, and with 0.
#
# PUT /v1/agent/leave and `consul leave` look as if they could be repeated: the second is answered 200, too. But it has the
# agent shut down 4 s too early, before its own leave is over, and its exit code is still that of a success. Two hooks that
# both leave, or an impatient operator, so take away the time in which the leave is passed on to the other members.
# Seen alike with 1.21.4.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

consul agent -dev -node=server -log-level=err >"$FINDING_FOLDER/server.log" 2>&1 &
within 20 curl -sf http://127.0.0.1:8500/v1/catalog/node/server
ip address add 127.0.2.1/32 dev lo
leave() { # ms from the first order to the end, the exit code, and how the second order was answered, if there is one
  consul agent -node=client -bind=127.0.2.1 -client=127.0.2.1 -data-dir="$FINDING_FOLDER/client" -retry-join=127.0.0.1 \
    >"$FINDING_FOLDER/client.log" 2>&1 &
  local client=$! code=0 began second=none
  within 20 curl -sf http://127.0.2.1:8500/v1/catalog/node/client
  within 10 grep "Synced node info" "$FINDING_FOLDER/client.log" # a leave in the midst of that is another matter
  began=$(date +%s%N)
  curl -s -X PUT http://127.0.2.1:8500/v1/agent/leave >/dev/null &
  if [[ -n ${1:-} ]]; then
    within 2 grep "client starting leave" "$FINDING_FOLDER/client.log"
    second=$(curl -s -o /dev/null -w '%{http_code}' -X PUT http://127.0.2.1:8500/v1/agent/leave)
  fi
  wait "$client" || code=$?
  echo "$((($(date +%s%N) - began) / 1000000)) $code $second"
}
read -r ms code second < <(leave)
seen "one order: the agent ended after $ms ms with exit code $code"
((ms > 3000 && code == 0)) || changed "a leave that is told once"
read -r ms code second < <(leave twice)
seen "two orders: ended after $ms ms with exit code $code; the second was answered $second"
((ms < 2500 && code == 0)) || changed "the second order did not end the leave"
