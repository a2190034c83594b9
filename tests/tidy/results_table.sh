#!/usr/bin/env bash
# Writes README's table from the results of the last `./dev test`: engine and capability, and the
# test that passed. What no test has passed stays blank; nothing is written by hand.
#   results_table.sh RESULTS_FOLDER   (GoogleTest's json files)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
results=${1:?the folder of the results}

# capability, then for each engine the test that shows it: program/suite.case, or a script's name.
readonly plan=tests/tidy/results_table.txt

# passed PROGRAM SUITE CASE: the case ran to its end without a failure.
passed() {
  local file=$results/$1.json
  [[ -f $file ]] || return 1
  awk -v suite="$2" -v case_name="$3" '
    # One object for each case: its name, then its suite, its result, and failures if there are any.
    { gsub(/\\\//, "/") } # GoogleTest escapes slashes.
    /^ *"name": / { split($0, part, "\""); name = part[4] }
    /^ *"result": / { split($0, part, "\""); result = part[4] }
    /^ *"classname": / {
      split($0, part, "\"")
      in_case = (part[4] ~ ("(^|/)" suite "(/[0-9]+)?$") && name ~ ("^" case_name "(/|$)"))
      if (in_case && result == "COMPLETED") { seen = 1 }
    }
    /^ *"failures": \[/ && in_case { failed = 1 }
    END { exit !(seen && !failed) }' "$file"
}

# A script has passed if the last summary of the tests says so.
script_passed() {
  grep -qE "Test +#[0-9]+: $1 \.+ +Passed" build/log/test.log 2>/dev/null
}

cell() {
  local test=$1 program rest
  [[ $test == - ]] && return
  if [[ $test == */*.* ]]; then
    program=${test%%/*}
    rest=${test#*/}
    passed "$program" "${rest%.*}" "${rest##*.}" && printf '`%s`' "$rest"
  else
    script_passed "$test" && printf '`%s`' "$test"
  fi
  return 0
}

table() {
  echo '| capability | postgres | fake (simulator) |'
  echo '|---|---|---|'
  local capability postgres fake
  while IFS='|' read -r capability postgres fake; do
    [[ -z $capability || $capability == \#* ]] && continue
    echo "| $capability | $(cell "$postgres") | $(cell "$fake") |"
  done <"$plan"
}

readonly begin='<!-- written by ./dev table -->'
readonly end='<!-- end -->'
made=$(mktemp)
trap 'rm -f "$made"' EXIT
table >"$made"
awk -v begin="$begin" -v end="$end" -v made="$made" '
  $0 == begin { print; while ((getline line < made) > 0) print line; skipping = 1 }
  $0 == end { skipping = 0 }
  !skipping && $0 != begin { print }' README.md >README.md.new
mv README.md.new README.md
