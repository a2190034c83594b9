#!/usr/bin/env bash
# What weir costs while nothing happens: one agent with three members on its host, at its default
# pace, and the guards of those members. Three services of three members each, so that every host's
# agent has three of its own and probes nine. Tells numbers; asserts none.
#   ./dev bench idle [SECONDS]   (60)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/common.bash
readonly seconds=${1:-60}
readonly settle=15 # seconds, for the last work of `weir up` to be over

clean_up() {
  local status=$?
  trap - EXIT
  destroy_fleet
  leave "$status"
}

fleet_file() {
  local service port=5432
  cat <<END
fleet: bench
hosts:
  a: {address: $network.1}
  b: {address: $network.2}
  c: {address: $network.3}
services:
END
  for service in orders carts stock; do
    cat <<END
  $service:
    engine: postgres
    members: [a, b, c]
    port: $port
    sync: 1
    durability: required
    objective: {availability: 99.95%, rpo: 0s, rto: 5s}
    params: {max_connections: 60, shared_buffers: 16MB}
    databases:
      $service: {owner: ${service}_owner}
    roles:
      ${service}_owner: {}
END
    ((port += 1))
  done
}

# The agent of a host first, then the guards of its members, one pid a line.
processes_of() {
  local host=$1 process
  local -a words guards=()
  for process in /proc/[0-9]*; do
    mapfile -t -d '' words < <(cat "$process/cmdline" 2>/dev/null)
    case "${words[*]}" in
      "$weir agent --fleet bench --host $host")
        if grep -qzx "WEIR_STATE=$WEIR_STATE" "$process/environ"; then echo "${process#/proc/}"; fi
        ;;
      "weir-guard $WEIR_RUN/bench/$host/"*) guards+=("${process#/proc/}") ;;
    esac
  done
  printf '%s\n' "${guards[@]}"
}

# Clock ticks of processor time that all these processes have used.
ticks() {
  local pid total=0 stat
  for pid in "$@"; do
    stat=$(<"/proc/$pid/stat")
    stat=${stat##*) }
    set -- $stat
    ((total += ${12} + ${13}))
  done
  echo "$total"
}

# Kilobytes, shared pages divided by those who share them.
pss() {
  local pid total=0 kb
  for pid in "$@"; do
    kb=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")
    ((total += kb))
  done
  echo "$total"
}

report() {
  local host
  printf '%-6s %10s %10s %12s %12s %10s\n' host 'CPU %' 'of agent' 'PSS MB' 'of agent' processes
  for host in a b c; do
    awk -v host="$host" -v t="${spent[$host]}" -v at="${spent_agent[$host]}" -v hz="$(getconf CLK_TCK)" \
      -v s="$seconds" -v kb="${memory[$host]}" -v akb="${memory_agent[$host]}" -v n="${count[$host]}" \
      'BEGIN { printf "%-6s %10.2f %10.2f %12.1f %12.1f %10d\n", host, 100 * t / hz / s,
               100 * at / hz / s, kb / 1024, akb / 1024, n }'
  done
  cat <<END

Each line: one idle agent with three members on its host, and their guards; $seconds s at the default
pace (heartbeat 250 ms; its own servers and leaders are probed each 250 ms, other replicas each
second; renewal 1 s). CPU in percent of one core;
PSS by smaps_rollup, summed. At most 1 % and 40 MB.
weir: $("$weir" --version); three services of three members on loopback;
$(machine)
END
}

trap clean_up EXIT
trap 'exit 130' INT TERM
declare -A spent=() spent_agent=() memory=() memory_agent=() count=()
take_network
fleet_file >"$work/fleet.yaml"
"$weir" up -f "$work/fleet.yaml" --store "$network.250:7400" >/dev/null
sleep "$settle"
declare -A pids=()
for host in a b c; do
  pids[$host]=$(processes_of "$host" | tr '\n' ' ')
  # shellcheck disable=SC2086  # a list of numbers
  set -- ${pids[$host]}
  (($# == 4)) || fail "host $host: expected an agent and three guards, found: $*"
  count[$host]=$#
  spent[$host]=$(ticks "$@") spent_agent[$host]=$(ticks "$1")
done
sleep "$seconds"
for host in a b c; do
  # shellcheck disable=SC2086
  set -- ${pids[$host]}
  ((spent[$host] = $(ticks "$@") - spent[$host])) || true
  ((spent_agent[$host] = $(ticks "$1") - spent_agent[$host])) || true
  memory[$host]=$(pss "$@") memory_agent[$host]=$(pss "$1")
done
mkdir -p build/bench
report | tee build/bench/idle.txt
