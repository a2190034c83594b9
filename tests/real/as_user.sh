#!/usr/bin/env bash
# One whole fleet run by an ordinary user: up, drills, down. As root the user is `weirtest`, made
# for this test and removed after it. Drills alternate: kill-server, kill-host, ...
#   as_user.sh [DRILLS]   (1)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly drills=${1:-1}
readonly binary=${WEIR_BINARY:-build/weir}
readonly user=weirtest

as_user=()
made_user=""
folder=$(mktemp -d /tmp/weir-user-XXXXXX)

weir() {
  "${as_user[@]}" env -i PATH="$PATH" HOME="$folder" WEIR_STATE="$folder/state" \
    WEIR_RUN="$folder/run" "$folder/weir" "$@"
}

clean_up() {
  local status=$?
  trap - EXIT
  if ((status != 0)); then
    echo "--- what the fleet wrote"
    tail -n 20 "$folder"/state/as_user/logs/*.log 2>/dev/null || true
  fi
  if [[ -d $folder/state ]]; then
    weir down --destroy --destroy-data as_user --no-final-copy >"$folder/down.log" 2>&1 || {
      cat "$folder/down.log"
      status=1
    }
  fi
  # Those that have ended are there until somebody has reaped them.
  local left
  for _ in $(seq 50); do
    left=$(pids_of_folder)
    [[ -n $left ]] || break
    sleep 0.2
  done
  if [[ -n $left ]]; then
    echo "these processes outlived the fleet:"
    ps -o pid,args -p "${left// /,}" || true
    # shellcheck disable=SC2086
    kill -9 $left 2>/dev/null || true
    status=1
  fi
  rm -rf "$folder"
  [[ -z $made_user ]] || userdel "$user"
  exit "$status"
}

# Processes that run our copy of the program or work below our folder.
pids_of_folder() {
  local process pid out=""
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    [[ $pid == "$$" ]] && continue
    if [[ $(readlink "$process/exe" 2>/dev/null) == "$folder"/* ||
      $(readlink "$process/cwd" 2>/dev/null) == "$folder"/* ]]; then
      out+="${out:+ }$pid"
    fi
  done
  echo "$out"
}

# Takes a /24 of 127.64.0.0/10 that no other test has, by the lock that all tests use.
take_network() {
  local third
  for third in $(seq 128 255); do
    # The descriptor stays open, and the network ours, until this script ends.
    exec {lock}>"/tmp/weir-test-net-$third.lock"
    if flock -n "$lock"; then
      network=127.64.$third
      return
    fi
    exec {lock}>&-
  done
  echo "no /24 of 127.64.0.0/16 is free"
  exit 1
}

trap clean_up EXIT
trap 'exit 130' INT TERM
if ((EUID == 0)); then
  if ! id "$user" >/dev/null 2>&1; then
    useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
    made_user=yes
  fi
  as_user=(runuser -u "$user" --)
fi
take_network
cp "$binary" "$folder/weir"
sed -e "s/^fleet: .*/fleet: as_user/" -e "s/127\.0\.10\./$network./" examples/quickstart.yaml \
  >"$folder/fleet.yaml"
if ((EUID == 0)); then chown -R "$user" "$folder"; fi
chmod 755 "$folder"

weir up -f "$folder/fleet.yaml" --store "$network.250:7400"
for ((i = 0; i < drills; ++i)); do
  fault=kill-server
  if ((i % 2 == 1)); then fault=kill-host; fi
  # A reached objective is no matter of this test: a slow machine may take its time. Loss is.
  status=0
  weir drill "$fault" orders -o json >"$folder/report.json" || status=$?
  cat "$folder/report.json"
  if ((status != 0 && status != 3)); then
    echo "the drill ended with exit code $status"
    exit 1
  fi
  if ! grep -qE '"lost_commits": ?0,' "$folder/report.json"; then
    echo "the report does not say that no acknowledged commit was lost"
    exit 1
  fi
done
weir status orders
weir down
left=$(pids_of_folder)
if [[ -n $left ]]; then
  echo "weir down left processes: $left"
  exit 1
fi
echo "as $(id -un "${made_user:+$user}" 2>/dev/null || id -un): up, $drills drills, down"
