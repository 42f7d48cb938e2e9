# Parts of the tests of our own scripts. A test sources this, calls `test_case NAME` before each case, and ends with `finish`.
set -uo pipefail
export LC_ALL=C.UTF-8

root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/attune-tools.XXXXXX")
trap 'rm -rf -- "$scratch"' EXIT
cases=0 failures=0 current=""

test_case() { current=$1; cases=$((cases + 1)); }

complain() {
  failures=$((failures + 1))
  printf 'FAILED %s: %s\n' "$current" "$1"
  [ -z "${output-}" ] || printf '%s\n' "$output" | head -n 20 | sed 's/^/    /'
}

# run_it COMMAND…: keeps what it says, on both streams, in $output and its exit status in $status.
run_it() { status=0; output=$("$@" 2>&1 </dev/null) || status=$?; }

expect_status() { [ "$status" -eq "$1" ] || complain "exit status $status, wanted $1"; }
expect_failure() { [ "$status" -ne 0 ] || complain "succeeded, and should not have"; }
expect_says() { grep -qF -e "$1" <<<"$output" || complain "does not say '$1'"; }
expect_silent_about() { ! grep -qF -e "$1" <<<"$output" || complain "says '$1'"; }
expect_file() { [ -e "$1" ] || complain "$1 is not there"; }
expect_no_file() { [ ! -e "$1" ] || complain "$1 is there"; }
expect_equal() { [ "$1" = "$2" ] || complain "'$1' is not '$2'"; }

# A folder for PATH with every program of the system but those named; stubs are written over it.
path_without() {
  local folder=$scratch/path.$RANDOM
  mkdir -p "$folder"
  ln -sf /usr/bin/* "$folder/"
  (cd "$folder" && rm -f "$@")
  printf '%s' "$folder"
}

# stub FOLDER NAME: a program whose body is read from standard input.
stub() {
  rm -f "$1/$2"
  { echo '#!/bin/bash'; cat; } >"$1/$2"
  chmod +x "$1/$2"
}

finish() {
  echo "$cases cases, $failures failures"
  [ $failures -eq 0 ]
}
