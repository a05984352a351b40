#!/usr/bin/env bash
# Consul 1.8.7: SIGHUP, which has a serving agent read its settings again, ends one that is leaving, at once and with 1.
#
# An agent that was told to leave takes 4 to 5 s. Whatever signal comes meanwhile counts as "end now", the one for a reload too:
# a configuration manager or a sidecar that sends HUP in these seconds makes the leave a failed one. The exit code is 1, and
# whether the member counts as left or as failed is a matter of luck.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

consul agent -dev -node=server -log-level=err >"$FINDING_FOLDER/server.log" 2>&1 &
within 20 curl -sf http://127.0.0.1:8500/v1/catalog/node/server
leave() { # seconds from TERM to the end, and the exit code; with an argument HUP is sent after 1 s
  ip address add 127.0.2.1/32 dev lo 2>/dev/null || true
  consul agent -node=client -bind=127.0.2.1 -client=127.0.2.1 -data-dir="$FINDING_FOLDER/client" -retry-join=127.0.0.1 \
    >"$FINDING_FOLDER/client.log" 2>&1 &
  local client=$! code=0 began
  within 20 curl -sf http://127.0.2.1:8500/v1/catalog/node/client
  within 10 grep "Synced node info" "$FINDING_FOLDER/client.log" # a leave in the midst of that is another matter
  kill -TERM "$client"
  began=$(date +%s%N)
  if [[ -n ${1:-} ]]; then
    sleep 1
    kill -HUP "$client"
  fi
  wait "$client" || code=$?
  echo "$((($(date +%s%N) - began) / 1000000)) $code"
}
read -r ms code < <(leave)
seen "TERM: the agent ended after $ms ms with exit code $code"
((ms > 3000 && code == 0)) || changed "a leave without HUP"
read -r ms code < <(leave hup)
seen "TERM, and HUP after 1 s: ended after $ms ms with exit code $code"
((ms < 2000 && code == 1)) || changed "HUP did not end the leave"
