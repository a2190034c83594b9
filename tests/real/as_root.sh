#!/usr/bin/env bash
# Runs a test that needs root: as root, or by `sudo -n`. With neither it fails and says so.
set -euo pipefail
if ((EUID == 0)); then exec "$@"; fi
if ! sudo -n true 2>/dev/null; then
  echo "$(basename "$1") makes network namespaces: it needs root, or a sudo that asks nothing" >&2
  exit 1
fi
kept=()
for name in GTEST_OUTPUT WEIR_BINARY WEIR_KEEP; do
  if [[ -n ${!name:-} ]]; then kept+=("$name=${!name}"); fi
done
exec sudo -n env "${kept[@]}" "$@"
