#!/usr/bin/env bash
# `./dev demo`, which has read this: a server and a client under lictor on this machine's loopback, from the start to the leave.
# shellcheck disable=SC2154 # arguments: of take_consul

demo_dir='' server=0 lictor=0 interrupted=0

# The first of six consecutive ports on which nothing listens, below the range that outgoing connections use.
free_ports() {
  local base port busy
  busy=$(ss -Hlntu | awk '{sub(/.*:/, "", $5); print $5}')
  for ((base = 20000 + RANDOM % 1000 * 10; base < 32000; base += 10)); do
    for ((port = base; port < base + 6; port++)); do
      ! grep -qx "$port" <<<"$busy" || continue 2
    done
    echo "$base"
    return
  done
  die 'no free ports between 20000 and 32000'
}

end_demo() {
  # Left over only if the demo was cut short. QUIT: at once, without leaving.
  ((lictor == 0)) || kill -QUIT "$lictor" 2>/dev/null || true
  ((lictor == 0)) || timeout 10 tail --pid="$lictor" -f /dev/null || kill -KILL "$lictor" 2>/dev/null || true
  ((server == 0)) || kill -KILL "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$demo_dir"
}

in_catalog() { "${ask[@]}" catalog nodes 2>/dev/null | grep -w "$1" >/dev/null; }

# A program with none of the caller's LICTOR_* and CONSUL_*, in a process group that a Ctrl-C does not reach.
start() {
  set -m
  env -i PATH="$PATH" HOME="$demo_dir" "$@" </dev/null &
  set +m
}

play_demo() {
  local once=0 code=0 arguments
  take_consul "$@"
  local consul=${TEST_CONSUL:-consul}
  consul=${consul%%:*}
  case "${arguments[*]}" in
    '') ;;
    --once) once=1 ;;
    *) die "demo: unknown argument: $*; see ./dev help" ;;
  esac
  want_build
  want_consul
  install_missing
  build

  trap end_demo EXIT
  trap 'exit 130' INT TERM
  demo_dir=$(mktemp -d /tmp/lictor-demo.XXXXXX)
  local base program=$PWD/build/release/lictor settings=$demo_dir/lictor.json
  base=$(free_ports)
  local ports="\"http\": $base, \"dns\": $((base + 1)), \"serf_lan\": $((base + 2))"
  local ask=(env -i PATH="$PATH" CONSUL_HTTP_ADDR="127.0.0.1:$base" "$consul")

  say "a Consul development server on 127.0.0.1, ports from $base; its log is $demo_dir/server.log"
  start "$consul" agent -dev -node demo-server -bind 127.0.0.1 \
    -hcl "{\"ports\": {$ports, \"serf_wan\": $((base + 3)), \"server\": $((base + 4)), \"grpc\": -1}}" \
    >"$demo_dir/server.log" 2>&1
  server=$!
  local deadline=$((SECONDS + 30))
  until in_catalog demo-server; do
    if ((SECONDS >= deadline)) || ! kill -0 "$server" 2>/dev/null; then
      die "the server does not come up: $(tail -n 3 "$demo_dir/server.log")"
    fi
    sleep 0.1
  done

  say "a client on 127.0.0.2, prepared, launched and registered by lictor; what follows is lictor's log"
  cat >"$settings" <<END
{
  "agent": {
    "binary": "$consul",
    "user": "$(id -un)",
    "group": "$(id -gn)",
    "config_files": [],
    "config": {
      "bind_addr": "127.0.0.2",
      "client_addr": "127.0.0.2",
      "ports": {$ports},
      "retry_join": ["127.0.0.1:$((base + 2))"],
      "log_level": "warn"
    }
  },
  "node": {"name": "demo-node", "data_dir": "$demo_dir/data"},
  "control": {"socket": "$demo_dir/run/lictor.sock", "http": ""},
  "run_dir": "$demo_dir/run"
}
END
  start "$program" run -c "$settings"
  lictor=$!
  env -i "$program" wait -c "$settings" --for registered --timeout 30s || die 'the client was not registered'

  say "what the server knows: the members, and the nodes of its catalog"
  "${ask[@]}" members
  "${ask[@]}" catalog nodes
  in_catalog demo-node || die 'the client is not in the catalog'
  if ((!once)); then
    say "try, from another terminal: build/release/lictor status -c $settings"
    say 'press Ctrl-C to see the client leave'
    trap interrupted=1 INT TERM
    ((interrupted)) || wait "$lictor" || code=$?
  fi

  if ((once || interrupted)); then
    trap '' INT TERM
    say 'SIGTERM to lictor, as a platform sends it'
    kill -TERM "$lictor" || true
    code=0
    wait "$lictor" || code=$?
  fi
  lictor=0
  say 'what the server knows now: a client that has left is a member with the status "left", and in no catalog'
  "${ask[@]}" members
  "${ask[@]}" catalog nodes
  say "lictor's exit code: $code"
  ((code == 0)) || die 'that should have been 0: stopped as asked, and a server confirmed the leave'
  ! in_catalog demo-node || die 'the client is still in the catalog'
}
