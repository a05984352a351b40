#!/usr/bin/env bash
# Consul 1.8.7: a check whose definition says "passing" is critical after a restart of the agent, until it has first run.
#
# `Status: passing` in a registration has the check pass until its first run. The agent keeps the registration in its data
# directory, and one would expect it to be taken from there the same way. It is not: each restored check begins as critical, and
# only TTL checks have their state kept. With an interval of a minute a service is out of DNS and of ?passing for up to a minute
# after each restart of the agent, however short.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

agent() {
  consul agent -server -bootstrap -bind=127.0.0.1 -data-dir="$FINDING_FOLDER/data" >>"$FINDING_FOLDER/agent.log" 2>&1 &
  agent=$!
  within 40 curl -sf "$api/catalog/service/consul?consistent"
}
api=http://127.0.0.1:8500/v1
status() {
  curl -sf "$api/agent/checks" | tr -d ' \n' | grep -oE "\"CheckID\":\"$1\".*" | grep -oE '"Status":"[a-z]+"' | head -1
}
agent
for check in '"CheckID": "tcp", "TCP": "127.0.0.1:8500", "Interval": "1h"' '"CheckID": "ttl", "TTL": "1h"'; do
  curl -sf -X PUT --data "{\"Name\": \"c\", \"Status\": \"passing\", ${check/CheckID/ID}}" "$api/agent/check/register"
done
seen "registered: tcp $(status tcp), ttl $(status ttl)"
[[ $(status tcp)$(status ttl) == '"Status":"passing""Status":"passing"' ]] || changed "not passing when registered"
curl -sf -X PUT "$api/agent/check/pass/ttl"
kill -KILL "$agent"
wait "$agent" || true
agent
seen "restarted: tcp $(status tcp), ttl $(status ttl)"
[[ $(status tcp) == *critical* ]] || changed "the TCP check kept its status"
[[ $(status ttl) == *passing* ]] || changed "the TTL check lost its status"
