#!/usr/bin/env bash
# Builds weir as it was at the last tag and upgrades a live fleet from it; without a tag from the
# commit in upgrade_from.txt.
#   tests/real/upgrade.sh TESTS    TESTS: the folder of real_days_test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly tests=${1:-build/dev} place=build/upgrade
former=$(git describe --tags --abbrev=0 2>/dev/null || cat tests/real/upgrade_from.txt)
echo "upgrading from $former"
if [[ ! -x $place/weir || $(cat "$place/of" 2>/dev/null) != "$former" ]]; then
  rm -rf "$place"
  mkdir -p "$place/source"
  git archive "$former" | tar -x -C "$place/source"
  # By its own entry: it may want packages that the tree of today does not, and installs them.
  (cd "$place/source" && ./dev build)
  cp "$place/source/build/weir" "$place/weir"
  echo "$former" >"$place/of"
fi
WEIR_FORMER_BINARY=$PWD/$place/weir exec "$tests/real_days_test" --gtest_filter='Upgrade.*'
