#!/usr/bin/env bash
# Consul 1.8.7: registering a service with EnableTagOverride again takes back the tags that others have given it.
#
# EnableTagOverride is to let others change a service's tags in the catalog, and its agent's anti-entropy leaves those alone. But
# any registration of the service with its agent, say with another port or by a tool that registers at each start, sends the tags
# of the definition to the catalog, over those of others. Between two full syncs (a minute or two) the agent does not even
# know them: who wants to keep them has to read the catalog first. Seen alike with 1.21.4.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

consul agent -dev -node=server -log-level=err >"$FINDING_FOLDER/server.log" 2>&1 &
within 20 curl -sf http://127.0.0.1:8500/v1/catalog/node/server
ip address add 127.0.2.1/32 dev lo
consul agent -node=client -bind=127.0.2.1 -client=127.0.2.1 -data-dir="$FINDING_FOLDER/client" -retry-join=127.0.0.1 \
  >"$FINDING_FOLDER/client.log" 2>&1 &
within 20 curl -sf http://127.0.2.1:8500/v1/catalog/node/client
within 10 grep "Synced node info" "$FINDING_FOLDER/client.log"
put() { curl -sf -X PUT "http://$1" -d "$2" >/dev/null; }
web() { echo '{"Name": "web", "Port": '"$1"', "Tags": ["defined"], "EnableTagOverride": true}'; }
shown() { # port and tags, by the servers
  curl -sf http://127.0.0.1:8500/v1/catalog/service/web | tr -d ' \n"' | grep -o 'ServiceTags:\[[^]]*\]\|ServicePort:[0-9]*' | xargs
}
shows() { [[ $(shown) == *"$1"* ]]; }

put 127.0.2.1:8500/v1/agent/service/register "$(web 80)"
within 10 shows ServicePort:80
put 127.0.0.1:8500/v1/catalog/register '{"Node": "client", "Address": "127.0.2.1", "SkipNodeUpdate": true, "Service":
  {"ID": "web", "Service": "web", "Port": 80, "Tags": ["of-others"], "EnableTagOverride": true}}'
within 10 shows of-others
seen "others have changed the tags: $(shown)"
put 127.0.2.1:8500/v1/agent/service/register "$(web 81)"
within 10 shows ServicePort:81
seen "registered again with another port: $(shown)"
shows '[defined]' || changed "the tags of others are still there"
