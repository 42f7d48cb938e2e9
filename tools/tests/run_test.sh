#!/usr/bin/env bash
# What `run` does on machines that lack something, without touching this one: apt-get, npm and the rest are stubs.
. "$(dirname "$0")/lib.sh"

# tree: a copy of the script in a folder whose name holds blanks and a quote; $calls lists what the stubs were asked.
tree() {
  tree="$scratch/a shop's tree $cases"
  mkdir -p "$tree"
  cp -r "$root/run" "$root/tools" "$tree/"
  calls=$scratch/calls.$cases; : >"$calls"
  export tree calls scratch
  bin=$(path_without apt-get apt-cache dpkg-query sudo npm cmake ninja)
}
# Debian as far as `run` can see: packages listed in $scratch/installed are there.
debian() {
  : >"$scratch/installed"
  stub "$bin" dpkg-query <<'STUB'
shift 3
for name in "$@"; do grep -qx -- "$name" "$scratch/installed" && echo "$name installed"; done
exit 0
STUB
  stub "$bin" apt-get <<'STUB'
echo "apt-get $*" >>"$calls"
case "$*" in
  *nothing-like-it*) echo "E: Unable to locate package nothing-like-it"; exit 100 ;;
  *" -s "*|update*) ;;
  *) awk '!/^#/ {print $2}' "$tree/tools/packages.txt" >"$scratch/installed" ;;
esac
STUB
  stub "$bin" cmake <<<'mkdir -p "$tree/build/release"; touch "$tree/build/release/build.ninja"; echo cmake >>"$calls"'
  stub "$bin" ninja <<<'echo ninja >>"$calls"'
  stub "$bin" id <<<'echo 0'
}
# npm that packs the files of $scratch/member, and a lock that pins what it packs.
registry() {
  mkdir -p "$scratch/member/package"
  echo "the library" >"$scratch/member/package/libduckdb.so"
  tar -C "$scratch/member" --mtime=@0 --sort=name -czf "$scratch/duckdb.tgz" package
  stub "$bin" npm <<<'echo "npm $*" >>"$calls"; cp "$scratch/duckdb.tgz" ./duckdb-1.tgz'
  local integrity
  integrity=sha512-$(openssl dgst -sha512 -binary "$scratch/duckdb.tgz" | base64 -w0)
  printf '# pinned\nduckdb@1 %s package/libduckdb.so lib/libduckdb.so\n' "$integrity" >"$tree/tools/duckdb.lock"
}
snapshot() { (cd "$tree" && find . -path ./build -prune -o -print | sort | xargs -d '\n' stat -c '%n %s %Y'); }
run_here() { run_it env PATH="$bin" "$tree/run" "$@"; }

test_case "help is printed from any folder and through a link"
tree; ln -s "$tree/run" "$scratch/link"
cd / && run_it env PATH="$bin" "$scratch/link" help
expect_status 0; expect_says "demo [ORDERS.csv]"

test_case "an unknown command, preset or group is refused with what there is"
tree
run_here tset; expect_status 2; expect_says "there is no command 'tset'"
run_here test --preset quick; expect_status 2; expect_says "release, dev, asan, tsan, clang"
run_here setup toys; expect_status 2; expect_says "there are build fetch lint fuzz bench"
run_here clean everything; expect_status 2

test_case "without apt-get it names what is missing and changes nothing"
tree; rm -f "$bin"/mold "$bin"/ccache
before=$(snapshot)
for command in demo test build; do
  run_here $command
  expect_status 1
  for name in mold ccache cmake ninja-build npm; do expect_says "  $name"; done
  expect_silent_about "  git"
  expect_says "nothing was changed"
done
expect_equal "$(snapshot)" "$before"

test_case "without root and sudo it names the packages and the command for root"
tree; debian; stub "$bin" id <<<'echo 1000'
run_here test
expect_status 1; expect_says "not root and there is no sudo"; expect_says "  g++"
expect_equal "$(cat "$calls")" ""

test_case "through sudo the packages are installed"
tree; debian; registry; stub "$bin" id <<<'echo 1000'; stub "$bin" sudo <<<'echo sudo >>"$calls"; exec "$@"'
run_here build
expect_status 0; expect_equal "$(grep -c sudo "$calls")" 3

test_case "as root it updates, tries, installs without recommends and removals, fetches and builds"
tree; debian; registry
run_here build
expect_status 0
expect_equal "$(sed 's/ -.*//' "$calls" | xargs)" "apt-get update apt-get install apt-get install npm pack cmake ninja"
expect_equal "$(grep -c 'install.*--no-install-recommends --no-remove' "$calls")" 2
expect_equal "$(grep -c 'npm pack --ignore-scripts' "$calls")" 1
expect_equal "$(cat "$tree/.deps/duckdb/lib/libduckdb.so")" "the library"
expect_equal "$(ls "$tree/.deps")" "duckdb"

test_case "the second time nothing is installed or fetched"
: >"$calls"; run_here build
expect_status 0; expect_equal "$(cat "$calls")" "ninja"; expect_equal "$output" ""

test_case "a package that apt-get does not know stops before anything is installed"
tree; debian; registry; echo "build nothing-like-it cmd:nothing" >>"$tree/tools/packages.txt"
run_here build
expect_status 1; expect_says "Unable to locate package nothing-like-it"; expect_says "nothing was installed"
expect_equal "$(grep -c '^apt-get install' "$calls")" 1; expect_equal "$(grep -c ' -s ' "$calls")" 1
expect_no_file "$tree/.deps"

test_case "a DuckDB that is not the pinned one is refused and leaves nothing"
tree; debian; registry; sed -i 's/sha512-..../sha512-AAAA/' "$tree/tools/duckdb.lock"
run_here build
expect_status 1; expect_says "is not the file that tools/duckdb.lock pins"
expect_equal "$(ls "$tree/.deps")" ""

test_case "a registry that does not answer is told, and leaves nothing"
tree; debian; registry; stub "$bin" npm <<<'echo "npm ERR! network" >&2; exit 1'
run_here build
expect_status 1; expect_says "npm could not fetch duckdb@1"; expect_says "npm ERR! network"
expect_equal "$(ls "$tree/.deps")" ""

test_case "a new pin replaces the folder that the old one filled"
tree; debian; registry; mkdir -p "$tree/.deps/duckdb/lib"; echo old >"$tree/.deps/duckdb/lib/libduckdb.so"; echo old >"$tree/.deps/duckdb/lock"
run_here build
expect_status 0; expect_equal "$(cat "$tree/.deps/duckdb/lib/libduckdb.so")" "the library"; expect_equal "$(ls "$tree/.deps")" "duckdb"

test_case "a build that fails shows what failed, not what went well"
tree; debian; registry
stub "$bin" ninja <<'STUB'
echo "[1/2] Building good.cc"
printf 'FAILED: bad.o \ng++ -a-very-long-command\nbad.cc:3:1: error: no such thing\nninja: build stopped\n'
exit 1
STUB
run_here build
expect_status 1; expect_says "bad.cc:3:1: error: no such thing"; expect_says "the build failed"
expect_silent_about "good.cc"; expect_silent_about "very-long"

test_case "a tree that was moved is configured anew"
tree; debian; registry; mkdir -p "$tree/build/release"
echo "CMAKE_HOME_DIRECTORY:INTERNAL=/somewhere/else" >"$tree/build/release/CMakeCache.txt"; touch "$tree/build/release/build.ninja"
run_here build
expect_status 0; expect_equal "$(grep -cx cmake "$calls")" 1

test_case "on another machine DuckDB's pin is named as the reason"
tree; debian; registry; stub "$bin" uname <<<'[ "$1" = -s ] && echo Darwin || echo arm64'
run_here demo
expect_status 1; expect_says "pinned for Linux x86_64"; expect_equal "$(cat "$calls")" ""

test_case "the program's arguments, blanks and all, and the caller's folder reach it"
tree; debian; registry; mkdir -p "$tree/build/release/bin" "$scratch/my files"
stub "$tree/build/release/bin" attune <<<'printf "<%s>" "$@"; pwd; exit 5'
cd "$scratch/my files" && run_here attune import "two words.csv" ""
expect_status 5; expect_says "<import><two words.csv><>$scratch/my files"

# benchmarks: a tree under git whose build makes one program of Google Benchmark, one of another kind, and the writer of the page.
benchmarks() {
  tree; debian; registry
  awk '!/^#/ {print $2}' "$tree/tools/packages.txt" >"$scratch/installed"
  stub "$bin" cmake <<<'mkdir -p "$4"; touch "$4/build.ninja"'
  stub "$bin" ninja <<'STUB'
side() { case "$1" in */build/base/*) echo base ;; *) echo head ;; esac; }
echo "build $(side "$2")" >>"$calls"
mkdir -p "$2/src/some" "$2/bin"
cat >"$2/src/some/attune_some_bench" <<PROGRAM
#!/bin/bash
# N9benchmark
echo "run $(side "$2") \${*%%=*}" >>"\$calls"
PROGRAM
cat >>"$2/src/some/attune_some_bench" <<'PROGRAM'
[ "$1" != --benchmark_filter=broken ] || exit 3
for each in "$@"; do case "$each" in --benchmark_out=*) out=${each#*=} ;; esac; done
if [ "$1" = --benchmark_filter=none ]; then : >"$out"; else echo '{}' >"$out"; fi
PROGRAM
printf '#!/bin/bash\necho "run table" >>"$calls"\n' >"$2/src/some/attune_table_bench"
printf '#!/bin/bash\necho "page $(cd "$1" && echo */*) $3" >>"$calls"\n' >"$2/bin/attune_bench_page"
chmod +x "$2"/src/some/* "$2/bin/attune_bench_page"
STUB
  printf '/build/\n/.deps\n' >"$tree/.gitignore"
  git -C "$tree" init -q -b main && git -C "$tree" add -A
  git -C "$tree" -c user.name=some -c user.email=some@some.example commit -q -m first
}

test_case "bench refuses what it does not know before anything is built"
benchmarks
run_here bench --fast; expect_status 2; expect_says "bench has no option '--fast'; it has --base COMMIT, --rounds N and --build"
run_here bench --rounds none; expect_status 2; expect_says "--rounds needs a number"
run_here bench --base; expect_status 2; expect_says "--base needs a commit"
run_here bench one two; expect_status 2; expect_says "bench takes one filter"
run_here bench --base nowhere; expect_status 1; expect_says "there is no commit 'nowhere' to compare with"
expect_equal "$(cat "$calls")" ""

test_case "bench runs every program once and writes the page"
mkdir -p "$tree/build/curves"; touch "$tree/build/curves/some.jsonl"
run_here bench
expect_status 0; expect_says "the page: build/bench/out/bench.html"
expect_equal "$(grep -v ^npm "$calls" | xargs)" "build head run head --benchmark_out run table page curves/some.jsonl head/attune_some_bench.1.json"
: >"$calls"; run_here bench --build
expect_status 0; expect_equal "$(cat "$calls")" "build head"

test_case "a filter that fits nowhere, and a program that fails, are told"
: >"$calls"; run_here bench none
expect_status 1; expect_says "there is no benchmark whose name holds 'none'"
run_here bench broken
expect_status 1; expect_says "attune_some_bench of $tree ended with an error"
grep -q table "$calls" && complain "a program that knows no filter ran"

test_case "rounds of head and base take turns, in a checkout of the base that is kept"
hash=$(git -C "$tree" rev-parse HEAD)
for _ in first second; do
  : >"$calls"; run_here bench --rounds 2 --base main some
  expect_status 0; expect_equal "$(awk '/^run/ {print $3, $4}' "$calls" | sort -u)" "--benchmark_filter --benchmark_out"
  expect_equal "$(head -n -1 "$calls" | awk '{print $1, $2}' | xargs)" "build head build base run head run base run head run base"
  expect_equal "$(tail -n 1 "$calls")" "page base/attune_some_bench.1.json base/attune_some_bench.2.json curves/some.jsonl $(
    )head/attune_some_bench.1.json head/attune_some_bench.2.json main (${hash:0:10})"
done
rm -rf "$tree/build/base"; run_here bench --base "$hash" some
expect_status 0; expect_equal "$(tail -n 1 "$calls" | awk '{print $NF}')" "${hash:0:10}"
expect_equal "$(git -C "$tree" status --porcelain)" ""

test_case "integrity is what the rest of the world calls sha512 in base64"
printf abc >"$scratch/abc"
run_it bash -c 'root=$0; . "$0/tools/run/talk.sh"; . "$0/tools/run/setup.sh"; integrity_of "$1"' "$root" "$scratch/abc"
expect_equal "$output" "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

finish
