#!/usr/bin/env bash
# `weir up` on an empty state directory beside bench/start_all.sh, the commands that a person would
# type, in turn: from the command until the service serves, as one outside client sees it that
# probes both alike (bench/serves.cpp). Tells numbers; asserts none.
#   ./dev bench up [ROUNDS]   (5)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/common.bash
readonly rounds=${1:-5}
readonly client=${BENCH_SERVES:-$PWD/build/dev/bench_serves}
export BENCH_PASSWORD=bench

# Each round has a folder of its own and nothing is removed before the end: ext4 looks past every
# inode freed in the last minutes for each file that is made, so that whoever comes after a removal
# would pay for it (4 to 5 s in place of 2.5).
begin_round() {
  folder=$work/$round
  mkdir -m 755 "$folder"
  export WEIR_STATE=$folder/state WEIR_RUN=$work/run
}

stop_reference() {
  local host
  for host in c b a; do
    if [[ -s $folder/reference/$host/postmaster.pid ]]; then
      "${as_server[@]}" "$bin/pg_ctl" stop -m immediate -D "$folder/reference/$host" >/dev/null ||
        true
    fi
  done
}

stop_fleet() {
  [[ ! -d $WEIR_STATE ]] || "$weir" down >"$work/down.log" 2>&1 || cat "$work/down.log" >&2
}

clean_up() {
  local status=$?
  trap - EXIT
  stop_reference
  stop_fleet
  leave "$status"
}

# measure SIDE COMMAND...: both are begun at once; the client ends when the service serves.
measure() {
  local side=$1 command client_at host took status=0
  shift
  local -a uris=()
  for host in 1 2 3; do
    uris+=("postgresql://shop_owner:bench@$network.$host/shop?sslmode=require")
  done
  "$client" "${uris[@]}" >"$work/took" &
  client_at=$!
  "$@" >"$work/$side.log" 2>&1 &
  command=$!
  wait "$client_at" || status=1
  wait "$command" || status=1
  ((status == 0)) || { cat "$work/took" "$work/$side.log" >&2 && fail "$side: did not serve"; }
  took=$(tr ' ' '\n' <"$work/took" | sort -n | tail -n 1)
  say "$side: $took ms (leader, replicas: $(cat "$work/took"))"
  if [[ $side == weir ]]; then ours+=("$took"); else theirs+=("$took"); fi
}

weir_round() {
  cat >"$work/fleet.yaml" <<END
fleet: bench
hosts:
  a: {address: $network.1}
  b: {address: $network.2}
  c: {address: $network.3}
services:
  orders:
    engine: postgres
    members: [a, b, c]
    sync: 1
    durability: required
    objective: {availability: 99.95%, rpo: 0s, rto: 5s}
    params: {max_connections: 200, shared_buffers: 64MB}
    databases:
      shop: {owner: shop_owner}
    roles:
      shop_owner: {login: true, password: 'env:BENCH_PASSWORD'}
      shop_app:
        login: true
        password: generated
        grants:
          - {on: shop.public, tables: [select, insert, update, delete]}
END
  measure weir "$weir" up -f "$work/fleet.yaml" --store "$network.250:7400"
  if [[ -n ${WEIR_EVENTS:-} ]]; then "$weir" events >"$WEIR_EVENTS"; fi
  stop_fleet
}

reference_round() {
  mkdir "$folder/reference"
  if ((EUID == 0)); then chown postgres "$folder/reference"; fi
  measure reference "${as_server[@]}" bash bench/start_all.sh "$folder/reference" "$network"
  stop_reference
}

report() {
  local -a w r
  read -r -a w < <(spread "${ours[@]}")
  read -r -a r < <(spread "${theirs[@]}")
  printf '%-14s %8s %8s %8s\n' side median min max
  printf '%-14s %8d %8d %8d\n' 'weir up' "${w[@]}" start_all.sh "${r[@]}"
  cat <<END

Milliseconds from the command until a write was read back on the leader and on each replica, by one
client that probes all three each 20 ms; $rounds rounds of each, in turn, from an empty directory.
Median of weir over start_all.sh: $(awk -v a="${w[0]}" -v b="${r[0]}" 'BEGIN { printf "%.2f", a / b }') (at most 1.15).
weir: $("$weir" --version); both: three members on loopback, sync 1;
$(machine)
END
}

trap clean_up EXIT
trap 'exit 130' INT TERM
ours=() theirs=() folder=$work/none
take_network
for ((round = 1; round <= rounds; ++round)); do
  begin_round
  reference_round
  weir_round
done
mkdir -p build/bench
report | tee build/bench/up.txt
