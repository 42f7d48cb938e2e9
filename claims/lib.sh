# Parts that claims share. A claim begins with:
#
#   #!/usr/bin/env bash
#   # What it shows, in one sentence.
#   # seconds: 40
#   # ci: no
#   . "$(dirname "$0")/../lib.sh"
#
# and is run from the root of the tree by `./run claim`, which has built the program. Inside it there are:
#   $root $data $work   the tree; the data sets (../shared/data, or DATA=DIR); a folder of its own, removed at the end
#   attune …            the program, without another look whether it has to be built
set -euo pipefail
export LC_ALL=C.UTF-8

root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
data=${DATA:-$root/../shared/data}
work=$(mktemp -d "${TMPDIR:-/tmp}/attune-claim.XXXXXX")
beside=()  # processes that end with the claim
trap 'kill "${beside[@]}" 2>/dev/null || true; rm -rf -- "$work"' EXIT

attune() { "$root/build/release/bin/attune" "$@"; }

# Ends the claim as skipped: it lacks something to run.
skip() { echo "$*"; exit 77; }

# needs_data FOLDER…: skips unless these data sets are there.
needs_data() {
  local folder
  for folder in "$@"; do
    [ -d "$data/$folder" ] || skip "needs the data set $folder in ../shared/data (or DATA=DIR)"
  done
}

# needs_program NAME…: skips unless these are in PATH.
needs_program() {
  local name
  for name in "$@"; do command -v "$name" >/dev/null || skip "needs the program $name"; done
}

# movielens RECOMMENDER [--set …]: MovieLens-100K, random 80/20 per customer, seeds 1 to 5, full ranking, seen items out; leaves the
# leaderboard in $work/board.json.
movielens() {
  needs_data movielens-100k
  attune --data "$work/ml" import "$data/movielens-100k/u.data.gz" --preset movielens --yes --json -q >/dev/null
  attune --data "$work/ml" evaluate "$@" --split random --seeds 5 -k 10 --json -q >"$work/board.json"
}

# mean METRIC: of the leaderboard's first row, to four places.
mean() { jq -r ".leaderboard[0][\"$1\"].mean" "$work/board.json" | awk '{printf "%.4f", $1}'; }

# peer_python PACKAGE==VERSION…: sets $peer to a Python that has these released packages, in a benchmark environment outside of the
# tree (ATTUNE_BENCH, else ~/.cache/attune/bench).
peer_python() {
  local folder=${ATTUNE_BENCH:-$HOME/.cache/attune/bench}
  needs_program python3
  peer=$folder/bin/python
  [ -x "$peer" ] || python3 -m venv "$folder" || skip "needs python3 with venv"
  "$peer" -m pip install --quiet --disable-pip-version-check "$@" || skip "needs $* from the Python package index"
  peer_packages=("$@")
}

# released PACKAGE: "PACKAGE VERSION", of one that peer_python was asked for.
released() {
  local each
  for each in "${peer_packages[@]}"; do
    if [ "${each%%==*}" = "$1" ]; then echo "$1 ${each#*==}"; return; fi
  done
  echo "released: $1 is none of ${peer_packages[*]}" >&2; return 1
}

# peer_node PACKAGE@VERSION…: makes these released packages ready for `node` (NODE_PATH), in the same environment. Their install
# scripts are not run.
peer_node() {
  local folder=${ATTUNE_BENCH:-$HOME/.cache/attune/bench}/node
  needs_program node npm
  mkdir -p "$folder"
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >/dev/null || skip "needs $* from npm"
  export NODE_PATH=$folder/node_modules
}

# verdict FIGURE BAR CONDITION: the last line of a claim. FIGURE and BAR are shown; CONDITION is an awk expression.
#   verdict "NDCG@10 $ndcg" "at least .405" "$ndcg >= .405"
verdict() {
  local status=0
  awk "BEGIN {exit !($3)}" || status=1
  printf '%s (bar %s)\n' "$1" "$2"
  exit $status
}

# holds CONDITION MESSAGE: ends the claim as missed unless the awk expression is true; for what must be right before the
# figure counts.
holds() {
  awk "BEGIN {exit !($1)}" || { printf 'not so: %s (bar %s)\n' "$2" "$1"; exit 1; }
}

# equal WANTED GOT WHAT: the same for two texts.
equal() {
  [ "$1" = "$2" ] || { printf '%s is %s (bar %s)\n' "$3" "${2:-nothing}" "$1"; exit 1; }
}

# Median of the numbers on standard input.
median() {
  sort -g | awk '{v[NR] = $1} END {if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

# timed COMMAND…: prints "WALL CPU" in seconds; the command's own output goes to $work/timed.log.
timed() {
  local TIMEFORMAT='%R %U %S' status=0
  { time "$@" >"$work/timed.log" 2>&1 || status=$?; } 2>"$work/timed.time"
  if [ $status -ne 0 ]; then tail -n 20 "$work/timed.log" >&2; echo "timed: '$*' failed with $status" >&2; return $status; fi
  awk '{print $1, $2 + $3}' "$work/timed.time"
}

# interleave ROUNDS A B: runs the functions A and B in turn ROUNDS times (5 is the rule), each preceded by `A_prepare` and
# `B_prepare` if there are such functions. Sets wall_a cpu_a wall_b cpu_b to the medians.
interleave() {
  local rounds=$1 a=$2 b=$3 round each
  : >"$work/times.$a"; : >"$work/times.$b"
  for ((round = 1; round <= rounds; ++round)); do
    for each in "$a" "$b"; do
      if declare -F "${each}_prepare" >/dev/null; then "${each}_prepare"; fi
      timed "$each" >>"$work/times.$each"
    done
    echo "round $round: $a $(tail -n 1 "$work/times.$a"), $b $(tail -n 1 "$work/times.$b") (wall, CPU seconds)"
  done
  # shellcheck disable=SC2034  # read by the claim
  wall_a=$(cut -d ' ' -f 1 "$work/times.$a" | median) cpu_a=$(cut -d ' ' -f 2 "$work/times.$a" | median) \
    wall_b=$(cut -d ' ' -f 1 "$work/times.$b" | median) cpu_b=$(cut -d ' ' -f 2 "$work/times.$b" | median)
}

# ratio A B: A / B to two places.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }

# curve TITLE PEER SIZE_NAME UNIT SIZE OURS THEIRS [higher]: a point of a picture that `./run bench` draws; points of one title belong
# together, each PEER (its version said) is a line. Lower figures are better unless `higher` stands at the end.
#   curve "Import of order lines" "$(released duckdb) COPY" rows "wall seconds" "$rows" "$wall_a" "$wall_b"
curve() {
  local claim file
  claim=$(basename "$(dirname "$0")")/$(basename "$0") file=$root/build/curves/${claim//\//-}.jsonl
  mkdir -p "${file%/*}"
  if [ -z "${curves_begun:-}" ]; then : >"$file"; curves_begun=yes; fi  # those of the run before are of no use
  jq -nc --arg title "$1" --arg peer "$2" --arg size_name "$3" --arg unit "$4" --argjson size "$5" --argjson ours "$6" \
    --argjson theirs "$7" --arg better "${8:-lower}" --arg claim "$claim" --arg machine "$(machine)" --arg date "$(date -u +%F)" \
    --arg commit "${ATTUNE_COMMIT:-unknown}" '$ARGS.named' >>"$file"
}

# machine: the kind of machine that this is: "2 cores (AMD EPYC)".
machine() {
  local processor
  processor=$(sed -n '/^model name/{s/.*: *//p;q}' /proc/cpuinfo 2>/dev/null) || true  # not every kernel tells it
  case $(nproc) in 1) printf '1 core' ;; *) printf '%s cores' "$(nproc)" ;; esac
  printf ' (%s)' "${processor:-$(uname -m)}"
}

# A number of a JSON file or of standard input: number '.leaderboard[0]["ndcg@10"].mean' <file
number() { jq -er "$1"; }

# serve NAME [OPTION…]: starts the service on $work/NAME, with an admin key; sets $address $port $key $server (its process).
serve() {
  local folder=$work/$1; shift
  mkdir -p "$folder"
  local out
  out=$(mktemp "$work/serve.XXXXXX")
  "$root/build/release/bin/attune" --data "$folder" serve --port 0 --json "$@" >"$out" 2>"$folder.log" &
  server=$!
  beside+=("$server")
  for _ in $(seq 600); do [ -s "$out" ] && break; kill -0 "$server" 2>/dev/null || break; sleep .05; done
  [ -s "$out" ] || { cat "$folder.log"; equal "a service" "none" "what started"; }
  address=$(jq -r .address "$out") port=$(jq -r .port "$out")
  if [ "$(jq -r .admin_key "$out")" != null ]; then jq -r .admin_key "$out" >"$folder.key"; fi
  # shellcheck disable=SC2034  # read by the claim
  key=$(cat "$folder.key")
}

# served: ends the service as an operator would, and waits for it; one that ends otherwise than well fails the claim.
served() {
  local status=0
  kill -TERM "$server"; wait "$server" || status=$?
  equal 0 "$status" "the exit status of the service"
}

# health: what /health/ready tells the holder of a key.
health() { curl -s -u "$key:" "$address/health/ready"; }

# applied: waits until every store holds what is on disk; prints the seconds that it took.
applied() {
  local begun
  begun=$(date +%s.%N)
  until [ "$(health | jq '.journal - .applied')" = 0 ]; do sleep .05; done
  date +%s.%N | awk -v b="$begun" '{printf "%.1f", $1 - b}'
}

# api_key SCOPE: the secret of a new key of the service, made with $key.
api_key() { curl -sf -u "$key:" "$address/v1/keys" -d "{\"scope\": \"$1\"}" | jq -r .key; }

load() { "$root/build/release/bin/attune_load" --port "$port" --key "$key" "$@"; }
