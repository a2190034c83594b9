#!/usr/bin/env bash
# weir beside Patroni in one run: the outage of the same outside client (bench/outage.cpp) when the
# leader's server is killed, and when its whole host is. Tells numbers; asserts none.
#   ./dev bench failover [ROUNDS]   (5)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/common.bash
readonly rounds=${1:-5}
readonly client=${BENCH_CLIENT:-$PWD/build/dev/bench_outage}
readonly patroni_version=4.1.5
readonly venv=$PWD/build/bench/venv
readonly warm=3 after=3
readonly patience=120 # seconds, for a cluster to be whole again

declare -A pids=() # what we started: etcd and the Patronis, by name

clean_up() {
  local status=$?
  trap - EXIT
  local name
  for name in a b c; do kill_host_of_patroni "$name"; done
  [[ -z ${pids[etcd]:-} ]] || kill "${pids[etcd]}" 2>/dev/null || true
  destroy_fleet
  leave "$status"
}

# ---- weir ---------------------------------------------------------------------------------------

weir_up() {
  sed -e 's/^fleet: .*/fleet: bench/' -e "s/127\.0\.10\./$network./" examples/quickstart.yaml \
    >"$work/fleet.yaml"
  "$weir" up -f "$work/fleet.yaml" --store "$network.250:7400" >/dev/null
  local socket
  socket=$("$weir" status orders -o json | sed -nE 's/.*"leader_socket": ?"([^"]*)".*/\1/p')
  sql "$socket" "CREATE ROLE bench LOGIN PASSWORD 'bench'"
  sql "$socket" "CREATE DATABASE bench OWNER bench"
}

# weir_round FAULT: the drill injects the fault and waits until the old leader follows again; its
# own ledger is a second client beside ours.
weir_round() {
  local uri="postgresql://bench:bench@$network.1,$network.2,$network.3/bench"
  "$client" "$uri?target_session_attrs=read-write&sslmode=require" "$warm" "$after" \
    "$weir drill $1 orders -o json >>$work/drills.json 2>>$work/drills.log || [ \$? = 3 ]"
}

# ---- Patroni ------------------------------------------------------------------------------------

declare -A place=([a]=11 [b]=12 [c]=13)

make_venv() {
  [[ -x $venv/bin/patroni ]] && return
  say "installing Patroni $patroni_version into build/bench/venv"
  mkdir -p build/bench
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install -q "patroni[etcd3,psycopg3]==$patroni_version" 2>"$work/pip.log" ||
    { cat "$work/pip.log" >&2 && fail "Patroni could not be installed"; }
}

# Patroni's own defaults, but for synchronous_mode: both sides wait for one replica.
patroni_yaml() {
  local name=$1 ip=$network.${place[$1]}
  cat <<END
scope: bench
name: $name
restapi: {listen: "$ip:8008", connect_address: "$ip:8008"}
etcd3: {hosts: "$network.20:2379"}
bootstrap:
  dcs:
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 200, shared_buffers: 64MB}
  initdb: [{encoding: UTF8}, data-checksums]
postgresql:
  listen: "$ip:5432"
  connect_address: "$ip:5432"
  data_dir: $work/patroni/$name/data
  bin_dir: $bin
  pgpass: $work/patroni/$name/pgpass
  pg_hba: ["local all all trust", "host all all all scram-sha-256", "host replication all all scram-sha-256"]
  authentication:
    superuser: {username: postgres, password: super}
    replication: {username: replica, password: replica}
    rewind: {username: rewind, password: rewind}
  parameters: {unix_socket_directories: $work/patroni/$name}
END
}

start_patroni() {
  local name=$1
  "${as_server[@]}" setsid "$venv/bin/patroni" "$work/patroni/$name.yml" \
    >>"$work/patroni/$name.log" 2>&1 </dev/null &
  pids[$name]=$!
  disown # bash need not tell that it was killed
}

leader_of_patroni() {
  local name
  for name in a b c; do
    if [[ $(sql "$work/patroni/$name" 'SELECT pg_is_in_recovery()') == f ]]; then
      echo "$name"
      return
    fi
  done
  return 1
}

# One leader, two streaming replicas, of which one is synchronous.
patroni_is_whole() {
  local leader
  leader=$(leader_of_patroni) || return 1
  [[ $(sql "$work/patroni/$leader" "SELECT count(*) = 2 AND bool_or(sync_state = 'sync')
       FROM pg_stat_replication WHERE state = 'streaming'") == t ]]
}

patroni_up() {
  mkdir -p "$work/patroni"
  local name
  for name in a b c; do
    mkdir -p "$work/patroni/$name"
    patroni_yaml "$name" >"$work/patroni/$name.yml"
  done
  if ((EUID == 0)); then chown -R postgres "$work/patroni"; fi
  local peer=http://$network.20:2380 clients=http://$network.20:2379
  etcd --data-dir "$work/etcd" --name bench --listen-client-urls "$clients" \
    --advertise-client-urls "$clients" --listen-peer-urls "$peer" \
    --initial-advertise-peer-urls "$peer" --initial-cluster "bench=$peer" \
    >"$work/etcd.log" 2>&1 </dev/null &
  pids[etcd]=$!
  for name in a b c; do start_patroni "$name"; done
  within "$patience" patroni_is_whole || fail "Patroni's cluster did not come up"
  local socket
  socket=$work/patroni/$(leader_of_patroni)
  sql "$socket" "CREATE ROLE bench LOGIN PASSWORD 'bench'"
  sql "$socket" "CREATE DATABASE bench OWNER bench"
}

# Every process of one host: Patroni, and whatever works in the data directory.
kill_host_of_patroni() {
  local name=$1 process
  [[ -n ${pids[$name]:-} ]] || return 0
  pkill_tree "${pids[$name]}"
  for process in /proc/[0-9]*; do
    if [[ $(readlink "$process/cwd" 2>/dev/null) == "$work/patroni/$name/data" ]]; then
      kill -9 "${process#/proc/}" 2>/dev/null || true
    fi
  done
}

# runuser waits for its child, which would outlive it.
pkill_tree() {
  local child
  for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do pkill_tree "$child"; done
  kill -9 "$1" 2>/dev/null || true
}

patroni_round() {
  local fault=$1 leader uri command
  within "$patience" patroni_is_whole || fail "Patroni's cluster did not come back"
  leader=$(leader_of_patroni)
  uri="postgresql://bench:bench@$network.11,$network.12,$network.13/bench"
  command="kill -9 \$(head -n 1 $work/patroni/$leader/data/postmaster.pid)"
  if [[ $fault == kill-host ]]; then
    {
      echo "declare -A pids=([$leader]=${pids[$leader]}); work=$work"
      declare -f kill_host_of_patroni pkill_tree
      echo "kill_host_of_patroni $leader"
    } >"$work/kill_host.sh"
    command="bash $work/kill_host.sh"
  fi
  "$client" "$uri?target_session_attrs=read-write" "$warm" "$after" "$command" || return 1
  if [[ $fault == kill-host ]]; then start_patroni "$leader"; fi
}

# ---- the runs and what they say -----------------------------------------------------------------

# series SIDE FAULT: one line of the table, from as many rounds.
series() {
  local side=$1 fault=$2 round
  local -a outages=()
  local lost=0 acknowledged=0 doubt=0 outage a l d
  for ((round = 1; round <= rounds; ++round)); do
    "${side}_round" "$fault" >"$work/line" || fail "$side, $fault, round $round: the client failed"
    read -r outage a l d <"$work/line"
    say "$side $fault $round: outage $outage ms, acknowledged $a, lost $l, in doubt $d"
    outages+=("$outage")
    ((lost += l, acknowledged += a, doubt += d)) || true
  done
  local median least most
  read -r median least most < <(spread "${outages[@]}")
  medians[$side/$fault]=$median
  table+=$(printf '%-8s %-12s %8d %8d %8d %13d %6d %9d' "$side" "$fault" \
    "$median" "$least" "$most" "$acknowledged" "$lost" "$doubt")$'\n'
}

ratio() {
  awk -v a="${medians[patroni/$1]}" -v b="${medians[weir/$1]}" \
    'BEGIN { if (b > 0) printf "%.1f", a / b; else printf "unknown" }'
}

report() {
  printf '%-8s %-12s %8s %8s %8s %13s %6s %9s\n' side fault median min max acknowledged lost \
    'in doubt'
  printf '%s' "$table"
  cat <<END

Outages in milliseconds: the longest gap between two acknowledgements of any of 4 writers of one
client, bench/outage.cpp, $rounds rounds each; lost: acknowledged rows that were absent afterwards.
Median outage of Patroni over weir's: kill-server $(ratio kill-server), kill-host $(ratio kill-host).
weir:    $("$weir" --version), defaults, sync 1, durability required, one store; the fault is a drill,
         whose own ledger writes beside the client.
Patroni: $patroni_version, etcd $(etcd --version | sed -n 's/^etcd Version: //p'), one etcd; defaults (ttl 30, loop_wait 10, retry_timeout 10), but for
         synchronous_mode on, so that both sides wait for one replica.
Both:    three members on loopback; $(machine)
END
}

trap clean_up EXIT
trap 'exit 130' INT TERM
declare -A medians=()
table=""
take_network
make_venv
"${as_server[@]}" "$venv/bin/patroni" --version >/dev/null ||
  fail "the user of the servers may not run $venv; put the repository where postgres can read it"
for side in weir patroni; do
  say "$side: bringing three members up"
  "${side}_up"
  for fault in kill-server kill-host; do series "$side" "$fault"; done
done
mkdir -p build/bench
report | tee build/bench/failover.txt
