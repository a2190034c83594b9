#!/usr/bin/env bash
# The drill kill-host on a big, busy leader: 2 GB of data and five minutes of WAL since its last
# checkpoint, so that whoever takes over has a backlog to replay and the old leader a long recovery.
# Tells numbers; fails if an acknowledged commit was lost or the old leader did not come back.
#   ./dev bench big [SECONDS OF LOAD] [SCALE]   (300, 140)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/common.bash
readonly seconds=${1:-300} scale=${2:-140}
load=0

clean_up() {
  local status=$?
  trap - EXIT
  ((load == 0)) || kill "$load" 2>/dev/null || true
  destroy_fleet
  leave "$status"
}

# status FIELD: of orders, as its first value.
status() { "$weir" status orders -o json | sed -nE "s/.*\"$1\": ?\"?([^\",]*)\"?.*/\1/p" | head -n 1; }

bring_up() {
  sed -e 's/^fleet: .*/fleet: bench/' -e "s/127\.0\.10\./$network./" \
    -e 's/shared_buffers: .*/shared_buffers: 256MB\n      max_wal_size: 8GB\n      checkpoint_timeout: 30min/' \
    examples/quickstart.yaml >"$work/fleet.yaml"
  "$weir" up -f "$work/fleet.yaml" --store "$network.250:7400" >/dev/null
  socket=$(status leader_socket)
  sql "$socket" "CREATE ROLE bench LOGIN PASSWORD 'bench'"
  sql "$socket" "CREATE DATABASE bench OWNER bench"
  say "loading pgbench at scale $scale"
  pgbench -i -q -s "$scale" -h "$socket" -U postgres bench >"$work/load.log" 2>&1 ||
    fail "the data could not be loaded: $(tail -n 1 "$work/load.log")"
}

# Bytes that each replica has received and not yet replayed.
backlog() {
  local host=$1
  sql "$WEIR_RUN/bench/$host/orders-$host.s" \
    "SELECT pg_size_pretty(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()))"
}

run() {
  local host drilled=0
  sql "$socket" CHECKPOINT
  say "$seconds s of pgbench -c 8"
  # It goes on into the fault, which ends its sessions.
  pgbench -c 8 -j 2 -T $((seconds + 60)) -h "$socket" -U postgres bench >"$work/pgbench.log" 2>&1 &
  load=$!
  sleep "$seconds"
  size=$(sql "$socket" "SELECT pg_size_pretty(pg_database_size('bench'))")
  wal=$(sql "$socket" "SELECT pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn))
                       FROM pg_control_checkpoint()")
  leader=$(status leader)
  for host in a b c; do
    [[ $host == "$leader" ]] || backlogs+="$host $(backlog "$host"), "
  done
  "$weir" drill kill-host orders >"$work/drill.txt" 2>"$work/drill.log" || drilled=$?
  ((drilled == 0 || drilled == 3)) || { cat "$work/drill.log" "$work/drill.txt" >&2 && fail "the drill ended with $drilled"; }
}

report() {
  cat "$work/drill.txt"
  cat <<END

Data $size, $wal of WAL since the leader's last checkpoint, $seconds s of pgbench -c 8 at scale $scale
up to and into the fault; received and not yet replayed just before it: ${backlogs%, }.
weir: $("$weir" --version); three members on loopback, max_wal_size 8GB, checkpoint_timeout 30min;
$(machine)
END
}

trap clean_up EXIT
trap 'exit 130' INT TERM
backlogs=""
take_network
bring_up
run
mkdir -p build/bench
report | tee build/bench/big.txt
grep -qE '^ *RPO +0 commits' "$work/drill.txt" || fail "acknowledged commits were lost"
grep -qE '^ *old leader +. follows again' "$work/drill.txt" || fail "the old leader did not follow"
