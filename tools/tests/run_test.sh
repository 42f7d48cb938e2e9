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

test_case "integrity is what the rest of the world calls sha512 in base64"
printf abc >"$scratch/abc"
run_it bash -c 'root=$0; . "$0/tools/run/talk.sh"; . "$0/tools/run/setup.sh"; integrity_of "$1"' "$root" "$scratch/abc"
expect_equal "$output" "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

finish
