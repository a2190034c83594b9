#!/usr/bin/env bash
# What starts at boot is the same as before `./dev test` installed anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly before=build/log/boot-links.before
if [[ ! -f $before ]]; then
  echo "there is no $before; ./dev test writes it before it installs anything"
  exit 1
fi
if ! diff "$before" <(./dev boot-links); then
  echo "these start at boot (>) that did not before, or no longer do (<)"
  exit 1
fi
echo "$(wc -l <"$before") units and rc links, none of them new"
