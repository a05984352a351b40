#!/usr/bin/env bash
# go-sockaddr 1.0.2, in Consul 1.8.7: GetInterfaceIP "eth1" finds eth10, too, and gives the address of a link that is down.
#
# The argument is a regular expression that may match anywhere in the name, not a name: "eth1" also means eth10 and veth1a. Where
# several match, and where one has several addresses, the larger network comes first, whatever the order of the interfaces.
# -bind='{{ GetInterfaceIP "eth1" }}' on a host that later gets an eth10 with a /16 binds the agent to that. "^eth1$" is what is
# meant.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

bound() { # the address that the agent takes
  { timeout 20 consul agent -dev -client=127.0.0.1 -bind="{{ GetInterfaceIP \"$1\" }}" & } |
    sed -nE 's/.*Cluster Addr: ([0-9.]+) .*/\1/p;T;q'
}
interface() { # NAME ADDRESS
  ip link add "$1" type bridge
  ip address add "$2" dev "$1"
  ip link set "$1" up
}
expect() { # PATTERN ADDRESS WHEN
  local found
  found=$(bound "$1")
  seen "$3: \"$1\" is $found"
  [[ $found == "$2" ]] || changed "it was $2"
}
interface eth1 10.1.0.1/24
expect eth1 10.1.0.1 "eth1 has 10.1.0.1/24"
interface eth10 10.10.0.1/16
expect eth1 10.10.0.1 "and eth10 has 10.10.0.1/16"
ip link set eth10 down
expect eth1 10.10.0.1 "eth10 taken down"
expect '^eth1$' 10.1.0.1 "still down"
