#!/usr/bin/env bash
# All sources are as clang-format leaves them; `./dev fmt` makes it so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! find src sim tests bench \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 |
  xargs -0 clang-format-16 --dry-run -Werror; then
  echo "hint: ./dev fmt"
  exit 1
fi
