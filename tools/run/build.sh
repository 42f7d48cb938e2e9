# Configures, builds and runs tests, quietly. Sourced by `run`; needs $root.
# Logs go to build/log/; a failure shows the part of the log that says why.
: "${root:?the script that sources this sets it}"

log_folder() { mkdir -p "$root/build/log"; printf '%s/build/log' "$root"; }

# build PRESET [TARGETS…]. One build of a tree at a time: a second one waits.
build() {
  local preset=$1 log folder status=0; shift
  folder=$root/build/$preset; log=$(log_folder)/$preset.log
  exec 9>"$(log_folder)/$preset.lock"
  flock -n 9 || { say "another build of build/$preset is under way; waiting for it"; flock 9; }
  configure "$folder" "$preset" || status=$?
  [ $status -ne 0 ] || run_ninja "$folder" "$log" "$@" || status=$?
  exec 9>&-
  return $status
}

# configure FOLDER PRESET [CMAKE ARGS…], unless the folder is configured for this very tree and these presets.
configure() {
  local folder=$1 preset=$2 log; shift 2
  log=$(log_folder)/$preset.configure.log
  if [ -f "$folder/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    rm -rf -- "$folder"  # the tree was moved: its old absolute paths are of no use
  fi
  if [ -f "$folder/build.ninja" ] && [ ! "$root/CMakePresets.json" -nt "$folder/build.ninja" ]; then return 0; fi
  progress "configuring $preset"
  if ! (cd "$root" && cmake --preset "$preset" -B "$folder" "$@") >"$log" 2>&1; then
    progress_done
    { sed -n '/CMake Error/,$p' "$log" | head -n 25; } >&2
    rm -f "$folder/build.ninja"
    say "configuring $preset failed (log: $log)"
    return 1
  fi
  touch "$folder/build.ninja"  # CMake leaves it alone where nothing in it changed
  progress_done
}

run_ninja() {
  local folder=$1 log=$2 started=$SECONDS status=0; shift 2
  # One cache for all build folders: what release compiled, bench need not.
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=yes
  NINJA_STATUS='[%f/%t] ' ninja -C "$folder" -j "$(jobs_for_memory)" "$@" 2>&1 </dev/null | tee "$log" | follow_ninja || status=$?
  progress_done
  if [ "$status" -ne 0 ]; then
    # The failing commands and what they said, without the command lines themselves.
    { grep -qE '^(CMake Error|FAILED)' "$log" && sed -nE '/^(CMake Error|FAILED)/,$p' "$log" || tail -n 30 "$log"; } |
      sed 's#\(^\|[^A-Za-z0-9./]\)\.\./\.\./#\1#g' |
      awk 'skip {skip = 0; next} /^FAILED/ {skip = 1} /^\[[0-9]+\/[0-9]+\]/ {next} {print}' | head -n 60 >&2
    say "the build failed (log: $log)"
    return 1
  fi
  if [ $((SECONDS - started)) -ge 5 ]; then say "built ${folder#"$root"/} in $((SECONDS - started)) s"; fi
}

# Turns ninja's lines into one that moves; where there is no terminal, a line every two minutes shows that work goes on.
follow_ninja() {
  local line step last=$SECONDS
  while IFS= read -r line; do
    case "$line" in '['*/*']'*) ;; *) continue ;; esac
    step=${line%%]*}; step=${step#[}
    if on_terminal; then
      progress "building $step"
    elif [ $((SECONDS - last)) -ge 120 ]; then
      say "building $step"; last=$SECONDS
    fi
  done
}

# run_tests PRESET [CTEST ARGS…]: ends with ctest's own summary. On a terminal one line moves; elsewhere the tests that pass
# are counted, and only the others are shown, unless ctest was given arguments.
run_tests() {
  local preset=$1 arguments=(--output-on-failure -j "$(nproc)") data; shift
  data=$(data_sets)
  if [ -n "$data" ]; then
    export ATTUNE_TEST_DATA=$data
  else
    say "no data sets at ../shared/data or \$ATTUNE_TEST_DATA: the tests that read them are skipped, and listed so"
  fi
  sanitizer_options
  arguments+=(--test-dir "$root/build/$preset" --output-log "$(log_folder)/$preset.test.log" "$@")
  if [ $# -gt 0 ]; then
    ctest "${arguments[@]}"
  elif on_terminal && [ -t 1 ]; then
    ctest --progress "${arguments[@]}"
  else
    ctest "${arguments[@]}" 2>&1 | awk '
      / +Start +[0-9]+: / {next}
      /Test +#[0-9]+: .* Passed +[0-9.]+ sec/ {if (++passed % 100 == 0) {print passed " tests passed"; fflush()} next}
      {gsub(/\.\.\.\.+/, " … "); print; fflush()}'
  fi
}

# The folder of data sets that tests and claims may read, if there is one.
data_sets() {
  local folder=${ATTUNE_TEST_DATA:-$root/../shared/data}
  [ ! -d "$folder" ] || (cd -- "$folder" && pwd)
}

sanitizer_options() {
  export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
  export LSAN_OPTIONS="suppressions=$root/tools/sanitizers/lsan.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
  export TSAN_OPTIONS="suppressions=$root/tools/sanitizers/tsan.supp:history_size=4:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
}

# run_fuzzer [TARGET [SECONDS]]: seeds come from fuzz/seeds/TARGET, what is found stays in build/fuzz/corpus/TARGET.
run_fuzzer() {
  local target=${1-} seconds=${2-60} corpus program
  if [ -z "$target" ]; then
    echo "fuzz targets (./run fuzz TARGET [SECONDS]):"
    find "$root/build/fuzz/bin" -name 'fuzz_*' -type f -executable -printf '  %f\n' 2>/dev/null | sed 's/fuzz_//' | sort
    return
  fi
  program=$root/build/fuzz/bin/fuzz_$target
  [ -x "$program" ] || fail "there is no fuzz target '$target'; ./run fuzz lists them"
  [[ $seconds =~ ^[0-9]+$ ]] || usage_error "'$seconds' is no number of seconds"
  corpus=$root/build/fuzz/corpus/$target
  mkdir -p "$corpus" "$root/build/fuzz/crashes"
  sanitizer_options
  local seeds=()
  [ ! -d "$root/fuzz/seeds/$target" ] || seeds=("$root/fuzz/seeds/$target")
  (cd "$root/build/fuzz" && "$program" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$root/build/fuzz/crashes/$target-" "$corpus" "${seeds[@]}")
}

clean() {
  case "${1-}" in
    '') rm -rf -- "$root/build" ;;
    --all) rm -rf -- "$root/build" "$root/.deps" ;;
    *) usage_error "clean takes --all or nothing, not '$1'" ;;
  esac
}
