#!/usr/bin/env bash
# Claims: listed, run, judged by bar and exit status, recorded, and tabled; and the parts they share.
. "$(dirname "$0")/lib.sh"

tree="$scratch/a tree"; mkdir -p "$tree/claims/area" "$tree/docs" "$tree/build/release" "$tree/.deps/duckdb"
cp -r "$root/run" "$root/tools" "$tree/"; cp "$root/claims/lib.sh" "$tree/claims/"
cp "$tree/tools/duckdb.lock" "$tree/.deps/duckdb/lock"; touch "$tree/build/release/build.ninja"
bin=$(path_without nothing)
stub "$bin" ninja <<<'exit 0'
stub "$bin" dpkg-query <<<'shift 3; for name in "$@"; do echo "$name installed"; done'
claim() {
  { printf '#!/usr/bin/env bash\n# %s\n# seconds: 1\n# ci: %s\n. "$(dirname "$0")/../lib.sh"\n' "$2" "$3"; cat; } >"$tree/claims/area/$1"
  chmod +x "$tree/claims/area/$1"
}
claim good "Two and two make four, as everybody says." yes <<<'verdict "sum $((2 + 2))" "at least 4" "$((2 + 2)) >= 4"'
claim short "The moon is made of cheese, which nobody measured." no <<<'verdict "cheese 0.3" "at least .9" "0.3 >= .9"'
claim absent "It needs a data set that is not there, so it waits." yes <<<'needs_data no-such-set'
claim broken "It ends before it comes to its figure, as a defect." no <<<'echo "half way"; false; echo never'
run_here() { run_it env PATH="$bin" "$tree/run" claim "$@"; }

test_case "the list names each claim with what it shows, its seconds and whether CI runs it"
run_here; expect_status 0; expect_says "area/good"; expect_says "The moon is made of cheese"; expect_says "1 s ci  Two and two"
test_case "a figure that meets its bar passes and is recorded"
run_here area/good
expect_status 0; expect_says "met      area/good: sum 4 (bar at least 4)"; expect_says "1 passed, 0 failed, 0 skipped"
expect_equal "$(jq -c '.claims[0] | [.name, .figure, .bar, .met]' "$tree/docs/claims.json")" '["area/good","sum 4","at least 4",true]'
grep -q '| `area/good` | Two and two make four.*| at least 4 | sum 4 | yes |' "$tree/docs/claims.md" || complain "no row in claims.md"
test_case "a figure that falls short fails, and is recorded as such"
run_here area/short
expect_status 1; expect_says "MISSED   area/short: cheese 0.3 (bar at least .9)"
expect_equal "$(jq -c '[.claims[].met]' "$tree/docs/claims.json")" '[true,false]'
test_case "a claim that breaks off fails without a figure and is not recorded"
run_here area/broken
expect_status 1; expect_says "FAILED   area/broken"; expect_says "half way"
expect_equal "$(jq '.claims | length' "$tree/docs/claims.json")" 2
test_case "--ci runs those marked so; what lacks its data is skipped, not failed"
run_here --ci --no-record
expect_status 0; expect_says "skipped  area/absent: needs the data set no-such-set"; expect_says "1 passed, 0 failed, 1 skipped"
test_case "a claim run again replaces its record"
run_here area/good; expect_equal "$(jq '.claims | length' "$tree/docs/claims.json")" 2
test_case "a stale table is seen and written again"
echo edited >>"$tree/docs/claims.md"
run_here --table --check; expect_status 1; expect_says "stale"
run_here --table; run_here --table --check; expect_status 0
test_case "an unknown claim is refused before anything runs"
run_here area/good area/nope; expect_status 2; expect_says "there is no claim 'area/nope'"
test_case "paths that leave claims/ or name a folder are no claims"
run_here area; expect_status 2

test_case "medians, ratios, comparisons and timing"
run_it bash -c '. "$0/claims/lib.sh"; printf "3\n1\n2\n" | median; printf "4\n1\n3\n2\n" | median; ratio 3 4
  a() { sleep 0.02; }; b() { sleep 0.06; }; a_prepare() { echo prepared >>"$work/log"; }
  interleave 3 a b >/dev/null; wc -l <"$work/log"; awk "BEGIN {print ($wall_b > $wall_a)}"; equal x x same; holds "1 < 2" so; echo end' "$tree"
expect_equal "$(xargs <<<"$output")" "2 2.5 0.753 1 end"
test_case "points of curves replace those of the run before, and tell machine, day, commit and the peer's version"
claim curved "Two points of a curve, which a page draws from a file." no <<'CLAIM'
peer_packages=(one-thing==1.2 other==3)
curve "Growth" "$(released other) fast" rows "wall seconds" 10 .5 "$(ratio 1 2)"
curve "Growth" "$(released one-thing)" rows "wall seconds" 20 1 2 higher
verdict "points 2" "2" "1"
CLAIM
curves="$tree/build/curves/area-curved.jsonl"
for _ in first second; do
  run_here area/curved --no-record; expect_status 0
  expect_equal "$(jq -sc '[.[] | [.title, .peer, .size_name, .unit, .size, .ours, .theirs, .better, .claim, .commit]]' "$curves")" \
    '[["Growth","other 3 fast","rows","wall seconds",10,0.5,0.5,"lower","area/curved","unknown"],["Growth","one-thing 1.2","rows","wall seconds",20,1,2,"higher","area/curved","unknown"]]'
  expect_equal "$(jq -r '[.machine, .date] | @tsv' "$curves" | grep -cE '^[0-9]+ cores? \(.+\)\s20[0-9]{2}-[0-9]{2}-[0-9]{2}$')" 2
done
run_it bash -c '. "$0/claims/lib.sh"; peer_packages=(other==3); released absent' "$tree"
expect_failure; expect_says "absent is none of other==3"
test_case "a timed command that fails is told, not timed"
run_it bash -c '. "$0/claims/lib.sh"; a() { echo "why it failed"; return 3; }; b() { :; }; interleave 1 a b; echo never' "$tree"
expect_failure; expect_says "why it failed"; expect_silent_about never
finish
