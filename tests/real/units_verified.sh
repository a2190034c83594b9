#!/usr/bin/env bash
# The shipped units are such as systemd accepts, with the binary that was just built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in packaging/*.service; do
  sed "s#/usr/bin/weir#$WEIR_BINARY#" "$unit" >"$folder/$(basename "$unit")"
done
for unit in "$folder"/*.service; do
  words=$(sed -n 's/^ExecStart=//p' "$unit")
  # shellcheck disable=SC2086
  $words --help >/dev/null
done

# Whether systemd reads them is only seen where it is.
command -v systemd-analyze >/dev/null || { echo "no systemd here to read the units"; exit 0; }
said=$(systemd-analyze verify "$folder"/*.service 2>&1) || { echo "$said"; exit 1; }
if grep -F "$folder" <<<"$said"; then exit 1; fi
