#!/usr/bin/env bash
# serf 0.9.4: who joins after a member has failed never hears of it, and yet can have it removed.
#
# One would expect the state that members exchange at a join to hold all that they know. A member that is dead for one side is
# only suspected by the other, and nobody suspects a member that he does not know: so the newcomer's list is without it, for as
# long as the others list it as failed (72 hours by default), and `serf force-leave` there changes nothing for them. Whoever
# takes the place of a dead node, and would clear its name away, has to have joined before that was failed.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages serf=0.9.4~ds1-1+b13

member() { # NUMBER [OPTION…]
  local number=$1
  shift
  ip address add "127.0.1.$number/32" dev lo
  serf agent -node="m$number" -bind="127.0.1.$number" -rpc-addr="127.0.1.$number:7373" "$@" >"$FINDING_FOLDER/m$number.log" 2>&1 &
}
members() { serf members -rpc-addr="127.0.1.$1:7373"; }
lists() { members "$1" | grep -qE "^m$2 .* $3"; }

member 1
within 10 lists 1 1 alive
member 2 -join=127.0.1.1
member 3 -join=127.0.1.1
dead=$!
within 10 lists 2 3 alive
kill -KILL "$dead"
within 40 lists 1 3 failed
within 40 lists 2 3 failed
member 4 -join=127.0.1.1 -join=127.0.1.2
within 10 lists 4 2 alive
sleep 35 # state is exchanged in full each 30 s, too
lists 1 3 failed || changed "m1 has forgotten m3"
! members 4 | grep -q '^m3 ' || changed "the newcomer lists m3: $(members 4)"
seen "m1 lists m3 as failed; m4, which joined then, lists $(members 4 | awk '{printf "%s ", $1}')"
serf force-leave -rpc-addr=127.0.1.4:7373 m3
within 10 lists 1 3 left
seen "after force-leave of m3 at m4, where it is not known, m1 lists it as left"
