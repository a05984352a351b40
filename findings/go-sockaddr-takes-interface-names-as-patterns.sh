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
ip link add eth1 type bridge
ip address add 10.1.0.1/24 dev eth1
ip link set eth1 up
found=$(bound eth1)
seen "eth1 has 10.1.0.1/24: \"eth1\" is $found"
[[ $found == 10.1.0.1 ]] || changed "another address than eth1's"
ip link add eth10 type bridge
ip address add 10.10.0.1/16 dev eth10
ip link set eth10 up
found=$(bound eth1)
seen "and eth10 has 10.10.0.1/16: \"eth1\" is $found"
[[ $found == 10.10.0.1 ]] || changed "not the address of eth10"
ip link set eth10 down
found=$(bound eth1)
seen "eth10 taken down: \"eth1\" is $found"
[[ $found == 10.10.0.1 ]] || changed "the address of a link that is up"
found=$(bound '^eth1$')
seen "\"^eth1\$\" is $found"
[[ $found == 10.1.0.1 ]] || changed "another address than eth1's"
