# Builds and runs the benchmarks, compares two commits, and writes the page. Sourced by `run`, after build.sh; needs $root.
: "${root:?the script that sources this sets it}"

# bench [FILTER] [--base COMMIT] [--rounds N] [--build]. Rounds of the head and of the base take turns. Leaves in build/bench/out
# bench.json and bench.html, with the curves that claims left in build/curves.
bench() {
  local filter='' base='' rounds='' only_build=false tree='' out=$root/build/bench/out
  read_bench_options "$@"
  if [ -n "$base" ]; then tree=$(tree_of "$base"); fi
  setup build bench
  build_benchmarks
  if $only_build; then return; fi
  if [ -n "$tree" ]; then "$tree/run" bench --build || fail "the benchmarks of $base do not build (in $tree)"; fi
  measure "$out" "$tree" "${rounds:-${base:+3}}" "$filter"
  if [ -d "$root/build/curves" ]; then cp -r -- "$root/build/curves" "$out/curves"; fi
  "$root/build/bench/bin/attune_bench_page" "$out" "$(commit)" ${base:+"$(title_of "$base")"}
  say "the page: build/bench/out/bench.html"
}

# Sets filter, base, rounds and only_build of the caller.
read_bench_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --build) only_build=true; shift ;;
      --base) [ -n "${2:-}" ] || usage_error "--base needs a commit"; base=$2; shift 2 ;;
      --rounds) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || usage_error "--rounds needs a number from 1 to 99"; rounds=$2; shift 2 ;;
      -*) usage_error "bench has no option '$1'; it has --base COMMIT, --rounds N and --build" ;;
      *) [ -z "$filter" ] || usage_error "bench takes one filter, not '$filter' and '$1'; it may be a regular expression"
         filter=$1; shift ;;
    esac
  done
}

build_benchmarks() {
  local folder=$root/build/bench
  configure "$folder" release -DATTUNE_BUILD_BENCHMARKS=ON -DATTUNE_BUILD_TESTS=OFF &&
    run_ninja "$folder" "$(log_folder)/bench.log"
}

# tree_of COMMIT: a checkout of it with a build folder of its own, kept for the next time.
tree_of() {
  local commit tree
  commit=$(git -C "$root" rev-parse --verify --quiet "$1^{commit}") || fail "there is no commit '$1' to compare with"
  tree=$root/build/base/$commit
  # Forced: git may remember a checkout there that `./run clean` removed.
  [ -x "$tree/run" ] || git -C "$root" worktree add --quiet --force --detach "$tree" "$commit" >&2 ||
    fail "cannot check $1 out into $tree"
  # What the head has fetched serves there too, as long as both pin the same.
  if cmp -s "$root/tools/duckdb.lock" "$tree/tools/duckdb.lock"; then
    [ -e "$tree/.deps" ] || ln -sfn "$root/.deps" "$tree/.deps"
  elif [ -L "$tree/.deps" ]; then
    rm -- "$tree/.deps"
  fi
  printf '%s' "$tree"
}

# title_of COMMIT: "main (61e6d64f0a)"; a hash stands for itself.
title_of() {
  local hash
  hash=$(git -C "$root" rev-parse --short=10 "$1^{commit}")
  if [[ $hash = "$1"* || $1 = "$hash"* ]]; then echo "$hash"; else echo "$1 ($hash)"; fi
}

# measure FOLDER TREE ROUNDS FILTER: rounds of the head and, unless TREE is empty, of the base in turn, into FOLDER.
measure() {
  local out=$1 tree=$2 rounds=${3:-1} filter=$4 round
  rm -rf -- "$out"
  mkdir -p "$out/head" "$out/base"
  for ((round = 1; round <= rounds; ++round)); do
    if [ "$rounds" -gt 1 ]; then say "round $round of $rounds"; fi
    benchmark_round "$root" "$out/head" "$round" "$filter"
    if [ -n "$tree" ]; then benchmark_round "$tree" "$out/base" "$round" "$filter" >>"$out/base.txt"; fi
  done
  [ -z "$filter" ] || [ -n "$(find "$out/head" -name '*.json')" ] || fail "there is no benchmark whose name holds '$filter'"
}

# benchmark_round TREE FOLDER ROUND FILTER: every program once, PROGRAM.ROUND.json into FOLDER. A program without Google Benchmark
# knows no filter and prints a table of its own: it runs where everything does, once.
benchmark_round() {
  local tree=$1 folder=$2 round=$3 filter=$4 program name found=false
  while IFS= read -r program; do
    found=true name=$(basename "$program")
    if grep -qaF N9benchmark "$program"; then
      "$program" ${filter:+--benchmark_filter="$filter"} --benchmark_out="$folder/$name.$round.json" 2>&1 </dev/null |
        awk '!/^(Failed to match|Run on|CPU Caches|  L[1-9] |Load Average|20[0-9][0-9]-[0-9-]+T)/' || fail "$name of $tree ended with an error"
    elif [ -z "$filter" ] && [ "$round" = 1 ] && [ "$tree" = "$root" ]; then
      "$program" </dev/null || fail "$name ended with an error"
    fi
  done < <(find "$tree/build/bench/src" -name 'attune_*_bench' -type f -executable 2>/dev/null | sort)
  $found || fail "there are no benchmarks in $tree/build/bench/src"
  # Programs without a benchmark of that name leave empty files.
  find "$folder" -name "*.$round.json" -empty -delete
}
