# What every bench stands on; read by `source`. Each bench works in a folder of its own, on a free
# /24 of loopback, and leaves nothing of it behind.
set -euo pipefail
readonly weir=${WEIR_BINARY:-$PWD/build/weir}
readonly bin=/usr/lib/postgresql/15/bin

work=$(mktemp -d /tmp/weir-bench-XXXXXX)
chmod 755 "$work"
as_server=()
if ((EUID == 0)); then as_server=(runuser -u postgres --); fi
export WEIR_STATE=$work/state WEIR_RUN=$work/run

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "bench: $*"
  exit 1
}

# Takes a /24 of 127.64.0.0/10 by the lock that all tests use.
take_network() {
  local third
  for third in $(seq 255 -1 128); do
    exec {lock}>"/tmp/weir-test-net-$third.lock"
    if flock -n "$lock"; then
      network=127.64.$third
      return
    fi
    exec {lock}>&-
  done
  fail "no /24 of 127.64.0.0/16 is free"
}

# Removes what weir made below our folder, without a copy: every bench calls its fleet so.
destroy_fleet() {
  [[ -d $WEIR_STATE ]] || return 0
  "$weir" down --destroy --destroy-data bench --no-final-copy >"$work/down.log" 2>&1 || cat "$work/down.log" >&2
}

# leave STATUS: removes our folder, or says what it left to read.
leave() {
  if (($1 == 0)); then
    rm -rf "$work"
  else
    say "bench: what it left to read is in $work"
  fi
  exit "$1"
}

# within SECONDS COMMAND...: until it succeeds.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || return 1
    sleep 0.1
  done
}

# sql SOCKET_FOLDER STATEMENT
sql() { psql -XAtq -h "$1" -p 5432 -U postgres -d postgres -c "$2" 2>/dev/null; }

# spread NUMBERS...: median, min, max.
spread() {
  local -a sorted
  mapfile -t sorted < <(printf '%s\n' "$@" | sort -n)
  echo "${sorted[$(($# / 2))]} ${sorted[0]} ${sorted[-1]}"
}

# One line on what the numbers were measured on.
machine() {
  printf '%s, %s cores, load average %s before and %s after, evidence measured-real.\n' \
    "$("$bin/postgres" --version)" "$(nproc)" "$load_before" "$(cut -d ' ' -f 1 /proc/loadavg)"
}
load_before=$(cut -d ' ' -f 1 /proc/loadavg)
